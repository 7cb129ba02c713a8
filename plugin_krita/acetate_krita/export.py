# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished layers as PNG files: 8 bits a channel where the layer has 8, else 16."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

from acetate_editor import png

from .color import ENCODED, ColorSpace
from .document.scratch_document import ScratchDocument
from .results import Opener, Result, StoredLayer

DEEP = ColorSpace("RGBA", "U16", ENCODED[0])


def file_names(path: Path, result: Result) -> list[Path]:
    """The file of each layer: `path` for a single one, else with the layer's role or the frame's number at the end of
    its name.
    """
    if len(result.layers) == 1:
        return [path]
    if result.is_loop:
        return [path.with_name(f"{path.stem}-{number:03}{path.suffix}") for number in range(1, len(result.layers) + 1)]
    return [path.with_name(f"{path.stem}-{layer.role}{path.suffix}") for layer in result.layers]


def save_png(path: Path, result: Result, open_body: Opener) -> Iterator[None]:
    """A task: write every layer of a result, whole or not at all. Raises OSError, and AcetateError without pixels."""
    with open_body(result) as body:
        for target, layer in zip(file_names(path, result), result.layers):
            part = target.with_name(f".{target.name}.part")
            plain = (layer.format, layer.space) == ("bgra8", "srgb")
            scratch = None if plain or layer.color_space == DEEP else ScratchDocument(DEEP)
            packer = zlib.compressobj()
            try:
                with part.open("wb") as file:
                    file.write(png.head(layer.rect.width, layer.rect.height, 8 if plain else 16))
                    for rows, size in layer.strips():
                        strip = zlib.decompress(body.read(size))
                        if scratch is not None:
                            strip = scratch.convert(strip, layer.rect.width, len(rows), layer.color_space, DEEP)
                        packed = packer.compress(_rows(strip, layer, 1 if plain else 2))
                        file.write(png.chunk(b"IDAT", packed) if packed else b"")
                        yield
                    file.write(png.chunk(b"IDAT", packer.flush()) + png.chunk(b"IEND", b""))
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)


def _rows(strip: bytes, layer: StoredLayer, depth: int) -> bytes:
    """Rows of BGRA as PNG has them: RGBA, the high byte first, and before each row the number of its filter, none."""
    mixed = bytearray(len(strip))
    for channel, place in enumerate((2, 1, 0, 3)):
        for byte in range(depth):
            mixed[place * depth + byte :: 4 * depth] = strip[channel * depth + depth - 1 - byte :: 4 * depth]
    row_bytes = layer.rect.width * 4 * depth
    return b"".join(b"\0" + mixed[start : start + row_bytes] for start in range(0, len(mixed), row_bytes))
