# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, StringProperty

from .bpy_props import fields
from .options import insert_props

SCENE_DEFAULTS = ("distance", "gap", "shading")
"""The options whose defaults for new scenes the artist chooses."""


@fields(
    start_daemon=BoolProperty(
        name="Start the Daemon When Needed",
        description="Start Acetate's daemon, which makes the layers, when something is generated and it does not run",
        default=True,
    ),
    command=StringProperty(
        name="Command",
        description="How to start the daemon, when it is not the way that `acetate serve` remembered",
    ),
    connection_file=StringProperty(
        name="Connection File",
        description="The file made by `acetate pair` for a daemon on another computer; empty for the one on this one",
        subtype="FILE_PATH",
    ),
    models_folder=StringProperty(
        name="Models Folder",
        description="Where your own models live, for a daemon that is started from here; empty for the usual place",
        subtype="DIR_PATH",
    ),
    **{name: insert_props()[name] for name in SCENE_DEFAULTS},
    previews=BoolProperty(
        name="Previews",
        description="Show layers while they are drawn; takes a little more time",
        default=True,
    ),
)
class AcetatePreferences(bpy.types.AddonPreferences):
    """What holds for all files."""

    bl_idname = __package__

    def draw(self, context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        column = layout.column(heading="Daemon")
        for name in ("start_daemon", "command", "connection_file", "models_folder"):
            column.prop(self, name)
        row = column.row()
        row.operator("acetate.start_daemon", icon="PLAY")
        row.operator("acetate.open_folder", icon="FILE_FOLDER")
        column = layout.column(heading="Defaults for New Scenes")
        for name in (*SCENE_DEFAULTS, "previews"):
            column.prop(self, name)


def preferences() -> Any:
    """The preferences of this Blender's artist."""
    return bpy.context.preferences.addons[__package__].preferences
