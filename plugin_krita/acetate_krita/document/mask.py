# SPDX-License-Identifier: GPL-3.0-or-later
"""A selection's shape on finished layers: as a transparency mask, or in the layer's own alpha."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence

from krita import Node

from .scratch_document import ScratchDocument
from .selection_mask import SelectionMask


def make_mask(scratch: ScratchDocument, shape: SelectionMask, name: str, out: list[Node]) -> Iterator[None]:
    """A task: make a transparency mask of this shape, not yet in any document, and add it to `out`."""
    mask = scratch.mask(name)
    rect = shape.rect
    for rows, strip in shape.rows():
        mask.setPixelData(strip, rect.x, rect.y + rows.start, rect.width, len(rows))
        yield
    out.append(mask)


class AlphaMask:
    """A shape unpacked, to be multiplied into alpha."""

    def __init__(self, shape: SelectionMask) -> None:
        self.rect = shape.rect
        self._shape = shape
        self._bytes = bytearray()

    def work(self) -> Iterator[None]:
        """The chore that unpacks it."""
        for _, strip in self._shape.rows():
            self._bytes += strip
            yield

    def row(self, number: int) -> bytes:
        """How much of each pixel of a row is covered; rows are counted from the shape's top."""
        width = self.rect.width
        return bytes(self._bytes[number * width : (number + 1) * width])

    def fade(self, pixels: bytearray, format: str, top: int, rows: int) -> None:
        """Multiply the alpha of `rows` rows, as wide as the shape; `top` is counted from the shape's top."""
        width = self.rect.width
        row_bytes = len(pixels) // rows
        for row in range(rows):
            cover = self.row(top + row)
            if cover.count(255) == width:
                continue
            begin = row * row_bytes
            if not any(cover):
                pixels[begin : begin + row_bytes] = bytes(row_bytes)
            else:
                pixels[begin : begin + row_bytes] = _faded(pixels[begin : begin + row_bytes], format, cover)


def _faded(row: bytearray, format: str, cover: Sequence[int]) -> bytes:
    if format == "rgbaf16":
        halves = list(struct.unpack(f"<{len(row) // 2}e", row))
        halves[3::4] = [alpha * share / 255 for alpha, share in zip(halves[3::4], cover)]
        return struct.pack(f"<{len(halves)}e", *halves)
    if format == "rgbaf32":
        floats = array("f", bytes(row))
        floats[3::4] = array("f", [alpha * share / 255 for alpha, share in zip(floats[3::4], cover)])
        return floats.tobytes()
    whole = array("H" if format.endswith("16") else "B", bytes(row))
    faded = [(alpha * share + 127) // 255 for alpha, share in zip(whole[3::4], cover)]
    whole[3::4] = array(whole.typecode, faded)
    return whole.tobytes()
