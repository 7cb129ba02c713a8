# SPDX-License-Identifier: GPL-3.0-or-later
"""The canvas as a widget: gives it the keyboard, and draws over it what is not in the document.

Krita has no public way from the picture to the screen. The canvas zooms, mirrors and turns the picture, then moves it
so that the top left corner of the box around it lies at minus the values of the scroll bars.
"""

from __future__ import annotations

from typing import Any, Callable

from acetate_wire.request import Rect
from krita import Krita

from .qt import QtCore, QtGui, QtWidgets
from .ui.theme import ACCENT

POINTS_PER_INCH = 72
"""`Canvas.zoomLevel()` counts how many points of paper a point of the screen shows."""
FOLLOW_MS = 30
"""How soon what is drawn follows the view."""
Painting = Callable[[Any, Any], None]
"""Draws with a QPainter; a QTransform leads from the picture's pixels to the viewport's."""


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
    canvas = canvas_widget()
    if canvas is not None:
        canvas.setFocus(QtCore.Qt.FocusReason.OtherFocusReason)


def canvas_widget() -> Any | None:
    """The widget that the pen meets; None without a document."""
    scrolled = controller()
    if scrolled is None:
        return None
    inside = scrolled.viewport().findChildren(QtWidgets.QWidget, options=_DIRECT)
    return next((each for each in inside if each.focusPolicy() & QtCore.Qt.FocusPolicy.StrongFocus), scrolled)


def to_screen() -> Any | None:
    """The QTransform from the active picture's pixels to the canvas's viewport; None without a document."""
    scrolled = controller()
    return None if scrolled is None else _through(scrolled)


def _through(scrolled: Any) -> Any | None:
    """The same for a scroll area that is known to be the active view's: looking for it takes milliseconds."""
    window = Krita.instance().activeWindow()
    view = None if window is None else window.activeView()
    document = None if view is None else view.document()
    if view is None or document is None or document.rootNode() is None:
        return None
    canvas = view.canvas()
    zoom = canvas.zoomLevel() * POINTS_PER_INCH / document.resolution() / scrolled.devicePixelRatioF()
    turned = QtGui.QTransform()
    turned.rotate(canvas.rotation())
    turned.scale(-zoom if canvas.mirror() else zoom, zoom)
    around = turned.mapRect(QtCore.QRectF(0, 0, document.width(), document.height()))
    left, top = scrolled.horizontalScrollBar().value(), scrolled.verticalScrollBar().value()
    return turned * QtGui.QTransform.fromTranslate(-left - around.x(), -top - around.y())


def foreground_colour() -> str:
    """The colour that the artist paints with, as `#rrggbb`; empty without a document."""
    window = Krita.instance().activeWindow()
    view = None if window is None else window.activeView()
    if view is None or controller() is None:
        return ""
    return str(view.foregroundColor().colorForCanvas(view.canvas()).name())


class Overlay(QtCore.QObject):
    """Something drawn over the canvas, while it is wanted. Nothing in the document changes and the mouse goes through;
    what is drawn follows zoom, pan, rotation and mirror, and goes away with the view.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pane: Any = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(FOLLOW_MS)
        self._timer.timeout.connect(self._follow)

    def show(self, paint: Painting) -> None:
        """Have this drawn over the canvas of the active view."""
        scrolled = controller()
        transform = None if scrolled is None else _through(scrolled)
        if scrolled is None or transform is None:
            self.remove()
            return
        if self.pane is None or self.pane.parent() is not scrolled.viewport():
            self.remove()
            pane = self.pane = _Pane(scrolled)
            # The view may be closed with what is shown over it.
            key = id(pane)
            pane.destroyed.connect(lambda *_pane: self._gone(key))
            self._timer.start()
        self.pane.paint, self.pane.transform = paint, transform
        self.pane.update()

    def remove(self) -> None:
        """Show nothing."""
        self._timer.stop()
        pane, self.pane = self.pane, None
        if pane is not None:
            pane.hide()
            pane.deleteLater()

    def _follow(self) -> None:
        if self.pane is not None and self.pane.isVisible() and not self.pane.follow():
            self.remove()

    def _gone(self, key: int) -> None:
        if id(self.pane) == key:
            self.pane = None


class Outline:
    """Rectangles over the canvas, while they are wanted."""

    def __init__(self) -> None:
        self._overlay = Overlay()
        self._rects: list[Any] = []

    @property
    def boxes(self) -> list[Any]:
        """The boxes around what is shown, in the viewport's pixels."""
        pane = self._overlay.pane
        return [] if pane is None else [pane.transform.mapRect(rect) for rect in self._rects]

    def show(self, outer: Rect, *inner: Rect | None) -> None:
        """Show what is worked on, and inside it, dashed, where subjects go."""
        wanted = (rect for rect in (outer, *inner) if rect is not None)
        self._rects = [QtCore.QRectF(rect.x, rect.y, rect.width, rect.height) for rect in wanted]
        self._overlay.show(self._paint)

    def remove(self) -> None:
        """Show nothing."""
        self._overlay.remove()

    def _paint(self, painter: Any, transform: Any) -> None:
        for number, rect in enumerate(self._rects):
            frame(painter, transform.map(QtGui.QPolygonF(rect)), dashed=bool(number))


def frame(painter: Any, polygon: Any, dashed: bool) -> None:
    """Draw an outline: light under the accent, so that it is seen on any picture."""
    for colour, width in ((QtGui.QColor(255, 255, 255, 200), 3), (QtGui.QColor(ACCENT), 1)):
        pen = QtGui.QPen(colour, width)
        if dashed and width == 1:
            pen.setStyle(QtCore.Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.drawPolygon(polygon)


class _Pane(QtWidgets.QWidget):
    """Lies over the canvas. Whenever the canvas is drawn, it is drawn with the view as it is then."""

    def __init__(self, scrolled: Any) -> None:
        super().__init__(scrolled.viewport())
        self.setAttribute(QtCore.Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.NoFocus)
        self.paint: Painting = lambda _painter, _transform: None
        self.transform: Any = QtGui.QTransform()
        self._scrolled = scrolled
        self.setGeometry(scrolled.viewport().rect())
        self.show()

    def follow(self) -> bool:
        """Draw anew where the view has changed; False when it shows nothing any more."""
        if self.geometry() != self.parent().rect():
            self.setGeometry(self.parent().rect())
        transform = _through(self._scrolled)
        if transform is not None and transform != self.transform:
            self.transform = transform
            self.update()
        return transform is not None

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Draw what is wanted."""
        self.transform = _through(self._scrolled) or self.transform
        self.paint(QtGui.QPainter(self), self.transform)


_DIRECT = QtCore.Qt.FindChildOption.FindDirectChildrenOnly
