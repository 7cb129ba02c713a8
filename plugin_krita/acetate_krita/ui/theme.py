# SPDX-License-Identifier: GPL-3.0-or-later
"""How the docker looks: icons in the theme's own ink, transparent pictures over a checker, small helpers."""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

from ..qt import QtCore, QtGui, QtWidgets
from .building import named

ICONS = Path(__file__).parent / "icons"
ACCENT = "#3f8fd8"
COLOURS = {"starting": "#d9a02c", "ready": "#3fae5a", "lost": "#d9a02c", "absent": "#d0564c", "off": "#d0564c"}
CHECKER_PX = 6
GAP = 4


def icon(name: str, widget: Any, side: int = 32, ink: Any = None) -> Any:
    """An icon of the plug-in in the colours of a widget's theme, or drawn with another `ink`."""
    palette = widget.palette()
    made = QtGui.QIcon()
    group = QtGui.QPalette.ColorGroup
    for mode, colours in ((QtGui.QIcon.Mode.Normal, group.Active), (QtGui.QIcon.Mode.Disabled, group.Disabled)):
        line = ink or palette.color(colours, QtGui.QPalette.ColorRole.WindowText)
        accent = QtGui.QColor(ACCENT) if mode == QtGui.QIcon.Mode.Normal else line
        paper = palette.color(QtGui.QPalette.ColorRole.Window)
        made.addPixmap(_drawn(name, {"INK": line, "ACCENT": accent, "PAPER": paper}, side * 3), mode)
    return made


def _drawn(name: str, colours: dict[str, Any], side: int) -> Any:
    text = (ICONS / f"{name}.svg").read_text(encoding="utf-8")
    for word, colour in colours.items():
        text = text.replace(word, colour.name())
    text = text.replace("<svg ", f'<svg width="{side}" height="{side}" ', 1)
    pixmap = QtGui.QPixmap()
    pixmap.loadFromData(text.encode(), "SVG")
    return pixmap


def warn(widget: Any) -> None:
    """Write a label's words in the colour of a warning, readable on a dark theme and on a light one."""
    dark = QtWidgets.QApplication.palette().color(QtGui.QPalette.ColorRole.Window).lightness() < 128
    widget.setStyleSheet(f"color: {'#d9a02c' if dark else '#8a5200'};")


def checker(widget: Any) -> Any:
    """A brush of the squares that stand for transparency, in greys that suit the theme."""
    dark = widget.palette().color(QtGui.QPalette.ColorRole.Window).lightness() < 128
    return squares(CHECKER_PX, *((88, 112) if dark else (204, 236)))


def squares(side: int, low: int, high: int) -> Any:
    """A brush of squares in two greys (0 to 255)."""
    tile = QtGui.QPixmap(2 * side, 2 * side)
    tile.fill(QtGui.QColor(high, high, high))
    painter = QtGui.QPainter(tile)
    for corner in (0, side):
        painter.fillRect(corner, corner, side, side, QtGui.QColor(low, low, low))
    painter.end()
    return QtGui.QBrush(tile)


def over_checker(painter: Any, rect: Any, image: Any, widget: Any) -> None:
    """Paint a picture over the checker, as large as it fits into `rect`, centred."""
    size = image.size().scaled(rect.size(), QtCore.Qt.AspectRatioMode.KeepAspectRatio)
    place = QtCore.QRect(QtCore.QPoint(0, 0), size)
    place.moveCenter(rect.center())
    painter.save()
    painter.setBrushOrigin(place.topLeft())
    painter.fillRect(place, checker(widget))
    painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(place, image)
    painter.restore()


class ElidedLabel(QtWidgets.QLabel):
    """A line of text that never makes the docker wider: what does not fit ends in dots and stands in the tool tip."""

    def __init__(self, text: str = "", parent: Any = None) -> None:
        super().__init__(text, parent)
        self.setSizePolicy(QtWidgets.QSizePolicy.Policy.Ignored, QtWidgets.QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(40)

    def minimumSizeHint(self) -> Any:  # noqa: N802
        """Narrow."""
        return QtCore.QSize(40, super().minimumSizeHint().height())

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Draw what fits."""
        painter = QtGui.QPainter(self)
        line = self.fontMetrics().elidedText(self.text(), QtCore.Qt.TextElideMode.ElideRight, self.width())
        painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.WindowText))
        painter.drawText(self.rect(), QtCore.Qt.AlignmentFlag.AlignVCenter, line)


def paragraph() -> Any:
    """A label for text of any length, which is shown as it is."""
    label = QtWidgets.QLabel()
    label.setWordWrap(True)
    label.setTextFormat(QtCore.Qt.TextFormat.PlainText)
    return label


def small(widget: Any) -> Any:
    """The widget with a somewhat smaller font."""
    font = widget.font()
    font.setPointSizeF(max(6.5, font.pointSizeF() * 0.9))
    widget.setFont(font)
    return widget


class ToolButton(QtWidgets.QToolButton):
    """A small flat button with an icon in the theme's ink, also after a change of theme; reachable by keyboard. While
    it is checked it shows the icon `checked`, if it has one.
    """

    def __init__(self, name: str, checked: str = "") -> None:
        super().__init__()
        self._names = (name, checked or name)
        self.setAutoRaise(True)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self.toggled.connect(self._draw)
        self._draw()

    def changeEvent(self, event: Any) -> None:  # noqa: N802
        """Draw the icon in the new theme's ink."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange:
            self._draw()

    def _draw(self, *_checked: Any) -> None:
        self.setIcon(icon(self._names[self.isChecked()], self, 16))


def tool(name: str, tip: str, pressed: Any, checked: str = "") -> ToolButton:
    """A small button that shows the icon of this name; see ToolButton."""
    button = ToolButton(name, checked)
    named(button, tip)
    if pressed is not None:
        button.clicked.connect(lambda _checked: pressed())
    return button


def plain(text: str) -> str:
    """Text for a tool tip, which Qt would read as HTML where it finds a tag in it."""
    if "<" not in text and "&" not in text:
        return text
    return f"<qt>{html.escape(text, quote=False)}</qt>".replace("\n", "<br>")


def fit(menu: Any, least: int) -> None:
    """Let a menu be no wider than so many letters."""
    menu.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    menu.setMinimumContentsLength(least)


class ElidedComboBox(QtWidgets.QComboBox):
    """A menu that never makes the docker wider: what does not fit ends in dots and stands in the tool tip."""

    def __init__(self, least: int = 3) -> None:
        super().__init__()
        fit(self, least)

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Draw what fits."""
        painter = QtWidgets.QStylePainter(self)
        option = QtWidgets.QStyleOptionComboBox()
        self.initStyleOption(option)
        style = QtWidgets.QStyle
        painter.drawComplexControl(style.ComplexControl.CC_ComboBox, option)
        part = style.SubControl.SC_ComboBoxEditField
        room = self.style().subControlRect(style.ComplexControl.CC_ComboBox, option, part, self).width() - 2 * GAP
        if not option.currentIcon.isNull():
            room -= option.iconSize.width() + GAP
        dots = QtCore.Qt.TextElideMode.ElideRight
        option.currentText = self.fontMetrics().elidedText(self.currentText().strip(), dots, room)
        painter.drawControl(style.ControlElement.CE_ComboBoxLabel, option)

    def event(self, event: Any) -> bool:
        """Tell the whole text in the tool tip where there is no other."""
        if event.type() == QtCore.QEvent.Type.ToolTip and not self.toolTip():
            QtWidgets.QToolTip.showText(event.globalPos(), plain(self.currentText().strip()), self)
            return True
        return bool(super().event(event))
