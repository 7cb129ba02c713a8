"""The editor's log file, and a report of a failed job for the people who are to find out why.

Records and reports name jobs, modes, models, sizes and errors: never a prompt, a key, or where the home folder is.
"""

from __future__ import annotations

import logging
import os
import platform
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Iterable, List, Mapping

from acetate_wire.errors import AcetateError
from acetate_wire.logs import FILE_BYTES, FORMAT, LEVEL_VARIABLE, LEVELS
from acetate_wire.paths import ensure_private_dir, state_dir
from acetate_wire.redaction import home_places, prompt_texts, replace_texts

from .jobs import EditorJob

REPORT_LINES = 60
_logger = logging.getLogger("acetate_editor")


def log_path(editor: str) -> Path:
    """The log file of `krita` or `blender`."""
    return state_dir() / f"{editor}.log"


def start_log(editor: str) -> None:
    """Send the records of this level and above to the editor's file; one that cannot be written costs only them.

    The level is ACETATE_LOG_LEVEL out of LEVELS, else `info`.
    """
    stop_log()
    level = os.environ.get(LEVEL_VARIABLE, "").lower()
    _logger.setLevel((level if level in LEVELS else "info").upper())
    # The editors' own handlers would show every record in their console.
    _logger.propagate = False
    try:
        ensure_private_dir(state_dir())
        handler = RotatingFileHandler(str(log_path(editor)), maxBytes=FILE_BYTES, backupCount=1, encoding="utf-8")
    except (OSError, AcetateError):
        _logger.addHandler(logging.NullHandler())
        return
    handler.setFormatter(logging.Formatter(FORMAT))
    _logger.addHandler(handler)


def stop_log() -> None:
    """Close the file."""
    for handler in list(_logger.handlers):
        _logger.removeHandler(handler)
        handler.close()


def report(job: EditorJob, versions: Mapping[str, str], prompts: Iterable[str] = ()) -> str:
    """A failed job for a bug report, as text: its error, the versions, this computer, and the end of the log.

    `versions` begin with the editor's. `prompts` are left out, and so is the home folder's place.
    """
    editor = next(iter(versions))
    lines = [f"{editor}: {job.code or job.state}", "", *filter(None, (job.message, job.hint)), ""]
    lines += [f"{name}: {version}" for name, version in versions.items()]
    lines += [f"Python: {platform.python_version()}", f"System: {platform.platform()}", f"Job: {job.id}", ""]
    lines += log_tail(editor.lower())
    return replace_texts("\n".join(lines), {**home_places(), **prompt_texts(prompts)})


def log_tail(editor: str, lines: int = REPORT_LINES) -> List[str]:
    """The last lines of the editor's log; none where there is no log."""
    try:
        return log_path(editor).read_text("utf-8", "replace").splitlines()[-lines:]
    except OSError:
        return []
