# SPDX-License-Identifier: GPL-3.0-or-later
"""Image sequences: one plane whose picture changes with the frame, each picture a job of its own."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from acetate_editor.tasks import finish

from ..pictures import png
from . import material, plane
from .insert_layers import LayerToInsert, insert_layers
from .placement import Placement


@dataclass(frozen=True)
class SequenceFrame:
    """The frames `first` to `last` that a picture is shown at, of a sequence that begins and ends at `of`.

    `id` marks the sequence, `folder` is where its files go, one a frame.
    """

    id: str
    folder: str
    first: int
    last: int
    of: tuple[int, int]

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> SequenceFrame:
        """Out of its plain values."""
        return cls(**{**dict(values), "of": tuple(values["of"])})

    def file(self, frame: int) -> Path:
        """The file of a frame."""
        return Path(self.folder) / f"{frame:06}.png"


def insert(scene: Any, sheets: Sequence[LayerToInsert], placement: Placement) -> list[Any]:
    """Place a finished picture of a sequence: on the plane that the first one makes."""
    frame = SequenceFrame.from_map(placement.sequence)
    standing = plane_of(scene, frame)
    write(frame, sheets[0].png)
    if standing is None:
        (standing,) = insert_layers(scene, sheets[:1], placement)
        show(standing, frame)
    else:
        refresh(standing)
    return [standing]


def joins(scene: Any, placement: Placement) -> bool:
    """Whether a picture only joins a sequence whose plane is there, which changes files but no object."""
    return bool(placement.sequence) and plane_of(scene, SequenceFrame.from_map(placement.sequence)) is not None


def plane_of(scene: Any, frame: SequenceFrame) -> Any | None:
    """The plane that shows a sequence, if it is there already."""
    return next((obj for obj in plane.planes(scene) if obj.acetate.sequence == frame.id), None)


def write(frame: SequenceFrame, data: bytes) -> None:
    """Write a finished picture for the frames that show it."""
    Path(frame.folder).mkdir(parents=True, exist_ok=True)
    for number in range(frame.first, frame.last + 1):
        frame.file(number).write_bytes(data)


def show(obj: Any, frame: SequenceFrame) -> None:
    """Let a new plane show the sequence; frames that are not finished yet are clear."""
    first, last = frame.of
    blank = finish(png.encode(np.zeros((1, 1, 4), np.uint8).tobytes(), 1, 1))
    for number in range(first, last + 1):
        if not frame.file(number).exists():
            frame.file(number).write_bytes(blank)
    user = _play(obj, frame.file(first), frame.id)
    user.frame_start, user.frame_duration, user.frame_offset = first, last - first + 1, first - 1


def play_loop(obj: Any, frames: Sequence[bytes], user_folder: Path) -> None:
    """Let a new plane show these PNG files over and over, from the first frame of the scene's time on."""
    id = uuid.uuid4().hex
    folder = folder_of(id, user_folder)
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(frames, 1):
        (folder / f"{number:06}.png").write_bytes(data)
    user = _play(obj, folder / "000001.png", id)
    user.frame_start, user.frame_duration, user.frame_offset, user.use_cyclic = 1, len(frames), 0, True


def folder_of(id: str, user_folder: Path) -> Path:
    """Where the files of a sequence go: beside the saved file, else in the user's folder."""
    file = Path(bpy.data.filepath)
    beside = file.with_name(f"{file.stem}_layers") if bpy.data.filepath else user_folder / "sequences"
    return beside / id[:8]


def _play(obj: Any, file: Path, id: str) -> Any:
    """Have a plane show the sequence that begins with this file; returns what tells which frame is seen when."""
    packed = plane.image_of(obj)
    image = bpy.data.images.load(str(file))
    image.name, image.source, image.alpha_mode = obj.name, "SEQUENCE", "STRAIGHT"
    if bpy.data.filepath:
        image.filepath = bpy.path.relpath(image.filepath)
    node = obj.active_material.node_tree.nodes[material.IMAGE_NODE]
    node.image = image
    node.image_user.use_auto_refresh = True
    obj.acetate.sequence = id
    bpy.data.images.remove(packed)
    return node.image_user


def refresh(obj: Any) -> None:
    """Have Blender read the files again."""
    image = plane.image_of(obj)
    if image is not None:
        image.reload()
