"""What a job works on, and what becomes of the layer that it changes."""

from __future__ import annotations

import json
from typing import Any

import addon
import bpy
import numpy as np
import pictures
import scene

WIDE = (160, 90)


def _settings(**values: Any) -> Any:
    settings = bpy.context.scene.acetate.settings
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


def line(**values: Any) -> str:
    """The panel's line on what is worked on with these settings, once it had a moment to look."""
    _settings(**values)
    targets = addon.part("capture.targets")
    targets.worked_on(bpy.context)
    scene.poll(8)
    return str(targets.worked_on(bpy.context)).replace("\u00a0", " ")


def kite(x: int, y: int, width: int, height: int, **options: Any) -> str:
    """A layer that fills that part of the frame; its name."""
    target = {"target": "CUSTOM", "target_x": x, "target_y": y, "target_width": width, "target_height": height}
    return scene.generate(**{"prompt": "a kite", "mode": "text", "seed": 5, **target, **options})[0]


def seen(name: str) -> dict[str, Any]:
    """Where a layer is, and whether it is seen, selected and active."""
    obj = bpy.data.objects[name]
    return {
        "rect": list(obj.acetate.rect),
        "hidden": [obj.hide_render, not obj.visible_get()],
        "selected": obj.select_get(),
        "active": bpy.context.view_layer.objects.active == obj,
    }


def named() -> list[str]:
    """The names of all planes."""
    return sorted(plane["name"] for plane in scene.planes())


def request() -> dict[str, Any]:
    """What the newest job asked the daemon for."""
    return dict(addon.part("runtime").controller().of(bpy.context.scene)[0].request)


def change(mode: str, select: str, **options: Any) -> str:
    """Change the selected layer; the name of the new one."""
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj.name == select)
    bpy.context.view_layer.objects.active = bpy.data.objects[select]
    return scene.generate(mode=mode, **options)[0]


def _on_canvas(name: str) -> Any:
    """A layer's numbers on the whole canvas (rows top-down, 0 to 255), and where they are."""
    obj = bpy.data.objects[name]
    image = addon.part("insert.plane").image_of(obj)
    x, y, width, height = obj.acetate.rect
    canvas = np.zeros((obj.acetate.canvas[1], obj.acetate.canvas[0], 4))
    rgba = np.rint(pictures.numbers(image.name)[::-1] * 255)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + width, canvas.shape[1]), min(y + height, canvas.shape[0])
    canvas[top:bottom, left:right] = rgba[top - y : bottom - y, left - x : right - x]
    return canvas


def difference(before: str, after: str, area: list[int], seed: int) -> dict[str, float]:
    """How far a changed layer is from what was drawn in `area`, and from the old one outside of it; in 8-bit steps.

    What was drawn is the stand-in's full rectangle of the seed's colour.
    """
    old, new = _on_canvas(before), _on_canvas(after)
    x, y, width, height = area
    rows, columns = slice(max(y, 0), y + height), slice(max(x, 0), x + width)
    drawn = np.abs(new[rows, columns] - np.array([seed % 256, seed // 256 % 256, 77, 255])).max()
    new[rows, columns] = old[rows, columns]
    return {"inside": float(drawn), "outside": float(np.abs(new - old).max())}


def duplicate(name: str, nearer: float) -> str:
    """Shift+D on a layer, and the copy moved so many metres to the camera; its name."""
    for obj in bpy.context.view_layer.objects:
        obj.select_set(obj.name == name)
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    bpy.ops.object.duplicate()
    copy = bpy.context.view_layer.objects.active
    camera = bpy.context.scene.camera.matrix_world.to_3x3().normalized()
    copy.matrix_world.translation += camera.col[2] * nearer
    return str(copy.name)


def twice(name: str) -> None:
    """Paint over a square layer: itself, half as large, side by side in the middle of its height."""
    image = addon.part("insert.plane").image_of(bpy.data.objects[name])
    rgba = pictures.numbers(image.name)
    half, side = rgba[::2, ::2].copy(), rgba.shape[0]
    rgba[:] = 0
    rgba[side // 4 : side // 4 + half.shape[0]] = np.concatenate((half, half), axis=1)
    image.pixels.foreach_set(rgba.ravel())


def of_two(before: str, after: str) -> dict[str, float]:
    """What became of a layer's halves: how far the left one is from what it was, the alpha of the right one before
    and after; in 8-bit steps.
    """
    old, new = _on_canvas(before), _on_canvas(after)
    x, _, width, _ = bpy.data.objects[before].acetate.rect
    middle = x + width // 2
    return {
        "left": float(np.abs(new - old)[:, :middle].max()),
        "right_before": float(old[:, middle:, 3].max()),
        "right": float(new[:, middle:, 3].max()),
    }


def corners(name: str) -> list[list[float]]:
    """A plane's corners in space."""
    obj = bpy.data.objects[name]
    return [[round(value, 4) for value in obj.matrix_world @ vertex.co] for vertex in obj.data.vertices]


def rendered_alpha(x: int, y: int) -> float:
    """The alpha of one pixel of the camera's view, from the top left."""
    rgba = pictures.render()
    return float(rgba[rgba.shape[0] - 1 - y, x, 3])


def known_words(prompt: str) -> dict[str, Any]:
    """What is said of a prompt's words, what it becomes by the offered buttons, and how often words were asked for."""
    session, shown = addon.part("daemon_connection").session, addon.part("ui.prompts")
    client = session.client
    asked = []
    inner = client.ask

    def ask(kind: str, fields: Any = None) -> None:
        asked.append(fields)
        inner(kind, fields)

    client.ask = ask
    shown.unknown_words("starter", prompt)
    scene.poll(30)
    for _ in range(3):
        said = shown.unknown_words("starter", prompt)
        words = session.vocabularies.completions("starter", prompt)
        scene.poll(3)
    client.ask = inner
    return {
        "said": [text for text, _, _ in said],
        "nearest": [new for _, nearest, new in said if nearest],
        "completed": [shown.completed(prompt, word) for word in words],
        "asked": asked,
    }


def why_not(**values: Any) -> str:
    """Why the button is grey."""
    _settings(**values)
    return str(addon.part("operators.generate").why_not(bpy.context))


def tooltip() -> str:
    """What the button says about itself."""
    operator = addon.part("operators.generate").ACETATE_OT_generate
    return str(operator.description(bpy.context, None))


def default_scene() -> None:
    """Blender's own first scene: a cube, a light, a camera that looks down on them."""
    bpy.ops.wm.read_homefile(use_empty=False, use_factory_startup=True)
    view = bpy.context.scene
    view.render.resolution_x, view.render.resolution_y = WIDE
    view.render.resolution_percentage = 100
    bpy.context.view_layer.update()


def add_floor() -> None:
    """A floor that reaches from before the camera to far behind."""
    mesh = bpy.data.meshes.new("Floor")
    mesh.from_pydata([(-50, -50, -1), (50, -50, -1), (50, 50, -1), (-50, 50, -1)], [], [(0, 1, 2, 3)])
    bpy.context.scene.collection.objects.link(bpy.data.objects.new("Floor", mesh))


def nearest(name: str) -> float:
    """How near an object comes to the camera, by the vertices of its mesh."""
    obj, camera = bpy.data.objects[name], bpy.context.scene.camera
    to_camera = camera.matrix_world.normalized().inverted()
    return min(float(-(to_camera @ obj.matrix_world @ vertex.co).z) for vertex in obj.data.vertices)


def made_with(name: str) -> dict[str, Any]:
    """What a plane remembers of its making."""
    return dict(json.loads(bpy.data.objects[name].acetate.made_with))


def job_warnings() -> list[str]:
    """What is said of the newest job's layers."""
    job = addon.part("runtime").controller().of(bpy.context.scene)[0]
    return [addon.part("jobs.job").said_of(warning) for warning in job.warnings]


def numbers_in_files() -> dict[str, dict[str, int]]:
    """The number that a saved file holds for each choice."""
    found = {}
    for name in ("mode", "target", "passes"):
        rna = bpy.context.scene.acetate.settings.bl_rna.properties[name]
        found[name] = {item.identifier: item.value for item in rna.enum_items}
    return found


def mask(name: str, width: int, height: int, box: list[int]) -> str:
    """A black image with a white box (x, y, width, height from the top left); its name."""
    image = bpy.data.images.new(name, width, height, alpha=True)
    x, y, w, h = box
    rgba = np.zeros((height, width, 4), np.float32)
    rgba[..., 3] = 1
    rgba[y : y + h, x : x + w, :3] = 1
    image.pixels.foreach_set(rgba[::-1].ravel())
    image.use_fake_user = True
    return str(image.name)
