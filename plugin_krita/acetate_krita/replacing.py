# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer that takes another one's place: what was drawn where it was drawn, and the other layer's pixels elsewhere."""

from __future__ import annotations

import re
import struct
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from acetate_wire.request import Rect
from krita import Node

from .color import ColorSpace, strips
from .document.scratch_document import ScratchDocument

CODES = {"U8": "B", "U16": "H", "F16": "e", "F32": "f"}
"""How `struct` reads a channel of each depth."""
PIXEL_BYTES = 16
"""As many as a pixel can have (but for 20 of CMYK in floats): strips for a piece of a chore."""
MIXED_AT_ONCE = 1500
"""Pixels that are mixed in one piece of a chore."""
SELECTED, PARTLY = re.compile(rb"\xff+"), re.compile(rb"[\x01-\xfe]+")


@dataclass(frozen=True)
class Source:
    """The layer that is replaced, as it is now."""

    node: Node

    @property
    def plain(self) -> bool:
        """Whether its own pixels are all that it shows."""
        return self.node.type() == "paintlayer" and not self.node.childNodes() and not self.node.animated()

    def dress(self, node: Node) -> None:
        """Give a node what makes the layer look as it does besides its pixels."""
        if self.node.blendingMode() != node.blendingMode():
            node.setBlendingMode(self.node.blendingMode())
        node.setOpacity(self.node.opacity())
        node.setInheritAlpha(self.node.inheritAlpha())

    def within(self, rect: Rect) -> bool:
        """Whether all of its visible pixels are inside a rectangle."""
        box = self.node.bounds()
        return bool(box.isEmpty()) or bool(
            box.x() >= rect.x
            and box.y() >= rect.y
            and box.x() + box.width() <= rect.x + rect.width
            and box.y() + box.height() <= rect.y + rect.height
        )

    def copy(self, scratch: ScratchDocument, space: ColorSpace, name: str) -> Generator[None, None, Node]:
        """A task: a paint layer of this space that shows the same pixels; returns it."""
        # Krita would record in the artist's document that a copy's blending mode is changed.
        if self.plain and ColorSpace.of(self.node) == space and self.node.blendingMode() == "normal":
            copied = self.node.clone()
            copied.setName(name)
            copied.setVisible(True)
            copied.setOpacity(255)
            copied.setInheritAlpha(False)
            return copied
        made = scratch.layer(name)
        box, own = self.node.bounds(), ColorSpace.of(self.node)
        for rows in strips(max(1, box.width()), box.height(), PIXEL_BYTES):
            place = (box.x(), box.y() + rows.start, box.width(), len(rows))
            strip = bytes(self.node.projectionPixelData(*place))
            if own != space:
                strip = scratch.convert(strip, box.width(), len(rows), own, space)
            made.setPixelData(strip, *place)
            yield
        return made


def merge(under: bytes, drawn: bytes, covers: Sequence[bytes], depth: str, mixed: bool) -> Generator[None, None, bytes]:
    """A task: rows of pixels, straight alpha last: `drawn` where the row's cover (0 to 255) is full, `under` where it
    is 0. Between them both are mixed, or `drawn` is taken as it is when it holds the mixture already. Returns them.
    """
    row_bytes = len(drawn) // len(covers)
    pixel = row_bytes // len(covers[0])
    merged = bytearray(under)
    since = 0
    for number, cover in enumerate(covers):
        start = number * row_bytes
        for run in SELECTED.finditer(cover):
            part = slice(start + run.start() * pixel, start + run.end() * pixel)
            merged[part] = drawn[part]
        for run in PARTLY.finditer(cover):
            for first in range(run.start(), run.end(), MIXED_AT_ONCE):
                last = min(run.end(), first + MIXED_AT_ONCE)
                part = slice(start + first * pixel, start + last * pixel)
                merged[part] = _mixed(under[part], drawn[part], cover[first:last], depth) if mixed else drawn[part]
                since += last - first
                if mixed and since >= MIXED_AT_ONCE:
                    since = 0
                    yield
    return bytes(merged)


def _mixed(under: bytes, drawn: bytes, cover: bytes, depth: str) -> bytes:
    code = CODES[depth]
    form = f"<{len(drawn) // struct.calcsize(code)}{code}"
    old, new = struct.unpack(form, under), struct.unpack(form, drawn)
    channels = len(old) // len(cover)
    out: list[float] = []
    for number, share in enumerate(cover):
        at, alpha = number * channels, number * channels + channels - 1
        weight_old, weight_new = old[alpha] * (255 - share), new[alpha] * share
        weight = weight_old + weight_new
        out += [(old[c] * weight_old + new[c] * weight_new) / weight if weight else new[c] for c in range(at, alpha)]
        out.append(weight / 255)
    return struct.pack(form, *(map(round, out) if depth.startswith("U") else out))
