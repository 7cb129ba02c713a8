"""The sockets that clients connect to, and the file that tells them where."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from typing import Any

import zmq
from acetate_wire import connection as connections
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.paths import ensure_private_dir

from acetate.daemon.auth import DEFAULT_PORT, Keys, paired
from acetate.daemon.config import DaemonConfig

log = logging.getLogger("acetate.daemon")

SOCKET_NAME = "daemon.sock"
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
UNREAD_MESSAGES = 64
"""So many messages lie in libzmq for a client that does not read; its `Outbox` takes some more."""
HANDSHAKE_MS = 3000
"""A connection that does not say within this time which protocol it speaks is closed."""


class Listener:
    """Listens where the settings say. Raises AcetateError when that is not allowed or not possible."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], settings: DaemonConfig, keys: Keys) -> None:
        """Bind the sockets; clients find them after `publish`."""
        self._context = context
        self._settings = settings
        self._keys = keys
        self._local: Any = None
        self.sockets: list[Any] = []
        self.encrypted: list[bool] = []
        self.connection = self._listen()

    @property
    def connection_path(self) -> Path:
        """The file that tells clients where to connect."""
        return self._settings.runtime / connections.FILE_NAME

    @property
    def socket_path(self) -> Path:
        """The file of the local socket, where the platform has one."""
        return self._settings.runtime / SOCKET_NAME

    def publish(self) -> None:
        """Write the connection file."""
        connections.write(self.connection, self.connection_path)

    @property
    def is_published(self) -> bool:
        """Whether clients can still find this daemon: a session's end may take the runtime folder away."""
        if self._local is not None and not self.socket_path.exists():
            return False
        try:
            found = connections.find(self.connection_path)
        except (AcetateError, OSError):
            return False
        return found is not None and found.pid == os.getpid()

    def republish(self) -> None:
        """Listen at the old place again, and write the connection file again; those who are connected stay so."""
        log.warning("the socket or the connection file in %s was gone: publishing again", self._settings.runtime)
        ensure_private_dir(self._settings.runtime)
        if self._local is not None and not self.socket_path.exists():
            with contextlib.suppress(zmq.ZMQError):
                self._local.unbind(self.connection.endpoint)
            self._bind(self._local, self.connection.endpoint)
            self.socket_path.chmod(0o600)
        self.publish()

    def close(self) -> None:
        """Send what is on its way and leave no socket or file behind."""
        for socket in self.sockets:
            socket.close(linger=500)
        self.socket_path.unlink(missing_ok=True)

    def _listen(self) -> Connection:
        endpoint = tcp = ""
        if sys.platform != "win32":
            path = self.socket_path
            if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
                raise AcetateError(
                    "bad_request",
                    f"the path {path} is too long for a socket (at most {LONGEST_SOCKET_PATH} bytes)",
                    hint="set ACETATE_RUNTIME_DIR to a shorter folder",
                )
            path.unlink(missing_ok=True)
            endpoint = f"ipc://{path}"
            self._local = self._router(encrypted=False)
            self._bind(self._local, endpoint)
            path.chmod(0o600)
        if self._settings.tcp or not endpoint:
            tcp = self._listen_tcp(self._settings.tcp or "127.0.0.1:*")
        keys = self._keys
        return Connection(
            endpoint or tcp,
            keys.access,
            keys.server_public,
            keys.client_public,
            keys.client_secret,
            tcp=tcp,
            pid=os.getpid(),
        )

    def _listen_tcp(self, address: str) -> str:
        host, _, port = address.rpartition(":")
        host, port = (host, port) if host else (port, str(DEFAULT_PORT))
        if host not in ("127.0.0.1", "localhost", "[::1]") and not paired(self._settings.state):
            raise AcetateError(
                "not_allowed",
                f"{host} can be reached from other machines, and none is paired with this one",
                hint="run `acetate pair NAME` for each machine that may connect, or listen on 127.0.0.1",
            )
        socket = self._router(encrypted=True)
        if host == "[::1]":
            socket.set(zmq.IPV6, 1)
        self._bind(socket, f"tcp://{host}:{port}")
        return str(socket.get(zmq.LAST_ENDPOINT).decode("ascii").rstrip("\0"))

    def _router(self, *, encrypted: bool) -> Any:
        socket = self._context.socket(zmq.ROUTER)
        socket.set(zmq.ROUTER_MANDATORY, 1)
        socket.set(zmq.MAXMSGSIZE, self._settings.limits.message_bytes)
        # Few messages are held for a client that is quicker than the disk; the rest waits on its side. With one alone
        # libzmq 4.3.5 never ends a handshake that asks the ZAP handler.
        socket.set(zmq.RCVHWM, 2 if encrypted else 1)
        socket.set(zmq.SNDHWM, UNREAD_MESSAGES)
        socket.set(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        if encrypted:
            socket.set(zmq.CURVE_SERVER, 1)
            socket.set(zmq.CURVE_SECRETKEY, self._keys.server_secret.encode("ascii"))
            socket.set(zmq.ZAP_DOMAIN, b"acetate")
        self.sockets.append(socket)
        self.encrypted.append(encrypted)
        return socket

    def _bind(self, socket: Any, endpoint: str) -> None:
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise AcetateError(
                "not_allowed",
                f"cannot listen on {endpoint} ({error.strerror})",
                hint="choose another address",
            ) from None
