# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures for a request: a layer's own pixels, everything that can be seen, or the selection as a mask.

A layer is read as it is, whether it is shown or not, and nothing in the document is changed for it. Paint layers
without masks are read from a copy (Krita copies no pixels for that), so painting can go on meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

from acetate_wire.request import PictureHeader, Rect
from krita import Document, Node

from .area import Shape
from .colour import Space, convert, strips, transit

Reader = Callable[[int, int, int, int], object]


class Frame:
    """A picture being read: `pixels` are complete when its chore is done."""

    def __init__(self, rect: Rect, format: str, space: str, pixel_bytes: int) -> None:
        self.rect = rect
        self.format = format
        self.space = space
        self.pixels = bytearray(rect.width * rect.height * pixel_bytes)

    def header(self, frame: int) -> PictureHeader:
        """How the wire is told to read it."""
        return PictureHeader(frame, self.rect.width, self.rect.height, self.format, space=self.space)


class LayerFrame(Frame):
    """A layer's pixels inside a rectangle of the canvas; everything that can be seen when there is no layer."""

    def __init__(self, document: Document, layer: Node | None, rect: Rect) -> None:
        self._document = document
        self._space = Space.of(document if layer is None else layer)
        self._way = transit(self._space)
        self._read: Reader = document.pixelData
        if layer is not None:
            plain = layer.type() == "paintlayer" and not layer.childNodes()
            self._copy = layer.clone() if plain else layer
            self._read = self._copy.pixelData if plain else self._copy.projectionPixelData
        super().__init__(rect, self._way.format, self._way.space, self._way.pixel_bytes)

    def work(self) -> Iterator[None]:
        """The chore that reads it."""
        rect, way = self.rect, self._way
        row_bytes = rect.width * way.pixel_bytes
        for rows in strips(rect.width, rect.height, way.pixel_bytes):
            strip = bytes(self._read(rect.x, rect.y + rows.start, rect.width, len(rows)))  # type: ignore[call-overload]
            if way.bridge is not None:
                strip = convert(self._document, strip, rect.width, len(rows), self._space, way.bridge)
            self.pixels[rows.start * row_bytes : rows.stop * row_bytes] = strip
            yield


class MaskFrame(Frame):
    """The selection inside a rectangle of the canvas, white where it is selected; all white without a shape."""

    def __init__(self, rect: Rect, inside: Rect, shape: Shape | None) -> None:
        super().__init__(rect, "gray8", "srgb", 1)
        self._inside = inside
        self._shape = shape

    def work(self) -> Iterator[None]:
        """The chore that fills it."""
        inside = self._inside
        left, top, width = inside.x - self.rect.x, inside.y - self.rect.y, inside.width
        whole = [(range(inside.height), bytes([255]) * (width * inside.height))]
        for rows, strip in whole if self._shape is None else self._shape.rows():
            for number, row in enumerate(rows):
                at = (top + row) * self.rect.width + left
                self.pixels[at : at + width] = strip[number * width : (number + 1) * width]
            yield
