# SPDX-License-Identifier: GPL-3.0-or-later
"""The panel that asks for layers."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_editor.elements import TITLE, grouped
from acetate_wire.element import ELEMENTS
from acetate_wire.modes import MODES

from .. import diagnostics, options
from ..capture.targets import selected_plane, worked_on
from ..daemon_connection import session
from ..i18n import tr
from ..insert import plane
from ..operators.generate import why_not
from . import elements, progress, prompts
from .wrapped_label import wrapped_label

MODE_ICONS = {mode[0]: mode[3] for mode in options.MODES}
MODE_NAMES = {mode[0]: mode[1] for mode in options.MODES}
VERBS = {
    "text": "Generate",
    "refine": "Refine",
    "inpaint": "Fill",
    "remove": "Remove",
    "scene": "Generate Scene",
    "background": "Generate Background",
    "foreground": "Generate Foreground",
    "extract": "Extract",
    "split": "Split",
}
"""What the button does, by mode."""


class Acetate:
    """Prompt, mode, target, the button and what it is doing; above them what is not in order."""

    bl_label = "Acetate"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout  # type: ignore[attr-defined]
        settings = context.scene.acetate.settings
        width = context.region.width
        _troubles(layout, context)
        prompts.draw(layout, settings, width)
        _worked_on(layout, context)
        layout.use_property_split = True
        layout.use_property_decorate = False
        _model_and_mode(layout, settings, width)
        if settings.model == ELEMENTS:
            elements.draw(layout, context, settings)
        else:
            elements.draw_offer(layout, settings)
        _inputs(layout, context, settings)
        _target(layout, settings)
        column = layout.column(align=True)
        column.prop(settings, "layers" if MODES[settings.mode].splits else "count")
        row = column.row(align=True)
        row.prop(settings, "random_seed", text="Random Seed") if settings.random_seed else row.prop(settings, "seed")
        if not settings.random_seed:
            row.prop(settings, "random_seed", text="", icon="FILE_REFRESH", toggle=True)
        column = layout.column(align=True)
        row = column.row(align=True)
        row.scale_y = 1.6
        row.enabled = not why_not(context)
        row.operator_context = "EXEC_DEFAULT"
        row.operator("acetate.generate", text=tr(VERBS[settings.mode]), icon="OUTLINER_OB_IMAGE", translate=False)
        row.operator_context = "INVOKE_DEFAULT"
        row.operator("acetate.generate_sequence", text="", icon="RENDER_ANIMATION")
        progress.draw(column, context.scene)


class Place:
    """Where finished layers go."""

    bl_label = "Placement"
    bl_options = {"DEFAULT_CLOSED"}
    inside = "acetate"

    def draw(self, context: Any) -> None:
        layout, settings = _columns(self), context.scene.acetate.settings
        layout.prop(settings, "place")
        column = layout.column(align=True)
        for name in ("depth", "distance", "gap") if settings.place == "CAMERA" else ():
            column.prop(settings, name)
        if settings.place in ("CURSOR", "REFERENCE"):
            column.prop(settings, "height")
        if settings.place == "SURFACE":
            column.prop_search(settings, "surface", context.scene, "objects")
        if settings.place in ("CAMERA", "CURSOR", "SURFACE"):
            layout.prop(settings, "shading")
        if settings.place not in ("TEXTURE", "IMAGE"):
            layout.prop(context.scene.acetate, "collection")
        if settings.count > 1:
            layout.prop(settings, "variants", expand=True)


class More:
    """All other settings, which may stay as they are."""

    bl_label = "More"
    bl_options = {"DEFAULT_CLOSED"}
    inside = "acetate"

    def draw(self, context: Any) -> None:
        layout, settings = _columns(self), context.scene.acetate.settings
        if settings.model == ELEMENTS:
            layout.label(text="An element has its own sliders")
            return
        layout.prop(settings, "negative")
        column = layout.column(align=True)
        column.prop(settings, "steps")
        column.prop(settings, "guidance")
        _choice(column, "Sampler", "ACETATE_MT_sampler", settings.sampler or tr("Model's Own"))
        if session.clip_layers(settings.model):
            column.prop(settings, "clip_skip")
        column.prop(settings, "passes")
        column = layout.column(align=True)
        if MODES[settings.mode].takes_strength:
            column.prop(settings, "strength")
        if settings.mode == "refine":
            column.prop(settings, "keep_matte")
        column.prop(settings, "transparency_weight")
        if not MODES[settings.mode].splits:
            column.prop(settings, "detail")
        if "layer" not in MODES[settings.mode].outputs:  # Several layers look at each other while they are drawn.
            column.prop(settings, "stop_at")
        if set(session.controls(settings.model)) & set(options.CONTROLS):
            column = layout.column(align=True)
            column.prop(settings, "control")
            if settings.control != "none":
                column.prop(settings, "control_weight")


def _columns(panel: Any) -> Any:
    """The panel's layout, with labels before their properties."""
    panel.layout.use_property_split = True
    panel.layout.use_property_decorate = False
    return panel.layout


def _set_button(layout: Any, name: str, value: str, text: str, icon: str = "NONE") -> None:
    """A button that sets a text among the panel's settings."""
    button = layout.operator("wm.context_set_string", text=text, icon=icon, translate=False)
    button.data_path, button.value = f"scene.acetate.settings.{name}", value


class ACETATE_MT_model(bpy.types.Menu):
    bl_idname = "ACETATE_MT_model"
    bl_label = "Model"

    def draw(self, context: Any) -> None:
        networks, formulas = grouped(session.models)
        for name in formulas:
            _set_button(self.layout, "model", name, tr(TITLE), elements.ICON)
        self.layout.separator()
        for model in map(session.model, networks):
            row = self.layout.row()
            row.enabled = not model.get("missing")
            detail = tr("not on this computer") if model.get("missing") else f"{model['native_size']} px"
            text = f"{model['name']}  ({detail})"
            row.operator("acetate.choose_model", text=text, translate=False).model = model["name"]


class ACETATE_MT_sampler(bpy.types.Menu):
    bl_idname = "ACETATE_MT_sampler"
    bl_label = "Sampler"

    def draw(self, context: Any) -> None:
        for name in ("", *session.samplers(context.scene.acetate.settings.model)):
            _set_button(self.layout, "sampler", name, name or tr("Model's Own"))


class ACETATE_MT_mode(bpy.types.Menu):
    bl_idname = "ACETATE_MT_mode"
    bl_label = "Mode"

    def draw(self, context: Any) -> None:
        settings = context.scene.acetate.settings
        for mode in session.modes(settings.model):
            if mode in MODE_ICONS:
                self.layout.prop_enum(settings, "mode", mode)


def _troubles(layout: Any, context: Any) -> None:
    width = context.region.width
    for trouble in diagnostics.of(context.scene):
        box = layout.box()
        wrapped_label(box, trouble.text, width, _icon(trouble))
        column = box.column(align=True)
        for fix in trouble.fixes:
            column.operator("acetate.fix", text=fix.label, translate=False).trouble = fix.name
    if context.space_data.type == "VIEW_3D" and _is_grey(context.space_data.shading, context.scene):
        box = layout.box()
        wrapped_label(box, tr("Solid view shows grey boards instead of the pictures"), width, "SHADING_SOLID")
        row = box.row(align=True)
        row.operator("acetate.show_colours", text="Show in Solid").shading = "SOLID"
        row.operator("acetate.show_colours", text="Material Preview").shading = "MATERIAL"


def _icon(trouble: diagnostics.Issue) -> str:
    return "ERROR" if trouble.fixes else "TIME"


def _is_grey(shading: Any, scene: Any) -> bool:
    if shading.type != "SOLID" or shading.color_type == "TEXTURE":
        return False
    return any(not obj.hide_render for obj in plane.planes(scene))


def _model_and_mode(layout: Any, settings: Any, width: int) -> None:
    column = layout.column(align=True)
    offered = session.modes(settings.model)
    row = column.split(factor=0.4, align=True)
    row.alignment = "RIGHT"
    row.label(text="Mode")
    name = MODE_NAMES[settings.mode]
    row.menu("ACETATE_MT_mode", text=name, icon=MODE_ICONS[settings.mode])
    if len(session.models) > 1:
        shown = tr(TITLE) if settings.model == ELEMENTS else settings.model
        _choice(column, "Model", "ACETATE_MT_model", shown)
    if settings.mode not in offered:
        wrapped_label(layout, tr("This model cannot do this: choose another mode or model"), width, "ERROR")


def _choice(layout: Any, label: str, menu: str, shown: str) -> None:
    """A menu that looks like a property among properties."""
    row = layout.split(factor=0.4, align=True)
    row.alignment = "RIGHT"
    row.label(text=label)
    row.menu(menu, text=shown, translate=False)


def _inputs(layout: Any, context: Any, settings: Any) -> None:
    roles = elements.roles(settings)
    primary = options.primary_role(settings.mode, settings.known)
    if settings.mode == "extract":
        layout.prop(settings, "known")
    for role in roles:
        column = layout.column(align=True)
        column.prop(settings, f"{role}_from")
        source = getattr(settings, f"{role}_from")
        if source == "PLANE":
            column.prop_search(settings, f"{role}_name", context.scene.acetate, "layers", text="")
            selected = selected_plane(context.scene)
            if not getattr(settings, f"{role}_name") and selected is not None and role == primary:
                row = column.row()
                row.active = False
                row.label(text=tr("Selected: {name}").format(name=selected.name), translate=False)
        elif source == "IMAGE":
            column.prop_search(settings, f"{role}_name", bpy.data, "images", text="")
        if role == "mask":
            painting = bool(context.scene.acetate.painted_over)
            column.operator(
                "acetate.finish_mask" if painting else "acetate.paint_mask",
                icon="CHECKMARK" if painting else "BRUSH_DATA",
            )


def _target(layout: Any, settings: Any) -> None:
    column = layout.column(align=True)
    column.prop(settings, "target")
    if settings.target == "CUSTOM":
        for name in ("target_x", "target_y", "target_width", "target_height"):
            column.prop(settings, name)
    if settings.mode == "text" and settings.target not in ("AUTO", "SQUARE"):
        column.prop(settings, "fill")


def _worked_on(layout: Any, context: Any) -> None:
    column = layout.column()
    column.active = False
    wrapped_label(column, worked_on(context), context.region.width)


PANELS = (Acetate,)
LATER_PANELS = (Place, More)
"""What comes below the jobs and the selected layer."""
MENUS = (*elements.MENUS, ACETATE_MT_model, ACETATE_MT_mode, ACETATE_MT_sampler)
