# SPDX-License-Identifier: GPL-3.0-or-later
"""Words to go on with, in a small list under the cursor. It takes neither the keyboard nor the next click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .qt import QtCore, QtGui, QtWidgets

MOST_ROWS = 6


class Completion(QtWidgets.QListWidget):
    """The list; `chosen` carries the word that is taken.

    It is no QCompleter, whose list closes on the first click elsewhere and keeps that click to itself: the artist would
    have to press Generate twice.
    """

    chosen = QtCore.pyqtSignal(str)

    def __init__(self, box: Any) -> None:
        super().__init__(box)
        self.setWindowFlags(QtCore.Qt.WindowType.ToolTip | QtCore.Qt.WindowType.FramelessWindowHint)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFont(box.font())
        self.itemClicked.connect(lambda item: self._take(item))
        self.hide()

    def offer(self, words: Sequence[str], cursor: Any) -> None:
        """Show words below a rectangle of the screen; nothing when there are none."""
        self.clear()
        self.addItems(list(words))
        if not words:
            self.hide()
            return
        width = max(self.fontMetrics().horizontalAdvance(word) for word in words) + 40
        height = self.sizeHintForRow(0) * min(len(words), MOST_ROWS) + 2 * self.frameWidth()
        place = QtCore.QRect(cursor.bottomLeft(), QtCore.QSize(width, height))
        screen = QtGui.QGuiApplication.screenAt(cursor.center())
        room = place if screen is None else screen.availableGeometry()
        if place.bottom() > room.bottom():
            place.moveBottom(cursor.top())
        place.moveRight(min(place.right(), room.right()))
        self.setGeometry(place)
        self.show()

    def take_key(self, event: Any) -> bool:
        """Whether a key of the prompt was meant for the list: arrows, Tab and Enter take a word, Escape closes it."""
        if not self.isVisible():
            return False
        keys, row = QtCore.Qt.Key, self.currentRow()
        if event.modifiers() & ~QtCore.Qt.KeyboardModifier.KeypadModifier:
            return False
        if event.key() in (keys.Key_Down, keys.Key_Up):
            step = 1 if event.key() == keys.Key_Down else -1
            self.setCurrentRow((row + step) % self.count() if row >= 0 or step > 0 else self.count() - 1)
        elif event.key() == keys.Key_Tab or (event.key() in (keys.Key_Return, keys.Key_Enter) and row >= 0):
            self._take(self.item(max(0, row)))
        elif event.key() == keys.Key_Escape:
            self.hide()
        else:
            return False
        return True

    def _take(self, item: Any) -> None:
        self.hide()
        self.chosen.emit(item.text())
