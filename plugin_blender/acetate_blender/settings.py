# SPDX-License-Identifier: GPL-3.0-or-later
"""What is stored in the .blend file: the panel's settings and the jobs on the scene, its origin on each plane."""

from __future__ import annotations

import bpy
from bpy.props import (
    BoolProperty,
    CollectionProperty,
    FloatProperty,
    IntProperty,
    IntVectorProperty,
    PointerProperty,
    StringProperty,
)

from . import options
from .bpy_props import fields
from .insert import layer_list
from .preferences import SCENE_DEFAULTS, preferences


@fields(
    **options.prompt_props(),
    **options.advanced_props(),
    **options.input_props(),
    **options.target_props(),
    **options.insert_props(),
)
class AcetateSettings(bpy.types.PropertyGroup):
    """What the panel shows and the next generation uses."""


class AcetateLayerEntry(bpy.types.PropertyGroup):
    """An entry of the list of layers; its name is the object's."""


@fields(
    settings=PointerProperty(type=AcetateSettings),
    key=StringProperty(),
    file=StringProperty(),
    jobs=StringProperty(),
    collection=PointerProperty(
        type=bpy.types.Collection,
        name="Collection",
        description="The collection of the planes; made when none is chosen",
        poll=lambda self, collection: collection.library is None and collection.override_library is None,
    ),
    layers=CollectionProperty(type=AcetateLayerEntry),
    layer_index=IntProperty(
        name="Layer",
        get=lambda self: layer_list.active(self.id_data),
        set=lambda self, index: layer_list.choose(self.id_data, index),
    ),
    solo=StringProperty(),
    match_view=BoolProperty(),
    painted_over=StringProperty(),
    painted_layer=StringProperty(),
)
class AcetateScene(bpy.types.PropertyGroup):
    """All that a scene knows of Acetate.

    The panel's settings, its key across renaming and the path of the file that the key was made for, jobs as JSON, the
    collection of its layers, their list, and the name of the layer that is shown alone. `match_view`: new shadeless
    layers are matched to the view transform (`insert.color_match`). While a mask is painted, the names of the object
    that shows it and of the layer.
    """


@fields(
    layer=StringProperty(),
    job=StringProperty(),
    role=StringProperty(),
    made_with=StringProperty(),
    rect=IntVectorProperty(size=4),
    canvas=IntVectorProperty(size=2),
    camera=StringProperty(),
    seen_by=PointerProperty(type=bpy.types.Object),
    depth=FloatProperty(
        name="Depth",
        description="How far before the camera this layer stands; its picture stays as it is seen",
        min=0.001,
        subtype="DISTANCE",
        get=lambda self: layer_list.depth(self.id_data),
        set=lambda self, metres: layer_list.set_depth(self.id_data, metres),
        options={"SKIP_SAVE"},
    ),
    before_solo=BoolProperty(),
    sequence=StringProperty(),
)
class AcetatePlane(bpy.types.PropertyGroup):
    """Where a plane comes from.

    `layer` is its mark (empty for other objects), `job` and `role` say what made it, `made_with` holds the settings as
    JSON. `rect` is x, y, width, height on the `canvas`, in pixels. `camera` is empty when it is not aligned to one;
    `seen_by` is that camera, and `camera` what it was called. `before_solo` says whether it was seen before another
    layer was shown alone, `sequence` marks an image sequence.
    """


CLASSES = (AcetateSettings, AcetateLayerEntry, AcetateScene, AcetatePlane)


def take_defaults(scene: bpy.types.Scene) -> None:
    """Give a scene that has none of its own the artist's defaults."""
    settings, chosen = scene.acetate.settings, preferences()
    for name in SCENE_DEFAULTS:
        if not settings.is_property_set(name):
            setattr(settings, name, getattr(chosen, name))


_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    """Attach the settings to scenes and objects."""
    _register()
    bpy.types.Scene.acetate = PointerProperty(type=AcetateScene)
    bpy.types.Object.acetate = PointerProperty(type=AcetatePlane)


def unregister() -> None:
    """Detach them; what files hold stays there."""
    del bpy.types.Object.acetate
    del bpy.types.Scene.acetate
    _unregister()
