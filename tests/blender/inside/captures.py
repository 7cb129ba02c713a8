"""Pictures of the scene for the daemon, and what of the artist's is different after they were taken."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import addon
import bpy
import pictures
import scene
import sources

RGBA = list[float]


def _state() -> dict[str, Any]:
    """All settings of the scene, what is hidden, and which scenes and images there are."""
    shown = bpy.context.scene
    groups = {
        "render": shown.render,
        "format": shown.render.image_settings,
        "view": shown.view_settings,
        "cycles": shown.cycles,
        "eevee": shown.eevee,
    }
    found = {
        f"{name}.{prop.identifier}": repr(getattr(group, prop.identifier))
        for name, group in groups.items()
        for prop in group.bl_rna.properties
        if prop.type in ("BOOLEAN", "INT", "FLOAT", "STRING", "ENUM")
    }
    found["hidden"] = repr([(obj.name, obj.hide_render, obj.hide_viewport) for obj in bpy.data.objects])
    found["layers"] = repr([(layer.name, layer.use) for layer in shown.view_layers])
    found["scenes"] = repr(list(bpy.data.scenes.keys()))
    return found


def _changes(before: dict[str, Any]) -> list[str]:
    now = _state()
    return sorted(name for name in before if now[name] != before[name])


def _compositor(folder: str) -> None:
    """A compositor that makes everything blue and writes each frame to a file."""
    shown = bpy.context.scene
    if bpy.app.version < (5, 0, 0):
        shown.use_nodes = True
        tree = shown.node_tree
        tree.nodes.clear()
        composite = tree.nodes.new("CompositorNodeComposite")
        picture = composite.inputs[0]
    else:
        tree = shown.compositing_node_group = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
        tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        picture = tree.nodes.new("NodeGroupOutput").inputs[0]
    blue, file = tree.nodes.new("CompositorNodeRGB"), tree.nodes.new("CompositorNodeOutputFile")
    blue.outputs[0].default_value = (0.0, 0.0, 1.0, 1.0)
    if bpy.app.version < (5, 0, 0):
        file.base_path = folder
    else:
        file.directory = folder
        file.file_output_items.new("RGBA", "Image")
    tree.links.new(blue.outputs[0], picture)
    # Of a node that gives one colour only, newer releases write no file.
    tree.links.new(tree.nodes.new("CompositorNodeRLayers").outputs[0], file.inputs[0])


def _before_renders() -> Any:
    """Blender's list of what is called before a render."""
    handlers: Any = bpy.app.handlers
    return handlers.render_pre


def _rounded(pixel: Any) -> RGBA:
    return [round(float(value), 2) for value in pixel]


def production() -> dict[str, Any]:
    """Extract, with the render result as the whole picture and the camera's view as the background.

    The scene renders in production: a compositor with a file output, a cropped region, many samples, a green world.
    """
    shown = bpy.context.scene
    sources._red_cube()
    sources._ready_to_render()
    shown.render.film_transparent = False
    shown.world = bpy.data.worlds.new("Green")
    tree = addon.part("bpy_compat").node_tree(shown.world)
    tree.nodes["Background"].inputs["Color"].default_value = (0.0, 1.0, 0.0, 1.0)
    front = scene.generate(prompt="a kite", seed=1, distance=5.0)[0]
    folder = tempfile.mkdtemp()
    _compositor(folder)
    bpy.ops.render.render()
    written = sorted(path.name for path in Path(folder).iterdir())
    for path in Path(folder).iterdir():
        path.unlink()
    shown.cycles.samples, shown.render.use_border, shown.render.use_crop_to_border = 100000, True, True
    shown.render.border_max_x = 0.5
    before, samples = _state(), []
    _before_renders().append(lambda rendered, *_: samples.append(rendered.cycles.samples))
    sent = {}
    try:
        for role in ("layer", "background", "foreground"):
            for name in _sent(role):
                image = addon.part("insert.plane").image_of(bpy.data.objects[name])
                sent[f"{role}:{bpy.data.objects[name].acetate.role}"] = pictures.numbers(image.name)
    finally:
        _before_renders().pop()
    changes = [name for name in _changes(before) if name != "hidden"]
    shown.render.use_border = False
    again = scene.generate(prompt="echo", mode="refine", layer_from="RENDER")[0]
    numbers = pictures.numbers(addon.part("insert.plane").image_of(bpy.data.objects[again]).name)
    found = {key: [_rounded(value[24, 32]), _rounded(value[2, 2])] for key, value in sent.items()}
    left = sorted(path.name for path in Path(folder).iterdir())
    shutil.rmtree(folder)
    return {
        "written": len(written),
        "left": left,
        "changes": changes,
        "seen": found,
        "samples": samples,
        "result": _rounded(numbers[24, 32]),
        "front": [bpy.data.objects[front].hide_render, bpy.data.objects[front].hide_viewport],
    }


def _sent(role: str) -> list[str]:
    """Have the pictures of a mode sent back whose layer is the camera's view; the new planes."""
    common: dict[str, Any] = {"prompt": "echo", "target": "FRAME", "variants": "ALL"}
    if role == "layer":
        return scene.generate(**common, mode="refine", layer_from="CAMERA")
    if role == "background":
        return scene.generate(**common, mode="foreground", background_from="CAMERA")
    return scene.generate(**common, mode="extract", known="background", blend_from="RENDER", background_from="CAMERA")


def failed() -> dict[str, Any]:
    """A render whose file cannot be written: what is said, and what is different afterwards."""
    sources._red_cube()
    sources._ready_to_render()
    scene.generate(prompt="a kite", seed=1)
    before = _state()

    def block(rendered: Any, *_: Any) -> None:
        Path(rendered.render.filepath).mkdir()

    _before_renders().append(block)
    try:
        said = scene.refused(prompt="echo", mode="refine", layer_from="CAMERA")
    finally:
        _before_renders().remove(block)
    return {"said": said, "changes": _changes(before)}
