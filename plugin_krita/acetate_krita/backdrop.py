# SPDX-License-Identifier: GPL-3.0-or-later
"""What is seen below and above a layer, so that a picture can be shown in that layer's place without changing the
document. Layers that have not changed are read once.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from acetate_wire.request import Rect
from krita import Document, Node

from .document import lookup
from .document.small_picture import PREMULTIPLIED, read_small, small_size
from .qt import QtCore, QtGui

SIDE = 1024
"""The longer side of what is shown, at most."""
GLANCE = 24
"""The side of the thumbnail by which a change of a layer is noticed."""
WITH_PIXELS = ("paintlayer", "grouplayer", "vectorlayer", "clonelayer", "filelayer", "filllayer")
_WAYS = QtGui.QPainter.CompositionMode
BLENDING = {
    "multiply": _WAYS.CompositionMode_Multiply,
    "screen": _WAYS.CompositionMode_Screen,
    "overlay": _WAYS.CompositionMode_Overlay,
    "darken": _WAYS.CompositionMode_Darken,
    "lighten": _WAYS.CompositionMode_Lighten,
    "add": _WAYS.CompositionMode_Plus,
    "dodge": _WAYS.CompositionMode_ColorDodge,
    "burn": _WAYS.CompositionMode_ColorBurn,
    "hard_light": _WAYS.CompositionMode_HardLight,
    "behind": _WAYS.CompositionMode_DestinationOver,
}
"""Blending modes that Qt has too; any other one is shown as *normal*."""
Key = tuple[Any, ...]


@dataclass(frozen=True)
class SeenLayer:
    """One layer of the composite: its picture, None for the layer that is replaced, its opacity (0 to 1) and mode."""

    image: Any
    opacity: float
    blending: str


@dataclass(eq=False)
class Backdrop:
    """The layers of a document inside a rectangle, from below."""

    rect: Rect = field(default_factory=lambda: Rect(0, 0, 1, 1))
    layers: list[SeenLayer] = field(default_factory=list)
    _read: dict[Key, Any] = field(default_factory=dict)

    def work(self, document: Document, layer: Node, rect: Rect) -> Generator[None, None, None]:
        """A task: look at the document again."""
        wanted, size = lookup.layer_id(layer), small_size(rect, SIDE)
        layers: list[SeenLayer] = []
        read: dict[Key, Any] = {}
        for node in _flat(document.rootNode(), wanted):
            id = lookup.layer_id(node)
            opacity, blending = node.opacity() / 255, node.blendingMode()
            if id == wanted:
                layers.append(SeenLayer(None, opacity, blending))
                continue
            key = (id, glance(node), rect)
            image = self._read.get(key)
            if image is None:
                image = yield from read_small(node, rect, size)
            read[key] = image
            layers.append(SeenLayer(image, opacity, blending))
        self.rect, self.layers, self._read = rect, layers, read

    def with_picture(self, picture: Any) -> Any:
        """What would be seen if the layer showed this picture of the rectangle: a premultiplied QImage."""
        shown = QtGui.QImage(*small_size(self.rect, SIDE), PREMULTIPLIED)
        shown.fill(QtCore.Qt.GlobalColor.transparent)
        painter = QtGui.QPainter(shown)
        painter.setRenderHint(QtGui.QPainter.RenderHint.SmoothPixmapTransform)
        for seen in self.layers:
            painter.setOpacity(seen.opacity)
            painter.setCompositionMode(BLENDING.get(seen.blending, _WAYS.CompositionMode_SourceOver))
            painter.drawImage(shown.rect(), picture if seen.image is None else seen.image)
        painter.end()
        return shown


def glance(node: Node) -> int:
    """A number that changes when a layer does, nearly always; quick."""
    image = node.thumbnail(GLANCE, GLANCE)
    if image.isNull():
        return 0
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return hash(bytes(bits))


def _flat(parent: Node | None, wanted: str) -> Iterator[Node]:
    """The visible layers from below; of groups only the one that holds the wanted layer is opened."""
    for node in [] if parent is None else parent.childNodes():
        if not node.visible() and lookup.layer_id(node) != wanted:
            continue
        if node.type() == "grouplayer" and _holds(node, wanted):
            yield from _flat(node, wanted)
        elif node.type() in WITH_PIXELS:
            yield node


def _holds(group: Node, wanted: str) -> bool:
    return any(lookup.layer_id(node) == wanted or _holds(node, wanted) for node in group.childNodes())
