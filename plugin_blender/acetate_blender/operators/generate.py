# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate: from the panel's settings, or from arguments in a script."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import FloatProperty

from .. import options, runtime
from ..capture.request_builder import RequestDraft, build_request, missing
from ..capture.targets import with_open_image
from ..daemon_connection import session
from ..i18n import tr
from ..insert import masks, stack
from ..jobs.job import said_of
from ..preferences import preferences
from ..settings import take_defaults
from .base import attempt, listed

DIALOG_WIDTH = 420
ALL_OPTIONS = {
    **options.prompt_props(),
    **options.advanced_props(),
    **options.input_props(),
    **options.target_props(),
    **options.insert_props(),
}


def chosen_settings(scene: Any, given: Any = None) -> dict[str, Any]:
    """Every option's value: what `given` (an operator) sets, else what the panel shows."""
    take_defaults(scene)
    settings = scene.acetate.settings
    values = {
        name: getattr(given if given is not None and given.properties.is_property_set(name) else settings, name)
        for name in ALL_OPTIONS
    }
    if (
        given is not None
        and given.properties.is_property_set("seed")
        and not given.properties.is_property_set("random_seed")
    ):
        values["random_seed"] = False
    if (
        given is not None
        and given.properties.is_property_set("distance")
        and not given.properties.is_property_set("depth")
    ):
        values["depth"] = stack.AT_DISTANCE
    return {**with_open_image(values), "preview": preferences().previews}


def why_not(context: Any) -> str:
    """Why the panel's settings cannot be generated, as far as it is known at once; empty when they can."""
    settings = context.scene.acetate.settings
    if settings.mode not in session.modes(settings.model):
        return tr("This model cannot do this: choose another mode or model")
    trouble = missing(context.scene, with_open_image({name: getattr(settings, name) for name in ALL_OPTIONS}))
    return "" if trouble is None else f"{trouble.message}: {trouble.hint}"


def start(operator: Any, scene: Any, wanted: RequestDraft, wait: float) -> bool:
    """Hand a checked request to the desk; with `wait` seconds, return only when its layers are placed.

    False when they are not.
    """
    desk = runtime.controller()
    job = desk.submit(scene, wanted.request, wanted.placement, wanted.sending)
    runtime.poll()
    if wait and not (runtime.wait(wait) and job.state == "placed"):
        detail = job.explanation or tr("it goes on, and its layers come when they are ready")
        operator.report({"ERROR"}, tr("The layers are not there yet ({detail})").format(detail=detail))
        return False
    for warning in job.warnings:
        operator.report({"WARNING"}, said_of(warning))
    return True


@listed(
    wait=FloatProperty(
        name="Wait",
        description="For scripts: return when the layers are in the scene, at most after so many seconds",
        min=0.0,
        options={"HIDDEN", "SKIP_SAVE"},
    ),
    **ALL_OPTIONS,
)
class ACETATE_OT_generate(bpy.types.Operator):
    bl_idname = "acetate.generate"
    bl_label = "Generate Layers"
    bl_description = "Generate transparent layers; what is not given comes from the Acetate panel"
    bl_options = {"REGISTER"}

    @classmethod
    def description(cls, context: Any, properties: Any) -> str:
        """What the button does, or why it cannot."""
        return why_not(context) or tr(cls.bl_description)

    def invoke(self, context: Any, event: Any) -> set[str]:
        settings = context.scene.acetate.settings
        for name in ("prompt", "mode", "count"):
            setattr(self, name, getattr(settings, name))
        return set(context.window_manager.invoke_props_dialog(self, width=DIALOG_WIDTH))

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in ("prompt", "mode", "count"):
            layout.prop(self, name)

    def execute(self, context: Any) -> set[str]:
        masks.end(context.scene)
        scene = context.scene
        return attempt(self, lambda: start(self, scene, build_request(scene, chosen_settings(scene, self)), self.wait))
