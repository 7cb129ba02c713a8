"""Scenes, generations and what becomes of them."""

from __future__ import annotations

import shutil
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
    plane, camera = addon.part("insert.plane"), bpy.context.scene.camera
    made = [obj for obj in plane.planes(bpy.context.scene) if obj.name not in before]
    return [obj.name for obj in sorted(made, key=lambda obj: -plane.depth_of(obj, camera))]


def jobs() -> list[dict[str, Any]]:
    """The jobs of the scene, newest first."""
    desk = addon.part("runtime").controller()
    return [{"id": job.id, "state": job.state, "message": job.message} for job in desk.of(bpy.context.scene)]


def until(state: str, patience: float = 90.0) -> str:
    """Poll until the newest job is in that state; its number."""
    session = addon.part("runtime")
    end = time.monotonic() + patience
    while time.monotonic() < end:
        session.poll()
        found = session.controller().of(bpy.context.scene)
        if found and found[0].state == state:
            return str(found[0].id)
        time.sleep(0.01)
    raise AssertionError(f"no job became {state}: {jobs()}")


def ask(**options: Any) -> str:
    """Generate without waiting; the job's number."""
    bpy.ops.acetate.generate("EXEC_DEFAULT", True, **options)
    return str(addon.part("runtime").controller().of(bpy.context.scene)[0].id)


def refused(**options: Any) -> str:
    """What Generate says when it refuses."""
    try:
        bpy.ops.acetate.generate("EXEC_DEFAULT", True, **options)
    except RuntimeError as error:
        return str(error)
    return ""


def planes() -> list[dict[str, Any]]:
    """All planes, from the farthest to the nearest."""
    plane, scene = addon.part("insert.plane"), bpy.context.scene
    found = sorted(plane.planes(scene), key=lambda obj: -plane.depth_of(obj, scene.camera))
    return [
        {
            "name": obj.name,
            "depth": plane.depth_of(obj, scene.camera),
            "hidden": obj.hide_render,
            "role": obj.acetate.role,
            "packed": plane.image_of(obj).packed_file is not None,
            "size": list(plane.image_of(obj).size),
            "made_with": obj.acetate.made_with,
            "collection": obj.users_collection[0].name,
        }
        for obj in found
    ]


def run(operator: str, select: str = "", **options: Any) -> list[str]:
    """Call one of our operators on the selected object."""
    if select:
        for obj in bpy.context.view_layer.objects:
            obj.select_set(obj.name == select)
        bpy.context.view_layer.objects.active = bpy.data.objects[select]
    return sorted(getattr(bpy.ops.acetate, operator)("EXEC_DEFAULT", True, **options))


def undo() -> None:
    """Ctrl+Z."""
    bpy.ops.ed.undo()


def redo() -> None:
    """Ctrl+Shift+Z."""
    bpy.ops.ed.redo()


def push_undo() -> None:
    """A step of the artist's own, from which undo has somewhere to go back to."""
    bpy.ops.ed.undo_push(message="before")


def save(path: str) -> None:
    """Save the file."""
    bpy.ops.wm.save_as_mainfile(filepath=path)


def open_file(path: str) -> None:
    """Open a file."""
    bpy.ops.wm.open_mainfile(filepath=path)


def poll(times: int = 20) -> None:
    """Let happen what happens by itself."""
    for _ in range(times):
        addon.part("runtime").poll()
        time.sleep(0.02)


def do(operation: str, job: str) -> list[str]:
    """Press one of a job's buttons."""
    return sorted(getattr(bpy.ops.acetate, operation)("EXEC_DEFAULT", True, job=job))


def connected() -> bool:
    """Whether the daemon answers, after some patience."""
    link, session = addon.part("daemon_connection").session, addon.part("runtime")
    end = time.monotonic() + 30
    while time.monotonic() < end and not link.connected:
        session.poll()
        time.sleep(0.05)
    return bool(link.connected)


def troubles() -> list[str]:
    """What the health line says is wrong."""
    return [trouble.name for trouble in addon.part("diagnostics").check(bpy.context.scene)]


def set_preferences(**values: Any) -> None:
    """Change the add-on's preferences."""
    for name, value in values.items():
        setattr(addon.part("preferences").preferences(), name, value)


def kept_jobs() -> list[str]:
    """The jobs in the user's folder."""
    return sorted(addon.part("runtime").controller().store.jobs())


def report(job: str) -> str:
    """Press Copy Report; what was copied."""
    assert do("copy_report", job) == ["FINISHED"]
    desk = addon.part("runtime").controller()
    return str(desk.report(desk.jobs[job]))


def put_jobs(folder: str) -> None:
    """Put jobs of an earlier time into the user's folder."""
    shutil.copytree(folder, addon.part("runtime").controller().store.folder, dirs_exist_ok=True)


def speak(language: str) -> None:
    """Set the language of Blender's interface."""
    view = bpy.context.preferences.view
    view.language = language
    view.use_translate_interface = True


def orphans() -> list[str]:
    """The jobs that Fetch Earlier Layers would list."""
    return sorted(addon.part("runtime").controller().orphaned_jobs())


def trouble_texts() -> list[str]:
    """What the health line says."""
    return [trouble.text for trouble in addon.part("diagnostics").check(bpy.context.scene)]


def keys() -> list[str]:
    """The keys of all scenes."""
    return [shown.acetate.key for shown in bpy.data.scenes]


def save_without_keys(path: str) -> None:
    """Save a file as Blender does without the add-on."""
    all_handlers: Any = bpy.app.handlers
    handlers = all_handlers.save_pre
    held = list(handlers)
    handlers.clear()
    bpy.context.scene.acetate.key = ""
    bpy.ops.wm.save_as_mainfile(filepath=path, copy=True)
    handlers.extend(held)


def full_copy() -> dict[str, Any]:
    """Duplicate a layer, then copy the scene with all its objects; keys of scenes, marks of layers, the copy's jobs."""
    shown = bpy.context.scene
    plane = addon.part("insert.plane")
    first = next(iter(plane.planes(shown)))
    twin = first.copy()
    first.users_collection[0].objects.link(twin)
    other = shown.copy()
    for obj in list(plane.planes(shown))[:2]:
        other.collection.objects.link(obj.copy())
    plane.look_again()
    addon.part("runtime")._look_at_scenes()
    marks = {obj: obj.acetate.layer for each in bpy.data.scenes for obj in plane.planes(each)}
    return {
        "keys": keys(),
        "marks": sorted(marks.values()),
        "jobs": len(addon.part("runtime").controller().of(other)),
    }
