# SPDX-License-Identifier: GPL-3.0-or-later
"""All layers of the scene, from the nearest to the farthest."""

from __future__ import annotations

from typing import Any

import bpy

from ..i18n import tr
from ..insert import collections, plane
from .wrapped_label import wrapped_label

ROWS = 4


class ACETATE_UL_layers(bpy.types.UIList):
    """A line a layer: eye, name, depth, solo."""

    bl_idname = "ACETATE_UL_layers"

    def draw_item(
        self, context: Any, layout: Any, data: Any, item: Any, icon: int, active: Any, active_name: str, index: int
    ) -> None:
        obj = plane.named(context.scene, item.name)
        if obj is None:
            layout.label(text=item.name, translate=False)
            return
        hidden = plane.is_hidden(obj, context.scene)
        row = layout.row(align=True)
        eye = row.row(align=True)
        eye.operator(
            "acetate.toggle_layer", text="", icon="HIDE_ON" if hidden else "HIDE_OFF", emboss=False
        ).layer = obj.name
        told = row.split(factor=0.52, align=True)
        told.active = not hidden
        told.prop(obj, "name", text="", emboss=False)
        told.prop(obj.acetate, "depth", text="", emboss=False)
        alone = context.scene.acetate.solo == obj.name
        row.operator(
            "acetate.solo_layer", text="", icon="SOLO_ON" if alone else "SOLO_OFF", emboss=False
        ).layer = obj.name


class Layers:
    """The list, and what brings a layer before or behind others."""

    bl_label = "Layers"
    inside = "acetate"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return next(plane.planes(context.scene), None) is not None

    def draw(self, context: Any) -> None:
        layout: Any = self.layout  # type: ignore[attr-defined]
        stored = context.scene.acetate
        for holder in collections.unseen_holders(context.scene):
            box = layout.box()
            text = tr("The collection {name} is excluded or hidden: its layers are there, but not seen")
            wrapped_label(box, text.format(name=holder.name), context.region.width, "HIDE_ON")
            box.operator("acetate.show_collection")
        row = layout.row()
        row.template_list("ACETATE_UL_layers", "", stored, "layers", stored, "layer_index", rows=ROWS, sort_lock=True)
        column = row.column(align=True)
        column.operator("acetate.order_layer", text="", icon="TRIA_UP").to = "NEARER"
        column.operator("acetate.order_layer", text="", icon="TRIA_DOWN").to = "FARTHER"
        column.operator("acetate.order_layer", text="", icon="TRIA_DOWN_BAR").to = "BACK"


PANELS = (Layers,)
LISTS = (ACETATE_UL_layers,)
