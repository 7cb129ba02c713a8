"""Run the daemon: one a user, logging to its folder, ended in order by a signal."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.launch import save_launch_command
from acetate_wire.paths import ensure_private_dir

import acetate
from acetate import logs
from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_store import StoreError
from acetate.daemon.presence import Presence, living, publish_for
from acetate.daemon.server import Server
from acetate.io import is_full

log = logging.getLogger("acetate.daemon")

PUBLISH_S = 4.0
"""A living daemon whose connection file vanished publishes again within this time."""


def serve(settings: DaemonConfig, ready: Callable[[Connection], None] | None = None) -> bool:
    """Be this user's daemon until it ends; False at once when there is one already.

    `ready` is called when clients can connect. Raises AcetateError when it cannot run, in words for people.
    """
    if sys.platform != "win32":
        os.umask(0o077)
    _raise_file_limit()
    presence = Presence(settings.state, settings.runtime)
    with _start_failures(settings):
        ensure_private_dir(settings.state)
        logs.log_to_file(settings.state / "daemon.log", settings.log_level)
        ensure_private_dir(settings.runtime)
        if not presence.take():
            _point_to_the_living(settings)
            return False
    try:
        with _start_failures(settings):
            _remember()
            server = Server(settings, presence)
        log.info("acetate %s listens at %s (process %d)", acetate.__version__, server.connection.endpoint, os.getpid())
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
            if ready is not None:
                ready(server.connection)
            server.run()
        finally:
            server.close()
            log.info("the daemon ends")
    finally:
        presence.release()
    return True


def _raise_file_limit() -> None:
    """Every connection is a file, and libzmq ends the process when there are no more."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _point_to_the_living(settings: DaemonConfig) -> None:
    """Let clients of this runtime folder find the daemon that has the state folder.

    Raises AcetateError, naming its process, when it cannot be found.
    """
    until = time.monotonic() + PUBLISH_S
    record = living(settings.state)
    while record is not None and publish_for(record, settings.runtime) is None:
        if time.monotonic() > until:
            raise AcetateError(
                "not_allowed",
                f"the daemon (process {record.pid}) holds {settings.state} but cannot be reached",
                hint=f"end it with: acetate stop, or: kill {record.pid}",
            )
        time.sleep(0.1)
        record = living(settings.state)


@contextlib.contextmanager
def _start_failures(settings: DaemonConfig) -> Iterator[None]:
    """Log what keeps the daemon from starting, and raise it as an AcetateError in words for people."""
    try:
        yield
    except (AcetateError, OSError, StoreError, sqlite3.DatabaseError) as error:
        failure = error if isinstance(error, AcetateError) else start_failure(error, settings.state)
        log.error("the daemon cannot start: %s", failure)
        raise failure from None
    except Exception:
        log.exception("the daemon cannot start")
        raise


def start_failure(error: OSError | StoreError | sqlite3.DatabaseError, state: Path) -> AcetateError:
    """Why the daemon's folders cannot be used, and the way out; `state` is named where the error names no file."""
    if isinstance(error, sqlite3.DatabaseError):
        hint = "run acetate doctor --journal"
        return AcetateError("internal", f"the journal in {state} is damaged ({error})", hint=hint)
    if isinstance(error, StoreError):
        return AcetateError(
            "internal", f"the journal in {state} cannot be used ({error})", hint="make room on its disk"
        )
    place = Path(error.filename or state)
    other = "set ACETATE_STATE_DIR and ACETATE_RUNTIME_DIR to folders of your own that can be written"
    if is_full(error):
        return AcetateError("busy", f"the disk of {place} is full", hint="free some space there and start again")
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        file = next((each for each in (place, *place.parents) if each.is_file()), place)
        return AcetateError(
            "not_allowed", f"{file} is a file where the daemon needs a folder", hint=f"move it away, or {other}"
        )
    return AcetateError("not_allowed", f"{place} cannot be written ({error.strerror or error})", hint=other)


def _remember() -> None:
    """Let editors know how to start this daemon; one without a home to write to does without."""
    try:
        save_launch_command([sys.executable, "-m", "acetate.daemon"])
    except (OSError, AcetateError) as error:
        log.warning("editors cannot learn how to start the daemon: %s", error)
