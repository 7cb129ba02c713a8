"""Start the daemon from an editor, whose Python is not the daemon's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Dict, List, Mapping, Optional, Tuple

from .errors import AcetateError
from .paths import atomic_write, config_dir, ensure_private_dir

FILE_NAME = "daemon.json"

# Held so that a started daemon is not reported as abandoned; it outlives its starter on purpose. With each the file of
# its standard error, where there is room for one.
_started: List[Tuple["subprocess.Popen[bytes]", Optional[IO[bytes]]]] = []


def save_launch_command(command: List[str], folder: Optional[Path] = None) -> None:
    """Write down, for editors, which command starts the daemon."""
    folder = ensure_private_dir(folder or config_dir())
    atomic_write(folder / FILE_NAME, json.dumps({"command": command}).encode())


def load_launch_command(folder: Optional[Path] = None) -> List[str]:
    """The command that starts the daemon. Raises AcetateError when acetate was never run on this account."""
    path = (folder or config_dir()) / FILE_NAME
    try:
        command = json.loads(path.read_bytes())["command"]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        command = None
    if not isinstance(command, list) or not command or not all(isinstance(word, str) for word in command):
        raise AcetateError(
            "not_allowed",
            "Acetate's daemon is not running and this account has not run it before",
            hint="run `acetate serve` once in a terminal",
        )
    return command


def start_daemon(command: Optional[List[str]] = None) -> None:
    """Start the daemon as a process of its own and return at once; a client finds it when it is ready.

    Harmless when one is running already: the second one ends by itself. Where it cannot start, `start_failure` says
    why a moment later.
    """
    options: Dict[str, int] = {}
    if sys.platform == "win32":
        options["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
    _forget_ended()
    report = _report_file()
    process = subprocess.Popen(
        command or load_launch_command(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=report or subprocess.DEVNULL,
        env=_clean_environment(os.environ),
        start_new_session=True,
        **options,  # type: ignore[call-overload]
    )
    _started.append((process, report))


def start_failure() -> Optional[AcetateError]:
    """Why the daemon that this process started last has ended; None while it runs, and when it ended in order."""
    if not _started:
        return None
    process, report = _started[-1]
    if not process.poll():
        return None
    lines: List[str] = []
    if report is not None:
        report.seek(0)
        lines = report.read().decode("utf-8", "replace").strip().splitlines()
    reason = lines[-1][:500] if lines else f"exit code {process.returncode}"
    return AcetateError("not_allowed", f"Acetate's daemon did not start: {reason}")


def _forget_ended() -> None:
    for process, report in list(_started):
        if process.poll() is not None:
            _started.remove((process, report))
            if report is not None:
                report.close()


def _report_file() -> Optional[IO[bytes]]:
    """A file that vanishes with those who hold it; a pipe would end with the starter."""
    try:
        return tempfile.TemporaryFile()
    except OSError:
        return None


def _clean_environment(environment: Mapping[str, str]) -> Dict[str, str]:
    """The environment without what an editor set for its own Python and its own libraries."""
    spoilt = {"PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP"}
    if "APPIMAGE" in environment or "SNAP" in environment:
        spoilt |= {"LD_LIBRARY_PATH", "LD_PRELOAD"}
    return {name: value for name, value in environment.items() if name not in spoilt}
