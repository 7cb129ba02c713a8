"""Where a process's log records go: rotating files in the daemon's state folder, standard error for the command line.

The level is `--log-level` or ACETATE_LOG_LEVEL: `debug`, `info` (the files' default), `warning` (the command line's) or
`error`. Records name jobs, models, sizes and times, never a prompt or a key.
"""

from __future__ import annotations

import logging
import os
from logging.handlers import RotatingFileHandler
from pathlib import Path

from acetate_wire.errors import AcetateError
from acetate_wire.logs import FILE_BYTES, FORMAT, LEVEL_VARIABLE, LEVELS


def chosen_level(default: str) -> str:
    """The level that the environment asks for."""
    return os.environ.get(LEVEL_VARIABLE) or default


def log_to_stderr(level: str) -> None:
    """Send the package's records of this level and above to standard error. Raises AcetateError for no level."""
    _send(logging.StreamHandler(), level)


def log_to_file(path: Path, level: str, *, with_output: bool = False) -> None:
    """Send the package's records to a rotating file; one that cannot be written costs the records, nothing else.

    `with_output` has standard output and standard error follow into the newest file. Raises AcetateError for no level.
    """
    logging.raiseExceptions = False
    kind = _WithOutput if with_output else RotatingFileHandler
    _send(kind(path, maxBytes=FILE_BYTES, backupCount=1, delay=True, encoding="utf-8"), level)


def _send(handler: logging.Handler, level: str) -> None:
    if level not in LEVELS:
        hint = f"choose from {', '.join(LEVELS)}"
        raise AcetateError("bad_request", f"there is no log level {level!r}", field="log_level", hint=hint)
    handler.setFormatter(logging.Formatter(FORMAT))
    for name in ("acetate", "acetate_lab"):
        logger = logging.getLogger(name)
        logger.setLevel(level.upper())
        logger.handlers = [handler]


class _WithOutput(RotatingFileHandler):
    """Takes standard output and standard error along when the file is renamed."""

    def doRollover(self) -> None:  # noqa: N802
        super().doRollover()
        if self.stream is None:
            self.stream = self._open()
        for descriptor in (1, 2):
            os.dup2(self.stream.fileno(), descriptor)
