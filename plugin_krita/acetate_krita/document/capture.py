# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures for a request: a layer's own pixels, everything that can be seen, or the selection as a mask.

A layer is read as it is, whether it is shown or not, and nothing in the document is changed for it. Paint layers
without masks are read from a copy (Krita copies no pixels for that), so painting can go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from acetate_wire.request import PictureSpec, Rect
from krita import Document, Node

from ..color import ColorSpace, strips, wire_format
from . import lookup
from .scratch_document import ScratchDocument
from .selection_mask import SelectionMask

Reader = Callable[[int, int, int, int], object]


class Frame:
    """A picture being read: `pixels` grow row by row and are complete when its chore is done."""

    def __init__(self, rect: Rect, format: str, space: str) -> None:
        self.rect = rect
        self.format = format
        self.space = space
        self.pixels = bytearray()

    def header(self, frame: int) -> PictureSpec:
        """How the wire is told to read it."""
        return PictureSpec(frame, self.rect.width, self.rect.height, self.format, space=self.space)


class LayerFrame(Frame):
    """A layer's pixels inside a rectangle of the canvas; everything that can be seen when there is no layer."""

    def __init__(self, document: Document, layer: Node | None, rect: Rect) -> None:
        self._space = ColorSpace.of(document if layer is None else layer)
        self._way = wire_format(self._space)
        self._read: Reader = document.pixelData
        if layer is not None:
            plain = layer.type() == "paintlayer" and not layer.childNodes()
            self._copy = layer.clone() if plain else layer
            self._read = self._copy.pixelData if plain else self._copy.projectionPixelData
        super().__init__(rect, self._way.format, self._way.space)

    def work(self) -> Iterator[None]:
        """The chore that reads it."""
        rect, way = self.rect, self._way
        scratch = None if way.intermediate is None else ScratchDocument(self._space)
        for rows in strips(rect.width, rect.height, way.pixel_bytes):
            strip = bytes(self._read(rect.x, rect.y + rows.start, rect.width, len(rows)))  # type: ignore[call-overload]
            if not strip:
                raise lookup.ClosedError
            if scratch is not None and way.intermediate is not None:
                strip = scratch.convert(strip, rect.width, len(rows), self._space, way.intermediate)
            self.pixels += strip
            yield


class MaskFrame(Frame):
    """The selection inside a rectangle of the canvas, white where it is selected; all white without a shape."""

    def __init__(self, rect: Rect, inside: Rect, shape: SelectionMask | None) -> None:
        super().__init__(rect, "gray8", "srgb")
        self._inside = inside
        self._shape = shape

    def work(self) -> Iterator[None]:
        """The chore that fills it."""
        inside = self._inside
        left, width = inside.x - self.rect.x, inside.width
        self.pixels = bytearray(self.rect.width * self.rect.height)
        whole = [(range(inside.height), bytes([255]) * (width * inside.height))]
        for rows, strip in whole if self._shape is None else self._shape.rows():
            for number, row in enumerate(rows):
                at = (inside.y - self.rect.y + row) * self.rect.width + left
                self.pixels[at : at + width] = strip[number * width : (number + 1) * width]
            yield
