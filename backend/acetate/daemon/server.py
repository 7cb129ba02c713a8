"""The daemon's event loop: sockets, heartbeats, the worker, and the end after a while without clients."""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import zmq
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.paths import ensure_private_dir

import acetate
from acetate.daemon.auth import Gatekeeper, load_keys
from acetate.daemon.clients import Peers
from acetate.daemon.config import Settings
from acetate.daemon.handlers import About, Conversation, Origin
from acetate.daemon.job_manager import Jobs
from acetate.daemon.job_store import Journal
from acetate.daemon.listener import Listener
from acetate.daemon.presence import Presence
from acetate.daemon.spool import Spool
from acetate.daemon.worker_pool import Workshop
from acetate.worker.engine_loader import engine_class

log = logging.getLogger("acetate.daemon")

AT_ONCE = 32
BUSY_WAIT_MS = 50
IDLE_WAIT_MS = 500
EXPIRE_S = 60.0
TICK_S = 1.0
AFTER_FAILURE_S = 0.1
"""So that a failure that comes back does not fill the log."""


class Server:
    """One running daemon. It owns everything of its folders until `close`; `presence` holds their locks."""

    def __init__(self, settings: Settings, presence: Presence) -> None:
        self._settings = settings
        self._presence = presence
        ensure_private_dir(settings.runtime)
        ensure_private_dir(settings.state)
        self._keys = load_keys(settings.state)
        self._journal = Journal(settings.state / "journal.sqlite")
        spool = Spool(settings.state / "spool", settings.reserve_bytes)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._gatekeeper = Gatekeeper(self._context, settings.state, self._keys)
        self._listener = Listener(self._context, settings, self._keys)
        self._peers = Peers(self._listener.sockets)
        self._jobs = Jobs(settings, self._journal, spool, self._tell)
        self._workshop = Workshop(self._context, settings, self._keys, self._jobs)
        self._conversation = Conversation(settings, self._peers, self._jobs, self._about())
        self._stopping = False
        self._started = self._lonely_since = time.monotonic()
        self._ticked = self._expired = float("-inf")

    @property
    def connection(self) -> Connection:
        """What clients need to connect."""
        return self._listener.connection

    def run(self) -> None:
        """Serve until told to stop, or for so long without clients and jobs that nobody will come."""
        while not self._stopping and not self._is_lonely():
            try:
                self.turn()
            except Exception:
                # Nothing that goes wrong with one job or client may end the daemon for the others.
                log.exception("a turn of the daemon failed")
                time.sleep(AFTER_FAILURE_S)

    def turn(self) -> None:
        """Wait for something to happen, or a moment, and deal with it."""
        poller = zmq.Poller()
        for socket in [*self._listener.sockets, self._gatekeeper.socket, self._workshop.socket]:
            if socket is not None:
                poller.register(socket, zmq.POLLIN)
        ready = dict(poller.poll(BUSY_WAIT_MS if self._jobs.running is not None else IDLE_WAIT_MS))
        if self._gatekeeper.socket in ready:
            self._gatekeeper.answer()
        for number, socket in enumerate(self._listener.sockets):
            if socket in ready:
                self._receive(number, socket)
        now = time.monotonic()
        self._workshop.work(now)
        if now - self._ticked >= TICK_S:
            self._ticked = now
            self._republish()
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
        if self._listener.is_published:
            self._listener.connection_path.unlink(missing_ok=True)
        self._jobs.close()
        self._workshop.close()
        self._listener.close()
        self._gatekeeper.socket.close(linger=500)
        self._context.term()
        self._journal.close()

    def _receive(self, number: int, socket: Any) -> None:
        for _ in range(AT_ONCE):
            try:
                address, *parts = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            local = True
            if self._listener.encrypted[number]:
                local = address.get("User-Id") == self._keys.client_public
            origin = Origin((number, address.bytes), self._listener.encrypted[number], local)
            self._conversation.take(origin, [part.buffer for part in parts])

    def _tell(self, job: str, kind: str, fields: Any, frames: Any) -> None:
        self._peers.tell_followers(job, kind, fields, frames, time.monotonic())

    def _republish(self) -> None:
        """Where the runtime folder vanished: publish again, unless another daemon is there now."""
        if self._listener.is_published:
            return
        try:
            if self._presence.renew():
                self._listener.republish()
        except (OSError, AcetateError) as error:
            log.warning("clients cannot find this daemon: %s", error)

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
            "endpoint": self.connection.endpoint,
            "tcp": self.connection.tcp,
            "device": self._workshop.device,
            "models_loaded": self._workshop.loaded,
            "clients": sorted({peer.name for peer in self._peers}),
            "jobs": self._jobs.counts(),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "state_folder": str(self._settings.state),
        }
