# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the list of layers: eye, solo, order."""

from __future__ import annotations

from typing import Any, Callable

import bpy
from acetate_editor.messages import mark
from bpy.props import EnumProperty, StringProperty

from ..i18n import tr
from ..insert import collections, layer_list, plane
from .base import CHANGES, allowed, attempt, listed, operator

LAYER = StringProperty(name="Layer", description="The layer's object; empty for the active one", options={"SKIP_SAVE"})
PLACES = (
    ("NEARER", "Nearer", "Before the next layer; the two take each other's depth"),
    ("FARTHER", "Farther", "Behind the next layer; the two take each other's depth"),
    ("BACK", "Behind Everything", "Behind all other layers"),
)
"""Where a layer can be brought: as Blender lists choices."""


NEEDS_LAYERS = (lambda context: next(plane.planes(context.scene), None), mark("There are no layers in this scene"))


def _on_layer(self: Any, context: Any, act: Callable[[Any, Any], object]) -> object:
    """Do something to a scene's layer, the named one, else the active object; what that answers."""
    obj = plane.named(context.scene, self.layer) if self.layer else context.active_object
    if not plane.is_plane(obj):
        self.report({"ERROR"}, tr("Select a layer first"))
        return False
    context.view_layer.update()
    done = act(context.scene, obj)
    context.view_layer.update()
    layer_list.refresh(context.scene)
    return done


@operator(
    "toggle_layer",
    name="Show or Hide Layer",
    description="Show or hide this layer, in the viewport and in renders",
    needs=NEEDS_LAYERS,
    layer=LAYER,
)
def toggle_layer(self: Any, context: Any) -> object:
    """Show it where it is hidden, else hide it."""
    return _on_layer(self, context, lambda scene, obj: plane.set_hidden(obj, scene, not plane.is_hidden(obj, scene)))


@operator(
    "solo_layer",
    name="Solo Layer",
    description="Show only this layer; again, to show what was seen before",
    needs=NEEDS_LAYERS,
    layer=LAYER,
)
def solo_layer(self: Any, context: Any) -> object:
    """Hide all others, or show them again."""
    return _on_layer(self, context, layer_list.show_alone)


@listed(layer=LAYER, to=EnumProperty(name="To", items=PLACES))
class ACETATE_OT_order_layer(bpy.types.Operator):
    bl_idname = "acetate.order_layer"
    bl_label = "Reorder Layer"
    bl_description = "Bring a layer before or behind others; its picture stays as it is seen"
    bl_options = CHANGES

    @classmethod
    def poll(cls, context: Any) -> bool:
        return allowed(cls, context, *NEEDS_LAYERS)

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        return tr(next(words for place, _name, words in PLACES if place == properties.to))

    def execute(self, context: Any) -> set[str]:
        return attempt(self, lambda: _on_layer(self, context, self._order))

    def _order(self, scene: Any, obj: Any) -> object:
        if self.to == "BACK":
            layer_list.send_to_back(scene, obj, scene.acetate.settings.gap)
            return True
        return layer_list.exchange(scene, obj, self.to == "NEARER")


@operator(
    "show_collection",
    name="Show Collection",
    description="Let the collection of the layers be seen, in the viewport and in renders",
)
def show_collection(self: Any, context: Any) -> None:
    """Show every collection whose layers are not seen."""
    for holder in collections.unseen_holders(context.scene):
        collections.show(context.scene, holder)
