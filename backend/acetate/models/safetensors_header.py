"""The header of a .safetensors file, checked against the file's size; what is no such file is named."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LONGEST_HEADER = 100 << 20
"""Bytes; the format allows no more."""
METADATA = "__metadata__"
AGAIN = "fetch it again, and compare its size with that on the model's page"
SAFE = "fetch its .safetensors version"
FOREIGN = (
    (b"GGUF", "a GGUF file, whose weights are quantized", SAFE),
    (b"PK\x03\x04", "a pickle or an archive (.ckpt, .pt, .bin, .zip), which can contain code", SAFE),
    (b"\x80\x02", "a pickle (.ckpt, .pt, .bin), which can contain code", SAFE),
    (b"\x80\x04", "a pickle (.ckpt, .pt, .bin), which can contain code", SAFE),
    (b"\x89HDF", "an HDF5 file of TensorFlow", SAFE),
    (b"version https://git-lfs", "a Git LFS pointer, a short text in the place of the file", "git lfs pull fetches it"),
    (b"<", "a web page, not a model", "log in to the site in a browser, and fetch the file there"),
    (b"{", "a JSON text, perhaps a message of the site that it is from", "read it, and fetch the file again"),
)
"""What other files begin with, what they are, and the way out."""


class HeaderError(ValueError):
    """A file that is no whole .safetensors file."""

    def __init__(self, what: str, hint: str = AGAIN) -> None:
        """`what` it is instead, in words, and the way out."""
        super().__init__(what)
        self.what = what
        self.hint = hint


@dataclass(frozen=True)
class Header:
    """Shapes by tensor name, and the texts that the file's maker added."""

    shapes: Mapping[str, tuple[int, ...]]
    metadata: Mapping[str, str]


def read_header(path: Path) -> Header:
    """The header of a whole .safetensors file. Raises HeaderError for any other file, OSError for an unreadable one."""
    size = path.stat().st_size
    if size == 0:
        raise HeaderError("empty")
    with path.open("rb") as file:
        start = file.read(64)
        length = int.from_bytes(start[:8], "little")
        if start[8:9] != b"{" or not 2 <= length <= LONGEST_HEADER:
            raise _foreign(start, size)
        if 8 + length > size:
            raise HeaderError(f"truncated: its header has {length} bytes, and the file only {size - 8} after them")
        file.seek(8)
        content = _parsed(file.read(length))
    metadata = content.pop(METADATA, {})
    try:
        ends = [int(about["data_offsets"][1]) for about in content.values()]
        shapes = {name: tuple(map(int, about["shape"])) for name, about in content.items()}
        metadata = {str(key): str(value) for key, value in metadata.items()}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise HeaderError("damaged: its header does not describe tensors") from error
    if not shapes:
        raise HeaderError("without any tensor")
    difference = 8 + length + max(ends) - size
    if difference > 0:
        raise HeaderError(f"truncated: {in_bytes(difference)} of {in_bytes(size + difference)} are missing")
    if difference < 0:
        raise HeaderError(f"damaged: it has {in_bytes(-difference)} more than its header says")
    return Header(shapes, metadata)


def count_numbers(path: Path) -> int:
    """The number of elements in a .safetensors file. Raises OSError or HeaderError."""
    return sum(map(math.prod, read_header(path).shapes.values()))


def in_bytes(count: int) -> str:
    """A size for people: `7 bytes`, `1.2 MB`."""
    value = float(count)
    for unit in ("bytes", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise HeaderError("damaged: its header is no JSON") from error
    if not isinstance(content, dict):
        raise HeaderError("damaged: its header is no list of tensors")
    return content


def _foreign(start: bytes, size: int) -> HeaderError:
    """What a file is whose first bytes are not those of a .safetensors file."""
    text = start.lstrip(b"\xef\xbb\xbf \r\n\t")
    for beginning, what, hint in FOREIGN:
        if text.startswith(beginning):
            return HeaderError(what, hint)
    if size < 16:
        return HeaderError(f"truncated: only {size} bytes are there")
    return HeaderError("no .safetensors file", SAFE)
