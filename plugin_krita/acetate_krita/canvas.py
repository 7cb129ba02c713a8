# SPDX-License-Identifier: GPL-3.0-or-later
"""The canvas as a widget: gives it the keyboard, and shows a rectangle of the picture on it.

Krita has no public way from the picture to the screen. Where the canvas is neither turned nor mirrored it is zoom and
scroll bars: a pixel at `p` is shown at `p * zoom - scroll`. In any other state nothing is shown.
"""

from __future__ import annotations

from typing import Any

from acetate_wire.request import Rect
from krita import Krita

from .qt import QtCore, QtGui, QtWidgets
from .ui.theme import ACCENT

POINTS_PER_INCH = 72
"""`Canvas.zoomLevel()` counts how many points of paper a point of the screen shows."""


def controller() -> Any | None:
    """The scroll area of the active view; None without a document."""
    window = Krita.instance().activeWindow()
    area = None if window is None else window.qwindow().findChild(QtWidgets.QMdiArea)
    shown = None if area is None else (area.activeSubWindow() or area.currentSubWindow())
    if shown is None:
        return None
    found = shown.findChildren(QtWidgets.QAbstractScrollArea)
    return next((each for each in found if each.metaObject().className() == "KisCanvasController"), None)


def focus() -> None:
    """Give the keyboard to the canvas, so that Krita's own keys work again."""
    scrolled = controller()
    if scrolled is not None:
        inside = scrolled.viewport().findChildren(QtWidgets.QWidget, options=_DIRECT)
        canvas = next((each for each in inside if each.focusPolicy() & QtCore.Qt.FocusPolicy.StrongFocus), scrolled)
        canvas.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)


def on_screen(rect: Rect) -> Any | None:
    """Where a rectangle of the active picture is in the canvas's viewport; None where that cannot be told."""
    window, scrolled = Krita.instance().activeWindow(), controller()
    view = None if window is None else window.activeView()
    document = None if view is None else view.document()
    if scrolled is None or view is None or document is None:
        return None
    canvas = view.canvas()
    if canvas.rotation() or canvas.mirror() or canvas.wrapAroundMode():
        return None
    zoom = canvas.zoomLevel() * POINTS_PER_INCH / document.resolution() / scrolled.devicePixelRatioF()
    left, top = scrolled.horizontalScrollBar().value(), scrolled.verticalScrollBar().value()
    return QtCore.QRectF(rect.x * zoom - left, rect.y * zoom - top, rect.width * zoom, rect.height * zoom)


class Outline:
    """Rectangles over the canvas, while they are wanted."""

    def __init__(self) -> None:
        self._pane: Any = None

    @property
    def boxes(self) -> list[Any]:
        """What is shown, in the viewport's pixels."""
        return [] if self._pane is None else list(self._pane.boxes)

    def show(self, outer: Rect, inner: Rect | None) -> None:
        """Show what is worked on, and inside it, dashed, where the subject goes."""
        scrolled = controller()
        boxes = [on_screen(rect) for rect in (outer, inner) if rect is not None]
        if scrolled is None or any(box is None for box in boxes):
            self.remove()
        elif boxes != self.boxes:
            self.remove()
            pane = self._pane = _Pane(scrolled.viewport(), boxes)
            # The view may be closed with what is shown over it.
            key = id(pane)
            pane.destroyed.connect(lambda *_pane: self._gone(key))

    def remove(self) -> None:
        """Show nothing."""
        pane, self._pane = self._pane, None
        if pane is not None:
            pane.hide()
            pane.deleteLater()

    def _gone(self, key: int) -> None:
        if id(self._pane) == key:
            self._pane = None


class _Pane(QtWidgets.QWidget):
    """Lies over the canvas: nothing in the document changes, and the mouse goes through."""

    def __init__(self, viewport: Any, boxes: list[Any]) -> None:
        super().__init__(viewport)
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.boxes = boxes
        self.setGeometry(viewport.rect())
        self.show()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Draw the outlines: light under the accent, so that they are seen on any picture."""
        painter = QtGui.QPainter(self)
        for number, box in enumerate(self.boxes):
            for colour, width in ((QtGui.QColor(255, 255, 255, 200), 3), (QtGui.QColor(ACCENT), 1)):
                pen = QtGui.QPen(colour, width)
                if number and width == 1:
                    pen.setStyle(QtCore.Qt.PenStyle.DashLine)
                painter.setPen(pen)
                painter.drawRect(box)


_DIRECT = QtCore.Qt.FindChildOption.FindDirectChildrenOnly
