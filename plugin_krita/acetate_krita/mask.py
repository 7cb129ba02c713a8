# SPDX-License-Identifier: GPL-3.0-or-later
"""A selection's shape on finished layers: as a transparency mask, or in the layer's own alpha.

Krita before 5.2 cannot fill a transparency mask that a script made, but it can fill the copy of one that it read
from a file: `mask.kra` holds a canvas of one pixel with such a mask.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

from krita import Krita, Node

from .area import Shape

TEMPLATE = Path(__file__).parent / "mask.kra"
_template: list[Node] = []


def read_template() -> None:
    """Read the mask that later ones are copied from; takes as long as opening a small document."""
    if _template:
        return
    document = Krita.instance().openDocument(str(TEMPLATE))
    root = None if document is None else document.rootNode()
    if document is None or root is None:
        return
    _template.append(root.childNodes()[0].childNodes()[0].clone())
    document.close()


def make_mask(shape: Shape, name: str, out: list[Node]) -> Iterator[None]:
    """A chore: make a transparency mask of this shape, not yet in any document, and add it to `out`."""
    read_template()
    mask = _template[0].clone()
    mask.setName(name)
    mask.setPixelData(bytes(1), 0, 0, 1, 1)
    rect = shape.rect
    for rows, strip in shape.rows():
        mask.setPixelData(strip, rect.x, rect.y + rows.start, rect.width, len(rows))
        yield
    out.append(mask)


class Coverage:
    """A shape unpacked, to be multiplied into alpha."""

    def __init__(self, shape: Shape) -> None:
        self.rect = shape.rect
        self._shape = shape
        self._bytes = bytearray()

    def work(self) -> Iterator[None]:
        """The chore that unpacks it."""
        for _, strip in self._shape.rows():
            self._bytes += strip
            yield

    def fade(self, pixels: bytearray, format: str, top: int, rows: int) -> None:
        """Multiply the alpha of `rows` rows, as wide as the shape; `top` is counted from the shape's top."""
        width = self.rect.width
        row_bytes = len(pixels) // rows
        for row in range(rows):
            cover = self._bytes[(top + row) * width : (top + row + 1) * width]
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
