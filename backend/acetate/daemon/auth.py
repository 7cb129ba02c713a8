"""Who may connect: the daemon's keys, the paired machines, and the answer to ZeroMQ's question (ZAP) for TCP."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import zmq
from acetate_wire.connection import Connection, write
from acetate_wire.errors import AcetateError
from acetate_wire.paths import atomic_write, ensure_private_dir, require_private
from zmq.utils import z85

ZAP_ENDPOINT = "inproc://zeromq.zap.01"
DEFAULT_PORT = 47810


@dataclass(frozen=True)
class Keys:
    """CURVE pairs (Z85 text) of the daemon and of this machine's own clients, and the access word for `hello`."""

    server_public: str
    server_secret: str
    client_public: str
    client_secret: str
    access: str


def load_keys(state: Path) -> Keys:
    """The daemon's keys, made on first use; they stay the same across restarts, so clients reconnect."""
    path = ensure_private_dir(state) / "keys.json"
    try:
        require_private(path)
        return Keys(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        pass
    except (ValueError, TypeError):
        raise AcetateError(
            "internal", f"{path} is damaged", hint="remove it; paired machines must then be paired again"
        ) from None
    server, client = _pair(), _pair()
    keys = Keys(server[0], server[1], client[0], client[1], secrets.token_hex(32))
    atomic_write(path, json.dumps(asdict(keys)).encode())
    return keys


def _pair() -> tuple[str, str]:
    public, secret = zmq.curve_keypair()
    return public.decode("ascii"), secret.decode("ascii")


def secrets_equal(given: object, wanted: str) -> bool:
    """Compare two secrets without telling by the time how much of them agrees."""
    return isinstance(given, str) and hmac.compare_digest(given.encode(), wanted.encode())


def owner_of(client_key: str) -> str:
    """The name under which the journal keeps a client's jobs; it does not give the client's key away."""
    return hashlib.sha256(client_key.encode()).hexdigest()


def pair(state: Path, name: str, endpoint: str, output: Path) -> None:
    """Let the machine `name` in: write the connection file for it, and remember its public key."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise AcetateError("bad_request", f"{name!r} is no name for a machine", hint="use letters, digits, - and _")
    keys = load_keys(state)
    public, secret = _pair()
    # The access word is this user's own; over TCP the key pair takes its place.
    write(Connection(endpoint, "", keys.server_public, public, secret), output)
    folder = ensure_private_dir(state / "paired")
    atomic_write(folder / f"{name}.json", json.dumps({"public": public}).encode())


def unpair(state: Path, name: str) -> bool:
    """Let the machine `name` in no more; False when it was not paired."""
    path = state / "paired" / f"{name}.json"
    if name not in paired(state):
        return False
    path.unlink()
    return True


def paired(state: Path) -> dict[str, str]:
    """The paired machines' public keys by name."""
    found = {}
    for path in sorted((state / "paired").glob("*.json")):
        try:
            found[path.stem] = str(json.loads(path.read_bytes())["public"])
        except (ValueError, KeyError, TypeError, OSError):
            continue
    return found


class PairedMachines:
    """The public keys of the paired machines, read again when one was paired or unpaired."""

    def __init__(self, state: Path) -> None:
        """`state` is the folder with the keys of paired machines."""
        self._state = state
        self._changed = -1
        self._keys: frozenset[str] = frozenset()

    def __contains__(self, public: object) -> bool:
        """Whether the machine with this key may come in."""
        try:
            changed = (self._state / "paired").stat().st_mtime_ns
        except FileNotFoundError:
            return False
        if changed != self._changed:
            self._keys, self._changed = frozenset(paired(self._state).values()), changed
        return public in self._keys


class ZapHandler:
    """Answers ZAP requests in the daemon's own loop: only known CURVE keys come in, and each only while paired."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], machines: PairedMachines, keys: Keys) -> None:
        """Bind the ZAP endpoint of `context`."""
        self._machines = machines
        self._own_key = keys.client_public
        self.socket = context.socket(zmq.REP)
        self.socket.bind(ZAP_ENDPOINT)

    def answer(self) -> None:
        """Answer the one request that has arrived."""
        request = self.socket.recv_multipart()
        reply = [b"1.0", request[1] if len(request) > 1 else b""]
        user = self._user(request)
        verdict = [b"200", b"OK", user.encode("ascii")] if user else [b"400", b"unknown key", b""]
        self.socket.send_multipart([*reply, *verdict, b""])

    def _user(self, request: Sequence[bytes]) -> str:
        """The public key of a request that is let in, else nothing."""
        if len(request) != 7 or request[5] != b"CURVE" or len(request[6]) != 32:
            return ""
        key: Any = z85.encode(request[6])
        public = key.decode("ascii") if isinstance(key, bytes) else str(key)
        return public if public == self._own_key or public in self._machines else ""
