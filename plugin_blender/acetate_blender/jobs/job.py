# SPDX-License-Identifier: GPL-3.0-or-later
"""One job as it is remembered: what was asked, where it goes, how it stands."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from acetate_editor.jobs import PREPARING, EditorJob
from acetate_wire.request import Rect


def said_of(warning: Mapping[str, str]) -> str:
    """A warning of a job in one sentence."""
    return ": ".join(filter(None, (warning["message"], warning.get("hint"))))


@dataclass(frozen=True)
class SavedLayer:
    """A finished layer: the PNG file in its job's folder, and its rectangle on the canvas in pixels; `blend` is
    `add` for light.
    """

    name: str
    role: str
    x: int
    y: int
    width: int
    height: int
    file: str
    blend: str = "normal"

    @property
    def rect(self) -> Rect:
        """The part of the canvas that this layer covers."""
        return Rect(self.x, self.y, self.width, self.height)


@dataclass
class SceneJob(EditorJob):
    """A job from its asking to the saved file; `request` is the wire's map without its pictures.

    `scene` names the scene that asked, `key` marks it across renaming and saving, `file` is the path of its .blend file
    (empty before that is saved), `session` the run of Blender that has the job (`BlenderSession`). `placement` is
    `placing.Placement` as a map. `saved` says that a saved file holds the layers. `rest` is x, y, width, height of the
    whole layer where the job draws only a part of it anew; `warnings` are the fields of LayerWarning.
    """

    id: str
    request: dict[str, Any]
    placement: dict[str, Any]
    scene: str
    key: str
    state: str = PREPARING
    asked: float = field(default_factory=time.time)
    code: str = ""
    message: str = ""
    hint: str = ""
    retry: bool = True
    seed: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    layers: list[SavedLayer] = field(default_factory=list)
    saved: bool = False
    rest: list[int] | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    file: str = ""
    session: str = ""

    @property
    def prompt(self) -> str:
        """What was asked for, in the artist's words."""
        words = self.request.get("prompt") or ", ".join(self.request.get("layer_prompts", {}).values())
        return str(words)

    @property
    def prompts(self) -> list[str]:
        """Every text that says what it is to draw."""
        texts = (
            self.request.get("prompt"),
            self.request.get("negative"),
            *self.request.get("layer_prompts", {}).values(),
        )
        return [str(text) for text in texts if text]

    @property
    def frames(self) -> int:
        """How many of its layers are the frames of one loop."""
        return int((self.request.get("element") or {}).get("frames", 1))

    @property
    def mode(self) -> str:
        """The layer mode."""
        return str(self.request["mode"])

    def to_map(self) -> dict[str, Any]:
        """This job as plain values."""
        return asdict(self)

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> SceneJob:
        """A job out of its plain values. Raises TypeError or KeyError when they are none."""
        known = {entry.name for entry in fields(cls)}
        given = {name: value for name, value in values.items() if name in known}
        given["layers"] = [SavedLayer(**layer) for layer in given.get("layers", [])]
        return cls(**given)
