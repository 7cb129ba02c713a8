# SPDX-License-Identifier: GPL-3.0-or-later
"""What a document would look like with results in it, composed in a copy of it that nobody sees.

A copy shares its pixels with the document (`Document.clone`), its layers have the same ids, and nothing that is done to
it is recorded in the document or marks it as changed. So a preview has its place among the layers, its masks, its
blending mode, and hides what it replaces, as the insert will.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

from acetate_wire.geometry import Rect, intersection, union
from krita import Document

from ..color import EIGHT_BITS, ColorSpace, strips
from ..hiding import Hiding
from ..qt import QtGui
from ..results import Opener, Result
from . import lookup, selection_mask
from .group_builder import GLANCE_S
from .insert import InsertPosition, insert
from .scratch_document import ScratchDocument

LONGEST_SIDE = 3000
"""A larger part of a picture is shown with fewer pixels."""


@dataclass(frozen=True)
class Preview:
    """A part of the picture as it would be: `image` fills `rect`, in the picture's pixels."""

    rect: Rect
    image: Any


class Untouched(Hiding):
    """Hides what is replaced in a copy, where nothing is undone."""

    def follow(self, document: Document, result: str, source: str, hidden: tuple[str, ...]) -> None:
        """There is nothing to follow."""


def compose_preview(
    document: Document, results: Sequence[Result], open_body: Opener, place: InsertPosition, clip: str
) -> Generator[float | None, None, Preview | None]:
    """A task: returns the part of the picture that changes; None where that is nothing that the canvas shows.

    Raises ClosedError, and AcetateError as `insert` does.
    """
    if document.rootNode() is None:
        raise lookup.ClosedError
    rect = _changed(document, results, place)
    if rect is None:
        return None
    copy = document.clone()
    yield None
    yield from insert(copy, results, open_body, place, clip, Untouched())
    while not lookup.idle(copy):
        yield GLANCE_S
    space = ColorSpace.of(copy)
    scratch = None if space == EIGHT_BITS else ScratchDocument(space)
    step = -(-max(rect.width, rect.height) // LONGEST_SIDE)
    pixels = bytearray()
    for rows in strips(rect.width, rect.height, 16):
        strip = bytes(copy.pixelData(rect.x, rect.y + rows.start, rect.width, len(rows)))
        if scratch is not None:
            strip = scratch.convert(strip, rect.width, len(rows), space, EIGHT_BITS)
        pixels += strip if step == 1 else _thinned(strip, rect.width, rows, step)
        yield None
    width, height = -(-rect.width // step), -(-rect.height // step)
    image = QtGui.QImage(bytes(pixels), width, height, width * 4, QtGui.QImage.Format.Format_ARGB32)
    return Preview(rect, image.convertToFormat(QtGui.QImage.Format.Format_ARGB32_Premultiplied))


def _changed(document: Document, results: Sequence[Result], place: InsertPosition) -> Rect | None:
    """The part of the canvas where results or what they replace are."""
    rects = [layer.rect for result in results for layer in result.layers]
    replaced = lookup.find_layer(document, place.replaces)
    if replaced is not None and not replaced.bounds().isEmpty():
        box = replaced.bounds()
        rects.append(Rect(box.x(), box.y(), box.width(), box.height()))
    return intersection(union(rects), selection_mask.canvas(document))


def _thinned(strip: bytes, width: int, rows: range, step: int) -> bytes:
    """Every `step`-th pixel of every `step`-th row, counted from the picture's first row."""
    view = memoryview(strip).cast("I")
    kept = (row for row in rows if row % step == 0)
    return b"".join(view[(row - rows.start) * width : (row - rows.start + 1) * width : step].tobytes() for row in kept)
