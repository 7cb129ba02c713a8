# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides where a job's layers go; stored with the job, so that they find their place whenever they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from . import stack
from .camera import CameraView

CAMERA = "CAMERA"
CURSOR = "CURSOR"
SURFACE = "SURFACE"
REFERENCE = "REFERENCE"
TEXTURE = "TEXTURE"
IMAGE = "IMAGE"


@dataclass(frozen=True)
class Placement:
    """Where layers go: `place` is one of the names above.

    `camera` and `surface` name objects (`surface` is also the object that gets a texture). `distance` and `height`
    are metres, `gap` a share of the distance. `collection` is a name, empty for the scene's own. `depth` is what the
    artist chose (of `stack`); where that is automatic, `order` decides. `anchor` is the mark of the layer that it is
    about, `anchor_name` its object's name, which tells copies of it apart (Blender copies the mark too). `canvas` is
    the size in pixels on which the layers' rectangles lie. `shown` layers are shown in the image editor, too.
    `sequence` is a `SequenceFrame` as a map, for one picture of an image sequence. `view` is how the camera saw it when
    the layers were asked for; None takes the camera as it is.
    """

    place: str = CAMERA
    camera: str = ""
    canvas: tuple[int, int] = (1, 1)
    distance: float = 10.0
    gap: float = 0.05
    shading: str = "SHADELESS"
    height: float = 2.0
    surface: str = ""
    collection: str = ""
    variants: str = "FIRST"
    depth: str = stack.AUTOMATIC
    order: str = stack.IN_FRONT_OF_ALL
    anchor: str = ""
    anchor_name: str = ""
    shown: bool = False
    sequence: Mapping[str, Any] = field(default_factory=dict)
    view: CameraView | None = None

    def to_map(self) -> dict[str, Any]:
        """This placement as plain values."""
        return asdict(self)

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> Placement:
        """A placement out of its plain values; unknown names are passed over."""
        known = {entry.name for entry in fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        if "canvas" in given:
            given["canvas"] = tuple(given["canvas"])
        if given.get("view") is not None:
            given["view"] = CameraView.from_map(given["view"])
        return cls(**given)
