# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of this scene: how far they are, what can be done about them, and those of earlier."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_editor import jobs as states
from acetate_editor.messages import reason

from .. import modal_operators, runtime
from ..i18n import tr
from ..jobs.job import SceneJob
from . import progress, thumbnails
from .wrapped_label import warn, wrapped_label

PREVIEW_SCALE = 5.0
HISTORY_SHOWN = 12


class Queue:
    """What is being made, and what went wrong."""

    bl_label = "Queue"
    inside = "acetate"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return any(job.state != states.PLACED for job in runtime.controller().of(context.scene))

    def draw(self, context: Any) -> None:
        desk = runtime.controller()
        above = progress.foremost(context.scene)
        for job in reversed(desk.of(context.scene)):
            if job.state != states.PLACED:
                box = self.layout.box()  # type: ignore[attr-defined]
                _entry(box, job, context.region.width, job is above)


class History:
    """What was made, to place it again or to go on from its settings."""

    bl_label = "History"
    bl_options = {"DEFAULT_CLOSED"}
    inside = "acetate"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout  # type: ignore[attr-defined]
        desk = runtime.controller()
        done = [job for job in desk.of(context.scene) if job.state == states.PLACED]
        for job in done[:HISTORY_SHOWN]:
            row = layout.row(align=True)
            here = desk.store.has_layers(job)
            icon = thumbnails.of_file(desk.store.path(job, job.layers[-1])) if here else 0
            row.label(text=job.prompt or job.mode, icon_value=icon, translate=False)
            row.operator("acetate.use_settings", text="", icon="COPYDOWN").job = job.id
            again = row.row(align=True)
            again.enabled = here
            again.operator("acetate.place", text="", icon="IMPORT").job = job.id
            row.operator("acetate.forget", text="", icon="X").job = job.id
            warn(layout, job.warnings, context.region.width)
        layout.operator("acetate.fetch", icon="RECOVER_LAST")


def _entry(layout: Any, job: SceneJob, width: int, shown_above: bool) -> None:
    row = layout.row(align=True)
    row.label(text=job.prompt or job.mode, icon=_ICONS[job.state], translate=False)
    if job.state in (states.FAILED, states.LOST, states.CANCELLED) and job.retry:
        row.operator("acetate.retry", text="", icon="FILE_REFRESH").job = job.id
    if job.state in progress.CAN_BE_CANCELLED:
        if not shown_above:
            row.operator("acetate.cancel", text="", icon="X").job = job.id
    elif job.state != states.SAVING:
        row.operator("acetate.forget", text="", icon="X").job = job.id
    if job.state == states.RUNNING and job.preview is not None:
        layout.template_icon(thumbnails.of_preview(job.id, job.preview), scale=PREVIEW_SCALE)
    if job.state in states.OPEN:
        if not shown_above:
            progress.bar(layout, job)
    elif job.state == states.SAVED:
        if runtime.controller().store.has_layers(job):
            layout.template_icon(
                thumbnails.of_file(runtime.controller().store.path(job, job.layers[-1])), scale=PREVIEW_SCALE
            )
        wrapped_label(layout, job.explanation or _waits_for(), width)
        warn(layout, job.warnings, width)
        layout.operator("acetate.place", icon="IMPORT").job = job.id
    else:
        wrapped_label(layout, tr("Cancelled") if job.state == states.CANCELLED else _failure(job), width)
        if job.would_take_hours:
            layout.operator("acetate.retry", text="Draw It All the Same", icon="TIME").job = job.id
        if job.state != states.CANCELLED:
            layout.operator("acetate.copy_report", icon="COPYDOWN").job = job.id


def _failure(job: SceneJob) -> str:
    return ": ".join(filter(None, (reason(job.code, tr) if job.code else "", job.explanation)))


def _waits_for() -> str:
    if bpy.context.mode != "OBJECT":
        return tr("Finished: placed as soon as you are in Object Mode")
    if modal_operators.is_running():
        return tr("Finished: placed as soon as the tool that you are using has ended")
    return tr("Finished and kept for you")


_ICONS = {
    states.PREPARING: "TIME",
    states.WAITING: "TIME",
    states.RUNNING: "RENDER_STILL",
    states.SAVING: "RENDER_STILL",
    states.SAVED: "CHECKMARK",
    states.FAILED: "ERROR",
    states.LOST: "ERROR",
    states.CANCELLED: "CANCEL",
}

PANELS = (Queue,)
LATER_PANELS = (History,)
"""What comes below the selected layer."""
