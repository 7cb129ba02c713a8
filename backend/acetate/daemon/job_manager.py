"""The life of a job: accepted into the journal, run by the worker, ended exactly once, kept, forgotten."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from acetate_wire.errors import AcetateError
from acetate_wire.messages import Message
from acetate_wire.request import LayerRequest
from acetate_wire.request_codec import decode_request, encode_request, reply_bytes

from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_store import ACTIVE_STATES, JobRecord, JobStore, StoreError
from acetate.daemon.queue import FairQueue, WaitingJob
from acetate.daemon.spool import DamagedError, Spool
from acetate.daemon.uploads import Upload

log = logging.getLogger("acetate.daemon")

MOST_DEATHS = 2
"""A job fails when so many workers died of it, or so many daemons (or machines) while they ran it."""

LISTED_AT_ONCE = 100
"""How many jobs one message lists."""

MOST_ATTEMPTS = 20
"""So often a job is begun, whatever ended the attempts; beyond, each one that ends with its worker counts as above."""

LOST_REQUEST = AcetateError(
    "internal",
    "what this job was to draw cannot be read: its entry in the journal is damaged",
    hint="submit it again",
)

Publish = Callable[[str, str, Mapping[str, Any], Sequence[Any]], None]
"""Called with a job's id, a kind, fields and frames: send this to whoever follows the job."""


@dataclass
class RunningJob:
    """A job that a worker has, how far it is, and since when (monotonic) nobody wants it any more.

    `attempt` numbers the attempts at a job: what comes of an earlier one is passed over. `alone`: see `WaitingJob`.
    """

    job: JobRecord
    attempt: int
    alone: bool = False
    progress: dict[str, Any] = field(default_factory=dict)
    stopping_since: float | None = None


@dataclass(frozen=True)
class _PendingEnd:
    id: str
    state: str
    outcome: dict[str, Any]
    size: int


class JobManager:
    """All jobs of this daemon. `tell` sends to a job's followers, `resolve` fills in a request's defaults."""

    def __init__(
        self,
        settings: DaemonConfig,
        journal: JobStore,
        spool: Spool,
        resolve: Callable[[LayerRequest], LayerRequest],
        tell: Publish,
    ) -> None:
        """Nothing is read or run yet."""
        self._settings = settings
        self._store = journal
        self._spool = spool
        self._resolve = resolve
        self._publish = tell
        self._queue = FairQueue()
        self._unsaved: dict[str, _PendingEnd] = {}
        self._unpublished: set[str] = set()
        # The position of every waiting job as its followers know it.
        self._positions: dict[str, int] = {}
        # Counted here too, for a journal that cannot be written.
        self._crashes: dict[str, int] = {}
        self._runs: dict[str, int] = {}
        self.running: dict[str, RunningJob] = {}
        """The jobs that workers have, by id."""
        for job in journal.requeue_unfinished():
            if job.state == "running" and job.attempts - job.deaths >= MOST_DEATHS:
                self._give_up(job, "the daemon ended with it")
            elif not job.request:
                self._end(job.id, "failed", LOST_REQUEST.fields(), 0)
            else:
                self._queue.add(_waiting(job))
        spool.remove_orphans(journal.ids())

    @property
    def busy(self) -> bool:
        """Whether anything is running, waiting, or not yet written down."""
        return bool(self.running) or bool(self._unsaved) or bool(self._unpublished) or len(self._queue) > 0

    # What clients ask for

    def submit(
        self, owner: str, id: str, request: LayerRequest, frames: Sequence[Any] | Upload, machine: str = ""
    ) -> int:
        """Take a new job, whose request is resolved, and return its position.

        All clients of a paired `machine` (its public key) count as one: a client makes up its own id. Raises
        AcetateError `busy`; nothing of the job is left then.
        """
        uploaded = isinstance(frames, Upload)
        sizes = list(frames.sizes) if isinstance(frames, Upload) else [len(frame) for frame in frames]
        account, whose = machine or owner, "paired machine" if machine else "client"
        if self._queue.count(account) >= self._settings.limits.waiting_jobs:
            raise _too_much(f"{self._settings.limits.waiting_jobs} jobs of this {whose} are waiting already")
        if sizes and self._waiting_bytes(account) + sum(sizes) > self._settings.waiting_bytes:
            most = self._settings.waiting_bytes >> 20
            raise _too_much(f"the pictures of this {whose}'s waiting jobs would be over {most} MiB")
        self._spool.check_room((0 if uploaded else sum(sizes)) + reply_bytes(request))
        if isinstance(frames, Upload):
            frames.close()
            self._spool.adopt_input(id, frames.path)
        elif frames:
            self._spool.save_input(id, frames)
        try:
            self._store.add(id, owner, encode_request(request), sizes, time.time(), machine)
        except StoreError:
            self._spool.remove_input(id)
            self._spool.check_room(1 << 62)
        self._queue.add(WaitingJob(id, account, request.model))
        self._positions[id] = self._position(id)
        return self._positions[id]

    def _waiting_bytes(self, account: str) -> int:
        try:
            return self._store.waiting_bytes(account)
        except StoreError:
            return 0

    def find(self, owner: str, id: str) -> JobRecord | None:
        """This client's job of that id. Raises AcetateError `not_allowed` when it is another client's."""
        job = self._store.get(id)
        other = job.owner if job is not None else self._store.forgotten_owner(id)
        if other is not None and other != owner:
            raise AcetateError(
                "not_allowed", "this id belongs to another client's job", field="id", hint="make a new UUID"
            )
        return job

    def is_forgotten(self, id: str) -> bool:
        """Whether a job of this id ended and was forgotten."""
        return self._store.forgotten_owner(id) is not None

    def state(self, job: JobRecord, *, just_written: bool = False) -> tuple[str, dict[str, Any], list[Any]]:
        """The message that tells how a job is: kind, fields, frames.

        Layers are checked against their digest, unless they were just written.
        """
        if job.state in ("done", "failed", "cancelled"):
            outcome = dict(job.outcome or {})
            sizes = outcome.pop("sizes", [])
            if job.state != "done":
                return job.state, {"id": job.id, **outcome}, []
            digest = outcome.pop("digest", None)
            try:
                return (
                    "done",
                    {"id": job.id, **outcome},
                    self._spool.read_output(job.id, sizes, None if just_written else digest),
                )
            except DamagedError as error:
                return "failed", {"id": job.id, **self._damaged(error, job, outcome).fields()}, []
        if job.state == "expired":
            return "forgotten", {"id": job.id, "reason": "expired"}, []
        if job.id in self.running:
            started = {"id": job.id, "stage": "starting", "step": 0, "steps": 0, "seconds_left": None}
            return "progress", {**started, **self.running[job.id].progress}, []
        self._positions[job.id] = self._position(job.id)
        return "accepted", {"id": job.id, "position": self._positions[job.id]}, []

    def cancel(self, job: JobRecord) -> None:
        """Stop a job that has not ended: at once for its followers, within a step in the worker."""
        self._queue.remove(job.id, job.account)
        if job.id in self.running:
            self.running[job.id].stopping_since = time.monotonic()
        self._end(job.id, "cancelled", {}, 0)

    def acknowledge(self, job: JobRecord) -> None:
        """Forget an ended job. Raises AcetateError when it has not ended, or the disk is too full even for that."""
        if job.state in ACTIVE_STATES:
            raise AcetateError("bad_request", "this job has not ended yet", field="id", hint="cancel it first")
        try:
            self._store.forget(job.id)
        except StoreError:
            # Its pixels may be what fills the disk.
            self._spool.remove(job.id)
            try:
                self._store.forget(job.id)
            except StoreError:
                self._spool.check_room(1 << 62)
        self._spool.remove(job.id)

    def retry(self, job: JobRecord) -> None:
        """Run a failed job, or one whose layers are damaged, once more. Raises AcetateError when that cannot be done.

        Asked twice it runs once.
        """
        if job.state in ACTIVE_STATES:
            return
        if job.state not in ("failed", "done"):
            raise AcetateError("bad_request", f"this job is {job.state}", field="id", hint="only failed jobs run again")
        if not job.request:
            raise AcetateError("bad_request", "the request of this job is lost", field="id", hint="submit it again")
        if not self._has_inputs(job):
            raise AcetateError(
                "bad_request", "the pictures of this job are no longer here", field="id", hint="submit it again"
            )
        try:
            self._store.retry(job.id)
        except StoreError:
            self._spool.check_room(1 << 62)
        self._queue.add(_waiting(job))

    def close(self) -> None:
        """The daemon ends in order: what was running waits for the next one, with no attempt counted."""
        for id, running in self.running.items():
            if running.stopping_since is None:
                self._give_back(id)

    def listing(self, owner: str, before: int | None = None) -> tuple[list[dict[str, Any]], int | None]:
        """This client's newest jobs as `jobs` tells them, of those under the number `before`, and where older begin."""
        found = self._store.by_owner(owner, LISTED_AT_ONCE + 1, before)
        listed = found[-LISTED_AT_ONCE:]
        waits = any(job.state == "waiting" for job in listed)
        positions = {job.id: before for before, job in enumerate(self._queue, len(self.running))} if waits else {}
        entries = [self._entry(job, positions.get(job.id, 0)) for job in listed]
        return entries, listed[0].number if len(found) > len(listed) else None

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state, of all clients."""
        return self._store.counts()

    # What the workers do

    def has(self, running: RunningJob) -> bool:
        """Whether this attempt is still under way."""
        return self.running.get(running.job.id) is running

    def waiting(self) -> Iterator[WaitingJob]:
        """The jobs to be begun, in their order; any of them may be begun meanwhile."""
        return iter(self._queue)

    def start(self, waiting: WaitingJob) -> tuple[RunningJob, dict[str, Any]] | None:
        """Begin with a waiting job: it is running from now on, and its worker gets the returned `run` message.

        None when there is nothing to run: it has ended, or fails now. After StoreError and OSError it still waits.
        """
        id = waiting.id
        try:
            job = self._store.get(id)
            if job is None or id in self._unsaved or job.state not in ACTIVE_STATES:
                self._queue.remove(id, waiting.account)
                return None
            if not job.request:
                raise LOST_REQUEST
            request = job.request if job.resolved else encode_request(self._resolve(decode_request(job.request)))
        except AcetateError as error:
            self._queue.remove(id, waiting.account)
            self._end(id, "failed", error.fields(), 0)
            return None
        self._queue.take(waiting)
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

    def on_worker_message(self, running: RunningJob, message: Message) -> None:
        """Take note of what a worker says about the job that it has; a word about an earlier attempt says nothing."""
        id = running.job.id
        if not self.has(running) or not _is_about(message, running):
            return
        fields = {name: value for name, value in message.fields.items() if name not in ("id", "attempt")}
        stopped = running.stopping_since is not None
        if message.kind == "progress" and not stopped:
            running.progress = {name: value for name, value in fields.items() if name != "preview"}
            self._publish(id, "progress", {"id": id, **fields}, message.frames)
        elif message.kind in ("finished", "failed", "stopped"):
            del self.running[id]
            if stopped or message.kind == "stopped":
                self._discard(running)
            elif message.kind == "finished":
                self._finish(running, fields)
            else:
                self._end(id, "failed", fields, 0)

    def refuse(self, waiting: WaitingJob, error: AcetateError) -> None:
        """A waiting job can be drawn nowhere: it fails."""
        self._queue.remove(waiting.id, waiting.account)
        self._end(waiting.id, "failed", error.fields(), 0)

    def on_worker_crash(self, running: RunningJob, reason: str, *, counted: bool = True) -> None:
        """The worker of a job is gone: the job runs once more, and the second time fails.

        Without `counted`, as often as MOST_ATTEMPTS allows: it was not the job's fault.
        """
        job = running.job
        self._discard(running)
        if self.running.pop(job.id, None) is None or running.stopping_since is not None:
            return
        if not counted and running.attempt < MOST_ATTEMPTS:
            log.warning("%s; job %s runs again", reason, job.id)
            self._give_back(job.id)
            self._queue.push_front(_waiting(job, alone=running.alone))
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
        self._queue.push_front(_waiting(job, alone=running.alone))

    def run_alone(self, running: RunningJob) -> None:
        """A job did not fit beside other workers: it waits until its worker has the memory to itself."""
        job = running.job
        log.warning("job %s did not fit into memory beside other workers: it runs again without them", job.id)
        self._discard(running)
        del self.running[job.id]
        self._give_back(job.id)
        self._queue.push_front(_waiting(job, alone=True))

    def _finish(self, running: RunningJob, outcome: dict[str, Any]) -> None:
        id = running.job.id
        try:
            self._spool.adopt_output(id, running.attempt)
        except OSError as error:
            hint = "free some space there, and run the job again"
            lost = AcetateError("internal", f"the finished layers cannot be stored ({error})", hint=hint, retry=True)
            self._end(id, "failed", lost.fields(), 0)
        else:
            self._end(id, "done", outcome, sum(outcome["sizes"]))

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
        self._end(job.id, "failed", error.fields(), 0)

    def tick(self) -> None:
        """Do what the disk has kept from being done: write ends down, publish them, delete files."""
        for ending in list(self._unsaved.values()):
            self._end(ending.id, ending.state, ending.outcome, ending.size)
        for id in list(self._unpublished):
            self._publish_end(id)
        self._spool.delete_leftovers()

    def publish_positions(self) -> None:
        """Send the followers of every waiting job its position, where that has changed."""
        positions = {job.id: len(self.running) + before for before, job in enumerate(self._queue)}
        for id, position in positions.items():
            if self._positions.get(id, position) != position:
                self._publish(id, "accepted", {"id": id, "position": position}, [])
        self._positions = positions

    def expire(self) -> bool:
        """Let go of some of what was kept long enough; whether there may be more."""
        try:
            expired, more = self._store.expire(self._settings.keep_s, self._settings.keep_bytes)
        except StoreError as error:
            log.warning("the journal cannot be tidied: %s", error)
            return False
        for id in expired:
            self._spool.remove(id)
            self._publish(id, "forgotten", {"id": id, "reason": "expired"}, [])
        return more

    def _end(self, id: str, state: str, outcome: dict[str, Any], size: int) -> None:
        """End a job: first in the journal, then for its followers; later, when the disk is full."""
        # The first end counts: a cancel that could not yet be written down is not overtaken by a late `done`.
        ending = self._unsaved.get(id) or _PendingEnd(id, state, outcome, size)
        try:
            self._store.end(id, ending.state, ending.outcome, ending.size, time.time())
        except StoreError as error:
            if id not in self._unsaved:
                log.warning("the end of job %s waits for room on the disk: %s", id, error)
            self._unsaved[id] = ending
            return
        self._unsaved.pop(id, None)
        self._crashes.pop(id, None)
        self._runs.pop(id, None)
        if not ending.outcome.get("retry"):
            self._spool.remove_input(id)
        self._unpublished.add(id)
        self._publish_end(id)
        if state == "done":
            self.expire()

    def _publish_end(self, id: str) -> None:
        """Send an end to the job's followers; later, when it cannot be read."""
        try:
            job = self._store.get(id)
            state = None if job is None else self.state(job, just_written=True)
        except (StoreError, OSError) as error:
            log.warning("the end of job %s is published later: %s", id, error)
            return
        self._unpublished.discard(id)
        if state is not None:
            self._publish(id, *state)

    def _position(self, id: str) -> int:
        try:
            return len(self.running) + self._queue.position(id)
        except ValueError:
            return 0

    def _entry(self, job: JobRecord, position: int) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "id": job.id,
            "state": job.state,
            "submitted": job.submitted,
            "ended": job.ended,
            "mode": job.request.get("mode", ""),
            "prompt": job.request.get("prompt", "")[:200],
            "bytes": job.size,
            "position": None,
            "expires": None,
            "message": "",
        }
        if job.state == "waiting":
            entry["position"] = position
        elif job.ended is not None and job.state != "expired":
            entry["expires"] = time.time() + self._settings.keep_s - (self._store.now - (job.ended_at or 0))
        if job.state == "expired":
            entry["message"] = self._expiry_rule()
        elif job.outcome is not None:
            entry["message"] = job.outcome.get("message", "")
        return entry

    def _damaged(self, error: DamagedError, job: JobRecord, outcome: Mapping[str, Any]) -> AcetateError:
        again = self._has_inputs(job)
        way = "draw them again" if again else "submit the job again, its pictures are no longer here"
        return AcetateError(
            "damaged",
            f"the finished layers are damaged: {error}",
            hint=f"{way}; with the seed {outcome.get('seed')} and the same settings they come out the same",
            retry=again,
        )

    def _has_inputs(self, job: JobRecord) -> bool:
        return not sum(job.sizes) or self._spool.input_path(job.id).exists()

    def _expiry_rule(self) -> str:
        days = self._settings.keep_s / 86400
        gigabytes = self._settings.keep_bytes / (1 << 30)
        return f"layers nobody took are kept for {days:g} days and up to {gigabytes:g} GiB in all, then removed"


def _waiting(job: JobRecord, *, alone: bool = False) -> WaitingJob:
    # The default is left out of an encoded request.
    return WaitingJob(job.id, job.account, str(job.request.get("model", LayerRequest.model)), alone)


def _is_about(message: Message, running: RunningJob) -> bool:
    return (message.fields.get("id"), message.fields.get("attempt")) == (running.job.id, running.attempt)


def _too_much(message: str) -> AcetateError:
    return AcetateError("busy", message, hint="wait until some are done, or cancel some", retry=True)
