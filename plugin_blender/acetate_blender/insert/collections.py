# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection that holds a scene's layers: the scene's own, never one that is linked from another file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import bpy

from . import plane

NAME = "Acetate"
"""What a scene's collection of layers is called when it is made."""


def existing(scene: Any, name: str) -> Any | None:
    """The collection of that name in the scene; for an empty name the one that is chosen, else the first one made.

    Blender adds a number to a name that another scene's collection has; that counts as the same name.
    """
    inside = [scene.collection, *scene.collection.children_recursive]
    usable = [each for each in inside if each.library is None and each.override_library is None]
    if not name and scene.acetate.collection in usable:
        return scene.acetate.collection
    wanted = name or NAME
    numbered = re.compile(re.escape(wanted) + r"\.\d{3,}")
    exact = (each for each in usable if each.name == wanted)
    return next(exact, None) or next((each for each in usable if numbered.fullmatch(each.name)), None)


def made(scene: Any, name: str) -> Any:
    """The `existing` collection, or a new one inside the scene; the scene remembers it where none was named."""
    found = existing(scene, name)
    if found is None:
        found = bpy.data.collections.new(name or NAME)
        scene.collection.children.link(found)
    if not name:
        scene.acetate.collection = found
    return found


def is_unseen(scene: Any, collection: Any) -> bool:
    """Whether what is in the collection is not seen: excluded, or hidden in the viewport or the render."""
    ways = list(_ways(_view_layer(scene).layer_collection, collection))
    return not any(all(_shows(step) for step in way) for way in ways)


def unseen_holders(scene: Any) -> list[Any]:
    """The collections of the scene's layers that are not seen, of layers that are in no other one."""
    found = {}
    for obj in plane.planes(scene):
        holders = obj.users_collection
        if not any(holder.name in found for holder in holders) and all(is_unseen(scene, one) for one in holders):
            found.update({holder.name: holder for holder in holders})
    return list(found.values())


def show(scene: Any, collection: Any) -> None:
    """Let what is in the collection be seen, in the viewport and in the render."""
    for way in _ways(_view_layer(scene).layer_collection, collection):
        for step in way:
            if step.collection != scene.collection:
                step.exclude = False
                step.collection.hide_render = step.collection.hide_viewport = False
            step.hide_viewport = False


def _shows(step: Any) -> bool:
    hidden = step.hide_viewport or step.collection.hide_viewport or step.collection.hide_render
    return not (step.exclude or hidden)


def _ways(step: Any, collection: Any) -> Iterator[list[Any]]:
    """Each way through the outliner from there to the collection."""
    if step.collection == collection:
        yield [step]
    for child in step.children:
        for way in _ways(child, collection):
            yield [step, *way]


def _view_layer(scene: Any) -> Any:
    return bpy.context.view_layer if bpy.context.scene == scene else scene.view_layers[0]
