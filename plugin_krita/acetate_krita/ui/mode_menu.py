# SPDX-License-Identifier: GPL-3.0-or-later
"""The menu of modes: a picture, what it does, and for modes that the model lacks the reason."""

from __future__ import annotations

from typing import Any

from acetate_editor.connection import EditorConnection

from ..i18n import tr
from ..modes import MODES, mode_named
from ..qt import QtCore, QtGui, QtWidgets
from .theme import ElidedComboBox, icon

PICTURE = 32
MARGIN = 6
NAME = QtCore.Qt.ItemDataRole.UserRole
ABOUT = NAME + 1
OPEN_WIDTH = 300


class ModeMenu(ElidedComboBox):
    """Chooses a mode; modes that cannot be chosen are grey."""

    def __init__(self) -> None:
        super().__init__(8)
        self.setAccessibleName(tr("What to make"))
        self.setIconSize(QtCore.QSize(22, 22))
        self.setItemDelegate(_Rows(self))
        self.view().setMinimumWidth(OPEN_WIDTH)
        self.setMaxVisibleItems(len(MODES))
        for mode in MODES:
            self.addItem(tr(mode.title))
            self.setItemData(self.count() - 1, mode.name, NAME)
        self._draw_icons()

    def changeEvent(self, event: Any) -> None:  # noqa: N802
        """Draw the pictures in the new theme's colours."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange:
            self._draw_icons()

    def _draw_icons(self) -> None:
        for row, mode in enumerate(MODES):
            self.setItemIcon(row, icon(mode.name, self, PICTURE))

    @property
    def mode(self) -> str:
        """The chosen mode's name."""
        return str(self.currentData(NAME))

    def choose(self, name: str) -> None:
        """Choose a mode."""
        self.setCurrentIndex(MODES.index(mode_named(name)))

    def offer(self, model: str, connection: EditorConnection) -> None:
        """Grey what the model cannot do."""
        for row, mode in enumerate(MODES):
            reason = connection.unavailable_reason(mode.name, model)
            item = self.model().item(row)
            item.setEnabled(not reason)
            item.setToolTip(reason or tr(mode.about))
            item.setData(reason or tr(mode.about), ABOUT)


class _Rows(QtWidgets.QStyledItemDelegate):
    """Two lines beside a picture."""

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw a row of the open menu."""
        enabled = bool(index.flags() & QtCore.Qt.ItemFlag.ItemIsEnabled)
        chosen = bool(option.state & QtWidgets.QStyle.StateFlag.State_Selected) and enabled
        palette, roles = option.palette, QtGui.QPalette.ColorRole
        group = QtGui.QPalette.ColorGroup.Active if enabled else QtGui.QPalette.ColorGroup.Disabled
        painter.save()
        painter.fillRect(option.rect, palette.color(roles.Highlight if chosen else roles.Base))
        ink = palette.color(group, roles.HighlightedText if chosen else roles.Text)
        box = option.rect.adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        mode = QtGui.QIcon.Mode.Normal if enabled else QtGui.QIcon.Mode.Disabled
        made = index.data(QtCore.Qt.ItemDataRole.DecorationRole)
        made.paint(painter, QtCore.QRect(box.x(), box.y(), PICTURE, box.height()), mode=mode)
        words = box.adjusted(PICTURE + MARGIN, 0, 0, 0)
        half = words.height() // 2
        painter.setPen(ink)
        self._line(painter, option, words.adjusted(0, 0, 0, -half), index.data(), 1.0)
        ink.setAlphaF(0.75 if enabled else 0.9)
        painter.setPen(ink)
        self._line(painter, option, words.adjusted(0, half, 0, 0), index.data(ABOUT) or "", 0.88)
        painter.restore()

    def sizeHint(self, option: Any, _index: Any) -> Any:  # noqa: N802
        """Room for the picture and two lines."""
        lines = round(option.fontMetrics.height() * 2.05)
        return QtCore.QSize(OPEN_WIDTH, max(PICTURE, lines) + 2 * MARGIN)

    @staticmethod
    def _line(painter: Any, option: Any, box: Any, text: str, scale: float) -> None:
        font = QtGui.QFont(option.font)
        font.setPointSizeF(font.pointSizeF() * scale)
        painter.setFont(font)
        shown = painter.fontMetrics().elidedText(text, QtCore.Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, QtCore.Qt.AlignmentFlag.AlignVCenter, shown)
