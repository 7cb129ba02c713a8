"""PNG files with straight alpha, from rows that an editor has filtered and compressed."""

from __future__ import annotations

import struct
import zlib

SIGNATURE = b"\x89PNG\r\n\x1a\n"
RGBA = 6


def head(width: int, height: int, bits: int) -> bytes:
    """The beginning of a file of sRGB with alpha; 8 or 16 `bits` a channel."""
    header = struct.pack(">IIBBBBB", width, height, bits, RGBA, 0, 0, 0)
    return SIGNATURE + chunk(b"IHDR", header) + chunk(b"sRGB", b"\0")


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk: `IDAT` for a part of the compressed rows, as many as it takes, and `IEND` without data at the end."""
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))))
