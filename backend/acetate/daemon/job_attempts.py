"""The attempts at jobs: each waiting job is begun on a worker, and again where its worker ends over it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from acetate_wire.errors import AcetateError
from acetate_wire.messages import Message
from acetate_wire.request import LayerRequest
from acetate_wire.request_codec import decode_request, encode_request

from acetate.daemon.job_ends import JobEnd, JobEnds, Publish
from acetate.daemon.job_record import ACTIVE_STATES, JobRecord
from acetate.daemon.job_store import JobStore, StoreError
from acetate.daemon.queue import FairQueue, WaitingJob
from acetate.daemon.spool import Spool

log = logging.getLogger("acetate.daemon")

MOST_DEATHS = 2
"""A job fails when so many workers died of it, or so many daemons (or machines) while they ran it."""

MOST_ATTEMPTS = 20
"""So often a job is begun, whatever ended the attempts; beyond, each one that ends with its worker counts as above."""

LOST_REQUEST = AcetateError(
    "internal",
    "what this job was to draw cannot be read: its entry in the journal is damaged",
    hint="submit it again",
)


@dataclass
class RunningJob:
    """A job that a worker has, how far it is, and since when (monotonic) nobody wants it any more.

    `attempt` numbers the attempts at a job: what comes of an earlier one is passed over. `alone`: see `WaitingJob`.
    `interrupt` asks its worker to stop.
    """

    job: JobRecord
    attempt: int
    alone: bool = False
    interrupt: Callable[[], None] = lambda: None
    progress: dict[str, Any] = field(default_factory=dict)
    stopping_since: float | None = None


class JobAttempts:
    """The queue, and what the workers have of it."""

    def __init__(
        self,
        store: JobStore,
        spool: Spool,
        ends: JobEnds,
        resolve: Callable[[LayerRequest], LayerRequest],
        publish: Publish,
    ) -> None:
        """Queue what the daemon before left in the journal. `resolve` fills in a request's defaults."""
        self._store = store
        self._spool = spool
        self._ends = ends
        self._resolve = resolve
        self._publish = publish
        # Counted here too, for a journal that cannot be written.
        self._crashes: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        # What `settle` is to write: attempts with what their workers said last.
        self._ended: list[tuple[RunningJob, Message]] = []
        self.queue = FairQueue()
        self.running: dict[str, RunningJob] = {}
        """The jobs that workers have, by id."""
        for job in store.requeue_unfinished():
            if job.state == "running" and job.attempts - job.deaths >= MOST_DEATHS:
                self._give_up(job, "the daemon ended with it")
            elif not job.request:
                self._end(JobEnd.failed(job.id, LOST_REQUEST))
            else:
                self.add(job)

    def add(self, job: JobRecord) -> None:
        """Put a job of the journal behind its account's others."""
        self.queue.add(_waiting(job))

    def position(self, id: str) -> int:
        """How many jobs are run or begun before this one; 0 when it does not wait."""
        try:
            return len(self.running) + self.queue.position(id)
        except ValueError:
            return 0

    def stop(self, job: JobRecord) -> None:
        """Nobody wants this job any more: it is not begun, or ended within a step."""
        self.queue.remove(job.id, job.account)
        self._forget_counts(job.id)
        running = self.running.get(job.id)
        if running is not None and running.stopping_since is None:
            running.stopping_since = time.monotonic()
            running.interrupt()

    def close(self) -> None:
        """The daemon ends in order: what was running waits for the next one, with no attempt counted."""
        for id, running in self.running.items():
            if running.stopping_since is None:
                self._give_back(id)

    # What the workers do

    def has(self, running: RunningJob) -> bool:
        """Whether this attempt is still under way."""
        return self.running.get(running.job.id) is running

    def waiting(self) -> Iterator[WaitingJob]:
        """The jobs to be begun, in their order; any of them may be begun meanwhile."""
        return iter(self.queue)

    def start(self, waiting: WaitingJob) -> tuple[RunningJob, dict[str, Any]] | None:
        """Begin with a waiting job: it is running from now on, and its worker gets the returned `run` message.

        None when there is nothing to run: it has ended, or fails now. After StoreError and OSError it still waits.
        """
        id = waiting.id
        try:
            job = self._store.get(id)
            if job is None or self._ends.is_unsaved(id) or job.state not in ACTIVE_STATES:
                self.queue.remove(id, waiting.account)
                return None
            if not job.request:
                raise LOST_REQUEST
            request = job.request if job.resolved else encode_request(self._resolve(decode_request(job.request)))
        except AcetateError as error:
            self.refuse(waiting, error)
            return None
        self.queue.take(waiting)
        attempt = self._runs[id] = max(job.runs, self._runs.get(id, 0)) + 1
        try:
            self._store.start(id, attempt)
        except StoreError as error:
            log.warning("job %s runs although the journal cannot say so: %s", id, error)
        job = replace(job, deaths=self._crashes.get(id, job.deaths))
        running = self.running[id] = RunningJob(job, attempt, waiting.alone)
        return running, {
            "id": id,
            "attempt": attempt,
            "request": request,
            "sizes": list(job.sizes),
            "input": str(self._spool.input_path(id)),
            "output": str(self._spool.attempt_path(id, attempt)),
            "memory_level": job.deaths,
        }

    def refuse(self, waiting: WaitingJob, error: AcetateError) -> None:
        """A waiting job cannot be begun: it fails."""
        self.queue.remove(waiting.id, waiting.account)
        self._end(JobEnd.failed(waiting.id, error))

    def on_worker_message(self, running: RunningJob, message: Message) -> None:
        """Take note of what a worker says about the job that it has; a word about an earlier attempt says nothing.

        The worker is free when that was the last word; `settle` writes the end.
        """
        id = running.job.id
        if not self.has(running) or not _is_about(message, running):
            return
        stopped = running.stopping_since is not None
        if message.kind == "progress" and not stopped:
            fields = _about_job(message)
            running.progress = {name: value for name, value in fields.items() if name != "preview"}
            self._publish(id, "progress", {"id": id, **fields}, message.frames)
        elif message.kind in ("finished", "failed", "stopped"):
            del self.running[id]
            if stopped or message.kind == "stopped":
                self._discard(running)
            else:
                self._ended.append((running, message))

    def settle(self) -> None:
        """Write down how attempts ended in this turn, when their workers have their next jobs."""
        ended, self._ended = self._ended, []
        if ended:
            self._end(*self._outcomes(ended))

    def on_worker_crash(self, running: RunningJob, reason: str, *, counted: bool = True) -> None:
        """The worker of a job is gone: the job runs once more, and the second time fails.

        Without `counted`, as often as MOST_ATTEMPTS allows: it was not the job's fault.
        """
        job = running.job
        if not self.has(running):
            return
        del self.running[job.id]
        self._discard(running)
        if running.stopping_since is not None:
            return
        if not counted and running.attempt < MOST_ATTEMPTS:
            log.warning("%s; job %s runs again", reason, job.id)
            self._give_back(job.id)
            self.queue.push_front(_waiting(job, alone=running.alone))
            return
        if self._crashes.get(job.id, job.deaths) + 1 >= MOST_DEATHS:
            self._give_up(job, reason)
            return
        self._crashes[job.id] = job.deaths + 1
        log.warning("the worker ended (%s); job %s runs once more", reason, job.id)
        try:
            self._store.record_crash(job.id)
        except StoreError as error:
            log.warning("the journal cannot say so: %s", error)
        self.queue.push_front(_waiting(job, alone=running.alone))

    def run_alone(self, running: RunningJob) -> None:
        """A job did not fit beside other workers: it waits until its worker has the memory to itself."""
        job = running.job
        log.warning("job %s did not fit into memory beside other workers: it runs again without them", job.id)
        self._discard(running)
        del self.running[job.id]
        self._give_back(job.id)
        self.queue.push_front(_waiting(job, alone=True))

    def _outcomes(self, ended: Sequence[tuple[RunningJob, Message]]) -> Iterator[JobEnd]:
        finished = [running for running, message in ended if message.kind == "finished"]
        lost = self._spool.adopt_outputs([(running.job.id, running.attempt) for running in finished])
        for running, message in ended:
            id, fields = running.job.id, _about_job(message)
            if id in lost:
                self._discard(running)
                hint = "free some space there, and run the job again"
                words = f"the finished layers cannot be stored ({lost[id]})"
                yield JobEnd.failed(id, AcetateError("internal", words, hint=hint, retry=True))
            elif message.kind == "finished":
                yield JobEnd(id, "done", fields, sum(fields["sizes"]))
            else:
                yield JobEnd(id, "failed", fields)

    def _discard(self, running: RunningJob) -> None:
        """Delete the pixels of an attempt, and all of the job's when nobody wants it any more."""
        self._spool.remove_attempt(running.job.id, running.attempt)
        if running.stopping_since is not None:
            self._spool.remove(running.job.id)

    def _give_back(self, id: str) -> None:
        try:
            self._store.give_back(id)
        except StoreError as error:
            log.warning("the journal cannot say that job %s waits again: %s", id, error)

    def _give_up(self, job: JobRecord, reason: str) -> None:
        error = AcetateError(
            "worker_lost",
            f"the process that makes the layers ended twice over this job ({reason})",
            hint="try a smaller selection or another model; the daemon's worker.log tells more",
            retry=True,
        )
        self._end(JobEnd.failed(job.id, error))

    def _end(self, *ends: JobEnd) -> None:
        for end in ends:
            self._forget_counts(end.id)
        self._ends.add(*ends)

    def _forget_counts(self, id: str) -> None:
        self._crashes.pop(id, None)
        self._runs.pop(id, None)


def _waiting(job: JobRecord, *, alone: bool = False) -> WaitingJob:
    # The default is left out of an encoded request.
    return WaitingJob(job.id, job.account, str(job.request.get("model", LayerRequest.model)), alone)


def _is_about(message: Message, running: RunningJob) -> bool:
    return (message.fields.get("id"), message.fields.get("attempt")) == (running.job.id, running.attempt)


def _about_job(message: Message) -> dict[str, Any]:
    return {name: value for name, value in message.fields.items() if name not in ("id", "attempt")}
