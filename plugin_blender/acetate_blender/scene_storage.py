# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .blend file itself knows of its jobs, so that they are found again wherever the file is opened."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable

import bpy

from .jobs.job import SceneJob

_keys: dict[str, str] = {}
"""The key of each scene by its name: undoing an earlier step takes a key away that was set since."""


def key(scene: bpy.types.Scene) -> str:
    """The mark of this scene, made on first use."""
    if not scene.acetate.key:
        scene.acetate.key = _keys.get(scene.name) or uuid.uuid4().hex
    _keys[scene.name] = scene.acetate.key
    return str(scene.acetate.key)


def restore() -> None:
    """Give scenes back the marks that an undo took away."""
    for scene in bpy.data.scenes:
        if not scene.acetate.key and scene.name in _keys:
            scene.acetate.key = _keys[scene.name]


def forget() -> None:
    """Another file was opened: scenes of the same names are others now."""
    _keys.clear()
    for scene in bpy.data.scenes:
        if scene.acetate.key:
            _keys[scene.name] = scene.acetate.key


def scene_of(job: SceneJob) -> bpy.types.Scene | None:
    """The scene that asked for a job, if it is in the open file."""
    return next((scene for scene in bpy.data.scenes if scene.acetate.key == job.key), None)


def write(jobs: Iterable[SceneJob]) -> None:
    """Write into each scene the jobs that it asked for."""
    known = list(jobs)
    for scene in bpy.data.scenes:
        own = [job.to_map() for job in known if job.key == scene.acetate.key]
        text = json.dumps(own) if own else ""
        if scene.acetate.jobs != text:
            scene.acetate.jobs = text


def read() -> list[SceneJob]:
    """The jobs that the scenes of the open file asked for."""
    return [job for scene in bpy.data.scenes for job in _read(scene)]


def _read(scene: bpy.types.Scene) -> list[SceneJob]:
    try:
        return [SceneJob.from_map(entry) for entry in json.loads(scene.acetate.jobs or "[]")]
    except (ValueError, TypeError, KeyError):
        return []
