"""The daemon's event loop: sockets, heartbeats, the worker, and the end after a while without clients."""

from __future__ import annotations

import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import zmq
from acetate_wire import connection as connections
from acetate_wire.connection import Connection
from acetate_wire.errors import WireError
from acetate_wire.folders import private_folder

import acetate
from acetate.daemon.access import DEFAULT_PORT, Gatekeeper, load_keys, paired
from acetate.daemon.conversation import About, Conversation, Origin
from acetate.daemon.jobs import Jobs
from acetate.daemon.journal import Journal
from acetate.daemon.peers import Peers
from acetate.daemon.settings import Settings
from acetate.daemon.spool import Spool
from acetate.daemon.workshop import Workshop
from acetate.engine.choose import engine_class

log = logging.getLogger("acetate.daemon")

SOCKET_NAME = "daemon.sock"
LONGEST_SOCKET_PATH = 103 if sys.platform == "darwin" else 107
AT_ONCE = 32
BUSY_WAIT_MS = 50
IDLE_WAIT_MS = 500
EXPIRE_S = 60.0
TICK_S = 1.0


class Server:
    """One running daemon. It owns everything of its folders until `close`; the caller holds their lock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        private_folder(settings.runtime)
        private_folder(settings.state)
        self._keys = load_keys(settings.state)
        self._journal = Journal(settings.state / "journal.sqlite")
        spool = Spool(settings.state / "spool", settings.reserve_bytes)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gatekeeper = Gatekeeper(self._context, settings.state, self._keys)
        self._sockets: list[Any] = []
        self._encrypted: list[bool] = []
        self._connection = self._listen()
        self._peers = Peers(self._sockets)
        self._jobs = Jobs(settings, self._journal, spool, self._tell)
        self._workshop = Workshop(self._context, settings, self._keys, self._jobs)
        self._conversation = Conversation(settings, self._peers, self._jobs, self._about())
        self._stopping = False
        self._started = self._lonely_since = time.monotonic()
        self._ticked = self._expired = float("-inf")
        connections.write(self._connection, self._connection_path)

    @property
    def connection(self) -> Connection:
        """What clients need to connect."""
        return self._connection

    @property
    def _connection_path(self) -> Path:
        return self._settings.runtime / connections.FILE_NAME

    def run(self) -> None:
        """Serve until told to stop, or for so long without clients and jobs that nobody will come."""
        while not self._stopping and not self._is_lonely():
            self.turn()

    def turn(self) -> None:
        """Wait for something to happen, or a moment, and deal with it."""
        poller = zmq.Poller()
        for socket in [*self._sockets, self._gatekeeper.socket, self._workshop.socket]:
            if socket is not None:
                poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(BUSY_WAIT_MS if self._jobs.running is not None else IDLE_WAIT_MS))
        if self._gatekeeper.socket in ready:
            self._gatekeeper.answer()
        for number, socket in enumerate(self._sockets):
            if socket in ready:
                self._receive(number, socket)
        now = time.monotonic()
        self._workshop.work(now)
        if now - self._ticked >= TICK_S:
            self._ticked = now
            self._peers.keep_alive(now)
            self._jobs.tick()
            self._conversation.pay_debts()
        if now - self._expired >= EXPIRE_S:
            self._expired = now
            self._jobs.expire()

    def stop(self) -> None:
        """End `run` after the present turn; may be called from a signal handler."""
        self._stopping = True

    def close(self) -> None:
        """End the worker, send what is on its way, and leave no socket or file behind."""
        self._connection_path.unlink(missing_ok=True)
        self._workshop.close()
        for socket in [*self._sockets, self._gatekeeper.socket]:
            socket.close(linger=500)
        self._context.term()
        self._journal.close()
        (self._settings.runtime / SOCKET_NAME).unlink(missing_ok=True)

    def _listen(self) -> Connection:
        """Bind what the settings ask for. Raises WireError when that is not allowed or not possible."""
        endpoint = tcp = ""
        if sys.platform != "win32":
            path = self._settings.runtime / SOCKET_NAME
            if len(os.fsencode(path)) > LONGEST_SOCKET_PATH:
                raise WireError(
                    "bad_request",
                    f"the path {path} is too long for a socket (at most {LONGEST_SOCKET_PATH} bytes)",
                    hint="set ACETATE_RUNTIME_DIR to a shorter folder",
                )
            path.unlink(missing_ok=True)
            endpoint = f"ipc://{path}"
            self._bind(self._router(encrypted=False), endpoint)
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
            raise WireError(
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
        # Few large messages are held for a client that is quicker than the disk; the rest waits on its side.
        socket.set(zmq.RCVHWM, 4)
        if encrypted:
            socket.set(zmq.CURVE_SERVER, 1)
            socket.set(zmq.CURVE_SECRETKEY, self._keys.server_secret.encode("ascii"))
            socket.set(zmq.ZAP_DOMAIN, b"acetate")
        self._sockets.append(socket)
        self._encrypted.append(encrypted)
        return socket

    def _bind(self, socket: Any, endpoint: str) -> None:
        try:
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            raise WireError(
                "not_allowed",
                f"cannot listen on {endpoint} ({error.strerror})",
                hint="choose another address",
            ) from None

    def _receive(self, number: int, socket: Any) -> None:
        for _ in range(AT_ONCE):
            try:
                address, *parts = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            local = True
            if self._encrypted[number]:
                local = address.get("User-Id") == self._keys.client_public
            origin = Origin((number, address.bytes), self._encrypted[number], local)
            self._conversation.take(origin, [part.buffer for part in parts])

    def _tell(self, job: str, kind: str, fields: Any, frames: Any) -> None:
        self._peers.tell_followers(job, kind, fields, frames, time.monotonic())

    def _is_lonely(self) -> bool:
        now = time.monotonic()
        if len(self._peers) or self._jobs.busy:
            self._lonely_since = now
        return now - self._lonely_since >= self._settings.idle_exit_s

    def _about(self) -> About:
        engine = engine_class(self._settings.engine)
        return About(
            access=self._keys.access,
            offers=engine.offers,
            check=engine.check,
            vocabulary=engine.vocabulary,
            device=lambda: self._workshop.device,
            status=self._status,
            stop=self.stop,
        )

    def _status(self) -> dict[str, Any]:
        return {
            "version": acetate.__version__,
            "pid": os.getpid(),
            "workers": self._workshop.pids,
            "endpoint": self._connection.endpoint,
            "tcp": self._connection.tcp,
            "device": self._workshop.device,
            "models_loaded": self._workshop.loaded,
            "clients": sorted({peer.name for peer in self._peers}),
            "jobs": self._jobs.counts(),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "state_folder": str(self._settings.state),
        }
