"""Runs inside Blender: renders what a JSON file asks for, as linear premultiplied colour in .npy files.

blender --background --python render.py -- ORDERS.json
python render.py -- ORDERS.json                          (a Python that has the module bpy)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import bpy
import numpy as np
import subjects


def main() -> None:
    """Carry out the orders of the file named on the command line; each picture that is there already is left out."""
    orders = json.loads(Path(sys.argv[sys.argv.index("--") + 1]).read_text(encoding="utf-8"))
    folder = Path(orders["folder"])
    if "file" in orders:
        render_file(orders["file"], folder, orders["samples"], orders["largest"])
        return
    for order in orders["pictures"]:
        target = folder / f"{order['name']}.npy"
        if not target.exists():
            bpy.ops.wm.read_factory_settings(use_empty=True)
            words = subjects.SUBJECTS[order["subject"]](np.random.default_rng(order["seed"]))
            scene = bpy.context.scene
            scene.render.resolution_x = scene.render.resolution_y = order["size"]
            prepare(scene, orders["samples"])
            scene.cycles.seed = order["seed"] % 2**31
            shoot(scene, target)
            target.with_suffix(".json").write_text(json.dumps({"caption": words}), encoding="utf-8")
            print(f"rendered {order['name']}", flush=True)


def render_file(path: str, folder: Path, samples: int, largest: int) -> None:
    """Render every scene of a .blend file from each of its cameras, its world left out."""
    bpy.ops.wm.open_mainfile(filepath=path)
    for scene in bpy.data.scenes:
        render = scene.render
        render.resolution_percentage = max(1, min(100, 100 * largest // max(render.resolution_x, render.resolution_y)))
        for camera in [each for each in scene.objects if each.type == "CAMERA"]:
            scene.camera = camera
            prepare(scene, samples)
            name = f"{len(list(folder.glob('*.npy'))):04d}"
            shoot(scene, folder / f"{name}.npy")
            words = camera.name if len(bpy.data.scenes) == 1 else f"{scene.name} {camera.name}"
            (folder / f"{name}.json").write_text(json.dumps({"caption": words}), encoding="utf-8")


def prepare(scene: bpy.types.Scene, samples: int) -> None:
    """Cycles, transparent where nothing is, glass included."""
    scene.render.engine = "CYCLES"
    scene.render.film_transparent = True
    scene.cycles.film_transparent_glass = True
    scene.cycles.samples = samples
    # Some builds have no denoiser, and it would smooth alpha unlike colour.
    scene.cycles.use_denoising = False
    scene.cycles.transparent_max_bounces = 64
    scene.cycles.volume_bounces = 1
    # Plumes are soft: coarser steps save time and lose nothing that is seen.
    scene.cycles.volume_step_rate = 3.0
    scene.render.image_settings.file_format = "OPEN_EXR"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.image_settings.color_depth = "32"


def shoot(scene: bpy.types.Scene, target: Path) -> None:
    """Render and write float32 "h w 4", rows from the top."""
    exposed = target.with_suffix(".exr")
    scene.render.filepath = str(exposed)
    bpy.ops.render.render(write_still=True, scene=scene.name)
    image = bpy.data.images.load(str(exposed))
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    part = target.with_suffix(".part")
    with part.open("wb") as stream:
        np.save(stream, pixels.reshape(height, width, 4)[::-1])
    part.replace(target)
    bpy.data.images.remove(image)
    exposed.unlink()


if __name__ == "__main__":
    main()
