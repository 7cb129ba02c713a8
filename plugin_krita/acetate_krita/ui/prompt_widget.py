# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompts: one for the picture, one for what to leave out, and one for each layer of a mode with several."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from acetate_wire.vocabulary import Vocabulary

from ..completion import Completion
from ..i18n import tr
from ..modes import PROMPT_LABELS, UNASKED, Mode
from ..qt import QtCore, QtGui, QtWidgets
from .building import column_in

LEAST_LINES, MOST_LINES = 2, 6
"""How high the large box is, by what is in it."""
PAUSE_MS = 200
"""How long the typing must rest before the words are looked at."""
MOST_TOLD = 4
"""Unknown words that are told at once."""


class PromptBox(QtWidgets.QPlainTextEdit):
    """Some lines of text; Shift+Enter generates, Tab goes on to the next field. `vocabulary` completes words."""

    entered = QtCore.pyqtSignal()
    vocabulary: Vocabulary | None = None

    def __init__(self, hint: str) -> None:
        super().__init__()
        self.setPlaceholderText(hint)
        self.setAccessibleName(hint)
        self.setTabChangesFocus(True)
        # While the text is being laid out the box must not change its size.
        self._growing = QtCore.QTimer(self)
        self._growing.setSingleShot(True)
        self._growing.timeout.connect(self._grow)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._growing.start(0))
        self._grow()
        self.completion = Completion(self)
        self.completion.chosen.connect(self._complete)

    def event(self, event: Any) -> bool:
        """Keep Shift+Enter from Krita's own shortcuts."""
        if event.type() == QtCore.QEvent.Type.ShortcutOverride and self._enters(event):
            event.accept()
            return True
        # Qt takes Tab for going on to the next field before it is a key of this one.
        tab = event.type() == QtCore.QEvent.Type.KeyPress and event.key() == QtCore.Qt.Key.Key_Tab
        if tab and self.completion.take_key(event):
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Generate on Shift+Enter."""
        if self._enters(event):
            self.completion.hide()
            self.entered.emit()
        elif not self.completion.take_key(event):
            super().keyPressEvent(event)
            if event.text() and (event.text().isalnum() or event.key() == QtCore.Qt.Key.Key_Backspace):
                self._offer()
            else:
                self.completion.hide()

    def focusOutEvent(self, event: Any) -> None:  # noqa: N802
        """Leaving the words closes the list."""
        super().focusOutEvent(event)
        self.completion.hide()

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """So does hiding them."""
        super().hideEvent(event)
        self.completion.hide()

    def _grow(self) -> None:
        lines = min(max(LEAST_LINES, round(self.document().size().height())), MOST_LINES)
        self.setFixedHeight(round(self.fontMetrics().lineSpacing() * lines + 14))

    def _offer(self) -> None:
        """Offer what the last word before the cursor may become, unless the cursor is inside a word."""
        cursor = self.textCursor()
        text, at = self.toPlainText(), cursor.position()
        inside = text[at : at + 1].isalnum()
        words = () if self.vocabulary is None or inside else self.vocabulary.completions(text[:at])
        place = self.cursorRect()
        place.moveTopLeft(self.viewport().mapToGlobal(place.topLeft()))
        self.completion.offer(words, place)

    def _complete(self, word: str) -> None:
        cursor = self.textCursor()
        begun = re.search(r"\w*$", self.toPlainText()[: cursor.position()])
        cursor.movePosition(
            QtGui.QTextCursor.MoveOperation.Left,
            QtGui.QTextCursor.MoveMode.KeepAnchor,
            len(begun.group()) if begun else 0,
        )
        cursor.insertText(word)
        self.setTextCursor(cursor)

    @staticmethod
    def _enters(event: Any) -> bool:
        keys = (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
        return event.key() in keys and bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier)


class Prompts(QtWidgets.QWidget):
    """All prompts of the docker. `changed` tells that the words have changed, when the typing rests; `negative` stands
    among the settings that most pictures do without.
    """

    entered = QtCore.pyqtSignal()
    changed = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        column = column_in(self)
        self.prompt = PromptBox(tr("What to draw"))
        self.prompt.setToolTip(tr("Shift+Enter generates"))
        self.prompt.entered.connect(self.entered)
        self._pause = QtCore.QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(PAUSE_MS)
        self._pause.timeout.connect(self.changed)
        self.prompt.textChanged.connect(self._pause.start)
        column.addWidget(self.prompt)
        self._layers: dict[str, Any] = {}
        for role, label in PROMPT_LABELS.items():
            line = QtWidgets.QLineEdit()
            line.setPlaceholderText(tr("{layer}: words of its own").format(layer=tr(label)))
            line.setAccessibleName(tr(label))
            line.returnPressed.connect(self._returned)
            line.textChanged.connect(lambda _text: self._pause.start())
            self._layers[role] = line
            column.addWidget(line)
        self.negative = QtWidgets.QLineEdit()
        self.negative.setPlaceholderText(tr("What to leave out"))
        self.negative.setAccessibleName(tr("What to leave out"))
        self.negative.returnPressed.connect(self._returned)

    @property
    def rests(self) -> bool:
        """Whether all that was typed has been told by `changed`."""
        return not self._pause.isActive()

    def show_mode(self, mode: Mode) -> None:
        """Show what this mode asks for."""
        for role, line in self._layers.items():
            line.setVisible(role in mode.prompts)
        self.prompt.setVisible(mode.words != UNASKED)
        self.prompt.setPlaceholderText(tr(mode.asks))

    def layer_prompts(self) -> dict[str, str]:
        """The words for single layers."""
        return {role: line.text() for role, line in self._layers.items() if line.text().strip()}

    def asked(self, mode: Mode, stack: Sequence[str]) -> list[str]:
        """All words that a mode draws by, with those of a stack's layers."""
        if mode.words == UNASKED:
            return []
        own = self.layer_prompts()
        return [self.prompt.toPlainText(), *(own.get(role, "") for role in mode.prompts), *stack]

    def fill(self, prompt: str, negative: str, layer_prompts: Any) -> None:
        """Put words in."""
        self.prompt.setPlainText(prompt)
        self.negative.setText(negative)
        for role, line in self._layers.items():
            line.setText(layer_prompts.get(role, ""))

    def _returned(self) -> None:
        """Shift+Enter in a single line generates, as it does in the large one."""
        if QtWidgets.QApplication.keyboardModifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()


def told(vocabulary: Vocabulary | None, model: str, prompts: Sequence[str]) -> str:
    """What a model does not know of some prompts, in one line; empty when it knows all."""
    if vocabulary is None:
        return ""
    unknown = {part.text: part.nearest for text in prompts for part in vocabulary.unknown(text)}
    if not unknown:
        return ""
    words = list(unknown)
    listed = ", ".join(words[:MOST_TOLD]) + (" …" if len(words) > MOST_TOLD else "")
    nearest = list(dict.fromkeys(near for near in unknown.values() if near))[:MOST_TOLD]
    name = tr("The starter") if model == "starter" else model
    if nearest:
        line = tr("{model} does not know: {words}; nearest: {nearest}")
        return line.format(model=name, words=listed, nearest=", ".join(nearest))
    return tr("{model} does not know: {words}").format(model=name, words=listed)
