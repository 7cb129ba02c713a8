"""Files and a journal that fail on command, for the daemon and its worker: `python -m tests.daemon.faults [OPTIONS]`.

Every call on a file of the state folder, and every statement of the journal, is counted; the call with the armed number
fails, once. The wall clock can be wrong by any number of seconds. Counter and clock lie in a shared file, so that the
test, the daemon and the worker see the same ones.
"""

from __future__ import annotations

import errno
import io
import mmap
import os
import runpy
import sqlite3
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FAULTS = ("EIO", "EMFILE", "ENOMEM", "ENOSPC", "short write")
"""What a call on a file can fail with; `short write` leaves half of the bytes in the file and then says ENOSPC."""
CELL = struct.Struct("<qqd")
VARIABLE = "ACETATE_TEST_FAULTS"


class Trigger:
    """The shared counter: the fault strikes at the call that counts it down to zero."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(CELL.pack(0, 0, 0.0))
        with path.open("r+b") as file:
            self._cell = mmap.mmap(file.fileno(), CELL.size)

    def arm(self, call: int, fault: str) -> None:
        """Let the call with this number, counted from 1, fail in this way."""
        self._cell[:] = CELL.pack(call, FAULTS.index(fault), self.clock)

    def disarm(self) -> bool:
        """Let nothing fail any more; whether the fault had struck."""
        left = int(CELL.unpack(self._cell[:])[0])
        self._cell[:] = CELL.pack(0, 0, self.clock)
        return left <= 0

    @property
    def clock(self) -> float:
        """By how many seconds the wall clock is wrong."""
        return float(CELL.unpack(self._cell[:])[2])

    @clock.setter
    def clock(self, seconds: float) -> None:
        left, fault, _ = CELL.unpack(self._cell[:])
        self._cell[:] = CELL.pack(left, fault, seconds)

    def strike(self) -> str:
        """Count a call: the fault that it meets, or nothing."""
        left, fault, clock = CELL.unpack(self._cell[:])
        if left <= 0:
            return ""
        self._cell[:] = CELL.pack(left - 1, fault, clock)
        return FAULTS[fault] if left == 1 else ""


def _error(fault: str, path: object) -> OSError:
    number = getattr(errno, fault, errno.ENOSPC)
    return OSError(number, os.strerror(number), str(path))


class _File:
    """A file opened for writing whose writes are counted."""

    def __init__(self, file: Any, trigger: Trigger) -> None:
        self._file, self._trigger = file, trigger

    def write(self, data: Any) -> int:
        fault = self._trigger.strike()
        if fault == "short write":
            self._file.write(memoryview(data)[: len(data) // 2])
            self._file.flush()
        if fault:
            raise _error(fault, self._file.name)
        return int(self._file.write(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


class _FaultyJobStore(sqlite3.Connection):
    """A connection whose statements are counted."""

    trigger: Trigger

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        fault = self.trigger.strike()
        if fault:
            full = fault in ("ENOSPC", "short write")
            raise sqlite3.OperationalError("database or disk is full" if full else "disk I/O error")
        return super().execute(*arguments)


def install(folder: Path, trigger: Trigger) -> None:
    """Count every call of this process on files below `folder`."""
    _FaultyJobStore.trigger = trigger
    connect = sqlite3.connect
    sqlite3.connect = lambda *given, **more: connect(*given, factory=_FaultyJobStore, **more)  # type: ignore[assignment]

    def counted(call: Callable[..., Any], opens: bool = False) -> Callable[..., Any]:
        def wrapper(path: Path, *given: Any, **more: Any) -> Any:
            inside = folder in Path(path).parents and Path(path).suffix in (".in", ".out", ".part", ".attempt")
            fault = trigger.strike() if inside else ""
            if fault:
                raise _error(fault, path)
            made = call(path, *given, **more)
            writes = opens and inside and isinstance(made, io.BufferedWriter)
            return _File(made, trigger) if writes else made

        return wrapper

    wall = time.time
    time.time = lambda: wall() + trigger.clock
    Path.open = counted(Path.open, opens=True)  # type: ignore[method-assign]
    Path.replace = counted(Path.replace)  # type: ignore[method-assign]
    Path.unlink = counted(Path.unlink)  # type: ignore[method-assign]


def install_from_environment() -> None:
    """The same, with the folder and the counter that the test named."""
    install(Path(os.environ["ACETATE_STATE_DIR"]), Trigger(Path(os.environ[VARIABLE])))


if __name__ == "__main__":
    install_from_environment()
    sys.argv[0] = "acetate.daemon"
    runpy.run_module("acetate.daemon", run_name="__main__", alter_sys=True)
