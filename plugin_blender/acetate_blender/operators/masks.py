# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that paint a mask for Inpaint and Remove, and for an element that grows along its outline."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_wire.element import ELEMENTS

from ..capture.targets import open_image
from ..daemon_connection import session
from ..i18n import tr
from ..insert import masks, plane


class ACETATE_OT_paint_mask(bpy.types.Operator):
    bl_idname = "acetate.paint_mask"
    bl_label = "Paint Mask"
    bl_description = "Paint over what is to be drawn anew, or cleared away, of the selected layer or the open image"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        cls.poll_message_set(tr("Select a layer first, or open an image in the image editor"))
        return _in_image_editor(context) or _has_picture(context.active_object)

    def execute(self, context: Any) -> set[str]:
        scene, settings = context.scene, context.scene.acetate.settings
        obj = context.active_object
        if _in_image_editor(context):
            shown = context.space_data.image
            is_layer = _has_picture(obj) and plane.image_of(obj) == shown
            image = masks.image_for(masks.name_of(obj if is_layer else shown), tuple(shown.size))
            settings.layer_from, settings.layer_name = ("PLANE", obj.name) if is_layer else ("IMAGE", shown.name)
            context.space_data.image, context.space_data.ui_mode = image, "PAINT"
            masks.use_colour(scene)
        else:
            context.view_layer.update()
            settings.layer_from, settings.layer_name = "PLANE", obj.name
            image = masks.begin(scene, obj)
            shading = getattr(context.space_data, "shading", None)
            if shading is not None and shading.type == "SOLID":
                shading.color_type = "TEXTURE"
        settings.mask_from, settings.mask_name = "IMAGE", image.name
        offered = session.modes(settings.model)
        along = settings.model == ELEMENTS and settings.along
        if not along and settings.mode not in ("inpaint", "remove") and "inpaint" in (offered or ("inpaint",)):
            settings.mode = "inpaint"
        return {"FINISHED"}


class ACETATE_OT_finish_mask(bpy.types.Operator):
    bl_idname = "acetate.finish_mask"
    bl_label = "Finish Mask"
    bl_description = "Go back to Object Mode; the mask stays"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        cls.poll_message_set(tr("No mask is being painted"))
        return bool(context.scene.acetate.painted_over)

    def execute(self, context: Any) -> set[str]:
        return {"FINISHED"} if masks.end(context.scene) else {"CANCELLED"}


def _in_image_editor(context: Any) -> bool:
    return getattr(context.space_data, "type", "") == "IMAGE_EDITOR" and open_image(context) is not None


def _has_picture(obj: Any) -> bool:
    return plane.is_plane(obj) and plane.image_of(obj) is not None


CLASSES = (ACETATE_OT_paint_mask, ACETATE_OT_finish_mask)
