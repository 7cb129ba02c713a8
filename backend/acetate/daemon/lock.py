"""One daemon a user: a lock that the operating system drops with the process, however it ends."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import IO


class Lock:
    """The right to use this state folder; held until the process ends or `release` is called."""

    def __init__(self, path: Path) -> None:
        """`path` is the lock file; it is locked only by `take`."""
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self) -> bool:
        """Take the lock; False when another daemon has it."""
        file = self._path.open("ab")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def holds(self) -> bool:
        """Whether the lock is taken, on the file that is there now: its folder may have been made anew."""
        if self._file is None:
            return False
        try:
            return os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())
        except OSError:
            return False

    def release(self) -> None:
        """Give the lock back."""
        if self._file is not None:
            self._file.close()
            self._file = None


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
