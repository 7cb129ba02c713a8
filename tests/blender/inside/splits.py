"""A picture that is split into planes, and what the camera renders of them."""

from __future__ import annotations

from typing import Any

import addon
import bpy
import exactness
import numpy as np
import pictures
import scene
import working

SIZE = 256


def meadow(wait: float) -> str:
    """A layer over the whole frame with an apple on a meadow under a sky; its name."""
    name = working.kite(0, 0, SIZE, SIZE, prompt="a red apple", fill=True, steps=1, passes="1", wait=wait)
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float32)
    blade = np.random.default_rng(1).integers(-6, 7, (SIZE, SIZE))
    grass = np.stack([60 + y / 8 + blade, 120 + y / 4 + blade, 50 + blade], axis=2)
    sky = np.stack([110 + y / 4, 150 + y / 8, 170 - y / 4], axis=2)
    rgb = _over(grass, sky, np.clip((90 - y) / 40 + 0.5, 0, 1))
    apple = np.stack([200 + (x - 120) / 3, 40 + (140 - y) / 4, np.full_like(x, 35)], axis=2)
    rgb = _over(rgb, apple, np.clip((70 - np.hypot(x - 120, y - 140)) / 3 + 0.5, 0, 1))
    rgba = np.concatenate([np.rint(rgb) / 255, np.ones((SIZE, SIZE, 1))], axis=2)
    image = addon.part("insert.plane").image_of(bpy.data.objects[name])
    image.pixels.foreach_set(rgba[::-1].astype(np.float32).ravel())
    return name


def _over(below: Any, above: Any, alpha: Any) -> Any:
    return below + (above - below) * alpha[..., None]


def split(select: str, **options: Any) -> dict[str, Any]:
    """Split the selected layer: its planes, how deep it stood, what was asked for, and how far the render is off.

    `worst` is in levels of 255, once all offered fixes are done; `summed` the same of the planes' own images, laid over
    each other in linear light.
    """
    plane, shown = addon.part("insert.plane"), bpy.data.objects[select]
    depth = plane.depth_of(shown, bpy.context.scene.camera)
    wanted = pictures.numbers(plane.image_of(shown).name)
    working.change("split", select, **options)
    exactness.fix("CYCLES")
    asked = working.request()
    made = [each for each in scene.planes() if not each["hidden"]]
    return {
        "planes": made,
        "summed": float(np.abs(_summed([each["name"] for each in made])[..., :3] - wanted[..., :3]).max() * 255),
        "depth": depth,
        "asked": [asked["blending"], list(asked["target"]), asked["layers"]],
        "worst": float(np.abs(pictures.render() - wanted).max() * 255),
    }


def _summed(names: list[str]) -> Any:
    """The images of planes, the farthest first, over each other; straight colours, sRGB-encoded, rows bottom-up."""
    light = np.zeros((SIZE, SIZE, 3))
    for name in names:
        obj = bpy.data.objects[name]
        rgba = pictures.numbers(addon.part("insert.plane").image_of(obj).name)
        x, y, width, height = obj.acetate.rect
        part = light[SIZE - y - height : SIZE - y, x : x + width]
        encoded, alpha = rgba[..., :3], rgba[..., 3:]
        linear = np.where(encoded > 0.04045, ((encoded + 0.055) / 1.055) ** 2.4, encoded / 12.92)
        part[:] = part + (linear - part) * alpha
    return np.where(light > 0.0031308, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055, 12.92 * light)


def restored(select: str) -> list[Any]:
    """What the panel says after Use These Settings on a layer."""
    bpy.context.scene.acetate.settings.layers = 5
    scene.run("use_settings", select=select)
    settings = bpy.context.scene.acetate.settings
    return [settings.mode, settings.layers, settings.seed]


def at_the_cursor() -> list[list[float]]:
    """The newest job's layers placed on the 3D cursor: the width and height of each plane in metres."""
    before = {plane["name"] for plane in scene.planes()}
    job = addon.part("runtime").controller().of(bpy.context.scene)[0]
    bpy.ops.acetate.place("EXEC_DEFAULT", True, job=job.id, place="CURSOR")
    made = [plane["name"] for plane in scene.planes() if plane["name"] not in before]
    return [[round(side, 4) for side in bpy.data.objects[name].dimensions[:2]] for name in made]
