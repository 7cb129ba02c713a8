# SPDX-License-Identifier: GPL-3.0-or-later
"""How far a job is, at the button that asked for it and in the queue."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_editor import jobs as states
from acetate_editor.messages import progress

from .. import runtime
from ..i18n import tr
from ..jobs.job import SceneJob

CAN_BE_CANCELLED = (states.PREPARING, states.WAITING, states.RUNNING)
CELLS = 17
"""The bar's length in letters, where Blender has no bar of its own."""


def foremost(scene: Any) -> SceneJob | None:
    """The scene's job that is worked on, else the one that waits longest; None when none is open."""
    open_jobs = [job for job in reversed(runtime.controller().of(scene)) if job.state in states.OPEN]
    running = [job for job in open_jobs if job.state not in (states.PREPARING, states.WAITING)]
    return next(iter(running or open_jobs), None)


def draw(layout: Any, scene: Any) -> None:
    """The bar of the scene's foremost job, with a cross to cancel it."""
    job = foremost(scene)
    if job is None:
        return
    row = layout.row(align=True)
    bar(row, job)
    if job.state in CAN_BE_CANCELLED:
        row.operator("acetate.cancel", text="", icon="X").job = job.id


def bar(layout: Any, job: SceneJob) -> None:
    """How far a job is: a bar with words, or only words for one that waits."""
    share, text = 1.0 if job.state == states.SAVING else job.share or 0.0, progress(job, tr)
    if job.state == states.WAITING:
        layout.label(text=text, translate=False)
    elif bpy.app.version >= (4, 1, 0):
        layout.progress(factor=share, text=text, translate=False)
    elif hasattr(layout, "progress"):
        layout.progress(factor=share, text=text)
    else:
        column, filled = layout.column(align=True), round(share * CELLS)
        column.scale_y = 0.8
        column.label(text="█" * filled + "░" * (CELLS - filled), translate=False)
        column.label(text=text, translate=False)
