# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on jobs: place, cancel, retry, forget, fetch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import bpy
from acetate_editor import jobs as states
from acetate_wire.errors import AcetateError, bad_request
from acetate_wire.modes import MODES
from bpy.props import FloatProperty, StringProperty

from .. import runtime, scene_storage
from ..i18n import tr
from ..insert import collections, color_match, insert_layers, layer_list, plane, sequences, stack
from ..insert.placement import Placement
from ..jobs.job import SceneJob
from ..jobs.result_store import LocalJobStore
from ..options import insert_props
from .base import attempt, listed, operator

JOB = StringProperty(name="Job", options={"HIDDEN"})
TITLE_LENGTH = 40


def job_of(operator: Any) -> SceneJob:
    """The job that an operator is about. Raises AcetateError when there is none of that number."""
    desk = runtime.controller()
    found: SceneJob | None = desk.jobs.get(operator.job) or desk.store.jobs().get(operator.job)
    if found is None:
        raise bad_request(tr("There is no such job any more"), tr("generate it again"), "job")
    return found


def layers_to_insert(job: SceneJob, store: LocalJobStore, variants: str) -> list[insert_layers.LayerToInsert]:
    """A job's kept layers, ready to place. Raises AcetateError when a file is gone."""
    of_role: dict[str, int] = {}
    found = []
    common = {name: value for name, value in {**job.request, **job.settings}.items() if name != "seed"}
    common.pop("layers", None)
    own, several = job.settings.get("layers", []), MODES[job.mode].several
    for position, layer in enumerate(job.layers):
        if position % job.frames:
            continue  # A loop goes where its first frame does.
        settings = {**common, **(own[position] if position < len(own) else {})}
        number = of_role[layer.role] = of_role.get(layer.role, -1) + 1
        if job.seed is not None:
            settings = {"seed": job.seed + number, **settings}  # Seeds count up where a layer does not tell its own.
        try:
            loop = [store.path(job, each).read_bytes() for each in job.layers[position : position + job.frames]]
        except OSError as error:
            raise AcetateError(
                "internal",
                tr("A finished layer cannot be read ({reason})").format(reason=error),
                hint=tr("generate it again with the same seed"),
            ) from None
        made_with = json.dumps({**settings, "layer": number, "role": layer.role})
        hidden = layer.role == "blend" or (number > 0 and variants == "FIRST" and not several)
        part = str(number + 1) if several and layer.role == "foreground" else layer.role
        name = _title(job, "" if layer.role == "layer" else part)
        frames = tuple(loop) if len(loop) > 1 else ()
        found.append(
            insert_layers.LayerToInsert(
                name, layer.role, layer.rect, loop[0], job.id, made_with, hidden, layer.blend, frames
            )
        )
    return found


def _title(job: SceneJob, role: str) -> str:
    words = job.prompt.strip() or job.mode
    title = words if len(words) <= TITLE_LENGTH else words[:TITLE_LENGTH].rsplit(" ", 1)[0] + "…"
    return f"{title} ({role})" if role else title


@listed(job=JOB, **insert_props())
class ACETATE_OT_place(bpy.types.Operator):
    bl_idname = "acetate.place"
    bl_label = "Place Layers"
    bl_description = "Put finished layers into the scene"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        return self.execute(context)

    def execute(self, context: Any) -> set[str]:
        return attempt(self, lambda: self._place(context))

    def _place(self, context: Any) -> None:
        desk = runtime.controller()
        job = job_of(self)
        scene = scene_storage.scene_of(job) or context.scene
        placement = self._placement(job)
        insert = sequences.insert if placement.sequence else insert_layers.insert_layers
        sheets = layers_to_insert(job, desk.store, placement.variants)
        made = insert(scene, sheets, placement)
        for obj, sheet in zip(made, sheets):
            if sheet.frames and plane.is_plane(obj):
                sequences.play_loop(obj, sheet.frames, runtime.user_folder())
        color_match.follow(scene, [each for each in made if isinstance(each, bpy.types.Object)])
        if scene_storage.scene_of(job) is None:
            job.key, job.scene = scene_storage.key(scene), scene.name
            desk.jobs[job.id] = job
        desk.placed(job)
        if placement.shown:
            _show_in_image_editors(context, made)
        layer_list.refresh(scene)
        if placement.depth != stack.AT_DISTANCE and plane.is_plane(made[0]) and made[0].acetate.camera:
            # Where it stands is where the redo panel's distance begins.
            self.distance = layer_list.depth(made[0])
        for unseen in collections.unseen_holders(scene) if plane.is_plane(made[0]) else ():
            said = tr("The collection {name} is excluded or hidden: its layers are there, but not seen")
            self.report({"WARNING"}, said.format(name=unseen.name))

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "place")
        shown = {
            "CAMERA": ("depth", "distance", "gap", "shading", "variants"),
            "CURSOR": ("height", "shading", "variants"),
            "SURFACE": ("surface", "shading", "variants"),
            "REFERENCE": ("height", "variants"),
            "TEXTURE": ("surface",),
            "IMAGE": (),
        }
        for name in shown[self.place]:
            if name != "distance" or self.depth == stack.AT_DISTANCE:
                layout.prop(self, name)

    def _placement(self, job: SceneJob) -> Placement:
        """The job's own placement under what is set here; set here is then all of it, for the redo panel."""
        stored = Placement.from_map(job.placement)
        for name in insert_props():
            if not self.properties.is_property_set(name):
                setattr(self, name, getattr(stored, name))
        return Placement.from_map({**job.placement, **{name: getattr(self, name) for name in insert_props()}})


def _show_in_image_editors(context: Any, made: Sequence[Any]) -> None:
    """Let every image editor that is not pinned show the topmost of these layers."""
    images = [each if isinstance(each, bpy.types.Image) else plane.image_of(each) for each in made if _is_seen(each)]
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            space = area.spaces.active
            if space.type == "IMAGE_EDITOR" and not space.use_image_pin and images and images[-1] is not None:
                space.image = images[-1]
                space.ui_mode = "VIEW"


def _is_seen(made: Any) -> bool:
    """Whether a new layer is shown from the start: an image always is."""
    return isinstance(made, bpy.types.Image) or (plane.is_plane(made) and not made.hide_render)


@operator("cancel", name="Cancel Job", description="Stop this job", options={"INTERNAL"}, job=JOB)
def cancel(self: Any, context: Any) -> None:
    """Cancel the job."""
    runtime.controller().cancel(job_of(self))


@operator(
    "retry",
    name="Retry Job",
    description="Ask for the same again, with the same seed",
    options={"INTERNAL"},
    job=JOB,
)
def retry(self: Any, context: Any) -> None:
    """Ask again."""
    runtime.controller().retry(job_of(self))


@listed(job=JOB)
class ACETATE_OT_forget(bpy.types.Operator):
    bl_idname = "acetate.forget"
    bl_label = "Forget Job"
    bl_description = "Take this job off the list; planes that are in the scene stay"
    bl_options = {"INTERNAL"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        job = runtime.controller().jobs.get(self.job)
        if job is not None and job.state == states.SAVED:
            return set(context.window_manager.invoke_confirm(self, event))
        return self.execute(context)

    def execute(self, context: Any) -> set[str]:
        return attempt(self, lambda: runtime.controller().forget(job_of(self)))


@operator(
    "copy_report",
    name="Copy Report",
    description="Copy all about this failed job that helps to find out why, without its prompts",
    options={"INTERNAL"},
    job=JOB,
)
def copy_report(self: Any, context: Any) -> None:
    """Put the report on the clipboard."""
    context.window_manager.clipboard = runtime.controller().report(job_of(self))


@operator(
    "fetch",
    name="Fetch Earlier Layers",
    description="List layers of files that were never saved, or of other files, so that they can be placed here",
    options={"REGISTER"},
)
def fetch(self: Any, context: Any) -> None:
    """List them in this scene."""
    desk = runtime.controller()
    found = desk.orphaned_jobs()
    for job in found.values():
        job.key, job.scene, job.file = scene_storage.key(context.scene), context.scene.name, bpy.data.filepath
    desk.fetch(found)
    self.report({"INFO"}, tr("Jobs found: {count}").format(count=len(found)))


@operator(
    "wait",
    name="Wait for Layers",
    description="For scripts: return when no job is open any more",
    options={"INTERNAL"},
    seconds=FloatProperty(name="Seconds", default=600.0, min=0.0),
)
def wait(self: Any, context: Any) -> bool:
    """Wait so long at most."""
    return runtime.wait(self.seconds)
