"""The jobs of a daemon as its clients see them: submitted, followed, listed, cancelled, retried, forgotten."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any

from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest
from acetate_wire.request_codec import encode_request, reply_bytes

from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_attempts import JobAttempts
from acetate.daemon.job_ends import JobEnd, JobEnds, Publish
from acetate.daemon.job_record import ACTIVE_STATES, JobRecord
from acetate.daemon.job_store import JobStore, StoreError
from acetate.daemon.queue import WaitingJob
from acetate.daemon.spool import Spool
from acetate.daemon.uploads import Upload

log = logging.getLogger("acetate.daemon")

LISTED_AT_ONCE = 100
"""How many jobs one message lists."""


class JobManager:
    """All jobs of this daemon: `attempts` are the workers' part, `ends` how jobs end and what stays of them."""

    def __init__(
        self,
        settings: DaemonConfig,
        journal: JobStore,
        spool: Spool,
        resolve: Callable[[LayerRequest], LayerRequest],
        tell: Publish,
    ) -> None:
        """Take over what the daemon before left. `tell` sends to a job's followers, `resolve` fills in a request's
        defaults. Nothing is run yet."""
        self._settings = settings
        self._store = journal
        self._spool = spool
        self._publish = tell
        # The position of every waiting job as its followers know it.
        self._positions: dict[str, int] = {}
        # Jobs whose pixels are to go.
        self._forgotten: list[str] = []
        self._sync_failed = False
        self.ends = JobEnds(settings, journal, spool, tell)
        self.attempts = JobAttempts(journal, spool, self.ends, resolve, tell)
        spool.remove_orphans(journal.ids())

    @property
    def busy(self) -> bool:
        """Whether anything is running, waiting, or not yet written down."""
        return bool(self.attempts.running) or self.ends.busy or len(self.attempts.queue) > 0

    def submit(
        self, owner: str, id: str, request: LayerRequest, frames: Sequence[Any] | Upload, machine: str = ""
    ) -> int:
        """Take a new job, whose request is resolved, and return its position; it may be called accepted `when_saved`.

        All clients of a paired `machine` (its public key) count as one: a client makes up its own id. Raises
        AcetateError `busy`; nothing of the job is left then.
        """
        uploaded = isinstance(frames, Upload)
        sizes = list(frames.sizes) if isinstance(frames, Upload) else [len(frame) for frame in frames]
        account, whose = machine or owner, "paired machine" if machine else "client"
        self._check_waiting(account, whose)
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
        self.attempts.queue.add(WaitingJob(id, account, request.model))
        self._positions[id] = self.attempts.position(id)
        return self._positions[id]

    def _check_waiting(self, account: str, whose: str) -> None:
        most = self._settings.limits.waiting_jobs
        if self.attempts.queue.count(account) >= most:
            raise _too_much(f"{most} jobs of this {whose} are waiting already")

    def _waiting_bytes(self, account: str) -> int:
        try:
            return self._store.waiting_bytes(account)
        except StoreError:
            return 0

    def when_saved(self, call: Callable[[], object]) -> None:
        """Call this as soon as all that was asked so far is on the disk, as `settle` sees to."""
        self._store.after_sync(call)

    def settle(self) -> None:
        """Have this turn's changes on the disk, together and last, so that no worker waits for it."""
        self.attempts.settle()
        saved = self._is_saved()
        # Last, for a journal that had not forgotten a job would have it without its layers. But they may fill the disk.
        forgotten, self._forgotten = self._forgotten, []
        for id in forgotten:
            self._spool.remove(id)
        if forgotten and not saved:
            self._is_saved()

    def _is_saved(self) -> bool:
        try:
            self._store.sync()
        except StoreError as error:
            if not self._sync_failed:
                log.warning("what clients ask is answered when the journal can be written again: %s", error)
            self._sync_failed = True
            return False
        self._sync_failed = False
        return True

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
        if job.state not in ACTIVE_STATES:
            return self.ends.message(job, just_written=just_written)
        running = self.attempts.running.get(job.id)
        if running is not None:
            started = {"id": job.id, "stage": "starting", "step": 0, "steps": 0, "seconds_left": None}
            return "progress", {**started, **running.progress}, []
        self._positions[job.id] = self.attempts.position(job.id)
        return "accepted", {"id": job.id, "position": self._positions[job.id]}, []

    def cancel(self, job: JobRecord) -> None:
        """Stop a job that has not ended: at once for its followers, within a step in the worker."""
        self.attempts.stop(job)
        self.ends.add(JobEnd(job.id, "cancelled", {}))

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
        self._forgotten.append(job.id)

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
        if not self._spool.has_input(job.id, job.sizes):
            raise AcetateError(
                "bad_request", "the pictures of this job are no longer here", field="id", hint="submit it again"
            )
        self._check_waiting(job.account, "client" if job.account == job.owner else "paired machine")
        try:
            self._store.retry(job.id)
        except StoreError:
            self._spool.check_room(1 << 62)
        self.attempts.add(job)

    def listing(self, owner: str, before: int | None = None) -> tuple[list[dict[str, Any]], int | None]:
        """This client's newest jobs as `jobs` tells them, of those under the number `before`, and where older begin."""
        found = self._store.by_owner(owner, LISTED_AT_ONCE + 1, before)
        listed = found[-LISTED_AT_ONCE:]
        waits = any(job.state == "waiting" for job in listed)
        positions = (
            {job.id: before for before, job in enumerate(self.attempts.queue, len(self.attempts.running))}
            if waits
            else {}
        )
        entries = [self._entry(job, positions.get(job.id, 0)) for job in listed]
        return entries, listed[0].number if len(found) > len(listed) else None

    def counts(self) -> dict[str, int]:
        """How many jobs there are in each state, of all clients."""
        return self._store.counts()

    def publish_positions(self) -> None:
        """Send the followers of every waiting job its position, where that has changed."""
        positions = {job.id: len(self.attempts.running) + before for before, job in enumerate(self.attempts.queue)}
        for id, position in positions.items():
            if self._positions.get(id, position) != position:
                self._publish(id, "accepted", {"id": id, "position": position}, [])
        self._positions = positions

    def _entry(self, job: JobRecord, position: int) -> dict[str, Any]:
        return {
            "id": job.id,
            "state": job.state,
            "submitted": job.submitted,
            "mode": job.request.get("mode", ""),
            "prompt": job.request.get("prompt", "")[:200],
            "bytes": job.size,
            "position": position if job.state == "waiting" else None,
            **self.ends.entry(job),
        }


def _too_much(message: str) -> AcetateError:
    return AcetateError("busy", message, hint="wait until some are done, or cancel some", retry=True)
