# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a modal operator runs (a transform, a stroke), inside which nothing may be changed or undone."""

from __future__ import annotations

import ctypes
import functools
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

OPERATOR_HANDLER = 3
"""WM_HANDLER_TYPE_OP of Blender's eWM_EventHandlerType."""


def is_running() -> bool:
    """Whether any window waits for the end of a modal operator."""
    return any(_is_modal(window) for window in bpy.context.window_manager.windows)


def _is_modal(window: Any) -> bool:
    if hasattr(window, "modal_operators"):
        return len(window.modal_operators) > 0
    # Before 4.2 Python does not tell: the handlers are read from Blender's own list, whose place in the structure of a
    # window each .blend file describes.
    offset = _offset("wmWindow", "modalhandlers")
    return offset is not None and OPERATOR_HANDLER in _kinds(window.as_pointer() + offset)


def _kinds(handlers: int) -> Iterator[int]:
    """The kind of each handler of a list. Source: wmEventHandler in Blender's wm_event_system.h, 2.81 to 4.1."""
    entry = ctypes.c_void_p.from_address(handlers).value
    while entry:
        yield ctypes.c_int.from_address(entry + 16).value
        entry = ctypes.c_void_p.from_address(entry).value


@functools.cache
def _offset(structure: str, field: str) -> int | None:
    """Where a field lies in a structure of this Blender, in bytes; None where it is not part of it."""
    with tempfile.TemporaryDirectory(prefix="acetate-") as folder:
        file = Path(folder) / "layout.blend"
        bpy.data.libraries.write(str(file), set())
        return _offset_in(_layout(file.read_bytes()), structure, field)


def _layout(blend: bytes) -> bytes:
    """The block of a .blend file (64 bits, little-endian) that describes all structures; empty without one."""
    place = 12
    while place + 24 <= len(blend):
        code, size = struct.unpack_from("<4si", blend, place)
        if code == b"DNA1":
            return blend[place + 24 : place + 24 + size]
        place += 24 + size
    return b""


def _offset_in(layout: bytes, structure: str, field: str) -> int | None:
    """Source: Blender's doc/blender_file_format, "Structure DNA"."""
    if not layout:
        return None
    names, place = _texts(layout, 8)
    types, place = _texts(layout, place + 4)
    sizes = struct.unpack_from(f"<{len(types)}H", layout, place + 4)
    place = _aligned(place + 4 + 2 * len(types)) + 4
    for _ in range(struct.unpack_from("<i", layout, place)[0]):
        type_, count = struct.unpack_from("<HH", layout, place + 4)
        pairs = list(struct.iter_unpack("<HH", layout[place + 8 : place + 8 + 4 * count]))
        if types[type_] == structure:
            return _offset_of(field, ((names[name], sizes[kind]) for kind, name in pairs))
        place += 4 + 4 * count
    return None


def _offset_of(field: str, fields: Iterator[tuple[str, int]]) -> int | None:
    offset = 0
    for name, size in fields:
        if name == field:
            return offset
        single = 8 if name.startswith(("*", "(*")) else size
        for length in re.findall(r"\[(\d+)\]", name):
            single *= int(length)
        offset += single
    return None


def _texts(layout: bytes, place: int) -> tuple[list[str], int]:
    """The texts of a section, whose number stands at `place`, and where the next section begins."""
    count, place = struct.unpack_from("<i", layout, place)[0], place + 4
    texts = []
    for _ in range(count):
        end = layout.index(b"\0", place)
        texts.append(layout[place:end].decode("ascii"))
        place = end + 1
    return texts, _aligned(place)


def _aligned(place: int) -> int:
    return (place + 3) & ~3
