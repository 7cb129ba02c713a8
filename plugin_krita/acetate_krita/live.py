# SPDX-License-Identifier: GPL-3.0-or-later
"""Live: while it is on, the active layer is refined whenever the pen is up, and shown on the canvas.

One job at most is on its way, for the newest state: an older one is cancelled, and its result is dropped. Nothing in
the document changes before the artist keeps what is shown. The path is short: a small picture, few steps, one pass of
the transparent decoder, no previews.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator
from dataclasses import dataclass, replace
from typing import Any, Callable

from acetate_editor.requests import layer_request
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.events import Accepted, Done, Event, Failed, Layer, Picture, Progress, Rejected
from acetate_wire.geometry import area_around
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from krita import Document, Krita, Node

from . import canvas, target
from .backdrop import Backdrop, glance
from .controller import JobController
from .document import annotation_store, lookup, selection_mask
from .document.insert import locked
from .document.small_picture import enlarged, from_straight, read_small, small_size, straight_bytes
from .generation_settings import GenerationSettings
from .i18n import tr
from .qt import QtCore, QtGui
from .ui.theme import checker

LOOK_MS = 150
"""How often it is looked whether the pen is up and something has changed."""
LOADING_S = 0.5
"""A job that has not begun to draw after this loads its model first."""
STEPS = 8
LEAST_SIDE = 256
"""Pixels of the longer side that are sent, or the model's own side where that is more."""
TOUCHING = (QtCore.QEvent.Type.MouseButtonPress, QtCore.QEvent.Type.TabletPress)
LETTING_GO = (QtCore.QEvent.Type.MouseButtonRelease, QtCore.QEvent.Type.TabletRelease)


@dataclass(frozen=True)
class LiveState:
    """What is refined: a layer (its id) of an open document (its session name), as it is inside `rect`, and how."""

    session: str
    layer: str
    rect: Rect
    form: GenerationSettings
    pixels: bytes = b""


@dataclass(frozen=True)
class LiveResult:
    """What came of a state: the layer's new picture, as small as it was drawn, and the whole event."""

    state: LiveState
    image: Any
    done: Done
    seconds: float


class LiveRefiner(QtCore.QObject):
    """One for each docker; `ask` gives the settings as they stand. `changed` tells that `words` or `shown` are new."""

    changed = QtCore.pyqtSignal()

    def __init__(self, controller: JobController, ask: Callable[[], GenerationSettings]) -> None:
        super().__init__()
        self._controller, self._ask = controller, ask
        self._client = controller.connection.client
        self.on = False
        self.words = ""
        self.shown: LiveResult | None = None
        self._overlay = canvas.Overlay()
        self._backdrop = Backdrop()
        self._job, self._asked, self._since = "", LiveState("", "", Rect(0, 0, 1, 1), GenerationSettings()), 0.0
        self._outdated: set[str] = set()
        self._seen: Any = None
        self._touched = self._reading = self._waits_for_touch = False
        self._watched: Any = None
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)
        controller.connection.event_received.connect(self._handle)

    # What the artist does

    def start(self) -> None:
        """Switch it on."""
        if not self.on:
            self.on, self._seen, self._waits_for_touch = True, None, False
            self._say(tr("Paint: when the pen is up, the layer is refined"))
            self._timer.start()

    def stop(self) -> None:
        """Switch it off, and show the canvas as it is."""
        self.on = False
        self._timer.stop()
        self._drop_job()
        self._clear()
        self._watch(None)
        self._say("")

    def keep(self) -> None:
        """Put what is shown into the document, in the place of its layer; the next stroke goes on from there."""
        shown = self.shown
        document = Krita.instance().activeDocument()
        if shown is None or document is None or annotation_store.open_document_id(document) != shown.state.session:
            return
        rect = shown.state.rect
        pixels = straight_bytes(enlarged(shown.image, rect))
        [drawn] = shown.done.layers
        header = PictureSpec(0, rect.width, rect.height, "bgra8")
        layer = Layer(drawn.name, "layer", rect.x, rect.y, Picture(header, pixels))
        self._drop_job()
        self._waits_for_touch, self._touched = True, False
        self._controller.keep(document, shown.state.form, shown.state.layer, replace(shown.done, layers=(layer,)))
        self._clear()
        self._say(tr("Kept as a layer. The next stroke goes on from it."))

    # Noticing that the pen is up

    def eventFilter(self, _watched: Any, event: Any) -> bool:  # noqa: N802
        """While the pen is down its stroke is seen, not the result of the one before. The event goes on to Krita."""
        if event.type() in LETTING_GO:
            self._touched = True
        elif event.type() in TOUCHING:
            self._overlay.remove()
        return False

    def _watch(self, widget: Any) -> None:
        """Hear of the pen on this canvas, and of no other."""
        if widget is self._watched:
            return
        if self._watched is not None:
            self._watched.removeEventFilter(self)
        self._watched = widget
        if widget is not None:
            widget.installEventFilter(self)
            widget.destroyed.connect(lambda *_widget: self._forget(widget))

    def _forget(self, widget: Any) -> None:
        if self._watched is widget:
            self._watched = None

    def _look(self) -> None:
        """Read the layer when the pen is up and the layer may be another than the one that was asked for."""
        document = Krita.instance().activeDocument()
        if document is None or document.rootNode() is None or not self._controller.connection.connected:
            return
        self._watch(canvas.canvas_widget())
        if self._reading or not lookup.idle(document) or (self._waits_for_touch and not self._touched):
            return
        layer = lookup.owner(document.activeNode())
        if layer is None:
            return
        seen = self._revision(document, layer)
        if seen == self._seen and not self._touched:
            return
        self._seen, self._touched, self._waits_for_touch, self._reading = seen, False, False, True
        self._controller.tasks.add(self._read(document, layer), self._failed)

    def _revision(self, document: Document, layer: Node) -> tuple[Any, ...]:
        box = layer.bounds()
        where = (annotation_store.open_document_id(document), lookup.layer_id(layer))
        return (*where, box.x(), box.y(), box.width(), box.height(), glance(layer), self._ask())

    # A job's way

    def _read(self, document: Document, layer: Node) -> Generator[None, None, None]:
        """A task: read the layer and what is around it, and ask for it where it is new."""
        form, connection = self._ask(), self._controller.connection
        full = selection_mask.canvas(document)
        if layer.locked():
            raise bad_request(locked(layer), tr("unlock it first"))
        rect = area_around(target.visible_bounds(layer, full), full, connection.max_aspect(form.model))
        side = max(LEAST_SIDE, int(connection.model(form.model).get("native_size", 0)))
        size = small_size(rect, side)
        image = yield from read_small(layer, rect, size)
        where = annotation_store.open_document_id(document), lookup.layer_id(layer)
        state = LiveState(*where, rect, form, straight_bytes(image))
        yield from self._backdrop.work(document, layer, rect)
        self._reading = False
        if self.on and state != (self._asked if self._job or self.shown else None):
            self._submit(state, size)
        elif self.shown is not None and not self._job:
            self._show()

    def _submit(self, state: LiveState, size: tuple[int, int]) -> None:
        self._drop_job()
        if self.shown is not None and (self.shown.state.session, self.shown.state.layer) != (
            state.session,
            state.layer,
        ):
            self._clear()
        self._job, self._asked, self._since = str(uuid.uuid4()), state, time.monotonic()
        self._client.submit(live_request(state.form, size), [state.pixels], id=self._job)
        self._controller.connection.wake()
        self._say(tr("Refining …"))

    def _drop_job(self) -> None:
        """What is on its way is for a state that is no more."""
        if self._job:
            self._outdated.add(self._job)
            self._client.cancel(self._job)
            self._controller.connection.wake()
            self._job = ""

    def _handle(self, event: Event) -> None:
        id = getattr(event, "id", "")
        if id in self._outdated and not isinstance(event, (Accepted, Progress)):
            self._outdated.discard(id)
            self._client.acknowledge(id)
        elif id and id == self._job:
            self._take(event)

    def _take(self, event: Event) -> None:
        """The newest job's news; its layers are small and of no use to anybody later."""
        if isinstance(event, Progress):
            # The first job of a model waits for it, much longer than for a drawing.
            loading = event.stage == "loading" and time.monotonic() - self._since > LOADING_S
            self._say(tr("Loading the model") + " …" if loading else tr("Refining …"))
        elif isinstance(event, Done):
            self._client.acknowledge(self._job)
            self._job = ""
            head = event.layers[0].picture.header
            image = from_straight(event.layers[0].picture.pixels, head.width, head.height)
            self.shown = LiveResult(self._asked, image, event, time.monotonic() - self._since)
            self._show()
            self._say(tr("Refined in {seconds:.1f} s").format(seconds=self.shown.seconds))
        elif isinstance(event, (Failed, Rejected)):
            if isinstance(event, Failed):
                self._client.acknowledge(self._job)
            self._job = ""
            self._clear()
            self._say(event.message)

    def _failed(self, error: Exception) -> None:
        """The layer could not be read: it is empty or locked, or its document was closed."""
        self._reading = False
        self._drop_job()
        self._clear()
        if isinstance(error, lookup.ClosedError):
            self._say("")
        else:
            hint = error.hint if isinstance(error, AcetateError) else ""
            self._say(": ".join(filter(None, (getattr(error, "message", str(error)), hint))))

    # Showing it

    def _show(self) -> None:
        """Lay the result over the canvas of its document."""
        document, scrolled = Krita.instance().activeDocument(), canvas.controller()
        if self.shown is None or document is None or scrolled is None:
            return
        if annotation_store.open_document_id(document) != self.shown.state.session:
            self._clear()
            return
        rect = self._backdrop.rect
        image = self._backdrop.with_picture(self.shown.image)
        brush = checker(scrolled)

        def paint(painter: Any, transform: Any) -> None:
            painter.setTransform(transform)
            painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
            place = QtCore.QRectF(rect.x, rect.y, rect.width, rect.height)
            painter.setClipRect(QtCore.QRectF(0, 0, document.width(), document.height()))
            painter.fillRect(place, brush)
            painter.drawImage(place, image)
            painter.resetTransform()
            painter.setClipping(False)
            canvas.frame(painter, transform.map(QtGui.QPolygonF(place)), dashed=True)

        self._overlay.show(paint)

    def _clear(self) -> None:
        self.shown = None
        self._overlay.remove()
        self.changed.emit()

    def _say(self, words: str) -> None:
        self.words = words
        self.changed.emit()


def live_request(form: GenerationSettings, size: tuple[int, int]) -> LayerRequest:
    """A layer of this size, refined quickly."""
    width, height = size
    return layer_request(
        {**vars(form), "count": 1, "detail": 0.0, "fill": False, "keep_matte": False, "stack": ()},
        mode="refine",
        canvas=size,
        target=Rect(0, 0, width, height),
        inputs={"layer": PictureSpec(0, width, height, "bgra8")},
        steps=form.steps or STEPS,
        passes=1,
        reply_format="bgra8",
    )
