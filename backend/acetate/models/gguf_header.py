"""The header of a GGUF file: shapes and number formats of its tensors, read without its package.

As described in ggml, docs/gguf.md (versions 2 and 3).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from acetate.models.safetensors_header import HeaderError

ENDING = ".gguf"
MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST = 1 << 20
"""Tensors, entries or characters in a header that is believed; real ones have a few thousand."""
PLAIN = (0, 1)
"""The formats that are not quantized: float32 and float16."""
FORMATS: Mapping[int, tuple[str, int, int]] = {
    0: ("F32", 1, 4),
    1: ("F16", 1, 2),
    2: ("Q4_0", 32, 18),
    3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24),
    8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176),
    14: ("Q6_K", 256, 210),
    30: ("BF16", 1, 2),
}
"""Number formats that diffusers reads: name, numbers in a block, and bytes of a block."""
WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
"""Bytes of a value in the metadata, by its type."""
TEXT, LIST = 8, 9


@dataclass(frozen=True)
class GgufTensor:
    """A tensor's shape as PyTorch has it, and the number of its format."""

    shape: tuple[int, ...]
    format: int

    @property
    def numbers(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How large it is in the file."""
        _, block, size = FORMATS[self.format]
        return self.numbers // block * size


def is_gguf(path: Path) -> bool:
    """Whether a name is that of a GGUF file."""
    return path.suffix.lower() == ENDING


def read_gguf(path: Path) -> dict[str, GgufTensor]:
    """The tensors of a file by name. Raises HeaderError for what cannot be read, OSError for an unreadable file."""
    size = path.stat().st_size
    with path.open("rb") as file:
        try:
            tensors = _tensors(file)
        except (struct.error, UnicodeDecodeError, KeyError) as error:
            raise HeaderError("a GGUF file that is truncated or damaged") from error
        begun = file.tell()
    unknown = next((tensor.format for tensor in tensors.values() if tensor.format not in FORMATS), None)
    if unknown is not None:
        names = ", ".join(name for name, block, _ in FORMATS.values() if block > 1)
        raise HeaderError(f"a GGUF file in the format {unknown}, which cannot be read", f"take one in {names}")
    missing = begun + sum(tensor.bytes for tensor in tensors.values()) - size
    if missing > 0:
        raise HeaderError(f"truncated: {missing} bytes of its tensors are missing")
    return tensors


def _tensors(file: BinaryIO) -> dict[str, GgufTensor]:
    if file.read(4) != MAGIC:
        raise HeaderError("no GGUF file", "fetch it again")
    (version,) = _read(file, "<I")
    if version not in VERSIONS:
        raise HeaderError(f"a GGUF file of version {version}", "take one of version 2 or 3")
    count, entries = _read(file, "<QQ")
    if max(count, entries) > MOST:
        raise HeaderError("a GGUF file whose header is damaged")
    for _ in range(entries):
        _text(file)
        _skip(file, _read(file, "<I")[0])
    found = {}
    for _ in range(count):
        name = _text(file)
        (sides,) = _read(file, "<I")
        shape = _read(file, f"<{min(sides, 8)}Q")
        number, _offset = _read(file, "<IQ")
        found[name] = GgufTensor(tuple(reversed(shape)), number)
    return found


def _read(file: BinaryIO, form: str) -> tuple[int, ...]:
    return struct.unpack(form, file.read(struct.calcsize(form)))


def _text(file: BinaryIO) -> str:
    (length,) = _read(file, "<Q")
    if length > MOST:
        raise HeaderError("a GGUF file whose header is damaged")
    return file.read(length).decode("utf-8")


def _skip(file: BinaryIO, kind: int) -> None:
    """Pass over a value of the metadata."""
    if kind == TEXT:
        _text(file)
    elif kind == LIST:
        inner, count = _read(file, "<IQ")
        if inner in WIDTHS:
            file.seek(WIDTHS[inner] * count, 1)
        else:
            for _ in range(min(count, MOST)):
                _skip(file, inner)
    else:
        file.seek(WIDTHS[kind], 1)
