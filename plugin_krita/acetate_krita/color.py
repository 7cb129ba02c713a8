# SPDX-License-Identifier: GPL-3.0-or-later
"""How a document's pixels travel: as they are where the wire can name them, else converted by Krita.

Krita keeps straight alpha. RGB in whole numbers is stored as blue, green, red, alpha; in floats as red, green, blue,
alpha. Everything else (grey, CMYK, Lab, RGB with another profile) goes through a bridge: sRGB with 16 bits for
8-bit pixels, linear sRGB in 32-bit floats for deeper ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from krita import Document, Node

ENCODED = ("sRGB-elle-V2-srgbtrc.icc", "sRGB-elle-V4-srgbtrc.icc", "sRGB built-in")
LINEAR = (
    "sRGB-elle-V2-g10.icc",
    "sRGB-elle-V4-g10.icc",
    "scRGB (linear)",
    "krita-2.5, lcms sRGB built-in with linear gamma TRC",
)
FORMATS = {"U8": "bgra8", "U16": "bgra16", "F16": "rgbaf16", "F32": "rgbaf32"}
DEPTHS = {format: depth for depth, format in FORMATS.items()}
BYTES = {"bgra8": 4, "rgba8": 4, "bgra16": 8, "rgbaf16": 8, "rgbaf32": 16}
STRIP_BYTES = 1 << 19
"""A strip of rows that one piece of a chore can move in a few milliseconds."""


@dataclass(frozen=True)
class ColorSpace:
    """A colour space by Krita's names: model (`RGBA`), depth (`U8`), profile."""

    model: str
    depth: str
    profile: str

    @classmethod
    def of(cls, thing: Document | Node) -> ColorSpace:
        """The space of a document or layer."""
        return cls(thing.colorModel(), thing.colorDepth(), thing.colorProfile())


def stored_space(format: str, space: str) -> ColorSpace:
    """The space of pixels as the wire names them: one of FORMATS, `linear` or `srgb`."""
    return ColorSpace("RGBA", DEPTHS[format], (LINEAR if space == "linear" else ENCODED)[0])


EIGHT_BITS = stored_space("bgra8", "srgb")
"""What Qt shows."""


@dataclass(frozen=True)
class WireFormat:
    """How pixels of a space go over the wire; `intermediate` is the space to convert to first, None for none."""

    format: str
    space: str
    intermediate: ColorSpace | None = None

    @property
    def pixel_bytes(self) -> int:
        """Bytes of a pixel on the wire."""
        return BYTES[self.format]


def wire_format(space: ColorSpace) -> WireFormat:
    """How pixels of this space travel without losing anything that the space can hold."""
    if space.model == "RGBA" and space.depth in FORMATS:
        if space.profile in ENCODED:
            return WireFormat(FORMATS[space.depth], "srgb")
        if space.profile in LINEAR:
            return WireFormat(FORMATS[space.depth], "linear")
    if space.depth == "U8":
        return WireFormat("bgra16", "srgb", ColorSpace("RGBA", "U16", ENCODED[0]))
    return WireFormat("rgbaf32", "linear", ColorSpace("RGBA", "F32", LINEAR[0]))


def strips(width: int, height: int, pixel_bytes: int) -> Iterator[range]:
    """The rows of a picture in strips of about STRIP_BYTES."""
    rows = max(1, STRIP_BYTES // (width * pixel_bytes))
    for top in range(0, height, rows):
        yield range(top, min(top + rows, height))
