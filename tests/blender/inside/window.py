"""A Blender with its window: where things are, and what is seen."""

from __future__ import annotations

import time
from typing import Any

import addon
import bpy

AREA_SHARE = 0.45


def arrange(language: str = "en_US") -> list[int]:
    """One large 3D viewport through the camera with an open, wide sidebar; the viewport's rectangle (x, y, w, h)."""
    view = bpy.context.preferences.view
    view.language = language
    view.use_translate_interface = view.use_translate_tooltips = language != "en_US"
    view.show_tooltips = False
    window = bpy.context.window_manager.windows[0]
    area = max((a for a in window.screen.areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height)
    space = area.spaces[0]
    space.show_region_ui = True
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = False
    space.region_3d.view_perspective = "CAMERA"
    for other in bpy.context.scene.objects:
        other.select_set(False)
    return [area.x, area.y, area.width, area.height]


def regions() -> dict[str, list[int]]:
    """The sidebar's rectangle, from the window's bottom left."""
    window = bpy.context.window_manager.windows[0]
    area = max((a for a in window.screen.areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height)
    return {region.type: [region.x, region.y, region.width, region.height] for region in area.regions}


def shading(kind: str) -> None:
    """How the viewport is shaded."""
    window = bpy.context.window_manager.windows[0]
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            area.spaces[0].shading.type = kind


def settings(**values: Any) -> None:
    """Set what the panel shows."""
    for name, value in values.items():
        setattr(bpy.context.scene.acetate.settings, name, value)


def prompt() -> str:
    """What was typed."""
    return str(bpy.context.scene.acetate.settings.prompt)


def states() -> list[str]:
    """How the jobs stand, without polling: in a window the timer does that."""
    return [job.state for job in addon.part("runtime").controller().of(bpy.context.scene)]


def connected() -> bool:
    """Whether the daemon answers."""
    return bool(addon.part("daemon_connection").session.connected)


def prepare() -> None:
    """A scene that looks decent: no default cube, a frame of 4:3, colours as generated."""
    scene = bpy.context.scene
    for obj in list(scene.objects):
        if obj.type == "MESH":
            bpy.data.objects.remove(obj)
    scene.render.resolution_x, scene.render.resolution_y = 512, 384
    scene.view_settings.view_transform = "Standard"
    scene.world.color = (0.2, 0.2, 0.2)


def select(name: str) -> None:
    """Make an object the active one."""
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    bpy.data.objects[name].select_set(True)


def redraw() -> None:
    """Have the window drawn anew."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            area.tag_redraw()


def sleep(seconds: float) -> None:
    """Hold Blender's window up for so long."""
    time.sleep(seconds)


def progress() -> float:
    """How far the running job is, 0 to 1."""
    desk = addon.part("runtime").controller()
    return max((job.share or 0.0 for job in desk.jobs.values() if job.steps > 1), default=0.0)


def break_health() -> None:
    """Blender's own defaults, which spoil layers: Filmic, and the layers dithered."""
    scene = bpy.context.scene
    scene.view_settings.view_transform = "Filmic"
    for obj in scene.objects:
        if obj.type == "MESH":
            obj.active_material.blend_method = "HASHED"


def cancel_newest() -> None:
    """Press the cross of the newest job."""
    bpy.ops.acetate.cancel(job=addon.part("runtime").controller().of(bpy.context.scene)[0].id)


def forget_all() -> None:
    """Take all jobs that did not end well off the list."""
    desk = addon.part("runtime").controller()
    for job in desk.of(bpy.context.scene):
        if job.state != "placed":
            bpy.ops.acetate.forget(job=job.id)


def landscape_scene() -> None:
    """Remove what is there, and look at a wide frame with a sky."""
    for obj in list(bpy.context.scene.objects):
        if obj.type == "MESH":
            bpy.data.objects.remove(obj)
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 512, 384
    tree = scene.world.node_tree
    background = tree.nodes["Background"]
    background.inputs["Color"].default_value = (0.42, 0.62, 0.85, 1.0)
    forget_all()


def render_from(sideways: float, path: str) -> None:
    """Render with the camera moved to its own right by so many metres, and turned to the same middle."""
    scene = bpy.context.scene
    camera = scene.camera
    before = camera.matrix_world.copy()
    right = before.to_3x3().col[0].normalized()
    camera.matrix_world.translation = before.translation + right * sideways
    camera.data.shift_x = -sideways * camera.data.lens / camera.data.sensor_width / 10.0
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising = 16, False
    scene.render.filepath = path
    scene.render.image_settings.file_format = "PNG"
    bpy.ops.render.render(write_still=True)
    camera.data.shift_x = 0.0
    camera.matrix_world = before
    scene.render.engine = "BLENDER_EEVEE"


_draws = [0]


def watch_panel() -> None:
    """Count from now on how often our panel is drawn."""
    panel = addon.part("ui.generate").Acetate
    inner = panel.draw

    def draw(self: Any, context: Any) -> None:
        _draws[0] += 1
        inner(self, context)

    panel.draw = draw


def panel_drawn() -> bool:
    """Whether our panel was drawn."""
    return _draws[0] > 0


def shaded() -> list[str]:
    """How the viewport is shaded, and where Solid takes its colours from."""
    window = bpy.context.window_manager.windows[0]
    shading = next(area.spaces[0].shading for area in window.screen.areas if area.type == "VIEW_3D")
    return [shading.type, shading.color_type]


def solid_pictures() -> None:
    """Solid view with the pictures, as Paint Mask sets it in a viewport."""
    window = bpy.context.window_manager.windows[0]
    for area in window.screen.areas:
        if area.type == "VIEW_3D":
            area.spaces[0].shading.type, area.spaces[0].shading.color_type = "SOLID", "TEXTURE"
