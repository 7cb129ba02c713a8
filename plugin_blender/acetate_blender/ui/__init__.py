# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab "Acetate" in the sidebar of the 3D viewport and of the image editor."""

from __future__ import annotations

import bpy

from . import generate, layer_list, layers, menus, queue, thumbnails

SPACES = ("VIEW_3D", "IMAGE_EDITOR")
PANELS = (
    *generate.PANELS,
    *queue.PANELS,
    *layer_list.PANELS,
    *layers.PANELS,
    *generate.LATER_PANELS,
    *queue.LATER_PANELS,
)
"""From the top to the bottom."""

MENUS = (*generate.MENUS, *layer_list.LISTS)

_made: list[type] = []


def register() -> None:
    """Show the panels."""
    thumbnails.register()
    menus.register()
    for menu in MENUS:
        bpy.utils.register_class(menu)
    for space in SPACES:
        for base in PANELS:
            cls = _in_space(base, space)
            bpy.utils.register_class(cls)
            _made.append(cls)


def unregister() -> None:
    """Take them back."""
    while _made:
        bpy.utils.unregister_class(_made.pop())
    for menu in reversed(MENUS):
        bpy.utils.unregister_class(menu)
    menus.unregister()
    thumbnails.unregister()


def _in_space(base: type, space: str) -> type:
    """The panel of `base` for one kind of editor; Blender wants a class of its own for each."""
    short = "VIEW3D" if space == "VIEW_3D" else "IMAGE"
    name = f"{short}_PT_acetate_{base.__name__.lower()}"
    parent = getattr(base, "inside", "")
    body = {
        "bl_idname": name,
        "bl_space_type": space,
        "bl_region_type": "UI",
        "bl_category": "Acetate",
        **({"bl_parent_id": f"{short}_PT_acetate_{parent}"} if parent else {}),
    }
    return type(name, (base, bpy.types.Panel), body)
