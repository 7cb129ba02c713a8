"""Runs inside Blender: reads one call a line from standard input, answers with one line on standard output.

A call is JSON `{"do": "module.function", "with": {...}}` for a module beside this file. The answer is a line
`@@ACETATE {"value": ...}` or `@@ACETATE {"error": "..."}`. Without a window the loop blocks for the next line; with
one, a timer looks for it, so that Blender's own loop goes on.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import select
import sys
import traceback
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).parent))
MARK = "@@ACETATE "
BUNDLED = ("zmq", "msgpack", "acetate_wire", "acetate_editor")


class OnlyBundled(importlib.abc.MetaPathFinder):
    """Finds the libraries of the add-on where Blender puts those that came with it, and nowhere else."""

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The library's place; an error when it did not come with the add-on."""
        if name not in BUNDLED:
            return None
        places = [place for place in sys.path if ".local" in place or place.endswith("addons/modules")]
        found = importlib.machinery.PathFinder.find_spec(name, places)
        if found is None:
            raise ModuleNotFoundError(f"{name} did not come with the add-on")
        return found


TICK_S = 0.05


def answer(line: str) -> None:
    """Do what a line asks for, and say what came of it."""
    call = json.loads(line)
    module, _, function = call["do"].rpartition(".")
    said: dict[str, Any]
    try:
        said = {"value": getattr(importlib.import_module(module), function)(**call["with"])}
    except BaseException:
        said = {"error": traceback.format_exc()}
    print("\n" + MARK + json.dumps(said), flush=True)


def tick() -> float:
    """Look for a line without waiting."""
    if select.select([sys.stdin], [], [], 0)[0]:
        line = sys.stdin.readline()
        if not line:
            bpy.ops.wm.quit_blender()
            return TICK_S
        answer(line)
    return TICK_S


sys.meta_path.insert(0, OnlyBundled())
if bpy.app.background:
    print("\n" + MARK + json.dumps({"value": "ready"}), flush=True)
    for line in iter(sys.stdin.readline, ""):
        answer(line)
else:
    bpy.context.preferences.view.show_splash = False
    print("\n" + MARK + json.dumps({"value": "ready"}), flush=True)
    bpy.app.timers.register(tick, persistent=True)
