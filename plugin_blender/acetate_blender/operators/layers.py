# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on planes: edit again, fit again, use the settings again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import bpy
from acetate_editor.messages import mark
from acetate_wire.geometry import square_in
from acetate_wire.modes import MODES
from acetate_wire.request import Rect
from bpy.props import EnumProperty, FloatProperty, IntProperty, StringProperty

from .. import options
from ..capture.request_builder import SEEDS, build_request
from ..daemon_connection import session
from ..i18n import tr
from ..insert import insert_layers, plane, stack
from ..insert.camera import picture_size
from .base import allowed, attempt, listed, operator
from .generate import DIALOG_WIDTH, chosen_settings, start
from .jobs import JOB, job_of

EDITS = {"refine": "layer", "background": "foreground", "foreground": "background"}
"""For each mode, which role the selected layer has."""
EDIT_ICONS = {"refine": "MOD_SMOOTH", "background": "IMAGE_BACKGROUND", "foreground": "IMAGE_REFERENCE"}
KINDS = (
    ("refine", "Refine", "Draw this layer anew, near to what it is; the new one takes its place"),
    ("background", "Background for This", "A background that suits this layer, placed behind it"),
    ("foreground", "Foreground for This", "A foreground that suits this layer, placed in front of it"),
)
"""The edits as Blender lists choices."""
FROM_THE_LAYER = ("negative", "steps", "guidance", "sampler", "clip_skip", "passes", "transparency_weight")
"""What a layer that is made out of another one takes from that, rather than from the panel."""


@listed(
    kind=EnumProperty(name="Edit", items=KINDS),
    prompt=StringProperty(name="Prompt", description="What the new layer shows"),
    strength=options.advanced_props()["strength"],
    count=options.prompt_props()["count"],
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
        return allowed(cls, context, lambda _: plane.is_plane(context.active_object), mark("Select a layer first"))

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        return tr(next(words for kind, _name, words in KINDS if kind == properties.kind))

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
            **{name: restored(context.scene, made_with)[name] for name in FROM_THE_LAYER},
            "mode": self.kind,
            "depth": stack.AUTOMATIC,
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
        return attempt(self, lambda: start(self, context.scene, build_request(context.scene, wanted), self.wait))


@operator(
    "fit",
    name="Fit to Camera",
    description="Let the selected layers fill their part of the camera's frame again, at the depth where they stand",
    needs=(lambda context: any(map(plane.is_plane, context.selected_objects)), mark("Select a layer first")),
)
def fit(self: Any, context: Any) -> None:
    """Fit each selected layer."""
    context.view_layer.update()
    for obj in filter(plane.is_plane, context.selected_objects):
        insert_layers.fit(context.scene, obj)


@operator(
    "use_settings",
    name="Use These Settings",
    description="Take the prompt and all settings of this layer into the panel, its seed too",
    job=JOB,
)
def use_settings(self: Any, context: Any) -> None:
    """Take over those of the job, else of the active layer."""
    if self.job:
        job = job_of(self)
        values = {**job.request, "seed": job.seed}
    else:
        values = {**settings_of(context.active_object), "count": 1}
    for name, value in restored(context.scene, values).items():
        setattr(context.scene.acetate.settings, name, value)


def restored(scene: Any, made_with: Mapping[str, Any]) -> dict[str, Any]:
    """The options that make a layer again, out of what it was made with; the model's own values where it had those."""
    mode, model = made_with.get("mode", "text"), made_with.get("model", "starter")
    found = {"mode": mode, "model": model, "count": made_with.get("count", 1)}
    found.update({name: made_with.get(name) or "" for name in ("prompt", "negative", "sampler")})
    found.update({name: made_with.get(name) or 0 for name in ("steps", "guidance", "clip_skip", "stop_at", "detail")})
    found["transparency_weight"] = made_with.get("transparency_weight", 1.0)
    if MODES[mode].takes_strength:
        found["strength"] = made_with.get("strength", 1.0)
    if MODES[mode].splits:
        found["layers"] = made_with.get("layers") or 0
    if MODES[mode].one_of:
        found["known"] = next(role for role in MODES[mode].one_of if role in made_with.get("inputs", {}))
    control: Mapping[str, Any] = next(iter(made_with.get("controls") or ()), {})
    if control.get("kind", "none") in ("none", *options.CONTROLS):
        found["control"], found["control_weight"] = control.get("kind", "none"), control.get("weight", 1.0)
    prompts = made_with.get("layer_prompts") or {}
    found.update({f"{role}_prompt": prompts.get(role, "") for role in ("foreground", "background")})
    found["passes"] = str(made_with.get("passes") or 0)
    found["fill"] = bool(made_with.get("fill"))
    if "target" in made_with and "canvas" in made_with:
        found.update(_target(scene, mode, model, Rect(*made_with["target"]), tuple(made_with["canvas"])))
    seed = made_with.get("seed")
    if seed is not None and seed < SEEDS:
        found.update({"random_seed": False, "seed": seed})
    return found


def _target(scene: Any, mode: str, model: str, rect: Rect, canvas: tuple[int, int]) -> dict[str, Any]:
    """The target that is the same part of the frame that is rendered now."""
    whole = Rect(0, 0, *canvas)
    if rect == (square_in(whole, session.max_aspect(model)) if mode == "text" else whole):
        return {"target": "AUTO"}
    if rect == whole:
        return {"target": "FRAME"}
    across, down = (now / then for now, then in zip(picture_size(scene), canvas))
    x, y = round(rect.x * across), round(rect.y * down)
    right, bottom = round((rect.x + rect.width) * across), round((rect.y + rect.height) * down)
    sides = {"target_width": max(1, right - x), "target_height": max(1, bottom - y)}
    return {"target": "CUSTOM", "target_x": x, "target_y": y, **sides}


def settings_of(obj: Any) -> dict[str, Any]:
    """The settings that made a plane; empty for other objects."""
    if not plane.is_plane(obj):
        return {}
    try:
        found = json.loads(obj.acetate.made_with or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
