# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs while the add-on is enabled: the desk, the timer that polls it, and handlers on opening and saving."""

from __future__ import annotations

import atexit
import logging
import time
import traceback
from pathlib import Path
from typing import Any

import bpy
from acetate_editor.logging import start_log, stop_log
from acetate_wire.errors import AcetateError

from . import bpy_compat, diagnostics, elements, modal_operators, scene_storage
from .capture import visible
from .controller import SceneJobController
from .daemon_connection import session
from .insert import layer_list, sequences
from .insert.placement import Placement
from .jobs.blender_session import BlenderSession
from .jobs.job import SceneJob
from .jobs.result_store import LocalJobStore
from .preferences import preferences
from .settings import take_defaults

HEALTH_S = 1.0

_desk: SceneJobController | None = None
_checked = float("-inf")
_entered = False


def controller() -> SceneJobController:
    """The one desk of this Blender."""
    global _desk
    if _desk is None:
        _desk = SceneJobController(
            session, LocalJobStore(user_folder() / "jobs"), BlenderSession(user_folder() / "sessions")
        )
    return _desk


def enter_file() -> None:
    """Offer what the open file asked for, and give its scenes the artist's defaults."""
    visible.forget()
    controller().enter_file()
    _look_at_scenes()


def user_folder() -> Path:
    """Where the add-on may keep files of this user."""
    if __package__.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(__package__, create=True))
    return Path(bpy.utils.user_resource("CONFIG", path="acetate", create=True))


def poll() -> float:
    """Everything that happens by itself; called by Blender's timer, and by scripts where timers do not run.

    Returns in how many seconds to come again. Never raises: one failure must not end the polling.
    """
    try:
        return _poll()
    except Exception:
        traceback.print_exc()
        logging.getLogger("acetate_editor.blender").exception("polling failed")
        return 1.0


def _poll() -> float:
    global _checked, _entered
    now = controller()
    if not _entered:
        _entered = True
        enter_file()
    for look in visible.due(_notice):
        now.tasks.add(look, traceback.print_exception)
    wait = now.poll()
    if now.open_jobs and not session.connected and preferences().start_daemon:
        session.start_if_due()
    now.changed = elements.offer() or now.changed
    if _may_place():
        for job in now.to_place()[:1]:
            place(job)
            wait = 0.0
    if time.monotonic() - _checked > HEALTH_S or now.changed:
        _checked = time.monotonic()
        now.changed = _look_at_scenes() or now.changed
    if now.changed:
        now.changed = False
        _redraw()
    return wait


def _look_at_scenes() -> bool:
    """Find what is not in order, list the layers, give new scenes the artist's defaults; whether anything changed."""
    scene_storage.separate()
    changed = diagnostics.refresh()
    for scene in bpy.data.scenes:
        take_defaults(scene)
        changed = layer_list.refresh(scene) or changed
    return changed


def _notice() -> None:
    """Something that the panel shows is different now."""
    controller().changed = True


def place(job: SceneJob) -> None:
    """Put a job's layers into its scene, as one undo step."""
    try:
        with _some_window():
            # Hundreds of pictures of one sequence must not push the artist's own steps out of the undo history.
            joins = sequences.joins(scene_storage.scene_of(job), Placement.from_map(job.placement))
            bpy.ops.acetate.place("EXEC_DEFAULT", not joins, job=job.id)
    except RuntimeError as error:
        # What an operator reports as an error reaches its caller like this.
        controller().not_placed(job, AcetateError("internal", str(error).strip().removeprefix("Error: ")))


def wait(seconds: float) -> bool:
    """Poll until no job is open or waits for its place; for scripts. False when `seconds` were not enough."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(min(poll(), 0.05))
        if not controller().open_jobs and not controller().to_place():
            return True
    return False


def _may_place() -> bool:
    """Not while Blender renders or a tool is at work, and only where an undo step holds whole objects."""
    return not bpy_compat.is_rendering() and bpy.context.mode == "OBJECT" and not modal_operators.is_running()


def _some_window() -> Any:
    """Timers run without a window, but undo and the redo panel want one."""
    windows = bpy.context.window_manager.windows
    window = bpy.context.window or (windows[0] if windows else None)
    return bpy.context.temp_override(window=window) if window else bpy.context.temp_override()


def _redraw() -> None:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type in ("VIEW_3D", "IMAGE_EDITOR"):
                for region in area.regions:
                    if region.type == "UI":
                        region.tag_redraw()


@bpy.app.handlers.persistent
def _on_load_pre(*_: Any) -> None:
    controller().leave_file()


@bpy.app.handlers.persistent
def _on_load_post(*_: Any) -> None:
    enter_file()


@bpy.app.handlers.persistent
def _on_save_pre(*_: Any) -> None:
    scene_storage.before_saving()
    scene_storage.write(controller().jobs.values())


@bpy.app.handlers.persistent
def _on_save_post(*_: Any) -> None:
    controller().file_saved()


@bpy.app.handlers.persistent
def _on_undo(*_: Any) -> None:
    scene_storage.restore()
    controller().changed = True


HANDLERS = (
    ("load_pre", _on_load_pre),
    ("load_post", _on_load_post),
    ("save_pre", _on_save_pre),
    ("save_post", _on_save_post),
    ("undo_post", _on_undo),
    ("redo_post", _on_undo),
)


def register() -> None:
    """Begin to poll."""
    start_log("blender")
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)
    # Persistent: a timer that a file's opening ends keeps Blender 4.5 as a Python module from ending.
    bpy.app.timers.register(poll, first_interval=0.2, persistent=True)
    atexit.register(stop)


def unregister() -> None:
    """Stop, and leave nothing behind."""
    stop()
    atexit.unregister(stop)
    for name, handler in HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)


def stop() -> None:
    """End the timers (one that is left keeps Blender from ending) and leave the daemon, whose jobs go on."""
    global _desk, _entered
    _entered = False
    if bpy.app.timers.is_registered(poll):
        bpy.app.timers.unregister(poll)
    if _desk is not None:
        _desk.leave_file()
        _desk.session.end()
        _desk = None
    session.close()
    elements.forget()
    stop_log()
