"""A Blender with its window whose artist is in the middle of something."""

from __future__ import annotations

from typing import Any

import addon
import bpy
import numpy as np
import pictures
import sources


def stage() -> list[int]:
    """A red square and a camera that looks at it from 10 m away; the middle of the 3D viewport on the screen."""
    shown = bpy.context.scene
    camera = shown.camera
    camera.location, camera.rotation_euler = (0.0, -10.0, 0.0), (1.5707963, 0.0, 0.0)
    shown.render.resolution_x, shown.render.resolution_y = 64, 48
    sources._red_cube()
    area = _area()
    window = bpy.context.window_manager.windows[0]
    return [area.x + area.width // 3, window.height - area.y - area.height // 2]


def _area() -> Any:
    window = bpy.context.window_manager.windows[0]
    return max((a for a in window.screen.areas if a.type == "VIEW_3D"), key=lambda a: a.width * a.height)


def ask(**options: Any) -> None:
    """Press Generate in the 3D viewport's sidebar."""
    window, area = bpy.context.window_manager.windows[0], _area()
    region = next(region for region in area.regions if region.type == "UI")
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.acetate.generate("EXEC_DEFAULT", True, **options)


def select(name: str) -> None:
    """Select an object alone."""
    for obj in bpy.context.scene.objects:
        obj.select_set(obj.name == name)
    bpy.context.view_layer.objects.active = bpy.data.objects[name]
    bpy.ops.ed.undo_push(message="selected")


def state() -> dict[str, Any]:
    """Whether a tool runs, where the square is, how the jobs stand, what the queue says of them."""
    desk = addon.part("runtime").controller()
    return {
        "modal": addon.part("modal_operators").is_running(),
        "moved": any(abs(value) > 1e-6 for value in bpy.data.objects["Cube"].matrix_world.translation),
        "states": [job.state for job in desk.of(bpy.context.scene)],
        "queue": addon.part("ui.queue")._waits_for(),
    }


def undo() -> None:
    """Ctrl+Z, as from the 3D viewport."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=_area()):
        bpy.ops.ed.undo()


def redo() -> None:
    """Ctrl+Shift+Z, as from the 3D viewport."""
    with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=_area()):
        bpy.ops.ed.redo()


def look_from_aside() -> None:
    """Turn the viewport away from the camera, with every overlay on and the square selected."""
    space = _area().spaces.active
    space.region_3d.view_perspective = "PERSP"
    space.region_3d.view_distance = 3.0
    space.overlay.show_floor = space.overlay.show_axis_x = space.overlay.show_axis_y = True
    select("Cube")


def seen() -> dict[str, Any]:
    """Of the newest layer, which is what was sent: where it is opaque, and what of the viewport is different."""
    space = _area().spaces.active
    made = sorted(
        (obj for obj in bpy.context.scene.objects if obj.acetate.layer), key=lambda obj: obj.name, reverse=True
    )
    image = addon.part("insert.plane").image_of(made[0])
    numbers = pictures.numbers(image.name)
    opaque = numbers[..., 3] > 0.5
    return {
        "count": int(opaque.sum()),
        "middle": bool(opaque[24, 32]),
        "edge": float(np.abs(numbers[[0, -1], :, 3]).max()),
        "overlays": space.overlay.show_overlays,
        "view": space.region_3d.view_perspective,
        "result": _rendered(),
        "scenes": len(bpy.data.scenes),
    }


def _rendered() -> bool:
    """Whether there is a render result."""
    try:
        addon.part("capture.rendering").result(bpy.context.scene)
    except addon.part("capture.rendering").AcetateError:
        return False
    return True
