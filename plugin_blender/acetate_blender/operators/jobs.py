# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators on jobs: place, cancel, retry, forget, fetch."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import bpy
from acetate_editor import jobs as states
from acetate_wire.errors import AcetateError
from acetate_wire.modes import MODES
from bpy.props import FloatProperty, StringProperty

from .. import runtime, scene_storage
from ..bpy_props import fields
from ..i18n import tr
from ..insert import collections, color_match, insert_layers, layer_list, plane, sequences, stack
from ..insert.placement import Placement
from ..jobs.job import SceneJob
from ..jobs.result_store import LocalJobStore
from ..options import insert_props
from .reporting import refuse

JOB = StringProperty(name="Job", options={"HIDDEN"})
TITLE_LENGTH = 40


def job_of(operator: Any) -> SceneJob:
    """The job that an operator is about. Raises AcetateError when there is none of that number."""
    desk = runtime.controller()
    found: SceneJob | None = desk.jobs.get(operator.job) or desk.store.jobs().get(operator.job)
    if found is None:
        raise AcetateError(
            "bad_request", tr("There is no such job any more"), field="job", hint=tr("generate it again")
        )
    return found


def _done(operator: Any, act: Callable[[SceneJob], object]) -> set[str]:
    """Do this to an operator's job, or say why not."""
    try:
        act(job_of(operator))
    except AcetateError as error:
        return refuse(operator, error)
    return {"FINISHED"}


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


@fields(job=JOB, **insert_props())
class ACETATE_OT_place(bpy.types.Operator):
    bl_idname = "acetate.place"
    bl_label = "Place Layers"
    bl_description = "Put finished layers into the scene"
    bl_options = {"REGISTER", "UNDO"}

    def invoke(self, context: Any, event: Any) -> set[str]:
        return self.execute(context)

    def execute(self, context: Any) -> set[str]:
        desk = runtime.controller()
        try:
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
        except AcetateError as error:
            return refuse(self, error)
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
        return {"FINISHED"}

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


@fields(job=JOB)
class ACETATE_OT_cancel(bpy.types.Operator):
    bl_idname = "acetate.cancel"
    bl_label = "Cancel Job"
    bl_description = "Stop this job"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[str]:
        return _done(self, lambda job: runtime.controller().cancel(job))


@fields(job=JOB)
class ACETATE_OT_retry(bpy.types.Operator):
    bl_idname = "acetate.retry"
    bl_label = "Retry Job"
    bl_description = "Ask for the same again, with the same seed"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[str]:
        return _done(self, lambda job: runtime.controller().retry(job))


@fields(job=JOB)
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
        return _done(self, lambda job: runtime.controller().forget(job))


@fields(job=JOB)
class ACETATE_OT_copy_report(bpy.types.Operator):
    bl_idname = "acetate.copy_report"
    bl_label = "Copy Report"
    bl_description = "Copy all about this failed job that helps to find out why, without its prompts"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[str]:
        def copy(job: SceneJob) -> None:
            context.window_manager.clipboard = runtime.controller().report(job)

        return _done(self, copy)


class ACETATE_OT_fetch(bpy.types.Operator):
    bl_idname = "acetate.fetch"
    bl_label = "Fetch Earlier Layers"
    bl_description = "List layers of files that were never saved, or of other files, so that they can be placed here"
    bl_options = {"REGISTER"}

    def execute(self, context: Any) -> set[str]:
        desk = runtime.controller()
        found = desk.orphaned_jobs()
        for job in found.values():
            job.key, job.scene, job.file = scene_storage.key(context.scene), context.scene.name, bpy.data.filepath
        desk.fetch(found)
        self.report({"INFO"}, tr("Jobs found: {count}").format(count=len(found)))
        return {"FINISHED"}


@fields(seconds=FloatProperty(name="Seconds", default=600.0, min=0.0))
class ACETATE_OT_wait(bpy.types.Operator):
    bl_idname = "acetate.wait"
    bl_label = "Wait for Layers"
    bl_description = "For scripts: return when no job is open any more"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[str]:
        return {"FINISHED"} if runtime.wait(self.seconds) else {"CANCELLED"}


CLASSES = (
    ACETATE_OT_place,
    ACETATE_OT_cancel,
    ACETATE_OT_retry,
    ACETATE_OT_forget,
    ACETATE_OT_copy_report,
    ACETATE_OT_fetch,
    ACETATE_OT_wait,
)
