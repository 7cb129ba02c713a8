"""Masks that are painted, and the image editor as a source and a place for results."""

from __future__ import annotations

from typing import Any

import addon
import bpy
import numpy as np
import pictures
import scene
import working


def paint(name: str) -> dict[str, Any]:
    """Paint Mask on a layer: the mode, the mask, the panel's settings, and what a render shows meanwhile."""
    before = pictures.render()
    scene.run("paint_mask", select=name)
    settings = bpy.context.scene.acetate.settings
    mask = bpy.data.images[settings.mask_name]
    return {
        "mode": bpy.context.mode,
        "size": list(mask.size),
        "clear": float(pictures.numbers(mask.name).max()),
        "settings": [settings.mode, settings.layer_name, settings.mask_from, settings.mask_name],
        "canvas": bpy.context.active_object.active_material.node_tree.nodes.active.image.name,
        "same_render": bool((pictures.render() == before).all()),
    }


def paint_box(x: int, y: int, width: int, height: int) -> None:
    """Paint a rectangle (from the top left) of the mask in red, as a brush does."""
    mask = bpy.data.images[bpy.context.scene.acetate.settings.mask_name]
    rgba = pictures.numbers(mask.name)[::-1].copy()
    rgba[y : y + height, x : x + width] = (0.9, 0.1, 0.2, 1.0)
    mask.pixels.foreach_set(rgba[::-1].ravel().astype(np.float32))


def fill(seed: int) -> dict[str, Any]:
    """Press Generate while one paints; the new layer, and what is left of the painting."""
    before = {plane["name"] for plane in scene.planes()}
    scene.generate(prompt="a patch", seed=seed)
    (new,) = [plane["name"] for plane in scene.planes() if plane["name"] not in before]
    mask = bpy.data.images[bpy.context.scene.acetate.settings.mask_name]
    return {
        "mode": bpy.context.mode,
        "new": new,
        "request": working.request(),
        "packed": mask.packed_file is not None,
        "objects": sorted(obj.name for obj in bpy.context.scene.objects if obj.type == "MESH"),
    }


def _editor(image: Any) -> Any:
    """An image editor that shows this image, as a context."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.type = "IMAGE_EDITOR"
    area.spaces.active.image = image
    region = next(region for region in area.regions if region.type == "WINDOW")
    return bpy.context.temp_override(window=window, area=area, region=region)


def from_the_image_editor(width: int, height: int) -> dict[str, Any]:
    """Generate in an image editor out of its image: what went out, and what is shown then."""
    name = pictures.noise("Sketch", width, height)
    with _editor(bpy.data.images[name]):
        space = bpy.context.space_data
        bpy.ops.acetate.generate(
            "EXEC_DEFAULT", True, wait=60.0, prompt="echo", mode="refine", layer_from="OPEN", place="IMAGE"
        )
        shown = space.image
        off = float(np.abs(pictures.numbers(shown.name) - _fitted(name, shown.size)).max())
        space.image = bpy.data.images[name]
        bpy.ops.acetate.paint_mask()
        mask = space.image
        settings = bpy.context.scene.acetate.settings
        return {
            "shown": shown.name,
            "off": off,
            "mask": [mask.name, list(mask.size), space.ui_mode],
            "settings": [settings.mode, settings.layer_from, settings.layer_name, settings.mask_name],
        }


def _fitted(name: str, size: Any) -> Any:
    assert list(size) == list(bpy.data.images[name].size)
    return pictures.numbers(name)


def menus() -> dict[str, list[str]]:
    """The operators and menus that our entries add to Blender's own menus."""
    entries = addon.part("ui.menus")
    found = {}
    for name, draw in entries.ENTRIES:
        assert draw in getattr(bpy.types, name)._dyn_ui_initialize()
        layout = _Layout()
        draw(_Menu(layout), bpy.context)
        found[name] = layout.said
    layout = _Layout()
    entries.ACETATE_MT_layer.draw(_Menu(layout), bpy.context)
    found["ACETATE_MT_layer"] = layout.said
    return found


class _Menu:
    def __init__(self, layout: Any) -> None:
        self.layout = layout


class _Layout:
    operator_context = ""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.kind = self.to = ""

    def separator(self) -> None:
        """A line."""

    def operator(self, name: str, **options: Any) -> Any:
        """An entry."""
        self.said.append(name)
        return self

    def menu(self, name: str, **options: Any) -> None:
        """A menu in the menu."""
        self.said.append(name)


def why_disabled(operator: str) -> str:
    """What Blender says when an operator cannot be called now."""
    try:
        getattr(bpy.ops.acetate, operator)()
    except RuntimeError as error:
        return str(error)
    return ""


def painted_share() -> float:
    """The share of the mask that is painted."""
    return float((pictures.numbers(bpy.context.scene.acetate.settings.mask_name)[..., 3] > 0.5).mean())
