# SPDX-License-Identifier: GPL-3.0-or-later
"""What a .blend file itself knows of its jobs, so that they are found again wherever the file is opened.

Each scene has a key, and the path of the file that the key belongs to: copies of scenes and of files get their own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable
from pathlib import Path

import bpy

from .insert import plane
from .jobs.job import SceneJob

_keys: dict[str, str] = {}
"""The key of each scene by its name: undoing an earlier step takes a key away that was set since."""


def key(scene: bpy.types.Scene) -> str:
    """The key of this scene, made on first use."""
    if not scene.acetate.key:
        scene.acetate.key = _keys.get(scene.name) or uuid.uuid4().hex
    _keys[scene.name] = scene.acetate.key
    return str(scene.acetate.key)


def restore() -> None:
    """Give scenes back the keys that an undo took away."""
    for scene in bpy.data.scenes:
        if not scene.acetate.key and scene.name in _keys:
            scene.acetate.key = _keys[scene.name]


def enter_file() -> None:
    """Another file was opened: what was copied from another file that is still there gets keys of its own."""
    _keys.clear()
    for scene in _own_scenes():
        made_for = scene.acetate.file
        if scene.acetate.key and made_for != bpy.data.filepath and is_another_file(made_for):
            scene.acetate.key = uuid.uuid4().hex
        if scene.acetate.key:
            _keys[scene.name] = scene.acetate.key
        scene.acetate.file = bpy.data.filepath
    separate()


def before_saving() -> None:
    """Have every scene in the file with its key; the path is that of the file which the keys were made for."""
    separate()
    for scene in _own_scenes():
        key(scene)
        scene.acetate.file = bpy.data.filepath


def renew() -> dict[str, str]:
    """The file was saved under another name: new keys for its scenes, by the old ones."""
    renewed = {}
    for scene in _own_scenes():
        renewed[scene.acetate.key] = scene.acetate.key = _keys[scene.name] = uuid.uuid4().hex
    return renewed


def separate() -> None:
    """Give copies of scenes and of planes keys of their own; the first one, by name, keeps its key."""
    known: set[str] = set()
    for scene in sorted(_own_scenes(), key=lambda scene: _keys.get(scene.name) != scene.acetate.key):
        if scene.acetate.key in known:
            scene.acetate.key, scene.acetate.jobs = uuid.uuid4().hex, ""
            _keys[scene.name] = scene.acetate.key
        if scene.acetate.key:
            known.add(scene.acetate.key)
    layers: dict[str, bpy.types.Object] = {}
    for obj in sorted({obj for scene in _own_scenes() for obj in plane.planes(scene)}, key=lambda obj: str(obj.name)):
        if layers.setdefault(obj.acetate.layer, obj) != obj and obj.library is None:
            obj.acetate.layer = str(uuid.uuid4())


def is_another_file(path: str) -> bool:
    """Whether this path is that of a file other than the open one."""
    if not path or not Path(path).is_file():
        return False
    return not bpy.data.filepath or not Path(path).samefile(bpy.data.filepath)


def scene_of(job: SceneJob) -> bpy.types.Scene | None:
    """The scene that asked for a job, if it is in the open file."""
    return next((scene for scene in bpy.data.scenes if scene.acetate.key == job.key), None)


def owner(job: SceneJob) -> bpy.types.Scene | None:
    """The scene of the open file that a job of an earlier time belongs to.

    That is the one with its key, unless the job's file is another one that is still there. In a file that was saved
    without keys it is the scene of its name.
    """
    if is_another_file(job.file):
        return None
    found = scene_of(job)
    if found is None and job.file and not Path(job.file).is_file():
        return None
    return found or (bpy.data.scenes.get(job.scene) if job.file else None)


def adopt(job: SceneJob, scene: bpy.types.Scene) -> None:
    """The job belongs to this scene from now on."""
    if not scene.acetate.key and scene_of(job) is None:
        scene.acetate.key = job.key
    job.key, job.scene, job.file = key(scene), scene.name, bpy.data.filepath


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
        found = [SceneJob.from_map(entry) for entry in json.loads(scene.acetate.jobs or "[]")]
    except (ValueError, TypeError, KeyError):
        return []
    for job in found:
        job.key = scene.acetate.key or job.key
    return found


def _own_scenes() -> list[bpy.types.Scene]:
    """The scenes of the open file, without those that are linked from other files."""
    return [scene for scene in bpy.data.scenes if scene.library is None]
