"""Which daemon lives where: the locks of its two folders, and a record of its process and address.

The state folder's lock makes it the one daemon of this user's jobs, the runtime folder's lock the one that owns the
socket there. Both are dropped by the operating system with the process, however it ends; the record is only believed
while the lock is held.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from acetate_wire import connection as connections
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.paths import atomic_write, ensure_private_dir

from acetate.daemon.lock import Lock

STATE_LOCK = RUNTIME_LOCK = "daemon.lock"
RECORD = "daemon.json"


@dataclass(frozen=True)
class Record:
    """A daemon's process, and its folders."""

    pid: int
    runtime: str
    state: str

    @property
    def connection_path(self) -> Path:
        """Its connection file."""
        return Path(self.runtime) / connections.FILE_NAME


class Presence:
    """This daemon's locks and record."""

    def __init__(self, state: Path, runtime: Path) -> None:
        """`state` and `runtime` are the folders to lock; nothing is locked yet."""
        self._state = state
        self._runtime = runtime
        self._state_lock = Lock(state / STATE_LOCK)
        self._runtime_lock = Lock(runtime / RUNTIME_LOCK)

    def take(self) -> bool:
        """Become the daemon of both folders; False when another one has the state folder.

        Raises AcetateError when the runtime folder belongs to the daemon of another state folder.
        """
        if not self._state_lock.take():
            return False
        if not self._runtime_lock.take():
            self._state_lock.release()
            other = _read(self._runtime)
            where = f" (process {other.pid}, state folder {other.state})" if other else ""
            raise AcetateError(
                "not_allowed",
                f"another daemon{where} uses the runtime folder {self._runtime}",
                hint="set ACETATE_RUNTIME_DIR to another folder, or end that daemon first",
            )
        self.write()
        return True

    def write(self) -> None:
        """Write the record into both folders."""
        record = Record(os.getpid(), str(self._runtime), str(self._state))
        for folder in (self._state, self._runtime):
            atomic_write(folder / RECORD, json.dumps(asdict(record)).encode())

    def renew(self) -> bool:
        """Own the runtime folder again after it vanished; False when another daemon has taken it meanwhile."""
        ensure_private_dir(self._runtime)
        if not self._runtime_lock.holds():
            fresh = Lock(self._runtime / RUNTIME_LOCK)
            if not fresh.take():
                return False
            self._runtime_lock.release()
            self._runtime_lock = fresh
        self.write()
        return True

    def release(self) -> None:
        """Leave both folders."""
        for folder in (self._state, self._runtime):
            (folder / RECORD).unlink(missing_ok=True)
        self._runtime_lock.release()
        self._state_lock.release()


def living(state: Path) -> Record | None:
    """The daemon that has a state folder now, wherever its runtime folder is; None when there is none."""
    if not (state / STATE_LOCK).exists():
        return None
    lock = Lock(state / STATE_LOCK)
    if lock.take():
        lock.release()
        return None
    return _read(state)


def publish_for(record: Record, runtime: Path) -> Connection | None:
    """Copy a living daemon's connection file into another runtime folder, where clients of this session look for it.

    None while that daemon has no connection file.
    """
    found = connections.find(record.connection_path)
    if found is not None and Path(record.runtime) != runtime:
        connections.write(found, ensure_private_dir(runtime) / connections.FILE_NAME)
    return found


def _read(folder: Path) -> Record | None:
    try:
        return Record(**json.loads((folder / RECORD).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
