# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on planes: edit again, fit again, use the settings again."""

from __future__ import annotations

import json
from typing import Any

import bpy
from acetate_wire.errors import AcetateError
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from .. import options
from ..bpy_props import fields
from ..capture.request_builder import build_request
from ..i18n import tr
from ..insert import insert_layers, plane
from .generate import DIALOG_WIDTH, chosen_settings, start
from .jobs import JOB, job_of
from .reporting import refuse

EDITS = {"refine": "layer", "background": "foreground", "foreground": "background"}
"""For each mode, which role the selected layer has."""


@fields(
    kind=EnumProperty(
        name="Edit",
        items=(
            ("refine", "Refine", "Draw this layer anew, near to what it is; the new one takes its place"),
            ("background", "Background for This", "A background that suits this layer, placed behind it"),
            ("foreground", "Foreground for This", "A foreground that suits this layer, placed in front of it"),
        ),
    ),
    prompt=StringProperty(name="Prompt", description="What the new layer shows"),
    strength=FloatProperty(
        name="Strength",
        description="How far from the given layer to go: 0 keeps it, 1 draws it all anew",
        default=0.6,
        min=0.0,
        max=1.0,
        subtype="FACTOR",
    ),
    count=IntProperty(name="Count", description="How many variants", default=1, min=1, max=8),
    seed=IntProperty(name="Seed", description="-1 for a new one", default=-1, min=-1),
    wait=FloatProperty(name="Wait", min=0.0, options={"HIDDEN", "SKIP_SAVE"}),
)
class ACETATE_OT_edit(bpy.types.Operator):
    bl_idname = "acetate.edit"
    bl_label = "Edit Layer Again"
    bl_description = "Make another layer out of the selected one"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        cls.poll_message_set(tr("Select a layer first"))
        return plane.is_plane(context.active_object)

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        said = {
            "refine": "Draw this layer anew, near to what it is; the new one takes its place",
            "background": "A background that suits this layer, placed behind it",
            "foreground": "A foreground that suits this layer, placed in front of it",
        }
        return tr(said[properties.kind])

    def invoke(self, context: Any, event: Any) -> set[str]:
        if not self.properties.is_property_set("prompt"):
            made_with = settings_of(context.active_object)
            self.prompt = made_with.get("prompt", "") if self.kind == "refine" else ""
        return set(context.window_manager.invoke_props_dialog(self, width=DIALOG_WIDTH))

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "prompt")
        if self.kind == "refine":
            layout.prop(self, "strength")
        layout.prop(self, "count")

    def execute(self, context: Any) -> set[str]:
        obj = context.active_object
        role = EDITS[self.kind]
        made_with = settings_of(obj)
        prompt = self.prompt or (made_with.get("prompt", "") if self.kind == "refine" else "")
        wanted = {
            **chosen_settings(context.scene),
            "mode": self.kind,
            "model": made_with.get("model") or context.scene.acetate.settings.model,
            "prompt": prompt,
            "strength": self.strength,
            "count": self.count,
            "random_seed": self.seed < 0,
            "seed": max(0, self.seed),
            "target": "AUTO",
            f"{role}_from": "PLANE",
            f"{role}_name": obj.name,
            "control": "none",
        }
        if obj.acetate.camera or self.kind in options.CHANGES:
            wanted["place"] = "CAMERA"
        try:
            request = build_request(context.scene, wanted)
        except AcetateError as error:
            return refuse(self, error)
        return start(self, context.scene, request, self.wait)


class ACETATE_OT_fit(bpy.types.Operator):
    bl_idname = "acetate.fit"
    bl_label = "Fit to Camera"
    bl_description = (
        "Let the selected layers fill their part of the camera's frame again, at the depth where they stand"
    )
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        cls.poll_message_set(tr("Select a layer first"))
        return any(plane.is_plane(obj) for obj in context.selected_objects)

    def execute(self, context: Any) -> set[str]:
        context.view_layer.update()
        try:
            for obj in context.selected_objects:
                if plane.is_plane(obj):
                    insert_layers.fit(context.scene, obj)
        except AcetateError as error:
            return refuse(self, error)
        return {"FINISHED"}


@fields(job=JOB)
class ACETATE_OT_use_settings(bpy.types.Operator):
    bl_idname = "acetate.use_settings"
    bl_label = "Use These Settings"
    bl_description = "Take the prompt and all settings of this layer into the panel, its seed too"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        try:
            values = _of_job(self) if self.job else settings_of(context.active_object)
        except AcetateError as error:
            return refuse(self, error)
        settings = context.scene.acetate.settings
        for name in ("prompt", "mode", "model", "negative", "count", "strength", "transparency_weight"):
            if name in values:
                setattr(settings, name, values[name])
        settings.steps, settings.guidance = values.get("steps") or 0, values.get("guidance") or 0.0
        settings.stop_at, settings.detail = values.get("stop_at") or 0.0, values.get("detail") or 0.0
        settings.sampler = values.get("sampler") or ""
        settings.passes = str(values.get("passes") or 0)
        settings.fill = bool(values.get("fill"))
        seed = values.get("seed")
        if seed is not None and seed < 2**31:
            settings.random_seed, settings.seed = False, seed
        return {"FINISHED"}


def settings_of(obj: Any) -> dict[str, Any]:
    """The settings that made a plane; empty for other objects."""
    if not plane.is_plane(obj):
        return {}
    try:
        found = json.loads(obj.acetate.made_with or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _of_job(operator: Any) -> dict[str, Any]:
    job = job_of(operator)
    return {**job.request, "seed": job.seed}


CLASSES = (ACETATE_OT_edit, ACETATE_OT_fit, ACETATE_OT_use_settings)
