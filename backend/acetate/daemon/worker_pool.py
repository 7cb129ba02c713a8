"""Supervises the worker process: dispatch, restart after a crash, kill when a cancel or a question is ignored."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import zmq

from acetate.daemon.auth import Keys
from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_manager import JobManager, RunningJob
from acetate.daemon.worker_process import WorkerProcess
from acetate.worker.engine_loader import guess_device

LOADING = "loading"
LOADING_GRACE_S = 2.0
"""How long a worker that loads a model may go on after its job was cancelled."""

log = logging.getLogger("acetate.daemon")


class WorkerPool:
    """Keeps one worker as long as there is work for it, and some time longer, since its models are warm."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: DaemonConfig,
        keys: Keys,
        jobs: JobManager,
        stop: Callable[[], None],
    ) -> None:
        """No worker is started yet. `stop` ends the daemon, whose package is of another version by now."""
        self._context = context
        self._settings = settings
        self._keys = keys
        self._jobs = jobs
        self._stop = stop
        self._worker: WorkerProcess | None = None
        self._cancel_sent = False
        self._idle_since = time.monotonic()
        self.device = guess_device()
        self.loaded: list[str] = []

    @property
    def socket(self) -> Any:
        """The socket to the present worker, or None."""
        return None if self._worker is None else self._worker.socket

    @property
    def pids(self) -> list[int]:
        """The worker processes."""
        return [] if self._worker is None else [self._worker.pid]

    def tick(self, now: float) -> None:
        """Receive the worker's messages, restart it after a crash, forward a cancel, dispatch the next job."""
        self._drain()
        self._reap()
        running = self._jobs.running
        if running is not None:
            self._idle_since = now
            if self._worker is None:
                return
            if running.stopping_since is not None:
                self._stop_job(self._worker, running, now - running.stopping_since)
            else:
                self._check_alive(self._worker, now)
            return
        fields = self._jobs.next()
        if fields is not None:
            self._cancel_sent = False
            try:
                self._start().send("run", fields)
            except OSError as error:
                self._jobs.on_worker_crash(f"it could not be started: {error}")
        elif self._worker is not None and now - self._idle_since >= self._settings.unload_after_s:
            log.info("the worker ends: no job for %g seconds", self._settings.unload_after_s)
            self._shutdown(self._worker, graceful=True)

    def close(self) -> None:
        """End the worker; its job is in the journal and runs again after the next start."""
        if self._worker is not None:
            self._shutdown(self._worker, graceful=False)

    def _start(self) -> WorkerProcess:
        if self._worker is None:
            self._worker = WorkerProcess(self._context, self._settings, self._keys)
        return self._worker

    def _drain(self) -> None:
        while self._worker is not None and (message := self._worker.receive()) is not None:
            if message.kind == "state":
                self.device = str(message.fields["device"])
                self.loaded = [str(name) for name in message.fields["loaded"]]
            else:
                self._jobs.on_worker_message(message)

    def _reap(self) -> None:
        """Notice that the worker is dead; what it said before that counts."""
        worker = self._worker
        reason = None if worker is None else worker.exit_reason()
        if worker is None or reason is None:
            return
        self._drain()
        self._shutdown(worker, graceful=False)
        if worker.is_other_version:
            log.warning("acetate was updated: this daemon ends, the next one is of the new version and runs its jobs")
            self._stop()
        else:
            self._jobs.on_worker_crash(reason)

    def _check_alive(self, worker: WorkerProcess, now: float) -> None:
        limit = self._settings.silence_s + self._settings.answer_s
        if worker.silence(now) >= limit:
            self._shutdown(worker, graceful=False)
            self._jobs.on_worker_crash(f"it did not answer for {limit:g} seconds")

    def _stop_job(self, worker: WorkerProcess, running: RunningJob, waited: float) -> None:
        # A step that has begun is waited for. Loading cannot be stopped from inside, and nothing is lost with it.
        loading = running.progress.get("stage", LOADING) == LOADING
        grace = min(LOADING_GRACE_S, self._settings.cancel_grace_s) if loading else self._settings.cancel_grace_s
        if not self._cancel_sent:
            self._cancel_sent = True
            worker.send("cancel", {"id": running.job.id})
        elif waited >= grace:
            log.warning("the worker does not stop job %s: it is ended", running.job.id)
            self._shutdown(worker, graceful=False)
            self._jobs.on_worker_crash("it did not stop")

    def _shutdown(self, worker: WorkerProcess, *, graceful: bool) -> None:
        self._worker = None
        self.loaded = []
        if graceful:
            worker.end()
        else:
            worker.kill()
