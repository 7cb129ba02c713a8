# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored in the .blend file: the panel's settings and the jobs on the scene, its origin on each plane."""

from __future__ import annotations

import bpy
from bpy.props import IntVectorProperty, PointerProperty, StringProperty

from . import options
from .fields import fields
from .preferences import preferences


@fields(**options.what(), **options.more(), **options.inputs(), **options.where(), **options.placing())
class AcetateSettings(bpy.types.PropertyGroup):
    """What the panel shows and the next generation uses."""


@fields(
    settings=PointerProperty(type=AcetateSettings),
    key=StringProperty(description="Marks this scene across renaming and saving"),
    jobs=StringProperty(description="The scene's jobs as JSON"),
)
class AcetateScene(bpy.types.PropertyGroup):
    """All that a scene knows of Acetate."""


@fields(
    layer=StringProperty(description="Which layer this is; empty for other objects"),
    job=StringProperty(description="The job that made it"),
    role=StringProperty(description="Its role in the job"),
    made_with=StringProperty(description="All settings that make it again, as JSON"),
    rect=IntVectorProperty(size=4, description="x, y, width, height on the canvas in pixels"),
    canvas=IntVectorProperty(size=2, description="The canvas in pixels"),
    camera=StringProperty(description="The camera that it is aligned to; empty when it is not"),
)
class AcetatePlane(bpy.types.PropertyGroup):
    """Where a plane comes from."""


CLASSES = (AcetateSettings, AcetateScene, AcetatePlane)


def take_defaults(scene: bpy.types.Scene) -> None:
    """Give a scene that has none of its own the artist's defaults."""
    settings, chosen = scene.acetate.settings, preferences()
    for name in ("distance", "gap", "shading"):
        if not settings.is_property_set(name):
            setattr(settings, name, getattr(chosen, name))


def register() -> None:
    """Attach the settings to scenes and objects."""
    for cls in CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.acetate = PointerProperty(type=AcetateScene)
    bpy.types.Object.acetate = PointerProperty(type=AcetatePlane)


def unregister() -> None:
    """Detach them; what files hold stays there."""
    del bpy.types.Object.acetate
    del bpy.types.Scene.acetate
    for cls in reversed(CLASSES):
        bpy.utils.unregister_class(cls)
