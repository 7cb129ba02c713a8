# SPDX-License-Identifier: GPL-3.0-or-later
"""Small pictures of layers for the history, sampled from raw pixels of any depth."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from acetate_wire.request import PictureSpec

from .color import BYTES
from .qt import QtCore, QtGui

SIDE = 192
"""The longer side at most; shown at half of it, or at all of it on screens of high density."""
FINE = 4095


@dataclass(frozen=True)
class Thumb:
    """A small picture: straight RGBA with 8 bits, rows from the top."""

    width: int
    height: int
    rgba: bytes

    def image(self) -> Any:
        """The picture for Qt, with pixels of its own."""
        kind = QtGui.QImage.Format.Format_RGBA8888
        return QtGui.QImage(self.rgba, self.width, self.height, self.width * 4, kind).copy()


def step_for(longest: int) -> int:
    """How far apart the pixels are of which a small picture is made, by the longest side of what it shows."""
    return max(1, -(-longest // SIDE))


def sample(header: PictureSpec, pixels: Any, longest: int, out: list[Thumb]) -> Iterator[None]:
    """A task: pick pixels of a picture at even distances and add the small picture to `out`; `longest` is the longest
    side of all that it is shown with.
    """
    step = step_for(longest)
    row_bytes = header.width * BYTES[header.format]
    rows: list[bytes] = []
    for number, y in enumerate(range(0, header.height, step)):
        rows.append(_row(header, pixels[y * row_bytes : (y + 1) * row_bytes], step))
        if number % 8 == 7:
            yield
    out.append(Thumb(-(-header.width // step), len(rows), b"".join(rows)))


def stack(thumbs: Sequence[Thumb], corners: Sequence[tuple[int, int]], longest: int) -> Thumb:
    """Small pictures over each other, the first at the bottom, each with its corner in pixels of the canvas."""
    if len(thumbs) == 1:
        return thumbs[0]
    step = step_for(longest)
    places = [((x - min(corners)[0]) // step, (y - min(corners, key=_second)[1]) // step) for x, y in corners]
    width = max(x + thumb.width for (x, _), thumb in zip(places, thumbs))
    height = max(y + thumb.height for (_, y), thumb in zip(places, thumbs))
    image = QtGui.QImage(width, height, QtGui.QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(QtCore.Qt.GlobalColor.transparent)
    painter = QtGui.QPainter(image)
    for (x, y), thumb in zip(places, thumbs):
        painter.drawImage(x, y, thumb.image())
    painter.end()
    image = image.convertToFormat(QtGui.QImage.Format.Format_RGBA8888)
    bits = image.constBits()
    bits.setsize(image.sizeInBytes())
    return Thumb(image.width(), image.height(), bytes(bits))


def _second(corner: tuple[int, int]) -> int:
    return corner[1]


def _row(header: PictureSpec, row: Any, step: int) -> bytes:
    """Every `step`-th pixel of a row as RGBA with 8 bits."""
    if header.format.endswith("f16"):
        numbers: Sequence[float] = struct.unpack(f"<{len(row) // 2}e", row)
    else:
        numbers = array({"8": "B", "6": "H", "2": "f"}[header.format[-1]], bytes(row))
    order = (2, 1, 0, 3) if header.format.startswith("bgra") else (0, 1, 2, 3)
    full = {"8": 255, "16": 65535}.get(header.format[4:], 1)
    out = bytearray(4 * -(-header.width // step))
    for channel, place in enumerate(order):
        table = _table(header.space == "linear" and channel < 3)
        scale = FINE / full
        picked = numbers[place :: 4 * step]
        out[channel::4] = bytes([table[min(max(int(value * scale), 0), FINE)] for value in picked])
    return bytes(out)


@lru_cache(maxsize=2)
def _table(linear: bool) -> list[int]:
    """From 0 to FINE to 8 bits, with sRGB's curve where the numbers are linear."""
    if not linear:
        return [round(value * 255 / FINE) for value in range(FINE + 1)]
    shares = (value / FINE for value in range(FINE + 1))
    return [round(255 * (12.92 * v if v <= 0.0031308 else 1.055 * v ** (1 / 2.4) - 0.055)) for v in shares]
