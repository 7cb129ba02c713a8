"""Image sequences: a picture for each frame of a range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import addon
import bpy
import exactness
import numpy as np
import pictures
import scene


def generate(file: str = "", **options: Any) -> dict[str, Any]:
    """Generate a sequence (in a saved file, where one is named): its plane, its files, and what is rendered when."""
    if file:
        scene.save(file)
    before = bpy.context.scene.frame_current
    steps = len(_history())
    result = bpy.ops.acetate.generate_sequence("EXEC_DEFAULT", True, wait=120.0, **options)
    (obj,) = addon.part("insert.plane").planes(bpy.context.scene)
    image = addon.part("insert.plane").image_of(obj)
    folder = Path(bpy.path.abspath(image.filepath)).parent
    return {
        "result": sorted(result),
        "name": obj.name,
        "source": image.source,
        "folder": str(folder),
        "relative": image.filepath.startswith("//"),
        "files": sorted(path.name for path in folder.iterdir()),
        "frame": [before, bpy.context.scene.frame_current],
        "prompts": [job.prompt for job in reversed(_history()[: len(_history()) - steps])],
        "seeds": len({job.seed for job in _history()}),
    }


def _history() -> list[Any]:
    return list(addon.part("runtime").controller().of(bpy.context.scene))


def rendered(frames: list[int]) -> list[list[int]]:
    """The middle of the camera's view at these frames, in 8 bits."""
    exactness.fix("CYCLES")
    seen = []
    for frame in frames:
        bpy.context.scene.frame_set(frame)
        rgba = pictures.render()
        middle = rgba[rgba.shape[0] // 2, rgba.shape[1] // 2]
        seen.append([int(value) for value in np.rint(middle * 255)])
    return seen


def animated_input(folder: str) -> list[list[int]]:
    """A sequence refined picture by picture: what came out at each frame, for files of a grey of their own."""
    for number in range(1, 4):
        name = f"grey{number:03}.png"
        image = bpy.data.images.new(name, 64, 48, alpha=True)
        image.pixels.foreach_set(np.tile(np.array([number / 5] * 3 + [1.0], np.float32), 64 * 48))
        image.filepath_raw, image.file_format = str(Path(folder) / name), "PNG"
        image.save()
        bpy.data.images.remove(image)
    source = bpy.data.images.load(str(Path(folder) / "grey001.png"))
    source.source = "SEQUENCE"
    options = {"layer_from": "IMAGE", "layer_name": source.name, "target": "FRAME", "mode": "refine"}
    generate(prompt="echo", frame_start=1, frame_end=3, frame_step=1, **options)
    return rendered([1, 2, 3])


def refused(**options: Any) -> str:
    """What is said of a wrong range or prompt."""
    try:
        bpy.ops.acetate.generate_sequence("EXEC_DEFAULT", True, **options)
    except RuntimeError as error:
        return str(error)
    return ""
