# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored in the .blend file: the panel's settings and the jobs on the scene, its origin on each plane."""

from __future__ import annotations

import bpy
from bpy.props import IntVectorProperty, PointerProperty, StringProperty

from . import options
from .bpy_props import fields
from .preferences import preferences


@fields(
    **options.prompt_props(),
    **options.advanced_props(),
    **options.input_props(),
    **options.target_props(),
    **options.insert_props(),
)
class AcetateSettings(bpy.types.PropertyGroup):
    """What the panel shows and the next generation uses."""


@fields(settings=PointerProperty(type=AcetateSettings), key=StringProperty(), jobs=StringProperty())
class AcetateScene(bpy.types.PropertyGroup):
    """All that a scene knows of Acetate: the panel's settings, its mark across renaming and saving, jobs as JSON."""


@fields(
    layer=StringProperty(),
    job=StringProperty(),
    role=StringProperty(),
    made_with=StringProperty(),
    rect=IntVectorProperty(size=4),
    canvas=IntVectorProperty(size=2),
    camera=StringProperty(),
)
class AcetatePlane(bpy.types.PropertyGroup):
    """Where a plane comes from.

    `layer` is its mark (empty for other objects), `job` and `role` say what made it, `made_with` holds the settings as
    JSON. `rect` is x, y, width, height on the `canvas`, in pixels. `camera` is empty when it is not aligned to one.
    """


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
