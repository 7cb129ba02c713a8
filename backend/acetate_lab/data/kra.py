"""The pixels of a layer in Krita's own files: 64 x 64 tiles, LZF-compressed, channel after channel.

Read off files that Krita wrote, and the format's description in its manual ("KisTiledDataManager").
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray
from PIL import Image

CHANNEL_BYTES = {"RGBA": 1, "RGBA16": 2}
"""The colour spaces that are read, with the bytes of a channel; channels are blue, green, red, alpha."""
HEADER = re.compile(rb"(?:VERSION \d+\nTILEWIDTH (\d+)\nTILEHEIGHT (\d+)\nPIXELSIZE (\d+)\nDATA (\d+)\n)")
TILE = re.compile(rb"(-?\d+),(-?\d+),LZF,(\d+)\n")
MOST_PIXELS = 1 << 28


def read_tiles(data: bytes, channel_bytes: int) -> Image.Image | None:
    """The picture of all tiles, cropped to them, 8 bits a channel; None without tiles. Raises ValueError."""
    header = HEADER.match(data)
    if header is None:
        raise ValueError("a layer is not in the form that Krita writes")
    width, height, pixel, count = map(int, header.groups())
    if pixel != 4 * channel_bytes:
        raise ValueError(f"a layer has {pixel} bytes a pixel")
    tiles: dict[tuple[int, int], NDArray[np.uint8]] = {}
    place = header.end()
    for _ in range(count):
        found = TILE.match(data, place)
        if found is None:
            raise ValueError("a layer is cut off")
        left, top, length = map(int, found.groups())
        place = found.end() + length
        packed = data[found.end() : place]
        raw = decompress(packed[1:], width * height * pixel) if packed[:1] == b"\1" else packed[1:]
        # All bytes of one kind follow each other: first those of blue, low byte before high, and so on.
        planes = np.frombuffer(raw, np.uint8).reshape(pixel, height, width)
        tiles[left, top] = np.moveaxis(planes[channel_bytes - 1 :: channel_bytes], 0, -1)[..., [2, 1, 0, 3]]
    if not tiles:
        return None
    left, top = (min(corner[axis] for corner in tiles) for axis in (0, 1))
    right, bottom = max(x for x, _ in tiles) + width, max(y for _, y in tiles) + height
    if (right - left) * (bottom - top) > MOST_PIXELS:
        raise ValueError("a layer is too large")
    picture = np.zeros((bottom - top, right - left, 4), np.uint8)
    for (x, y), pixels in tiles.items():
        picture[y - top : y - top + height, x - left : x - left + width] = pixels
    return Image.fromarray(picture, "RGBA")


def decompress(packed: bytes, size: int) -> bytes:
    """Undo LZF (Lehmann): runs of literal bytes, and references back into what is there. Raises ValueError."""
    out = bytearray()
    place = 0
    try:
        while place < len(packed):
            control = packed[place]
            place += 1
            if control < 32:
                out += packed[place : place + control + 1]
                place += control + 1
                continue
            length = control >> 5
            if length == 7:
                length += packed[place]
                place += 1
            start = len(out) - ((control & 31) << 8) - packed[place] - 1
            place += 1
            if start < 0:
                raise ValueError("a tile refers to what is not there")
            length += 2
            while length:
                # A reference may overlap what it makes: it then repeats.
                piece = out[start : start + length]
                out += piece
                length -= len(piece)
    except IndexError as error:
        raise ValueError("a tile is cut off") from error
    if len(out) != size:
        raise ValueError("a tile has the wrong size")
    return bytes(out)
