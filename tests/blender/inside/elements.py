"""Elements: properties made of what the daemon offers, light that is added, loops as an image sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import addon
import bpy
import numpy as np


def _settings() -> Any:
    return bpy.context.scene.acetate.settings


def prepared() -> bool:
    """Whether the daemon has told what there is."""
    addon.part("runtime").poll()
    return bool(addon.part("elements").kinds())


def sliders(prompt: str, move: dict[str, float] | None = None) -> dict[str, Any]:
    """What the sliders of the prompt's kind show, before and after some are moved, and what would be asked for."""
    elements, settings = addon.part("elements"), _settings()
    settings.model, settings.prompt, settings.element_parameters = "elements", prompt, ""
    kind = elements.shown({"element": "", "prompt": prompt})
    group = elements.sliders(bpy.context.scene, kind)
    names = [setting.name for setting in kind.settings if setting.type == "number"]
    before = {name: round(getattr(group, name), 3) for name in names}
    for name, value in (move or {}).items():
        setattr(group, name, value)
    asked = elements.asked(
        {name: getattr(settings, name) for name in ("element", "prompt", "element_parameters", "frames")}
    )
    return {"before": before, "after": {name: round(getattr(group, name), 3) for name in names}, "asked": asked}


def square(name: str, width: int, height: int, inner: int) -> None:
    """An image with a white square in the middle of black."""
    pixels = np.zeros((height, width, 4), np.float32)
    pixels[..., 3] = 1
    top, left = (height - inner) // 2, (width - inner) // 2
    pixels[top : top + inner, left : left + inner] = 1
    bpy.data.images.new(name, width, height).pixels.foreach_set(pixels.ravel())


def asks_for_a_mask(prompt: str) -> list[str]:
    """The roles of pictures that the panel asks for, along a mask."""
    settings = _settings()
    settings.model, settings.prompt, settings.along = "elements", prompt, True
    roles = list(addon.part("ui.elements").roles(settings))
    settings.along = False
    return roles


def _alpha(image: Any) -> list[list[float]]:
    """The rows of its alpha, from below."""
    rows: list[list[float]] = np.array(image.pixels[:])[3::4].reshape(image.size[1], image.size[0]).round(3).tolist()
    return rows


def generate(prompt: str, colour: list[float] | None = None, **options: Any) -> dict[str, Any]:
    """Draw an element: its plane, how its material adds up, and its image."""
    elements, plane, material = addon.part("elements"), addon.part("insert.plane"), addon.part("insert.material")
    settings = _settings()
    settings.model, settings.prompt, settings.element_parameters = "elements", prompt, ""
    if colour:
        kind = elements.shown({"element": "", "prompt": prompt})
        elements.sliders(bpy.context.scene, kind).colour = colour
    result = bpy.ops.acetate.generate("EXEC_DEFAULT", True, wait=120.0, target="FRAME", **options)
    (obj,) = plane.planes(bpy.context.scene)
    nodes, image = obj.active_material.node_tree.nodes, plane.image_of(obj)
    user = nodes[material.IMAGE_NODE].image_user
    folder = Path(bpy.path.abspath(image.filepath)).parent
    jobs = list(addon.part("runtime").controller().of(bpy.context.scene))
    return {
        "result": sorted(result),
        "nodes": sorted(node.type for node in nodes),
        "source": image.source,
        "alpha": [] if image.source == "SEQUENCE" else _alpha(image),
        "files": sorted(path.name for path in folder.iterdir()) if image.source == "SEQUENCE" else [],
        "loop": [user.frame_duration, user.use_cyclic, user.use_auto_refresh],
        "element": jobs[0].settings["layers"][0]["element"],
        "method": jobs[0].settings["layers"][0]["method"],
    }
