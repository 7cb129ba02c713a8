"""Run the daemon: one a user, logging to its folder, ended in order by a signal."""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import sys
import time
from collections.abc import Callable

from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.launch import save_launch_command
from acetate_wire.paths import ensure_private_dir

from acetate.daemon.config import DaemonConfig
from acetate.daemon.presence import Presence, living, publish_for
from acetate.daemon.server import Server

LOG_BYTES = 1 << 20
PUBLISH_S = 4.0
"""A living daemon whose connection file vanished publishes again within this time."""


def serve(settings: DaemonConfig, ready: Callable[[Connection], None] | None = None) -> bool:
    """Be this user's daemon until it ends; False at once when there is one already.

    `ready` is called when clients can connect. Raises AcetateError when it cannot run, in words for people.
    """
    if sys.platform != "win32":
        os.umask(0o077)
    _raise_file_limit()
    ensure_private_dir(settings.state)
    ensure_private_dir(settings.runtime)
    presence = Presence(settings.state, settings.runtime)
    if not presence.take():
        _point_to_the_living(settings)
        return False
    try:
        _log_to(settings)
        _remember()
        server = Server(settings, presence)
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
            if ready is not None:
                ready(server.connection)
            server.run()
        finally:
            server.close()
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


def _log_to(settings: DaemonConfig) -> None:
    handler = logging.handlers.RotatingFileHandler(
        settings.state / "daemon.log", maxBytes=LOG_BYTES, backupCount=1, delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("acetate.daemon")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)


def _remember() -> None:
    """Let editors know how to start this daemon; one without a home to write to does without."""
    try:
        save_launch_command([sys.executable, "-m", "acetate.daemon"])
    except (OSError, AcetateError) as error:
        logging.getLogger("acetate.daemon").warning("editors cannot learn how to start the daemon: %s", error)
