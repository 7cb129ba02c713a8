# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators of the list of layers: eye, solo, order."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import EnumProperty, StringProperty

from ..bpy_props import fields
from ..i18n import tr
from ..insert import collections, layer_list, plane

LAYER = StringProperty(name="Layer", description="The layer's object; empty for the active one", options={"SKIP_SAVE"})
PLACES = (
    ("NEARER", "Nearer", "Before the next layer; the two take each other's depth"),
    ("FARTHER", "Farther", "Behind the next layer; the two take each other's depth"),
    ("BACK", "Behind Everything", "Behind all other layers"),
)
"""Where a layer can be brought: as Blender lists choices."""


class OnLayer:
    """An operator on one layer: the named one, else the active object."""

    layer: str

    @classmethod
    def poll(cls, context: Any) -> bool:
        """Whether there is any layer."""
        cls.poll_message_set(tr("There are no layers in this scene"))  # type: ignore[attr-defined]
        return next(plane.planes(context.scene), None) is not None

    def execute(self, context: Any) -> set[str]:
        """Do it, where the layer is there."""
        obj = plane.named(context.scene, self.layer) if self.layer else context.active_object
        if not plane.is_plane(obj):
            self.report({"ERROR"}, tr("Select a layer first"))  # type: ignore[attr-defined]
            return {"CANCELLED"}
        context.view_layer.update()
        done = self.act(context.scene, obj)
        context.view_layer.update()
        layer_list.refresh(context.scene)
        return {"FINISHED"} if done else {"CANCELLED"}

    def act(self, scene: Any, obj: Any) -> bool:
        """Do it to this layer; whether anything changed."""
        raise NotImplementedError


@fields(layer=LAYER)
class ACETATE_OT_toggle_layer(OnLayer, bpy.types.Operator):
    bl_idname = "acetate.toggle_layer"
    bl_label = "Show or Hide Layer"
    bl_description = "Show or hide this layer, in the viewport and in renders"
    bl_options = {"REGISTER", "UNDO"}

    def act(self, scene: Any, obj: Any) -> bool:
        plane.set_hidden(obj, scene, not plane.is_hidden(obj, scene))
        return True


@fields(layer=LAYER)
class ACETATE_OT_solo_layer(OnLayer, bpy.types.Operator):
    bl_idname = "acetate.solo_layer"
    bl_label = "Solo Layer"
    bl_description = "Show only this layer; again, to show what was seen before"
    bl_options = {"REGISTER", "UNDO"}

    def act(self, scene: Any, obj: Any) -> bool:
        layer_list.show_alone(scene, obj)
        return True


@fields(layer=LAYER, to=EnumProperty(name="To", items=PLACES))
class ACETATE_OT_order_layer(OnLayer, bpy.types.Operator):
    bl_idname = "acetate.order_layer"
    bl_label = "Reorder Layer"
    bl_description = "Bring a layer before or behind others; its picture stays as it is seen"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        return tr(next(words for place, _name, words in PLACES if place == properties.to))

    def act(self, scene: Any, obj: Any) -> bool:
        if self.to == "BACK":
            layer_list.send_to_back(scene, obj, scene.acetate.settings.gap)
            return True
        return layer_list.exchange(scene, obj, self.to == "NEARER")


class ACETATE_OT_show_collection(bpy.types.Operator):
    bl_idname = "acetate.show_collection"
    bl_label = "Show Collection"
    bl_description = "Let the collection of the layers be seen, in the viewport and in renders"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        for holder in collections.unseen_holders(context.scene):
            collections.show(context.scene, holder)
        return {"FINISHED"}


CLASSES = (ACETATE_OT_toggle_layer, ACETATE_OT_solo_layer, ACETATE_OT_order_layer, ACETATE_OT_show_collection)
