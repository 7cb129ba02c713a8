# SPDX-License-Identifier: GPL-3.0-or-later
"""What a layer shows inside a rectangle of the canvas, scaled down while it is read: 8 bits, sRGB, for Qt."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from acetate_wire.request import Rect
from krita import Node

from ..color import EIGHT_BITS, STRIP_BYTES, ColorSpace, WireFormat, wire_format
from ..qt import QtCore, QtGui
from . import lookup
from .scratch_document import ScratchDocument

PREMULTIPLIED = QtGui.QImage.Format.Format_ARGB32_Premultiplied
STRAIGHT = QtGui.QImage.Format.Format_ARGB32
_SMOOTH = (QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation)


def small_size(rect: Rect, side: int) -> tuple[int, int]:
    """The size of a rectangle whose longer side is scaled down to `side`; never larger than the rectangle."""
    share = min(1.0, side / max(rect.width, rect.height))
    return max(1, round(rect.width * share)), max(1, round(rect.height * share))


def read_small(layer: Node, rect: Rect, size: tuple[int, int]) -> Generator[None, None, Any]:
    """A task: the layer's pixels as a premultiplied QImage of this size. Raises ClosedError.

    Whole pixels are averaged in strips first, so that no piece of it takes long and no large copy is made.
    """
    space = ColorSpace.of(layer)
    plain = layer.type() == "paintlayer" and not layer.childNodes()
    read = layer.clone().pixelData if plain else layer.projectionPixelData
    scratch = None if wire_format(space) == WireFormat("bgra8", "srgb") else ScratchDocument(space)
    factor = max(1, min(rect.width // size[0], rect.height // size[1]))
    step = max(1, STRIP_BYTES // (4 * rect.width) // factor) * factor
    width = max(1, rect.width // factor)
    whole = QtGui.QImage(width, -(-rect.height // factor), PREMULTIPLIED)
    whole.fill(QtCore.Qt.GlobalColor.transparent)
    for top in range(0, rect.height, step):
        rows = min(step, rect.height - top)
        strip = bytes(read(rect.x, rect.y + top, rect.width, rows))
        if not strip:
            raise lookup.ClosedError
        if scratch is not None:
            strip = scratch.convert(strip, rect.width, rows, space, EIGHT_BITS)
        image = QtGui.QImage(strip, rect.width, rows, 4 * rect.width, STRAIGHT).convertToFormat(PREMULTIPLIED)
        painter = QtGui.QPainter(whole)
        painter.drawImage(0, top // factor, image.scaled(width, -(-rows // factor), *_SMOOTH))
        painter.end()
        yield
    return whole if (whole.width(), whole.height()) == size else whole.scaled(*size, *_SMOOTH)


def straight_bytes(image: Any) -> bytes:
    """The pixels of a QImage as `bgra8` with straight alpha, rows from the top."""
    image = image.convertToFormat(STRAIGHT)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return bytes(bits)


def from_straight(pixels: Any, width: int, height: int) -> Any:
    """A QImage, with pixels of its own, of `bgra8` with straight alpha."""
    return QtGui.QImage(bytes(pixels), width, height, 4 * width, STRAIGHT).convertToFormat(PREMULTIPLIED)


def enlarged(image: Any, rect: Rect) -> Any:
    """A QImage as large as a rectangle."""
    return image.scaled(rect.width, rect.height, *_SMOOTH)
