# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option of a generation: the one list behind the panel's settings and the operator's arguments."""

from __future__ import annotations

from typing import Any

from acetate_wire.element import MOST_FRAMES
from acetate_wire.modes import MODES as SPECS
from acetate_wire.request import MOST_CLIP_SKIP, MOST_SPLIT, PASSES
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, StringProperty

MODES = (
    ("text", "Text", "A transparent layer from words", "FONT_DATA", 0),
    ("refine", "Refine", "Draw a transparent layer anew, near to what it is, its transparency too", "MOD_SMOOTH", 1),
    ("inpaint", "Inpaint", "Draw anew what a mask shows, its transparency too", "BRUSH_DATA", 2),
    ("scene", "Scene", "A foreground and its background, and both together", "SCENE_DATA", 3),
    ("background", "Background", "A background for a foreground", "IMAGE_BACKGROUND", 4),
    ("foreground", "Foreground", "A foreground for a background", "IMAGE_REFERENCE", 5),
    ("extract", "Extract", "The layer that is missing, out of the whole picture and the other layer", "IMAGE_ALPHA", 6),
    ("remove", "Remove", "Clear away what a mask shows; needs no prompt", "BRUSH_TEXFILL", 7),
    ("split", "Split", "A picture in layers that together look the same", "RENDERLAYERS", 8),
)
TARGETS = (
    ("AUTO", "Automatic", "A square for a subject, a layer with a margin for what works on a layer, else all", "", 5),
    ("SQUARE", "Square in Frame", "The largest part in the middle in which a lone subject keeps its shape", "", 6),
    ("FRAME", "Whole Frame", "All of what the camera shows", "", 0),
    ("REGION", "Render Region", "The render region, or all of the frame when none is set", "", 1),
    ("PLANE", "Selected Layer", "Where the selected layer is", "", 2),
    ("CUSTOM", "Rectangle", "A part of the frame, in pixels from its top left corner", "", 3),
    ("IMAGE", "Open Image", "As large as the image that is open in the image editor", "", 4),
)
"""Files store the numbers."""
PLACES = (
    ("CAMERA", "Camera", "A plane that fills the target exactly, seen through the camera", "CAMERA_DATA", 0),
    ("CURSOR", "3D Cursor", "A plane that stands on the 3D cursor and looks at the camera", "CURSOR", 1),
    ("SURFACE", "On Object", "A plane that lies on the chosen object's top, as large as that", "MESH_PLANE", 2),
    ("REFERENCE", "Reference", "A reference image at the 3D cursor, which is not rendered", "EMPTY_DATA", 3),
    ("TEXTURE", "Texture", "Over the colour of the active object's material", "MATERIAL", 4),
    ("IMAGE", "Image Only", "Only an image, for you to use", "IMAGE_DATA", 5),
)
SHADINGS = (
    ("SHADELESS", "As Generated", "The layer's own colours, whatever the light"),
    ("LIT", "Lit", "Lit by the scene, like printed paper"),
)
SOURCES = (
    ("PLANE", "Layer", "A plane that was made earlier"),
    ("IMAGE", "Image", "Any image of this file"),
    ("RENDER", "Render Result", "The picture that was rendered last"),
    ("CAMERA", "Camera View", "What the camera shows without the layers; this renders"),
    ("VIEW", "Viewport", "What the 3D viewport shows without the layers"),
    ("OPEN", "Open Image", "The image that is open in the image editor"),
)
DEPTHS = (
    ("AUTO", "Automatic", "Before all other layers; what belongs to a layer goes behind or before that", "", 0),
    ("BACK", "Behind Everything", "Behind all other layers", "", 1),
    ("DISTANCE", "At Distance", "At the distance, whatever else is there", "", 2),
)
VARIANTS = (
    ("FIRST", "First", "Show the first of several variants; the others are there, hidden"),
    ("ALL", "All", "Show all of them, one before the other"),
)
INPUT_ROLES = ("layer", "mask", "foreground", "background", "blend")
ROLE_NAMES = {
    "layer": "Layer",
    "mask": "Mask",
    "foreground": "Foreground",
    "background": "Background",
    "blend": "Whole Picture",
}
CONTROLS = ("depth", "normal")
"""The structure pictures that can be taken from the scene."""
CHANGES = tuple(name for name, spec in SPECS.items() if spec.changes_layer)
"""The modes that change a layer: the new one takes its place."""
LOCAL = (*CHANGES, "background", "extract", "split")
"""The modes that work on a layer and what is around it, rather than on the whole picture."""
SHARE = {"min": 0.0, "max": 1.0, "subtype": "FACTOR"}
"""The limits of a slider from nothing to all."""
NEEDS_PROMPT = ("text", "inpaint", "scene", "background", "foreground")


def words_property(name: str, description: str) -> Any:
    """A prompt, of which the panel tells while it is typed which words the model knows."""
    # Blender's own suggestions (`search`) cover the panel while one types, and Return takes the first of them.
    return StringProperty(name=name, description=description, options={"TEXTEDIT_UPDATE"})


def prompt_props() -> dict[str, Any]:
    """What to make."""
    return {
        "prompt": words_property(name="Prompt", description="What the layer shows"),
        "mode": EnumProperty(name="Mode", description="What kind of layer", items=MODES),
        "model": StringProperty(name="Model", description="The model that draws", default="starter"),
        "foreground_prompt": words_property(name="Foreground", description="What only the foreground shows"),
        "background_prompt": words_property(name="Background", description="What only the background shows"),
        "element": StringProperty(name="Element", description="The kind of element; empty for the one of the prompt"),
        "element_parameters": StringProperty(
            name="Parameters", description="What was set of an element, as JSON; the rest is as the prompt says"
        ),
        "frames": IntProperty(
            name="Frames",
            description="How many frames the loop of an element has; the last one leads back to the first",
            default=1,
            min=1,
            max=MOST_FRAMES,
        ),
        "along": BoolProperty(
            name="Along a Mask", description="Let it grow along the edge of a mask's shape, instead of in the target"
        ),
        "count": IntProperty(name="Count", description="How many variants", default=1, min=1, max=8),
        "layers": IntProperty(
            name="Split Into",
            description="How many layers, the background among them; 0 for as many as are found",
            min=0,
            max=MOST_SPLIT,
        ),
        "random_seed": BoolProperty(name="Random", description="Take a new seed every time", default=True),
        "seed": IntProperty(name="Seed", description="The same seed makes the same layer again", min=0),
    }


def advanced_props() -> dict[str, Any]:
    """How to make it; zero and empty stand for the model's own value."""
    return {
        "negative": StringProperty(name="Avoid", description="What the layer must not show"),
        "steps": IntProperty(name="Steps", description="Drawing steps; 0 for the model's own", min=0, max=1000),
        "guidance": FloatProperty(
            name="Guidance",
            description="How closely to follow the prompt; 0 for the model's own",
            min=0.0,
            soft_max=20.0,
            max=100.0,
        ),
        "sampler": StringProperty(name="Sampler", description="The sampler's name; empty for the model's own"),
        "clip_skip": IntProperty(
            name="Clip Skip",
            description="Which layer of the text encoder is read, from the last, 1; many anime models want 2, and 0 is "
            "the model's own",
            min=0,
            soft_max=12,
            max=MOST_CLIP_SKIP,
        ),
        "passes": EnumProperty(
            name="Passes",
            description="How many views the transparency is the median of: more is slower and cleaner",
            items=[
                ("0", "Model's Own", "As many as the model is best with", 4),
                *((str(n), str(n), "", number) for number, n in enumerate(PASSES)),
            ],
            default="0",
        ),
        "strength": FloatProperty(
            name="Strength",
            description="How far from the given layer to go: 0 keeps it, 1 draws it all anew",
            default=0.6,
            **SHARE,
        ),
        "keep_matte": BoolProperty(
            name="Keep the Matte",
            description="Draw the colours alone: the layer's transparency stays exactly as it is",
        ),
        "transparency_weight": FloatProperty(
            name="Transparency",
            description="How strongly the transparency shapes what is drawn",
            default=1.0,
            min=0.0,
            max=2.0,
        ),
        "detail": FloatProperty(
            name="Detail",
            description="How strongly a large target is drawn over once more at its own size; 0 for not at all",
            **SHARE,
        ),
        "stop_at": FloatProperty(
            name="Stop at",
            description="Which share of the steps the layers look at each other; 0 for the model's own",
            **SHARE,
        ),
        "control": EnumProperty(
            name="Structure",
            description="Let the scene's shapes steer the drawing, for models that can",
            items=(
                ("none", "None", "The model is free"),
                ("depth", "Depth", "How far things are from the camera"),
                ("normal", "Normals", "Which way surfaces face"),
            ),
        ),
        "control_weight": FloatProperty(
            name="Weight", description="How strongly the scene's shapes steer", default=1.0, min=0.0, max=4.0
        ),
    }


def input_props() -> dict[str, Any]:
    """The pictures that a mode works on, for each role a source and a name (of an object or an image)."""
    found: dict[str, Any] = {
        "known": EnumProperty(
            name="Already There",
            description="Which of the two layers you have; the other one is extracted",
            items=(
                ("foreground", "Foreground", "Extract the background"),
                ("background", "Background", "Extract the foreground"),
            ),
        )
    }
    for role in INPUT_ROLES:
        found[f"{role}_from"] = EnumProperty(name=ROLE_NAMES[role], description="Where it comes from", items=SOURCES)
        found[f"{role}_name"] = StringProperty(name=ROLE_NAMES[role], description="Which one")
    return found


def target_props() -> dict[str, Any]:
    """Which part of the picture it fills, and how."""
    return {
        "target": EnumProperty(
            name="Target", description="Which part of the picture to fill", items=TARGETS, default="AUTO"
        ),
        "fill": BoolProperty(
            name="Fill",
            description="Draw over all of the target, whatever its shape; else in the middle, at a shape that the "
            "model knows",
        ),
        "target_x": IntProperty(name="X", description="From the left, in pixels", subtype="PIXEL"),
        "target_y": IntProperty(name="Y", description="From the top, in pixels", subtype="PIXEL"),
        "target_width": IntProperty(name="Width", description="In pixels", default=512, min=1, subtype="PIXEL"),
        "target_height": IntProperty(name="Height", description="In pixels", default=512, min=1, subtype="PIXEL"),
    }


def insert_props() -> dict[str, Any]:
    """How finished layers come into the scene."""
    return {
        "place": EnumProperty(name="Place", description="Where finished layers go", items=PLACES),
        "shading": EnumProperty(name="Shading", description="How the planes are shaded", items=SHADINGS),
        "depth": EnumProperty(name="Depth", description="At which depth layers stand", items=DEPTHS),
        "distance": FloatProperty(
            name="Distance",
            description="How far from the camera a layer stands; automatically only the first of a stack, nearer "
            "where an object would poke through it",
            default=10.0,
            min=0.001,
            subtype="DISTANCE",
        ),
        "gap": FloatProperty(
            name="Gap",
            description="The share of its distance by which a layer stands before the one below it",
            default=0.05,
            min=0.0001,
            max=0.9,
            subtype="FACTOR",
        ),
        "height": FloatProperty(
            name="Height", description="The height of the plane", default=2.0, min=0.001, subtype="DISTANCE"
        ),
        "surface": StringProperty(name="Object", description="The object that the layer lies on"),
        "collection": StringProperty(
            name="Collection", description="The collection of the planes, by its name; empty for the scene's own"
        ),
        "variants": EnumProperty(name="Show", description="What to show of several variants", items=VARIANTS),
    }


def primary_role(mode: str, known: str) -> str:
    """The role of the layer that a mode works on; empty where it works on none."""
    return known if SPECS[mode].one_of else next(iter(SPECS[mode].inputs), "")


def needed_roles(mode: str, known: str) -> tuple[str, ...]:
    """The roles for which a mode wants a picture; `extract` takes the whole picture and the layer that is `known`."""
    return (*SPECS[mode].inputs, known) if SPECS[mode].one_of else SPECS[mode].inputs
