# SPDX-License-Identifier: GPL-3.0-or-later
"""Operators that put things right: the daemon, the scene's health, the panel's model and mode."""

from __future__ import annotations

from typing import Any

import bpy
from acetate_editor.connection import STARTING
from acetate_editor.messages import mark
from bpy.props import EnumProperty, StringProperty

from .. import diagnostics, runtime
from ..daemon_connection import session
from .base import operator

HIDDEN = StringProperty(options={"HIDDEN"})


@operator(
    "start_daemon",
    name="Start the Daemon",
    description="Start Acetate's daemon, which makes the layers",
    options={"REGISTER"},
)
def start_daemon(self: Any, context: Any) -> None:
    """Start it; what keeps it from starting is reported."""
    session.start_if_due()
    if session.problem is not None and session.state.kind != STARTING:
        raise session.problem


@operator("fix", name="Fix", description="Put this right, for the whole scene", trouble=HIDDEN)
def fix(self: Any, context: Any) -> None:
    """Put one of the scene's issues right by the fix of that name."""
    if self.trouble == "DAEMON":
        start_daemon(self, context)
    else:
        diagnostics.fix(context.scene, self.trouble)


@operator(
    "show_colours",
    name="Show Layers",
    description="Show the layers' pictures in this viewport",
    needs=(
        lambda context: context.space_data is not None and context.space_data.type == "VIEW_3D",
        mark("Only a 3D viewport is shaded"),
    ),
    shading=EnumProperty(
        name="Shading",
        items=(
            ("SOLID", "Solid", "Colour by textures: the pictures, cut out"),
            ("MATERIAL", "Material Preview", "Materials with their full transparency"),
        ),
        options={"HIDDEN"},
    ),
)
def show_colours(self: Any, context: Any) -> None:
    """Shade this viewport so that the pictures of layers are seen."""
    context.space_data.shading.type = self.shading
    if self.shading == "SOLID":
        context.space_data.shading.color_type = "TEXTURE"
    context.area.tag_redraw()


@operator(
    "choose_model", name="Choose Model", description="Draw with this model", options={"INTERNAL", "UNDO"}, model=HIDDEN
)
def choose_model(self: Any, context: Any) -> None:
    """Choose a model, and a mode that it has."""
    settings = context.scene.acetate.settings
    settings.model = self.model
    modes = session.modes(self.model)
    if settings.mode not in modes and modes:
        settings.mode = modes[0]


@operator(
    "use_prompt",
    name="Use This Word",
    description="Put this word into the prompt: the model knows it",
    options={"INTERNAL", "UNDO"},
    field=StringProperty(options={"HIDDEN", "SKIP_SAVE"}),
    prompt=StringProperty(name="Prompt", options={"HIDDEN", "SKIP_SAVE"}),
)
def use_prompt(self: Any, context: Any) -> None:
    """Write this prompt into a field of the panel."""
    setattr(context.scene.acetate.settings, self.field, self.prompt)


@operator(
    "open_folder",
    name="Open Folder",
    description="Open the folder that keeps finished layers until a saved file holds them",
    options={"INTERNAL"},
)
def open_folder(self: Any, context: Any) -> None:
    """Show the folder in the system's file manager."""
    folder = runtime.controller().store.folder
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.path_open(filepath=str(folder))
