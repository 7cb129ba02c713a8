# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of a scene as a list, from the nearest to the farthest: their depth, their order, which one is alone."""

from __future__ import annotations

from typing import Any

import bpy

from . import plane, stack


def camera_of(scene: Any, obj: Any) -> Any | None:
    """The camera that a plane's depth counts from: its own, else the scene's."""
    return plane.camera_of(scene, obj) or scene.camera


def depth(obj: Any) -> float:
    """How far before its camera a plane stands, in metres; 0 without a camera."""
    camera = camera_of(bpy.context.scene, obj)
    return 0.0 if camera is None else plane.depth_of(obj, camera)


def set_depth(obj: Any, metres: float) -> None:
    """Bring a plane there; its picture stays as it is seen."""
    camera = camera_of(bpy.context.scene, obj)
    if camera is not None:
        plane.move_to_depth(obj, camera, metres)


def nearest_first(scene: Any) -> list[Any]:
    """The planes of a scene in the order of the list."""
    cameras = [(obj, camera_of(scene, obj)) for obj in plane.planes(scene)]
    far = float("inf")
    found = [(far if camera is None else plane.depth_of(obj, camera), obj.name, obj) for obj, camera in cameras]
    return [obj for _, _, obj in sorted(found, key=lambda entry: entry[:2])]


def refresh(scene: Any) -> bool:
    """Bring the list of a scene up to date; whether it is different now."""
    if scene.library is not None:
        return False
    names, listed = [obj.name for obj in nearest_first(scene)], scene.acetate.layers
    if names == [entry.name for entry in listed]:
        return False
    listed.clear()
    for name in names:
        listed.add().name = name
    return True


def active(scene: Any) -> int:
    """The place of the active object in the list; -1 where it is not in it."""
    obj = bpy.context.view_layer.objects.active
    names = [entry.name for entry in scene.acetate.layers]
    return names.index(obj.name) if plane.is_plane(obj) and obj.name in names else -1


def choose(scene: Any, index: int) -> None:
    """Select the layer at that place of the list."""
    obj = plane.named(scene, scene.acetate.layers[index].name)
    if obj is not None:
        plane.select([obj], scene)


def exchange(scene: Any, obj: Any, nearer: bool) -> bool:
    """Let a layer and the next shown one before it (or behind it) take each other's depth; False where none is."""
    shown = [other for other in nearest_first(scene) if other == obj or not plane.is_hidden(other, scene)]
    place = shown.index(obj) + (-1 if nearer else 1)
    if not 0 <= place < len(shown):
        return False
    other = shown[place]
    one, two = depth(obj), depth(other)
    set_depth(obj, two)
    set_depth(other, one)
    return True


def send_to_back(scene: Any, obj: Any, gap: float) -> None:
    """Let a layer stand behind all others, by the share `gap` of its distance."""
    others = [depth(other) for other in plane.planes(scene) if other != obj and not plane.is_hidden(other, scene)]
    set_depth(obj, stack.depths(1, others, distance=depth(obj), gap=gap, where=stack.BEHIND_ALL)[0])


def show_alone(scene: Any, obj: Any) -> None:
    """Hide all other layers; done again with the same one, show again those that were seen before."""
    stored = scene.acetate
    ends = stored.solo == obj.name
    if not stored.solo:
        for other in plane.planes(scene):
            other.acetate.before_solo = not plane.is_hidden(other, scene)
    for other in plane.planes(scene):
        plane.set_hidden(other, scene, not (other.acetate.before_solo if ends else other == obj))
    stored.solo = "" if ends else obj.name
