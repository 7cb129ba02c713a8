"""Scenes, generations and what becomes of them."""

from __future__ import annotations

import time
from typing import Any

import addon
import bpy


def fresh(width: int = 256, height: int = 256) -> None:
    """An empty file with a camera that looks along -Y from 10 m away."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=False)
    scene = bpy.context.scene
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.location = (0.0, -10.0, 0.0)
    camera.rotation_euler = (1.5707963, 0.0, 0.0)
    scene.camera = camera
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.view_settings.view_transform = "Standard"


def generate(wait: float = 120.0, **options: Any) -> list[str]:
    """Generate and wait; the planes, from the farthest to the nearest."""
    before = {obj.name for obj in bpy.context.scene.objects}
    bpy.ops.acetate.generate("EXEC_DEFAULT", True, wait=wait, **options)
    plane, camera = addon.part("placing.plane"), bpy.context.scene.camera
    made = [obj for obj in plane.planes(bpy.context.scene) if obj.name not in before]
    return [obj.name for obj in sorted(made, key=lambda obj: -plane.depth_of(obj, camera))]


def jobs() -> list[dict[str, Any]]:
    """The jobs of the scene, newest first."""
    desk = addon.part("session").desk()
    return [{"id": job.id, "state": job.state, "message": job.message} for job in desk.of(bpy.context.scene)]


def until(state: str, patience: float = 90.0) -> str:
    """Poll until the newest job is in that state; its number."""
    session = addon.part("session")
    end = time.monotonic() + patience
    while time.monotonic() < end:
        session.poll()
        found = session.desk().of(bpy.context.scene)
        if found and found[0].state == state:
            return str(found[0].id)
        time.sleep(0.01)
    raise AssertionError(f"no job became {state}: {jobs()}")
