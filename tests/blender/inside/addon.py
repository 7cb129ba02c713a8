"""The add-on itself: installed, enabled, disabled, found."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import addon_utils
import bpy

EXTENSION = "bl_ext.user_default.acetate"
LEGACY = "acetate_blender"


def name() -> str:
    """The name that Blender knows the add-on by."""
    return EXTENSION if bpy.app.version >= (4, 2, 0) else LEGACY


def part(path: str = "") -> Any:
    """A module of the add-on."""
    return importlib.import_module(f"{name()}.{path}" if path else name())


def install(package: str) -> list[bool]:
    """Install the extension's zip; whether Blender knows it and has it enabled."""
    bpy.ops.extensions.package_install_files(filepath=package, repo="user_default", enable_on_install=True)
    return state()


def state() -> list[bool]:
    """Whether it is enabled by default, and loaded."""
    return [bool(flag) for flag in addon_utils.check(name())]


def enable() -> list[bool]:
    """Tick its box in the preferences."""
    bpy.ops.preferences.addon_enable(module=name())
    return state()


def disable() -> list[bool]:
    """Take the tick away."""
    bpy.ops.preferences.addon_disable(module=name())
    return state()


def traces() -> dict[str, Any]:
    """What of the add-on is to be found in Blender."""
    session = sys.modules.get(f"{name()}.runtime")
    handlers = [
        handler
        for kind in ("load_pre", "load_post", "save_pre", "save_post", "undo_post", "redo_post")
        for handler in getattr(bpy.app.handlers, kind)
        if handler.__module__.startswith(name())
    ]
    import threading

    return {
        "timers": session is not None and bpy.app.timers.is_registered(session.poll),
        "handlers": len(handlers),
        "operators": "generate" in dir(bpy.ops.acetate),
        "properties": hasattr(bpy.types.Scene, "acetate"),
        "panels": hasattr(bpy.types, "VIEW3D_PT_acetate_acetate"),
        "threads": threading.active_count(),
        "versions": [sys.version_info[0], sys.version_info[1]],
        "zmq": getattr(sys.modules.get("zmq"), "__file__", ""),
    }
