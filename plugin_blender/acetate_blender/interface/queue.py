# SPDX-License-Identifier: GPL-3.0-or-later
"""The jobs of this scene: how far they are, what can be done about them, and those of earlier."""

from __future__ import annotations

from typing import Any

import bpy

from .. import session
from ..jobs import job as states
from ..jobs.desk import Live
from ..jobs.job import Job
from ..words import tr
from . import thumbnails
from .text import say

STAGES = {
    "starting": "Starting",
    "loading": "Loading the model",
    "drawing": "Drawing",
    "decoding": "Finding the transparency",
    "finishing": "Finishing",
}
PREVIEW_SCALE = 5.0
HISTORY_SHOWN = 12


class Queue:
    """What is being made, and what went wrong."""

    bl_label = "Queue"
    inside = "acetate"

    @classmethod
    def poll(cls, context: Any) -> bool:
        return any(job.state != states.PLACED for job in session.desk().of(context.scene))

    def draw(self, context: Any) -> None:
        desk = session.desk()
        for job in reversed(desk.of(context.scene)):
            if job.state != states.PLACED:
                box = self.layout.box()  # type: ignore[attr-defined]
                _entry(box, job, desk.live.get(job.id) or Live(), context.region.width)


class History:
    """What was made, to place it again or to go on from its settings."""

    bl_label = "History"
    bl_options = {"DEFAULT_CLOSED"}
    inside = "acetate"

    def draw(self, context: Any) -> None:
        layout: Any = self.layout  # type: ignore[attr-defined]
        desk = session.desk()
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
        if not done:
            layout.label(text="Nothing was made in this scene yet")
        layout.operator("acetate.fetch", icon="RECOVER_LAST")


def _entry(layout: Any, job: Job, live: Live, width: int) -> None:
    row = layout.row(align=True)
    row.label(text=job.prompt or job.mode, icon=_ICONS[job.state], translate=False)
    if job.state in (states.FAILED, states.LOST, states.CANCELLED) and job.retry:
        row.operator("acetate.retry", text="", icon="FILE_REFRESH").job = job.id
    if job.state in (states.PREPARING, states.WAITING, states.RUNNING):
        row.operator("acetate.cancel", text="", icon="X").job = job.id
    elif job.state != states.KEEPING:
        row.operator("acetate.forget", text="", icon="X").job = job.id
    if job.state == states.RUNNING and live.preview is not None:
        layout.template_icon(thumbnails.of_preview(job.id, live.preview), scale=PREVIEW_SCALE)
    if job.state in states.OPEN:
        _progress(layout, job, live)
    elif job.state == states.KEPT:
        if session.desk().store.has_layers(job):
            layout.template_icon(
                thumbnails.of_file(session.desk().store.path(job, job.layers[-1])), scale=PREVIEW_SCALE
            )
        say(layout, f"{job.message}: {job.hint}" if job.message else _waits_for(), width)
        layout.operator("acetate.place", icon="IMPORT").job = job.id
    else:
        said = {states.CANCELLED: tr("Cancelled")}.get(
            job.state, f"{job.message}: {job.hint}" if job.hint else job.message
        )
        say(layout, said, width)


def _waits_for() -> str:
    if bpy.context.mode != "OBJECT":
        return tr("Finished: placed as soon as you are in Object Mode")
    return tr("Finished and kept for you")


def _progress(layout: Any, job: Job, live: Live) -> None:
    share, text = _how_far(job, live)
    if hasattr(layout, "progress"):
        layout.progress(factor=share, text=text, translate=False) if bpy.app.version >= (4, 1, 0) else layout.progress(
            factor=share, text=text
        )
    else:
        filled = round(share * 20)
        layout.label(text="█" * filled + "░" * (20 - filled), translate=False)
        layout.label(text=text, translate=False)


def _how_far(job: Job, live: Live) -> "tuple[float, str]":
    if job.state == states.PREPARING:
        return 0.0, tr("Reading the pictures")
    if job.state == states.KEEPING:
        return 1.0, tr("Taking the layers over")
    if job.state == states.WAITING or live.progress is None:
        if live.position:
            return 0.0, tr("Waiting: {count} before it").format(count=live.position)
        return 0.0, tr("Waiting")
    step, steps, left = live.progress.step, live.progress.steps, live.progress.seconds_left
    stage = tr(STAGES.get(live.progress.stage, live.progress.stage))
    share = step / steps if steps else 0.0
    numbers = f"  {step}/{steps}" if steps > 1 else ""
    seconds = "" if left is None else "  " + tr("{seconds:.0f} s left").format(seconds=left)
    return share, f"{stage}{numbers}{seconds}"


_ICONS = {
    states.PREPARING: "TIME",
    states.WAITING: "TIME",
    states.RUNNING: "RENDER_STILL",
    states.KEEPING: "RENDER_STILL",
    states.KEPT: "CHECKMARK",
    states.FAILED: "ERROR",
    states.LOST: "ERROR",
    states.CANCELLED: "CANCEL",
}

PANELS = (Queue, History)
