# SPDX-License-Identifier: GPL-3.0-or-later
"""Image sequences: one plane whose picture changes with the frame, each picture a job of its own."""

from __future__ import annotations

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
    packed = plane.image_of(obj)
    image = bpy.data.images.load(str(frame.file(first)))
    image.name, image.source, image.alpha_mode = obj.name, "SEQUENCE", "STRAIGHT"
    if bpy.data.filepath:
        image.filepath = bpy.path.relpath(image.filepath)
    node = obj.active_material.node_tree.nodes[material.IMAGE_NODE]
    node.image = image
    user = node.image_user
    user.frame_start, user.frame_duration, user.frame_offset = first, last - first + 1, first - 1
    user.use_auto_refresh = True
    obj.acetate.sequence = frame.id
    bpy.data.images.remove(packed)


def refresh(obj: Any) -> None:
    """Have Blender read the files again."""
    image = plane.image_of(obj)
    if image is not None:
        image.reload()
