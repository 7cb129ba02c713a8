# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that put things right: the daemon, the scene's health, the panel's model and mode."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_editor.connection import STARTING
from acetate_wire.errors import AcetateError
from bpy.props import EnumProperty, StringProperty

from .. import diagnostics, runtime
from ..bpy_props import fields
from ..daemon_connection import session
from ..i18n import tr
from .reporting import refuse


class ACETATE_OT_start_daemon(bpy.types.Operator):
    bl_idname = "acetate.start_daemon"
    bl_label = "Start the Daemon"
    bl_description = "Start Acetate's daemon, which makes the layers"
    bl_options = {"REGISTER"}

    def execute(self, context: Any) -> set[str]:
        session.start_if_due()
        if session.problem is not None and session.state.kind != STARTING:
            return refuse(self, session.problem)
        return {"FINISHED"}


@fields(trouble=StringProperty(options={"HIDDEN"}))
class ACETATE_OT_fix(bpy.types.Operator):
    bl_idname = "acetate.fix"
    bl_label = "Fix"
    bl_description = "Put this right, for the whole scene"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        if self.trouble == "DAEMON":
            return set(bpy.ops.acetate.start_daemon())
        try:
            diagnostics.fix(context.scene, self.trouble)
        except AcetateError as error:
            return refuse(self, error)
        return {"FINISHED"}


@fields(
    shading=EnumProperty(
        name="Shading",
        items=(
            ("SOLID", "Solid", "Colour by textures: the pictures, cut out"),
            ("MATERIAL", "Material Preview", "Materials with their full transparency"),
        ),
        options={"HIDDEN"},
    )
)
class ACETATE_OT_show_colours(bpy.types.Operator):
    bl_idname = "acetate.show_colours"
    bl_label = "Show Layers"
    bl_description = "Show the layers' pictures in this viewport"
    bl_options = {"REGISTER"}

    @classmethod
    def poll(cls, context: Any) -> bool:
        cls.poll_message_set(tr("Only a 3D viewport is shaded"))
        return context.space_data is not None and context.space_data.type == "VIEW_3D"

    def execute(self, context: Any) -> set[str]:
        shading = context.space_data.shading
        shading.type = self.shading
        if self.shading == "SOLID":
            shading.color_type = "TEXTURE"
        context.area.tag_redraw()
        return {"FINISHED"}


@fields(name=StringProperty(options={"HIDDEN"}))
class ACETATE_OT_choose_model(bpy.types.Operator):
    bl_idname = "acetate.choose_model"
    bl_label = "Choose Model"
    bl_description = "Draw with this model"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        settings = context.scene.acetate.settings
        settings.model = self.name
        modes = session.modes(self.name)
        if settings.mode not in modes and modes:
            settings.mode = modes[0]
        return {"FINISHED"}


@fields(
    name=StringProperty(options={"HIDDEN", "SKIP_SAVE"}),
    prompt=StringProperty(name="Prompt", options={"HIDDEN", "SKIP_SAVE"}),
)
class ACETATE_OT_use_prompt(bpy.types.Operator):
    bl_idname = "acetate.use_prompt"
    bl_label = "Use This Word"
    bl_description = "Put this word into the prompt: the model knows it"
    bl_options = {"INTERNAL", "UNDO"}

    def execute(self, context: Any) -> set[str]:
        setattr(context.scene.acetate.settings, self.name, self.prompt)
        return {"FINISHED"}


class ACETATE_OT_open_folder(bpy.types.Operator):
    bl_idname = "acetate.open_folder"
    bl_label = "Open Folder"
    bl_description = "Open the folder that keeps finished layers until a saved file holds them"
    bl_options = {"INTERNAL"}

    def execute(self, context: Any) -> set[str]:
        folder = runtime.controller().store.folder
        folder.mkdir(parents=True, exist_ok=True)
        bpy.ops.wm.path_open(filepath=str(folder))
        return {"FINISHED"}


CLASSES = (
    ACETATE_OT_start_daemon,
    ACETATE_OT_fix,
    ACETATE_OT_show_colours,
    ACETATE_OT_choose_model,
    ACETATE_OT_use_prompt,
    ACETATE_OT_open_folder,
)
