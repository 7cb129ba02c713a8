# SPDX-License-Identifier: GPL-3.0-or-later
"""How the docker looks: icons in the theme's own ink, transparent pictures over a checker, small helpers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..qt import QtCore, QtGui, QtWidgets

ICONS = Path(__file__).parent / "icons"
ACCENT = "#3f8fd8"
COLOURS = {"starting": "#d9a02c", "ready": "#3fae5a", "lost": "#d9a02c", "absent": "#d0564c", "off": "#d0564c"}
CHECKER_PX = 6


def icon(name: str, widget: Any, side: int = 32) -> Any:
    """An icon of the plug-in in the colours of a widget's theme."""
    palette = widget.palette()
    made = QtGui.QIcon()
    group = QtGui.QPalette.ColorGroup
    for mode, colours in ((QtGui.QIcon.Mode.Normal, group.Active), (QtGui.QIcon.Mode.Disabled, group.Disabled)):
        ink = palette.color(colours, QtGui.QPalette.ColorRole.WindowText)
        accent = QtGui.QColor(ACCENT) if mode == QtGui.QIcon.Mode.Normal else ink
        paper = palette.color(QtGui.QPalette.ColorRole.Window)
        made.addPixmap(_drawn(name, {"INK": ink, "ACCENT": accent, "PAPER": paper}, side * 3), mode)
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
    low, high = (
        (QtGui.QColor(88, 88, 88), QtGui.QColor(112, 112, 112))
        if dark
        else (
            QtGui.QColor(204, 204, 204),
            QtGui.QColor(236, 236, 236),
        )
    )
    tile = QtGui.QPixmap(2 * CHECKER_PX, 2 * CHECKER_PX)
    tile.fill(high)
    painter = QtGui.QPainter(tile)
    painter.fillRect(0, 0, CHECKER_PX, CHECKER_PX, low)
    painter.fillRect(CHECKER_PX, CHECKER_PX, CHECKER_PX, CHECKER_PX, low)
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


def small(widget: Any) -> Any:
    """The widget with a somewhat smaller font."""
    font = widget.font()
    font.setPointSizeF(max(6.5, font.pointSizeF() * 0.9))
    widget.setFont(font)
    return widget


def tool(widget_icon: Any, tip: str, pressed: Any) -> Any:
    """A small button with a picture, reachable by keyboard."""
    button = QtWidgets.QToolButton()
    button.setIcon(widget_icon)
    button.setToolTip(tip)
    button.setAccessibleName(tip)
    button.setAutoRaise(True)
    button.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
    if pressed is not None:
        button.clicked.connect(lambda _checked: pressed())
    return button
