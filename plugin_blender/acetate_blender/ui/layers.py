# SPDX-License-Identifier: GPL-3.0-or-later
"""The selected layer: where it comes from, and what can be made of it."""

from __future__ import annotations

from typing import Any

from ..daemon_connection import session
from ..i18n import tr
from ..insert import plane
from ..operators.layers import EDIT_ICONS, EDITS, KINDS, settings_of
from . import thumbnails
from .wrapped_label import lines, warn, wrapped_label

SHOWN = (("mode", "Mode"), ("model", "Model"), ("seed", "Seed"), ("steps", "Steps"), ("guidance", "Guidance"))


class Layer:
    """The active plane's origin and its next steps."""

    bl_label = "Selected Layer"
    inside = "acetate"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return plane.is_plane(context.active_object)

    def draw(self, context: Any) -> None:
        layout: Any = self.layout  # type: ignore[attr-defined]
        obj = context.active_object
        made_with = settings_of(obj)
        row = layout.row()
        image = plane.image_of(obj)
        if image is not None:
            row.template_icon(thumbnails.of_image(image), scale=3.5)
        column = row.column(align=True)
        column.scale_y = 0.8
        for line in lines(str(made_with.get("prompt") or obj.name), context.region.width - 160)[:4]:
            column.label(text=line, translate=False)
        warn(layout, made_with.get("warnings") or (), context.region.width)
        column = layout.column(align=True)
        offered = session.modes(str(made_with.get("model", "")))
        for kind, name, _words in KINDS:
            row = column.row(align=True)
            row.enabled = kind in offered
            row.operator("acetate.edit", text=name, icon=EDIT_ICONS[kind]).kind = kind
        column.operator("acetate.paint_mask", icon="BRUSH_DATA")
        if not set(EDITS) <= set(offered):
            wrapped_label(layout, tr("What is grey, this model cannot do"), context.region.width, "INFO")
        _details(layout, made_with)
        column = layout.column(align=True)
        column.operator("acetate.use_settings", icon="COPYDOWN")
        if obj.acetate.camera:
            column.operator("acetate.fit", icon="CAMERA_DATA")


def _details(layout: Any, made_with: Any) -> None:
    column = layout.column(align=True)
    column.scale_y = 0.8
    column.active = False
    for name, label in SHOWN:
        if made_with.get(name) not in (None, ""):
            row = column.split(factor=0.4)
            row.alignment = "RIGHT"
            row.label(text=label)
            row.label(text=tr(str(made_with[name])), translate=False)


PANELS = (Layer,)
