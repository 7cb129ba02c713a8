# SPDX-License-Identifier: GPL-3.0-or-later
"""A result shown on the canvas before it is inserted; the document stays as it is."""

from __future__ import annotations

from typing import Any

from krita import Document

from ..canvas import Overlay, frame, to_screen
from ..controller import JobController
from ..document.insert import title
from ..document.lookup import ClosedError
from ..document.preview import Preview, compose_preview
from ..i18n import tr
from ..qt import QtCore, QtGui, QtWidgets
from ..results import Result
from ..task_scheduler import TimedTaskQueue
from .theme import squares

CHECKER_PX, CHECKER = 32, (220, 255)
"""The squares that Krita's canvas has for transparency, unless the artist has changed them."""
MARGIN = 8
NEAREST_FROM = 2.0
"""From this zoom on single pixels are seen, as on Krita's canvas."""
PRESSED_MS = 150
"""How soon after the pen is down it is clear what it does."""
Event = QtCore.QEvent.Type
WATCHED = (Event.KeyPress, Event.MouseButtonPress, Event.TabletPress)


class CanvasPreview(QtCore.QObject):
    """Shows one result at a time. `ended` tells that it is no longer shown: the artist has begun to paint, or pressed
    Escape.
    """

    ended = QtCore.pyqtSignal()

    def __init__(self, jobs: JobController) -> None:
        super().__init__()
        self._jobs = jobs
        self._tasks = TimedTaskQueue()
        self._overlay = Overlay()
        self._preview: Preview | None = None
        self.result: Result | None = None

    @property
    def shown(self) -> bool:
        """Whether the result can be seen on the canvas, and is not still being composed."""
        return self._preview is not None and self._overlay.pane is not None

    def show(self, document: Document, result: Result) -> None:
        """Show a result as it would be in this document."""
        self._tasks.clear()
        self.result = result
        self._tasks.add(self._compose(document, result), self._failed)

    def end(self) -> None:
        """Show nothing."""
        self._tasks.clear()
        self._overlay.remove()
        QtWidgets.QApplication.instance().removeEventFilter(self)
        was, self.result, self._preview = self.result, None, None
        if was is not None:
            self.ended.emit()

    def _compose(self, document: Document, result: Result) -> Any:
        place = self._jobs.finished.place_of(document, [result])
        clip = self._jobs.settings.clip
        preview = yield from compose_preview(document, [result], self._jobs.history.open_body, place, clip)
        if preview is None:
            self._jobs.message.emit(tr("This result lies outside of the canvas"))
            self.end()
            return
        self._preview = preview
        self._overlay.show(self._paint)
        self._watch()

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, ClosedError):
            self._jobs.message.emit(str(error))
        self.end()

    def _watch(self) -> None:
        """Learn of the pen and of Escape on the canvas, before the canvas's own filter takes them."""
        QtWidgets.QApplication.instance().installEventFilter(self)

    def eventFilter(self, widget: Any, event: Any) -> bool:  # noqa: N802
        """End when the artist presses Escape or begins to paint."""
        kind = event.type()
        if kind in WATCHED and self._on_canvas(widget):
            if kind == Event.KeyPress:
                if event.key() == QtCore.Qt.Key.Key_Escape:
                    QtCore.QTimer.singleShot(0, self.end)
            elif event.button() == QtCore.Qt.MouseButton.LeftButton:
                before = to_screen()
                QtCore.QTimer.singleShot(PRESSED_MS, lambda: self._pressed(before))
        return False

    def _on_canvas(self, widget: Any) -> bool:
        pane = self._overlay.pane
        return pane is not None and widget in (pane.parent(), *pane.parent().findChildren(QtWidgets.QWidget))

    def _pressed(self, before: Any) -> None:
        """The pen was put on the canvas: where that has moved the view, it was not to paint."""
        if to_screen() == before:
            self.end()

    def _paint(self, painter: Any, transform: Any) -> None:
        if self._preview is None or self.result is None:
            return
        rect = self._preview.rect
        box = QtCore.QRectF(rect.x, rect.y, rect.width, rect.height)
        outline = transform.map(QtGui.QPolygonF(box))
        clip = QtGui.QPainterPath()
        clip.addPolygon(outline)
        painter.save()
        painter.setClipPath(clip)
        painter.setBrushOrigin(transform.map(QtCore.QPointF(0, 0)))
        painter.fillRect(painter.viewport(), squares(CHECKER_PX, *CHECKER))
        zoom = abs(transform.determinant()) ** 0.5
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform, zoom < NEAREST_FROM)
        painter.setTransform(transform)
        painter.drawImage(box, self._preview.image)
        painter.restore()
        frame(painter, outline, dashed=True)
        self._caption(painter)

    def _caption(self, painter: Any) -> None:
        """Say in a corner of the canvas what is seen and what to do with it."""
        name = "" if self.result is None else title(self.result)
        words = tr("Preview of “{name}”: Enter inserts it, Escape ends this").format(name=name)
        metrics, room = painter.fontMetrics(), painter.viewport().width() - 4 * MARGIN
        words = metrics.elidedText(words, QtCore.Qt.TextElideMode.ElideRight, room)
        box = metrics.boundingRect(words).adjusted(-MARGIN, -MARGIN // 2, MARGIN, MARGIN // 2)
        box.moveTo(MARGIN, MARGIN)
        painter.fillRect(box, QtGui.QColor(0, 0, 0, 190))
        painter.setPen(QtGui.QColor("white"))
        painter.drawText(box, QtCore.Qt.AlignmentFlag.AlignCenter, words)
