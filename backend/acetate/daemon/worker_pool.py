"""Supervises the workers: dispatch, restart after a crash, kill when a cancel or a question is ignored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import zmq
from acetate_wire.messages import Message

from acetate.daemon.auth import Keys
from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_manager import JobManager, RunningJob
from acetate.daemon.queue import WaitingJob
from acetate.daemon.seats import find_seats
from acetate.daemon.station import Station
from acetate.daemon.worker_process import WorkerProcess

LOADING = "loading"
LOADING_GRACE_S = 2.0
"""How long a worker that loads a model may go on after its job was cancelled."""

log = logging.getLogger("acetate.daemon")


class WorkerPool:
    """Keeps each worker as long as there is work for it, and some time longer, since its models are warm."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: DaemonConfig,
        keys: Keys,
        jobs: JobManager,
        stop: Callable[[], None],
    ) -> None:
        """No worker is started yet. `stop` ends the daemon, whose package is of another version by now.

        Raises AcetateError when `workers` of `settings` is no number.
        """
        self._settings = settings
        self._jobs = jobs
        self._stop = stop

        def station(seat: Any) -> Station:
            return Station(seat.number, seat.device, lambda: WorkerProcess(context, settings, keys, seat))

        self._stations = [station(seat) for seat in find_seats(settings.workers)]

    @property
    def sockets(self) -> list[Any]:
        """The sockets to the present workers."""
        return [station.worker.socket for station in self._stations if station.worker is not None]

    @property
    def pids(self) -> list[int]:
        """The worker processes."""
        return [station.worker.pid for station in self._stations if station.worker is not None]

    @property
    def device(self) -> str:
        """The device of the first worker."""
        return self._stations[0].device

    @property
    def loaded(self) -> list[str]:
        """The models in memory, of all workers."""
        return list(dict.fromkeys(name for station in self._stations for name in station.loaded))

    def to_maps(self) -> list[dict[str, Any]]:
        """The workers as `status` tells them."""
        return [station.to_map() for station in self._stations]

    def tick(self, now: float) -> None:
        """Receive the workers' messages, restart them after a crash, forward cancels, dispatch the next jobs."""
        for station in self._stations:
            self._drain(station)
            self._reap(station)
            if station.running is not None:
                station.idle_since = now
                self._supervise(station, station.running, now)
        self._dispatch()
        for station in self._stations:
            idle = now - station.idle_since >= self._settings.unload_after_s
            if station.running is None and station.worker is not None and idle:
                log.info("worker %d ends: no job for %g seconds", station.number, self._settings.unload_after_s)
                station.end()

    def close(self) -> None:
        """End the workers; their jobs are in the journal and run again after the next start."""
        for station in self._stations:
            station.kill()

    def _drain(self, station: Station) -> None:
        while station.worker is not None and (message := station.worker.receive()) is not None:
            running = station.running
            if message.kind == "state":
                station.note_state(message.fields)
            elif running is not None:
                try:
                    self._take_note(station, running, message)
                finally:
                    if not self._jobs.has(running):
                        station.running = None

    def _take_note(self, station: Station, running: RunningJob, message: Message) -> None:
        short = message.kind == "failed" and message.fields.get("code") == "out_of_memory"
        if short and not running.alone and running.stopping_since is None and self._neighbours(station):
            self._jobs.run_alone(running)
        else:
            self._jobs.on_worker_message(running, message)

    def _reap(self, station: Station) -> None:
        """Notice that a worker is dead; what it said before that counts."""
        worker = station.worker
        reason = None if worker is None else worker.exit_reason()
        if worker is None or reason is None:
            return
        self._drain(station)
        other_version = worker.is_other_version
        running = station.kill()
        if other_version:
            log.warning("acetate was updated: this daemon ends, the next one is of the new version and runs its jobs")
            self._stop()
        elif running is not None:
            self._jobs.on_worker_crash(running, reason)

    def _supervise(self, station: Station, running: RunningJob, now: float) -> None:
        if station.worker is None:
            return
        if running.stopping_since is not None:
            self._stop_job(station, running, now - running.stopping_since)
            return
        limit = self._settings.silence_s + self._settings.answer_s
        if station.worker.silence(now) >= limit:
            station.kill()
            self._jobs.on_worker_crash(running, f"it did not answer for {limit:g} seconds")

    def _stop_job(self, station: Station, running: RunningJob, waited: float) -> None:
        # A step that has begun is waited for. Loading cannot be stopped from inside, and nothing is lost with it.
        loading = running.progress.get("stage", LOADING) == LOADING
        grace = min(LOADING_GRACE_S, self._settings.cancel_grace_s) if loading else self._settings.cancel_grace_s
        if not station.cancel_sent and station.worker is not None:
            station.cancel_sent = True
            station.worker.send("cancel", {"id": running.job.id, "attempt": running.attempt})
        elif waited >= grace:
            log.warning("worker %d does not stop job %s: it is ended", station.number, running.job.id)
            station.kill()
            self._jobs.on_worker_crash(running, "it did not stop")

    def _dispatch(self) -> None:
        """Give waiting jobs to idle workers, in the queue's order, as long as there are both."""
        if all(station.running is not None for station in self._stations):
            return
        for waiting in self._jobs.waiting():
            station = self._choose(waiting)
            if station is not None:
                self._begin(station, waiting)
            if waiting.alone or all(station.running is not None for station in self._stations):
                # A job that needs a memory to itself would wait for ever if others were let past it.
                return

    def _begin(self, station: Station, waiting: WaitingJob) -> None:
        begun = self._jobs.start(waiting)
        if begun is None:
            return
        running, fields = begun
        if waiting.alone:
            for neighbour in self._neighbours(station):
                neighbour.end()
        try:
            station.begin(running, fields)
        except OSError as error:
            station.kill()
            self._jobs.on_worker_crash(running, f"it could not be started: {error}")

    def _choose(self, waiting: WaitingJob) -> Station | None:
        """The idle worker for a job: one that has its model, else one without models, else that with most memory."""
        idle = [station for station in self._stations if station.running is None and self._may_begin(station, waiting)]
        return max(idle, key=lambda station: station.fitness(waiting.model), default=None)

    def _may_begin(self, station: Station, waiting: WaitingJob) -> bool:
        busy = [each.running for each in self._sharing(station) if each.running is not None]
        return not busy if waiting.alone else not any(running.alone for running in busy)

    def _neighbours(self, station: Station) -> list[Station]:
        """The other workers that there are now in the same memory."""
        return [each for each in self._sharing(station) if each.worker is not None]

    def _sharing(self, station: Station) -> Iterator[Station]:
        return (each for each in self._stations if each is not station and each.device == station.device)
