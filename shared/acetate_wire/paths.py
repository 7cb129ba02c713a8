"""Where things of this user live, on every platform, and how they are kept from other users.

`ACETATE_RUNTIME_DIR`, `ACETATE_CONFIG_DIR` and `ACETATE_STATE_DIR` override the platform's places.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from .errors import AcetateError


def runtime_dir() -> Path:
    """The folder of the running daemon's socket and connection file; it may not exist yet."""
    chosen = os.environ.get("ACETATE_RUNTIME_DIR")
    if chosen:
        return Path(chosen).absolute()
    if sys.platform == "win32":
        return _local_app_data() / "acetate" / "run"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "acetate" / "run"
    session = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
    # Programs started outside the desktop session have no XDG_RUNTIME_DIR but must find the same daemon.
    if Path(session).is_dir() and os.access(session, os.W_OK):
        return Path(session) / "acetate"
    return Path(f"/tmp/acetate-{os.getuid()}")


def config_dir() -> Path:
    """The folder of what lasts: each client's own key, and how to start the daemon; it may not exist yet."""
    chosen = os.environ.get("ACETATE_CONFIG_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return _local_app_data() / "acetate"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "acetate"
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "acetate"


def state_dir() -> Path:
    """The folder of what goes on by itself: the daemon's journal and keys, and logs; it may not exist yet."""
    chosen = os.environ.get("ACETATE_STATE_DIR")
    if chosen:
        return Path(chosen).absolute()
    if sys.platform == "win32":
        return _local_app_data() / "acetate"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "acetate"
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "acetate"


def ensure_private_dir(folder: Path) -> Path:
    """Make `folder` if need be, for this user only (0700). Raises AcetateError when it is somebody else's."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if sys.platform != "win32":
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise AcetateError(
                "not_allowed",
                f"{folder} belongs to another user",
                hint="set ACETATE_RUNTIME_DIR, ACETATE_STATE_DIR and ACETATE_CONFIG_DIR to folders of your own",
            )
        if stat.S_IMODE(found.st_mode) & 0o077:
            folder.chmod(0o700)
    return folder


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file that only this user can read (0600), whole or not at all."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    if part.exists():
        part.unlink()
    handle = os.open(str(part), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink()
        raise


def require_private(path: Path) -> None:
    """Raise AcetateError `not_allowed` when another user could have written or could read this file."""
    if sys.platform == "win32":
        return
    found = path.stat()
    if found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise AcetateError(
            "not_allowed",
            f"{path} can be read by other users",
            hint="it holds keys: make it yours with chmod 600, or remove it and start the daemon again",
        )


def _local_app_data() -> Path:
    return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
