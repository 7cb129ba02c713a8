"""Run the daemon: one a user, logging to its folder, ended in order by a signal."""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import sys
from collections.abc import Callable

from acetate_wire.connection import Connection
from acetate_wire.errors import WireError
from acetate_wire.folders import private_folder
from acetate_wire.launch import remember_command

from acetate.daemon.lock import Lock
from acetate.daemon.server import Server
from acetate.daemon.settings import Settings

LOG_BYTES = 1 << 20


def serve(settings: Settings, ready: Callable[[Connection], None] | None = None) -> bool:
    """Be this user's daemon until it ends; False at once when there is one already.

    `ready` is called when clients can connect. Raises WireError when it cannot run, in words for people.
    """
    if sys.platform != "win32":
        os.umask(0o077)
    private_folder(settings.state)
    lock = Lock(settings.state / "daemon.lock")
    if not lock.take():
        return False
    try:
        _log_to(settings)
        _remember()
        server = Server(settings)
        try:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
            if ready is not None:
                ready(server.connection)
            server.run()
        finally:
            server.close()
    finally:
        lock.release()
    return True


def _log_to(settings: Settings) -> None:
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
        remember_command([sys.executable, "-m", "acetate.daemon"])
    except (OSError, WireError) as error:
        logging.getLogger("acetate.daemon").warning("editors cannot learn how to start the daemon: %s", error)
