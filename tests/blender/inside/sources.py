"""What is sent to the daemon: each kind of input, seen by having it sent back."""

from __future__ import annotations

from typing import Any

import addon
import bpy
import numpy as np
import pictures
import scene


def _sent(**options: Any) -> Any:
    """The pixels of the layer that came back, rows bottom-up."""
    (name,) = scene.generate(prompt="echo", **{"mode": "refine", "place": "CAMERA", **options})[:1]
    image = addon.part("insert.plane").image_of(bpy.data.objects[name])
    return pictures.numbers(image.name)


def image(premultiplied_float: bool = False) -> float:
    """An image datablock goes out and comes back; the largest difference in steps of 8 bits."""
    name = pictures.noise("Source", 64, 48)
    wanted = pictures.numbers(name)
    if premultiplied_float:
        source = bpy.data.images.new("Float", 64, 48, alpha=True, float_buffer=True)
        linear = pictures.over([wanted], wanted.shape[:2])
        linear[..., :3] = pictures._linear(linear[..., :3]) * linear[..., 3:]
        source.pixels.foreach_set(linear.astype(np.float32).ravel())
        name = source.name
    sent = _sent(layer_from="IMAGE", layer_name=name)
    seen = sent[..., 3] > 0
    off = np.abs(sent - wanted) * 255
    return float(max(off[..., :3][seen].max(), off[..., 3].max()))


def _red_cube() -> None:
    mesh = bpy.data.meshes.new("Cube")
    mesh.from_pydata([(-1, 0, -1), (1, 0, -1), (1, 0, 1), (-1, 0, 1)], [], [(0, 1, 2, 3)])
    cube = bpy.data.objects.new("Cube", mesh)
    material = bpy.data.materials.new("Red")
    tree = addon.part("bpy_compat").node_tree(material)
    tree.nodes.clear()
    glow, out = tree.nodes.new("ShaderNodeEmission"), tree.nodes.new("ShaderNodeOutputMaterial")
    glow.inputs["Color"].default_value = (1, 0, 0, 1)
    tree.links.new(glow.outputs[0], out.inputs["Surface"])
    mesh.materials.append(material)
    bpy.context.scene.collection.objects.link(cube)
    bpy.context.view_layer.update()


def _ready_to_render() -> None:
    shown = bpy.context.scene
    shown.render.engine, shown.cycles.samples, shown.cycles.use_denoising = "CYCLES", 1, False
    shown.render.film_transparent = True


def camera() -> dict[str, Any]:
    """The camera's view with a red square behind a layer that hides all of it."""
    _red_cube()
    _ready_to_render()
    front = scene.generate(prompt="a kite", seed=1, distance=5.0)[0]
    sent = _sent(layer_from="CAMERA")
    obj = bpy.data.objects[front]
    return {
        "middle": [round(float(v), 2) for v in sent[24, 32]],
        "corner": [round(float(v), 2) for v in sent[2, 2]],
        "shown_again": not obj.hide_render and not obj.hide_viewport,
    }


def result() -> dict[str, Any]:
    """The render result, after a render."""
    _red_cube()
    _ready_to_render()
    bpy.ops.render.render()
    sent = _sent(layer_from="RENDER")
    kept = bpy.context.scene.render.image_settings
    return {"middle": [round(float(v), 2) for v in sent[24, 32]], "format": kept.file_format}


def plane_elsewhere() -> dict[str, float]:
    """An earlier layer in a part of the frame, as the input of one for the whole frame."""
    name = pictures.noise("Source", 20, 10)
    wanted = pictures.numbers(name)
    place: dict[str, Any] = {"target": "CUSTOM", "target_x": 8, "target_y": 4, "target_width": 20, "target_height": 10}
    (plane,) = scene.generate(prompt="echo", mode="refine", layer_from="IMAGE", layer_name=name, **place)
    sent = _sent(layer_from="PLANE", layer_name=plane, target="FRAME")
    top = 48 - 4
    inside = sent[top - 10 : top, 8:28].copy()
    sent[top - 10 : top, 8:28] = 0
    return {"off": float(np.abs(inside - wanted).max()), "outside": float(sent[..., 3].max())}


def other_size() -> dict[str, float]:
    """A soft picture twice as high and far narrower than the target: where it lies, and how it looks there."""
    name = pictures.painted("Source", 48, 96)
    pixels = pictures.numbers(name)
    sent = _sent(layer_from="IMAGE", layer_name=name)
    flat = pixels[..., :3] * pixels[..., 3:]
    wanted = flat.reshape(48, 2, 24, 2, 3).mean((1, 3))
    inside = sent[:, 20:44, :3] * sent[:, 20:44, 3:]
    return {
        "off": float(np.abs(inside - wanted).mean()),
        "outside": float(sent[:, :20, 3].max() + sent[:, 44:, 3].max()),
    }


def mask() -> dict[str, float]:
    """The alpha of a picture as a mask: white where it is opaque."""
    name = pictures.painted("Source", 64, 48)
    alpha = pictures.numbers(name)[..., 3]
    (first, second) = scene.generate(
        prompt="echo",
        mode="inpaint",
        target="FRAME",
        layer_from="IMAGE",
        layer_name=name,
        mask_from="IMAGE",
        mask_name=name,
    )
    roles = {bpy.data.objects[n].acetate.role: n for n in (first, second)}
    sent = pictures.numbers(addon.part("insert.plane").image_of(bpy.data.objects[roles["mask"]]).name)
    return {"off": float(np.abs(sent[..., 0] - alpha).max()), "clear": float((sent[..., 3] < 1).sum())}


def structure(kind: str) -> dict[str, Any]:
    """What is sent as structure of a square that faces the camera, hidden behind an earlier layer."""
    _red_cube()
    scene.generate(prompt="a kite", seed=1, distance=5.0)
    sent = _sent(mode="text", control=kind, target="FRAME")
    return {
        "size": [sent.shape[1], sent.shape[0]],
        "middle": [round(float(v * 255)) for v in sent[24, 32]],
        "corner": [round(float(v * 255)) for v in sent[2, 2]],
    }
