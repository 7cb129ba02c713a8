# SPDX-License-Identifier: GPL-3.0-or-later
"""PNG files (RGBA, 8 bits) written in slices: the form in which a finished layer is kept and packed."""

from __future__ import annotations

import zlib
from collections.abc import Generator
from typing import Any

import numpy as np
from acetate_editor.png import chunk, head

_SLICE_BYTES = 256 * 1024
_UP = 2
"""The filter that subtracts the row above: quick, and good for flat and soft pictures alike."""


def encode(pixels: Any, width: int, height: int) -> Generator[None, None, bytes]:
    """Turn raw RGBA bytes (rows top-down) into a PNG file's bytes, yielding every few milliseconds."""
    rows = np.frombuffer(pixels, np.uint8).reshape(height, width * 4)
    packer = zlib.compressobj(1)
    parts: list[bytes] = []
    band = max(1, _SLICE_BYTES // (width * 4))
    for top in range(0, height, band):
        bottom = min(height, top + band)
        filtered = np.empty((bottom - top, 1 + width * 4), np.uint8)
        filtered[:, 0] = _UP
        filtered[:, 1:] = rows[top:bottom]
        filtered[1:, 1:] -= rows[top : bottom - 1]
        if top:
            filtered[0, 1:] -= rows[top - 1]
        parts.append(packer.compress(filtered.data))
        yield
    parts.append(packer.flush())
    data = b"".join(parts)
    yield
    return b"".join((head(width, height, 8), chunk(b"IDAT", data), chunk(b"IEND", b"")))
