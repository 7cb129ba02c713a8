# SPDX-License-Identifier: GPL-3.0-or-later
"""Masks that the artist paints over a layer: an image of its size, shown on a plane just before it.

The plane is there only while one paints, and is never rendered. What is painted, in whatever colour, is inside.
"""

from __future__ import annotations

from typing import Any

import bpy

from . import layer_list, material, plane

PAINT = (0.9, 0.1, 0.2)
"""The colour that a mask is painted in: seen on most pictures."""


def image_for(name: str, size: tuple[int, int]) -> Any:
    """The mask of that name and size, clear when it is new."""
    found = bpy.data.images.get(name)
    if found is None or tuple(found.size) != size:
        found = bpy.data.images.new(name, *size, alpha=True)
        found.generated_color = (0.0, 0.0, 0.0, 0.0)
        found.alpha_mode = "STRAIGHT"
        found.use_fake_user = True
    return found


def name_of(obj: Any) -> str:
    """What the mask of a layer, or of an image, is called."""
    return f"{obj.name} mask"


def begin(scene: Any, obj: Any) -> Any:
    """Go over to painting the mask of a plane in the 3D viewport; returns the mask's image."""
    end(scene)
    picture: Any = plane.image_of(obj)
    image = image_for(name_of(obj), tuple(picture.size))
    mesh = obj.data.copy()
    mesh.materials.clear()
    mesh.materials.append(material.make(image.name, image, material.SHADELESS))
    over = bpy.data.objects.new(image.name, mesh)
    obj.users_collection[0].objects.link(over)
    over.matrix_world = obj.matrix_world
    over.hide_render = True
    material.without_light(over)
    camera = layer_list.camera_of(scene, obj)
    if camera is not None:
        plane.move_to_depth(over, camera, plane.depth_of(obj, camera) * (1 - plane.STEP_SHARE))
    scene.acetate.painted_over, scene.acetate.painted_layer = over.name, obj.name
    bpy.context.view_layer.update()  # Only then it is among the view layer's objects.
    plane.select([over], scene)
    bpy.ops.object.mode_set(mode="TEXTURE_PAINT")
    paint = scene.tool_settings.image_paint
    paint.mode = "MATERIAL"
    use_colour(scene)
    return image


def use_colour(scene: Any) -> None:
    """Let brushes paint in the mask's colour."""
    paint = scene.tool_settings.image_paint
    shared = getattr(paint, "unified_paint_settings", None) or scene.tool_settings.unified_paint_settings
    if shared.use_unified_color:
        shared.color = PAINT
    elif paint.brush is not None:
        paint.brush.color = PAINT


def end(scene: Any) -> bool:
    """Go back to Object Mode with the layer selected; the mask's image stays. Whether a mask was being painted."""
    stored = scene.acetate
    over = scene.objects.get(stored.painted_over) if stored.painted_over else None
    layer, stored.painted_over, stored.painted_layer = stored.painted_layer, "", ""
    if over is None:
        return False
    if bpy.context.mode != "OBJECT":
        bpy.ops.object.mode_set(mode="OBJECT")
    image = plane.image_of(over)
    if image is not None and image.is_dirty:
        image.pack()  # A painted image that is not packed is lost with the session.
    used, mesh = over.active_material, over.data
    bpy.data.objects.remove(over)
    bpy.data.meshes.remove(mesh)
    bpy.data.materials.remove(used)
    bpy.context.view_layer.update()
    obj = plane.named(scene, layer)
    if obj is not None:
        plane.select([obj], scene)
    return True
