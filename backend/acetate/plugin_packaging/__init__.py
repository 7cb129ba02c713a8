"""The plug-ins as an artist gets them: packed for an editor's own importer, or put into the user's editor.

Each editor has a module here with two functions: `build(folder)` writes the packages into a folder and returns their
paths, `install()` puts the plug-in into this user's editor and returns where it went. Both raise AcetateError with the
way out when that cannot be done.
"""

from __future__ import annotations

import importlib
import os
import shutil
from pathlib import Path
from typing import Protocol, cast

import acetate_editor
import acetate_wire
from acetate_wire.errors import AcetateError

EDITORS = {"krita": "acetate.plugin_packaging.krita", "blender": "acetate.plugin_packaging.blender"}
"""The module of each editor, imported when it is asked for."""
SHARED = (acetate_wire, acetate_editor)
"""The packages that every plug-in carries."""
REPOSITORY = Path(__file__).parents[3]
INSIDE_THE_PACKAGE = Path(__file__).parent / "sources"


class Packager(Protocol):
    """What an editor's module offers."""

    def build(self, folder: Path) -> tuple[Path, ...]:
        """Write the packages into `folder`, which is made if need be, and return their paths."""
        ...

    def install(self) -> Path:
        """Put the plug-in into this user's editor and return the folder that holds it now."""
        ...


def packager(editor: str) -> Packager:
    """The module that packs for `editor`. Raises AcetateError when there is none."""
    if editor not in EDITORS:
        raise AcetateError(
            "bad_request",
            f"there is no plug-in for {editor!r}",
            field="editor",
            hint=f"choose one of {', '.join(EDITORS)}",
        )
    return cast(Packager, importlib.import_module(EDITORS[editor]))


def path_beside(editor: str) -> str:
    """The search path with the editor's own folder first.

    A distribution's Krita and Blender take the Python that comes first on it for theirs, and fail with another one.
    """
    program = shutil.which(editor)
    places = [str(Path(program).parent)] if program else []
    return os.pathsep.join([*places, os.environ.get("PATH", os.defpath)])


def sources(room: str) -> Path:
    """A plug-in's files: the folder `room` of the repository, or its copy inside the installed package."""
    for place in (REPOSITORY / room, INSIDE_THE_PACKAGE / room):
        if place.is_dir():
            return place
    raise AcetateError("internal", f"this installation lacks the files of {room}", hint="install Acetate again")
