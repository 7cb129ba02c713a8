# SPDX-License-Identifier: GPL-3.0-or-later
"""This run of Blender among others of the same user: whose a job is, and whether its Blender still runs."""

from __future__ import annotations

import sys
import uuid
from contextlib import suppress
from pathlib import Path
from typing import IO

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


class BlenderSession:
    """A file in `folder` that is locked as long as this Blender runs, and removed when it ends as it should."""

    def __init__(self, folder: Path) -> None:
        self.id = uuid.uuid4().hex
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._file = self._path(self.id).open("wb")
        with suppress(OSError):  # Some network folders know no locks: every other Blender counts as ended there.
            _lock(self._file)

    def runs(self, id: str) -> bool:
        """Whether the Blender of that session runs; this one does."""
        if id == self.id:
            return True
        try:
            with self._path(id).open("r+b") as file:
                _lock(file)
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def crashed(self, id: str) -> bool:
        """Whether the Blender of that session ended in the middle of its work."""
        return bool(id) and self._path(id).exists() and not self.runs(id)

    def end(self) -> None:
        """This Blender ends, or the add-on is disabled."""
        self._file.close()
        with suppress(OSError):
            self._path(self.id).unlink()

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.lock"
