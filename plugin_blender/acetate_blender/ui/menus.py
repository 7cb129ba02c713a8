# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries in Blender's own menus, by which the menu search (F3) finds what can be done."""

from __future__ import annotations

from typing import Any

import bpy

from ..i18n import tr
from ..insert import plane
from ..operators.layers import EDIT_ICONS, KINDS


class ACETATE_MT_layer(bpy.types.Menu):
    bl_idname = "ACETATE_MT_layer"
    bl_label = "Acetate"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout
        layout.operator_context = "INVOKE_DEFAULT"
        for kind, name, _words in KINDS:
            layout.operator("acetate.edit", text=name, icon=EDIT_ICONS[kind]).kind = kind
        layout.operator("acetate.paint_mask", icon="BRUSH_DATA")
        layout.separator()
        layout.operator("acetate.solo_layer", icon="SOLO_OFF")
        layout.operator("acetate.order_layer", text="Behind Everything", icon="TRIA_DOWN_BAR").to = "BACK"
        layout.operator("acetate.fit", icon="CAMERA_DATA")
        layout.operator("acetate.use_settings", icon="COPYDOWN")


def _add(menu: Any, context: Any) -> None:
    menu.layout.separator()
    _generate(menu.layout)


def _in_image_menu(menu: Any, context: Any) -> None:
    menu.layout.separator()
    _generate(menu.layout)
    menu.layout.operator("acetate.paint_mask", text=tr("Acetate: Paint Mask"), icon="BRUSH_DATA", translate=False)


def _in_context_menu(menu: Any, context: Any) -> None:
    if plane.is_plane(context.active_object):
        menu.layout.separator()
        menu.layout.menu("ACETATE_MT_layer", icon="OUTLINER_OB_IMAGE")


def _in_object_menu(menu: Any, context: Any) -> None:
    menu.layout.separator()
    menu.layout.menu("ACETATE_MT_layer", icon="OUTLINER_OB_IMAGE")


def _generate(layout: Any) -> None:
    layout.operator_context = "INVOKE_DEFAULT"
    text = tr("Acetate: Generate Layers …")
    layout.operator("acetate.generate", text=text, icon="OUTLINER_OB_IMAGE", translate=False)
    text = tr("Acetate: Generate Image Sequence …")
    layout.operator("acetate.generate_sequence", text=text, icon="RENDER_ANIMATION", translate=False)


ENTRIES = (
    ("VIEW3D_MT_image_add", _add),
    ("IMAGE_MT_image", _in_image_menu),
    ("VIEW3D_MT_object_context_menu", _in_context_menu),
    ("VIEW3D_MT_object", _in_object_menu),
)


def register() -> None:
    """Add the entries."""
    bpy.utils.register_class(ACETATE_MT_layer)
    for name, draw in ENTRIES:
        getattr(bpy.types, name).append(draw)


def unregister() -> None:
    """Take them away."""
    for name, draw in ENTRIES:
        getattr(bpy.types, name).remove(draw)
    bpy.utils.unregister_class(ACETATE_MT_layer)
