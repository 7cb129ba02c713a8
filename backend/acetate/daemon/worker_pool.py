"""Supervises the workers: dispatch, restart after a crash, kill when a cancel or a question is ignored."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any

import zmq
from acetate_wire.errors import AcetateError
from acetate_wire.messages import Message

from acetate.daemon.auth import Keys
from acetate.daemon.config import DaemonConfig
from acetate.daemon.farm import Farm
from acetate.daemon.job_attempts import JobAttempts, RunningJob
from acetate.daemon.queue import WaitingJob
from acetate.daemon.worker_devices import WorkerDevice, find_worker_devices
from acetate.daemon.worker_process import WorkerProcess
from acetate.daemon.worker_slot import WorkerSlot
from acetate.worker.engine_loader import guess_device

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
        jobs: JobAttempts,
        stop: Callable[[], None],
    ) -> None:
        """No worker is started yet. `stop` ends the daemon, whose package is of another version by now.

        Raises AcetateError when `workers` of `settings` is no number.
        """
        self._settings = settings
        self._jobs = jobs
        self._stop = stop

        def slot(place: WorkerDevice) -> WorkerSlot:
            return WorkerSlot(place.number, place.device, lambda: WorkerProcess(context, settings, keys, place))

        self._farm = Farm(context, settings, keys) if settings.farm else None
        self._local = [] if self._farm else [slot(place) for place in find_worker_devices(settings.workers)]

    @property
    def sockets(self) -> list[Any]:
        """The sockets to the present workers, or to the foreman of their farm."""
        if self._farm is not None:
            return self._farm.sockets
        return [each.worker.socket for each in self._local if each.worker is not None]

    @property
    def _slots(self) -> list[WorkerSlot]:
        return self._local if self._farm is None else self._farm.slots

    @property
    def pids(self) -> list[int]:
        """The worker processes."""
        return [slot.worker.pid for slot in self._slots if slot.worker is not None]

    @property
    def device(self) -> str:
        """The device of the first worker."""
        return self._slots[0].device if self._slots else guess_device()

    @property
    def farm(self) -> dict[str, Any] | None:
        """The farm as `status` tells it, None without one."""
        return None if self._farm is None else {"address": self._settings.farm, "problem": self._farm.problem}

    @property
    def loaded(self) -> list[str]:
        """The models in memory, of all workers."""
        return list(dict.fromkeys(name for slot in self._slots for name in slot.loaded))

    def to_maps(self) -> list[dict[str, Any]]:
        """The workers as `status` tells them."""
        return [slot.to_map() for slot in self._slots]

    def tick(self, now: float) -> None:
        """Receive the workers' messages, restart them after a crash, dispatch the next jobs."""
        if self._farm is not None:
            self._farm.tick(now)
        for slot in self._slots:
            self._drain(slot)
            self._reap(slot)
            if slot.running is not None:
                slot.idle_since = now
                self._supervise(slot, slot.running, now)
        self._dispatch()
        for slot in self._slots:
            idle = now - slot.idle_since >= self._settings.unload_after_s
            if slot.running is None and slot.worker is not None and idle:
                log.info("worker %d ends: no job for %g seconds", slot.number, self._settings.unload_after_s)
                slot.end()

    def close(self) -> None:
        """End the workers; their jobs are in the journal and run again after the next start."""
        for slot in self._slots:
            slot.kill()
        if self._farm is not None:
            self._farm.close()

    def _drain(self, slot: WorkerSlot) -> None:
        while slot.worker is not None and (message := slot.worker.receive()) is not None:
            running = slot.running
            if message.kind == "state":
                slot.note_state(message.fields)
            elif running is not None:
                try:
                    self._take_note(slot, running, message)
                finally:
                    if not self._jobs.has(running):
                        slot.running = None

    def _take_note(self, slot: WorkerSlot, running: RunningJob, message: Message) -> None:
        short = message.kind == "failed" and message.fields.get("code") == "out_of_memory"
        if short and not running.alone and running.stopping_since is None and self._neighbours(slot):
            self._jobs.run_alone(running)
        else:
            self._jobs.on_worker_message(running, message)

    def _reap(self, slot: WorkerSlot) -> None:
        """Notice that a worker is dead; what it said before that counts."""
        worker = slot.worker
        reason = None if worker is None else worker.exit_reason()
        if worker is None or reason is None:
            return
        self._drain(slot)
        other_version = worker.is_other_version
        running = slot.kill()
        if other_version:
            log.warning("acetate was updated: this daemon ends, the next one is of the new version and runs its jobs")
            self._stop()
        elif running is not None:
            self._jobs.on_worker_crash(running, reason, counted=not worker.blameless)

    def _supervise(self, slot: WorkerSlot, running: RunningJob, now: float) -> None:
        if slot.worker is None:
            return
        if running.stopping_since is not None:
            self._end_unstopped(slot, running, now - running.stopping_since)
            return
        limit = self._settings.silence_s + self._settings.answer_s
        if slot.worker.silence(now) >= limit:
            slot.kill()
            self._jobs.on_worker_crash(running, f"it did not answer for {limit:g} seconds")

    def _end_unstopped(self, slot: WorkerSlot, running: RunningJob, waited: float) -> None:
        # A step that has begun is waited for. Loading cannot be stopped from inside, and nothing is lost with it.
        loading = running.progress.get("stage", LOADING) == LOADING
        grace = min(LOADING_GRACE_S, self._settings.cancel_grace_s) if loading else self._settings.cancel_grace_s
        if waited >= grace:
            log.warning("worker %d does not stop job %s: it is ended", slot.number, running.job.id)
            slot.kill()
            self._jobs.on_worker_crash(running, "it did not stop")

    def _dispatch(self) -> None:
        """Give waiting jobs to idle workers, in the queue's order, as long as there are both."""
        if all(slot.running is not None for slot in self._slots):
            return
        for waiting in self._jobs.waiting():
            if self._is_nowhere(waiting.model):
                self._jobs.refuse(waiting, _missing(waiting.model, self._slots))
                continue
            slot = self._choose(waiting)
            if slot is not None:
                self._begin(slot, waiting)
            if waiting.alone or all(slot.running is not None for slot in self._slots):
                # A job that needs a memory to itself would wait for ever if others were let past it.
                return

    def _is_nowhere(self, model: str) -> bool:
        complete = self._farm is not None and self._farm.complete and bool(self._slots)
        return complete and not any(slot.has(model) for slot in self._slots)

    def _begin(self, slot: WorkerSlot, waiting: WaitingJob) -> None:
        begun = self._jobs.start(waiting)
        if begun is None:
            return
        running, fields = begun
        if waiting.alone:
            for neighbour in self._neighbours(slot):
                neighbour.end()
        try:
            slot.begin(running, fields)
        except OSError as error:
            slot.kill()
            self._jobs.on_worker_crash(running, f"it could not be started: {error}")

    def _choose(self, waiting: WaitingJob) -> WorkerSlot | None:
        """The idle worker for a job: one that has its model, else one without models, else that with most memory."""
        idle = [slot for slot in self._slots if self._may_begin(slot, waiting)]
        return max(idle, key=lambda slot: slot.fitness(waiting.model), default=None)

    def _may_begin(self, slot: WorkerSlot, waiting: WaitingJob) -> bool:
        if slot.running is not None or not slot.has(waiting.model):
            return False
        if self._farm is not None and slot.worker is None:
            return False
        busy = [each.running for each in self._sharing(slot) if each.running is not None]
        return not busy if waiting.alone else not any(running.alone for running in busy)

    def _neighbours(self, slot: WorkerSlot) -> list[WorkerSlot]:
        """The other workers that there are now in the same memory."""
        return [each for each in self._sharing(slot) if each.worker is not None]

    def _sharing(self, slot: WorkerSlot) -> Iterator[WorkerSlot]:
        place = (slot.machine, slot.device)
        return (each for each in self._slots if each is not slot and (each.machine, each.device) == place)


def _missing(model: str, slots: list[WorkerSlot]) -> AcetateError:
    machines = ", ".join(dict.fromkeys(slot.machine for slot in slots))
    return AcetateError(
        "model_missing",
        f"no machine of the farm has the files of the model {model} (asked: {machines})",
        field="model",
        hint=f"acetate farm models pull {model} fetches it on all of them",
    )
