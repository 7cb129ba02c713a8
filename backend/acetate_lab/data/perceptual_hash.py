"""Telling look-alikes: two pictures that a person would call the same have nearly the same fingerprint."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BITS = 16
"""Bytes of a fingerprint that hold shape and light; three more hold the mean colour."""
ALIKE = 10
"""How many of the 128 bits of two look-alikes may differ."""
SAME_COLOUR = 20
"""How far the mean colours of two look-alikes may be apart in each channel, of 255."""


def fingerprint(picture: Image.Image) -> str:
    """A difference hash of what is visible, in hex: of its light over mid grey, and of its alpha, 64 bits each.

    Each bit says whether a cell of a coarse grid is lighter than its left neighbour (Krawetz 2013). The mean colour
    follows, since a red and a green apple may differ in nothing else.
    """
    visible = picture.crop(visible_box(picture) or (0, 0, *picture.size))
    over_grey = Image.new("RGBA", visible.size, (128, 128, 128, 255))
    over_grey.alpha_composite(visible)
    coarse = [
        np.asarray(channel.resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
        for channel in (over_grey.convert("L"), visible.getchannel("A"))
    ]
    # A plain surface has no structure: a difference must be seen to count.
    bits = np.packbits(np.concatenate([(np.diff(grid) > 2).ravel() for grid in coarse]))
    mean = np.asarray(over_grey.convert("RGB").resize((1, 1), Image.Resampling.BOX)).ravel()
    return bits.tobytes().hex() + mean.tobytes().hex()


def visible_box(picture: Image.Image) -> tuple[int, int, int, int] | None:
    """The bounds of what can be seen of an RGBA picture; None when nothing can."""
    return picture.getchannel("A").point([0] * 3 + [255] * 253).getbbox()


class KnownHashes:
    """The fingerprints of the pictures that are there already."""

    def __init__(self) -> None:
        """Start with no picture."""
        self._prints = np.empty((64, BITS + 3), np.uint8)
        self._names: list[str] = []

    def find(self, print_: str) -> str | None:
        """The name of a picture that looks like this one, if there is one."""
        expected, known = _bytes(print_), self._prints[: len(self._names)]
        distances = np.bitwise_count(known[:, :BITS] ^ expected[:BITS]).sum(axis=1)
        colours = np.abs(known[:, BITS:].astype(np.int16) - expected[BITS:]).max(axis=1)
        alike = np.flatnonzero((distances <= ALIKE) & (colours <= SAME_COLOUR))
        return self._names[alike[0]] if len(alike) else None

    def add(self, print_: str, name: str) -> None:
        """Remember a picture."""
        if len(self._names) == len(self._prints):
            # Twice the room each time, so that a million pictures are not copied a million times.
            self._prints = np.concatenate([self._prints, np.empty_like(self._prints)])
        self._prints[len(self._names)] = _bytes(print_)
        self._names.append(name)


def _bytes(print_: str) -> NDArray[np.uint8]:
    return np.frombuffer(bytes.fromhex(print_), np.uint8)
