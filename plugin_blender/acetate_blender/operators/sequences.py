# SPDX-License-Identifier: GPL-3.0-or-later
"""Generate an image sequence: a picture for each frame of a range, with the prompt and the inputs of that frame."""

from __future__ import annotations

import random
import re
import uuid
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import bpy
from acetate_editor.messages import mark
from acetate_editor.tasks import finish
from acetate_wire.errors import bad_request
from bpy.props import FloatProperty, IntProperty, StringProperty

from .. import runtime
from ..capture.request_builder import SEEDS, build_request
from ..controller import SceneCapture
from ..daemon_connection import session
from ..i18n import tr
from ..insert import masks
from ..insert.placement import CAMERA
from ..insert.sequences import SequenceFrame, folder_of
from .base import allowed, attempt, listed
from .generate import ALL_OPTIONS, DIALOG_WIDTH, chosen_settings

PROMPT = re.compile(r"\s*(\d+)\s*:\s*(.*?)\s*")


def prompt_at(prompts: str, frame: int) -> str:
    """The prompt of a frame, out of "1: a seed; 20: a flower": the last one that began.

    Raises AcetateError when the text is not of that form.
    """
    parts = [PROMPT.fullmatch(part) for part in prompts.split(";") if part.strip()]
    found = [(int(part[1]), part[2]) for part in parts if part is not None]
    if len(found) < len(parts):
        raise bad_request(
            tr("The prompts by frame cannot be read"), tr("write them like this: 1: a seed; 20: a flower"), "prompts"
        )
    found.sort(key=lambda entry: entry[0])
    return next((words for start, words in reversed(found) if start <= frame), found[0][1])


@listed(
    frame_start=IntProperty(name="First Frame", default=1, min=0, max=999999),
    frame_end=IntProperty(name="Last Frame", default=24, min=0, max=999999),
    frame_step=IntProperty(name="Step", description="Each picture is shown for so many frames", default=2, min=1),
    prompts=StringProperty(
        name="Prompts by Frame",
        description="From which frame on which prompt counts, like this: 1: a seed; 20: a flower. Empty for the "
        "panel's prompt",
    ),
    wait=FloatProperty(name="Wait", min=0.0, options={"HIDDEN", "SKIP_SAVE"}),
    **ALL_OPTIONS,
)
class ACETATE_OT_generate_sequence(bpy.types.Operator):
    bl_idname = "acetate.generate_sequence"
    bl_label = "Generate Image Sequence"
    bl_description = "Generate a picture for each frame of a range, as an image sequence on one plane"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        needed = mark("The scene has no camera to align the layers to")
        return allowed(cls, context, lambda _: context.scene.camera is not None, needed)

    def invoke(self, context: Any, event: Any) -> set[str]:
        self.frame_start, self.frame_end = context.scene.frame_start, context.scene.frame_end
        return set(context.window_manager.invoke_props_dialog(self, width=DIALOG_WIDTH))

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        layout.prop(self, "prompts")
        column = layout.column(align=True)
        for name in ("frame_start", "frame_end", "frame_step"):
            column.prop(self, name)
        count = len(self._frames())
        layout.label(text=tr("Pictures: {count}").format(count=count), translate=False)

    def execute(self, context: Any) -> set[str]:
        return attempt(self, lambda: self._generate(context.scene))

    def _generate(self, scene: Any) -> bool:
        """Ask for all pictures; False when they are not there after `wait` seconds."""
        before = scene.frame_current
        masks.end(scene)
        try:
            self._check()
            for captured, placement in [self._at(scene, frame) for frame in self._frames()]:
                runtime.controller().submit_captured(scene, captured, placement)
        finally:
            scene.frame_set(before)
        runtime.poll()
        if self.wait and not runtime.wait(self.wait):
            self.report({"ERROR"}, tr("Not all pictures are there yet; they come when they are ready"))
            return False
        return True

    def _frames(self) -> range:
        return range(self.frame_start, self.frame_end + 1, self.frame_step)

    def _check(self) -> None:
        """Raise AcetateError when the range is empty or too long for the daemon's queue."""
        count, most = len(self._frames()), session.client.limits.waiting_jobs
        if not count:
            raise bad_request(tr("The last frame is before the first one"), tr("choose a later one"), "frame_end")
        if count > most:
            raise bad_request(
                tr("{count} pictures are over the limit of {most}").format(count=count, most=most),
                tr("take a larger step or a shorter range"),
                "frame_step",
            )
        self._id = uuid.uuid4().hex
        self._seed = random.randrange(SEEDS)

    def _at(self, scene: Any, frame: int) -> tuple[SceneCapture, Any]:
        """What is asked for at a frame, with the pictures that the scene gives then."""
        scene.frame_set(frame)
        chosen = chosen_settings(scene, self)
        # One seed for all pictures keeps them alike.
        seed = self._seed if chosen["random_seed"] else chosen["seed"]
        chosen.update({"count": 1, "random_seed": False, "seed": seed, "place": CAMERA, "preview": False})
        if self.prompts.strip():
            chosen["prompt"] = prompt_at(self.prompts, frame)
        draft = build_request(scene, chosen)
        last = min(frame + self.frame_step - 1, self.frame_end)
        part = SequenceFrame(self._id, str(self._folder()), frame, last, (self.frame_start, self.frame_end))
        return finish(draft.sending), replace(draft.placement, sequence=asdict(part))

    def _folder(self) -> Path:
        return folder_of(self._id, runtime.user_folder())
