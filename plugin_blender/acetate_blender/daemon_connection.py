# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to Acetate's daemon as Blender's preferences have it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import bpy
from acetate_editor.connection import EditorConnection
from acetate_wire import connection as connections
from acetate_wire.client import Client
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.launch import start_daemon

from . import bpy_compat
from .i18n import tr
from .preferences import preferences
from .release import VERSION

MODELS_VARIABLE = "ACETATE_MODELS_DIR"


VERSIONS = {"Blender": bpy.app.version_string, "Acetate": ".".join(map(str, VERSION))}


def _open_client() -> Client:
    editor = f"Blender {VERSIONS['Blender']}"
    return Client("blender", version=VERSIONS["Acetate"], editor=editor, connection=_find)


def _start() -> None:
    with _models_in(preferences().models_folder):
        start_daemon(shlex.split(preferences().command) or None)


@contextmanager
def _models_in(folder: str) -> Iterator[None]:
    """Let a daemon that is started now look for the artist's own models there."""
    before = os.environ.get(MODELS_VARIABLE)
    if folder:
        os.environ[MODELS_VARIABLE] = bpy.path.abspath(folder)
    try:
        yield
    finally:
        if folder:
            del os.environ[MODELS_VARIABLE]
        if folder and before is not None:
            os.environ[MODELS_VARIABLE] = before


def _find() -> Connection | None:
    """The daemon to talk to. Raises AcetateError when it is not on this computer and Blender must stay offline."""
    chosen = preferences().connection_file
    found = connections.find(Path(bpy.path.abspath(chosen)) if chosen else None)
    if found is not None and not _is_here(found.endpoint) and not bpy_compat.may_go_online():
        raise AcetateError(
            "not_allowed",
            tr("The daemon is on another computer, and Blender's online access is off"),
            hint=tr("allow it in Preferences > System > Network"),
        )
    return found


def _is_here(endpoint: str) -> bool:
    return endpoint.startswith("ipc:") or urlsplit(endpoint).hostname in ("127.0.0.1", "localhost", "::1")


session = EditorConnection(_open_client, _start, tr)
"""The one connection of this Blender."""
