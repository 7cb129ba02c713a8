"""The daemon's event loop: sockets, heartbeats, the worker, and the end after a while without clients."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from typing import Any

import zmq
from acetate_wire.connection import Connection
from acetate_wire.errors import AcetateError
from acetate_wire.paths import ensure_private_dir

import acetate
from acetate.daemon.auth import PairedMachines, ZapHandler, load_keys
from acetate.daemon.backlog import OWN, BacklogGuard
from acetate.daemon.clients import ClientRegistry
from acetate.daemon.config import DaemonConfig
from acetate.daemon.downloads import Downloads
from acetate.daemon.failed_requests import record_failure
from acetate.daemon.handlers import MessageHandler, Sender, ServerContext
from acetate.daemon.job_manager import JobManager
from acetate.daemon.job_store import JOURNAL, JobStore, StoreError
from acetate.daemon.listener import Listener
from acetate.daemon.presence import Presence
from acetate.daemon.spool import Spool
from acetate.daemon.uploads import Uploads
from acetate.daemon.worker_pool import WorkerPool
from acetate.worker.engine_loader import load_engine_class

log = logging.getLogger("acetate.daemon")

RECEIVING_S = 0.02
"""How long one turn takes clients' messages, the last of them to its end, before it sees to the workers again."""
BUSY_WAIT_MS = 50
IDLE_WAIT_MS = 500
EXPIRE_S = 60.0
TICK_S = 1.0
AFTER_FAILURE_S = 0.1
"""So that a failure that comes back does not fill the log."""


class Server:
    """One running daemon. It owns everything of its folders until `close`; `presence` holds their locks."""

    def __init__(self, settings: DaemonConfig, presence: Presence) -> None:
        """Open the job store, bind the sockets and requeue unfinished jobs. Raises AcetateError."""
        self._settings = settings
        self._presence = presence
        ensure_private_dir(settings.runtime)
        ensure_private_dir(settings.state)
        self._keys = load_keys(settings.state)
        self._store = JobStore(settings.state / JOURNAL)
        spool = Spool(settings.state / "spool", settings.reserve_bytes)
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._machines = PairedMachines(settings.state)
        self._zap = ZapHandler(self._context, self._machines, self._keys)
        self._listener = Listener(self._context, settings, self._keys)
        self._backlog = BacklogGuard(self._listener.sockets, self._listener.encrypted, settings.limits)
        self._clients = ClientRegistry(self._listener.sockets, settings.limits.message_bytes)
        self._engine = load_engine_class(settings.engine)
        self._jobs = JobManager(settings, self._store, spool, self._engine.resolve, self._publish)
        self._worker_pool = WorkerPool(self._context, settings, self._keys, self._jobs.attempts, self.stop)
        self._downloads = Downloads(lambda: [each.name for each in self._engine.models() if not each.missing])
        self._uploads = Uploads(spool, settings.limits)
        self._handler = MessageHandler(settings, self._clients, self._jobs, self._uploads, self._about())
        self._stopping = False
        self._started = self._idle_since = time.monotonic()
        self._ticked = self._expired = float("-inf")
        # Last, so that clients never find a daemon that could not start.
        self._listener.publish()

    @property
    def connection(self) -> Connection:
        """What clients need to connect."""
        return self._listener.connection

    def run(self) -> None:
        """Serve until told to stop, or for so long without clients and jobs that nobody will come."""
        while not self._stopping and not self._is_idle():
            try:
                self.run_once()
            except Exception:
                # Nothing that goes wrong with one job or client may end the daemon for the others.
                log.exception("a turn of the daemon failed")
                time.sleep(AFTER_FAILURE_S)

    def run_once(self) -> None:
        """Wait for something to happen, or a moment, and deal with it."""
        poller = zmq.Poller()
        for socket in [*self._listener.sockets, self._zap.socket, *self._worker_pool.sockets]:
            poller.register(socket, zmq.POLLIN)
        hurries = self._jobs.attempts.running or self._clients.behind
        ready = dict(poller.poll(BUSY_WAIT_MS if hurries else IDLE_WAIT_MS))
        if self._zap.socket in ready:
            self._zap.answer()
        for number, socket in enumerate(self._listener.sockets):
            if socket in ready:
                self._receive(number, socket)
        self._backlog.relieve()
        now = time.monotonic()
        try:
            self._worker_pool.tick(now)
        finally:
            self._jobs.settle()
        self._downloads.tick()
        self._clients.flush(now)
        if now - self._ticked >= TICK_S:
            self._ticked = now
            self._republish()
            self._handler.drop_unpaired()
            self._clients.keep_alive(now, self._backlog.senders())
            self._backlog.forget({peer.address: peer.machine or OWN for peer in self._clients})
            self._uploads.drop_abandoned(list(self._clients))
            self._jobs.ends.tick()
            self._jobs.publish_positions()
            self._handler.resend_undelivered()
        if now - self._expired >= EXPIRE_S:
            # What is left goes in the next turns, between the messages of clients.
            self._expired = float("-inf") if self._jobs.ends.expire() else now

    def stop(self) -> None:
        """End `run` after the present turn; may be called from a signal handler."""
        self._stopping = True

    def close(self) -> None:
        """End the worker, send what is on its way, and leave no socket or file behind."""
        if self._listener.is_published:
            self._listener.connection_path.unlink(missing_ok=True)
        self._jobs.settle()
        self._jobs.attempts.close()
        self._worker_pool.close()
        self._downloads.close()
        self._backlog.close()
        self._listener.close()
        self._zap.socket.close(linger=500)
        self._context.term()
        self._store.close()

    def _receive(self, number: int, socket: Any) -> None:
        until = time.monotonic() + RECEIVING_S
        while time.monotonic() < until:
            try:
                address, *parts = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            encrypted = self._listener.encrypted[number]
            key = str(address.get("User-Id")) if encrypted else ""
            machine = "" if key in ("", self._keys.client_public) else key
            origin = Sender((number, address.bytes), encrypted, machine)
            frames = [part.buffer for part in parts]
            self._backlog.delivered(int(address.get(zmq.SRCFD)), origin.address, frames, machine if encrypted else None)
            self._handler.handle(origin, frames)
            peer = self._clients.get(origin.address)
            self._backlog.answered(origin.address, None if peer is None else peer.machine or OWN)

    def _publish(self, job: str, kind: str, fields: Any, frames: Any) -> None:
        self._clients.publish(job, kind, fields, frames, time.monotonic())
        if kind == "failed":
            with contextlib.suppress(StoreError):
                failed = self._store.get(job)
                record_failure(self._settings.state, job, failed.request if failed else {}, fields)

    def _republish(self) -> None:
        """Where the runtime folder vanished: publish again, unless another daemon is there now."""
        if self._listener.is_published:
            return
        try:
            if self._presence.renew():
                self._listener.republish()
        except (OSError, AcetateError) as error:
            log.warning("clients cannot find this daemon: %s", error)

    def _is_idle(self) -> bool:
        now = time.monotonic()
        if len(self._clients) or self._jobs.busy or self._downloads.busy:
            self._idle_since = now
        return now - self._idle_since >= self._settings.idle_exit_s

    def _about(self) -> ServerContext:
        engine = self._engine
        return ServerContext(
            access=self._keys.access,
            machines=self._machines,
            offers=engine.models,
            resolve=engine.resolve,
            vocabulary=engine.vocabulary,
            device=lambda: self._worker_pool.device,
            downloads=self._downloads,
            status=self._status,
            stop=self.stop,
        )

    def _status(self) -> dict[str, Any]:
        return {
            "version": acetate.__version__,
            "pid": os.getpid(),
            "workers": self._worker_pool.pids,
            "farm": self._worker_pool.farm,
            "pool": self._worker_pool.to_maps(),
            "endpoint": self.connection.endpoint,
            "tcp": self.connection.tcp,
            "device": self._worker_pool.device,
            "models_loaded": self._worker_pool.loaded,
            "clients": sorted({peer.name for peer in self._clients}),
            "jobs": self._jobs.counts(),
            "uptime_s": round(time.monotonic() - self._started, 3),
            "state_folder": str(self._settings.state),
        }
