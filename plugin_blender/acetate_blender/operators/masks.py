# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that paint a mask for Inpaint and Remove, and for an element that grows along its outline."""

from __future__ import annotations

from typing import Any

from acetate_editor.messages import mark
from acetate_wire.element import ELEMENTS

from ..capture.targets import open_image
from ..daemon_connection import session
from ..insert import masks, plane
from .base import operator


def _in_image_editor(context: Any) -> bool:
    return getattr(context.space_data, "type", "") == "IMAGE_EDITOR" and open_image(context) is not None


def _has_picture(obj: Any) -> bool:
    return plane.is_plane(obj) and plane.image_of(obj) is not None


@operator(
    "paint_mask",
    name="Paint Mask",
    description="Paint over what is to be drawn anew, or cleared away, of the selected layer or the open image",
    needs=(
        lambda context: _in_image_editor(context) or _has_picture(context.active_object),
        mark("Select a layer first, or open an image in the image editor"),
    ),
)
def paint_mask(self: Any, context: Any) -> None:
    """Begin to paint, and have the panel ask for what a mask is for."""
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


@operator(
    "finish_mask",
    name="Finish Mask",
    description="Go back to Object Mode; the mask stays",
    needs=(lambda context: context.scene.acetate.painted_over, mark("No mask is being painted")),
)
def finish_mask(self: Any, context: Any) -> bool:
    """End painting."""
    return masks.end(context.scene)
