"""The connection file: where the daemon listens and the keys that open it; and each client's own lasting key."""

from __future__ import annotations

import json
import os
import re
import secrets
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Optional

from .errors import AcetateError
from .paths import atomic_write, config_dir, ensure_private_dir, require_private, runtime_dir

FILE_NAME = "connection.json"


@dataclass(frozen=True)
class Connection:
    """What a client needs to reach a daemon.

    `access` is sent in `hello`. Over TCP the three CURVE keys (Z85 text) are set on the socket; `tcp` is a
    second endpoint of the same daemon, where it has one. `pid` is the daemon's process on its own machine,
    else 0.
    """

    endpoint: str
    access: str
    server_key: str
    client_public: str
    client_secret: str
    tcp: str = ""
    pid: int = 0

    def over_tcp(self) -> Connection:
        """The same daemon through its TCP endpoint. Raises AcetateError when it has none."""
        if not self.tcp:
            raise AcetateError("not_allowed", "this daemon has no TCP endpoint", hint="start it with --tcp")
        return replace(self, endpoint=self.tcp)


def connection_path() -> Path:
    """The connection file: `ACETATE_CONNECTION` where that is set, else the one in this user's runtime folder."""
    chosen = os.environ.get("ACETATE_CONNECTION")
    return Path(chosen) if chosen else runtime_dir() / FILE_NAME


def find(path: Optional[Path] = None) -> Optional[Connection]:
    """Read the connection file; None where there is none. Raises AcetateError when it is broken or not private."""
    path = path or connection_path()
    try:
        require_private(path)
        return parse(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as error:
        raise AcetateError(
            "bad_request",
            f"{path} is not a connection file ({error})",
            hint="remove it and start the daemon again",
        ) from None


def parse(data: bytes) -> Connection:
    """A connection out of its file's bytes. Raises ValueError or TypeError when they hold something else."""
    found: Any = json.loads(data)
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    names = {entry.name for entry in fields(Connection)}
    connection = Connection(**{name: value for name, value in found.items() if name in names})
    for entry in fields(Connection):
        if not isinstance(getattr(connection, entry.name), int if entry.name == "pid" else str):
            raise ValueError(f"{entry.name} is of the wrong type")
    return connection


def write(connection: Connection, path: Path) -> None:
    """Write the connection file, readable by this user only."""
    atomic_write(path, json.dumps({"v": 1, **asdict(connection)}, indent=1).encode())


def client_key(name: str, folder: Optional[Path] = None) -> str:
    """The lasting secret of the client `name` (64 hexadecimal digits), made on first use.

    The daemon knows a client's jobs by it, so a restarted editor finds its own again, and nobody else's.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise AcetateError("bad_request", f"{name!r} is no name for a client", hint="use letters, digits, - and _")
    folder = ensure_private_dir(folder or config_dir() / "clients")
    path = folder / f"{name}.key"
    try:
        found = path.read_text("ascii").strip()
        if re.fullmatch(r"[0-9a-f]{64}", found):
            return found
    except (FileNotFoundError, UnicodeDecodeError):
        pass
    key = secrets.token_hex(32)
    atomic_write(path, key.encode())
    return key
