"""How jobs end: in the journal, then for their followers, until their layers are let go of.

What the disk refuses at the moment is done later; the daemon goes on meanwhile.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from acetate_wire.errors import AcetateError

from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_record import ACTIVE_STATES, JobRecord
from acetate.daemon.job_store import JobStore, StoreError
from acetate.daemon.spool import DamagedError, Spool

log = logging.getLogger("acetate.daemon")

Publish = Callable[[str, str, Mapping[str, Any], Sequence[Any]], None]
"""Called with a job's id, a kind, fields and frames: send this to whoever follows the job."""


@dataclass(frozen=True)
class JobEnd:
    """A job's end as the journal is to have it: `outcome` are the fields of `done` or `failed`, `size` the bytes of
    its layers."""

    id: str
    state: str
    outcome: Mapping[str, Any]
    size: int = 0

    @classmethod
    def failed(cls, id: str, error: AcetateError) -> JobEnd:
        """The end of a job that failed with this error."""
        return cls(id, "failed", error.fields())


class JobEnds:
    """Ends jobs, each exactly once, and tells how a job ended."""

    def __init__(self, settings: DaemonConfig, store: JobStore, spool: Spool, publish: Publish) -> None:
        """Nothing is written yet."""
        self._settings = settings
        self._store = store
        self._spool = spool
        self._publish = publish
        self._unsaved: dict[str, JobEnd] = {}
        self._unpublished: set[str] = set()

    @property
    def busy(self) -> bool:
        """Whether an end is not yet written down or published."""
        return bool(self._unsaved) or bool(self._unpublished)

    def is_unsaved(self, id: str) -> bool:
        """Whether this job has ended, which the journal does not know yet."""
        return id in self._unsaved

    def add(self, *ends: JobEnd) -> None:
        """End jobs: first in the journal, then for their followers; later, when the disk is full."""
        # The first end counts: a cancel that could not yet be written down is not overtaken by a late `done`.
        ends = tuple(self._unsaved.get(end.id, end) for end in ends)
        try:
            # One transaction, for the disk takes its time for each.
            with self._store.together():
                for end in ends:
                    self._store.end(end.id, end.state, dict(end.outcome), end.size, time.time())
        except StoreError as error:
            for end in ends:
                if end.id not in self._unsaved:
                    log.warning("the end of job %s waits for room on the disk: %s", end.id, error)
                self._unsaved[end.id] = end
            return
        for end in ends:
            self._unsaved.pop(end.id, None)
            if not end.outcome.get("retry"):
                self._spool.remove_input(end.id)
            self._unpublished.add(end.id)
            self._publish_end(end.id)
        if self._is_too_much():
            self.expire()

    def tick(self) -> None:
        """Do what the disk has kept from being done: write ends down, publish them, delete files."""
        if self._unsaved:
            self.add(*self._unsaved.values())
        for id in list(self._unpublished):
            self._publish_end(id)
        self._spool.delete_leftovers()

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

    def _is_too_much(self) -> bool:
        """Whether finished layers are more than is kept: nothing is written to find that out."""
        try:
            return bool(self._store.over(self._settings.keep_bytes))
        except StoreError:
            return False

    def message(self, job: JobRecord, *, just_written: bool = False) -> tuple[str, dict[str, Any], list[Any]]:
        """The message that tells how a job ended: kind, fields, frames.

        Layers are checked against their digest, unless they were just written.
        """
        if job.state == "expired":
            return "forgotten", {"id": job.id, "reason": "expired"}, []
        outcome = dict(job.outcome or {})
        sizes = outcome.pop("sizes", [])
        if job.state != "done":
            return job.state, {"id": job.id, **outcome}, []
        digest = outcome.pop("digest", None)
        try:
            frames = self._spool.read_output(job.id, sizes, None if just_written else digest)
        except DamagedError as error:
            return "failed", {"id": job.id, **self._damaged(error, job, outcome).fields()}, []
        return "done", {"id": job.id, **outcome}, frames

    def entry(self, job: JobRecord) -> dict[str, Any]:
        """What the list of jobs tells of an end: when the layers go, and a word for people."""
        expires = None
        if job.ended is not None and job.state != "expired":
            expires = time.time() + self._settings.keep_s - (self._store.now - (job.ended_at or 0))
        words = self._expiry_rule() if job.state == "expired" else (job.outcome or {}).get("message", "")
        return {"ended": job.ended, "expires": expires, "message": words}

    def _publish_end(self, id: str) -> None:
        """Send an end to the job's followers; later, when it cannot be read."""
        try:
            job = self._store.get(id)
            ended = job is not None and job.state not in ACTIVE_STATES
            message = self.message(job, just_written=True) if job is not None and ended else None
        except (StoreError, OSError) as error:
            log.warning("the end of job %s is published later: %s", id, error)
            return
        self._unpublished.discard(id)
        if message is not None:
            self._publish(id, *message)

    def _damaged(self, error: DamagedError, job: JobRecord, outcome: Mapping[str, Any]) -> AcetateError:
        again = self._spool.has_input(job.id, job.sizes)
        way = "draw them again" if again else "submit the job again, its pictures are no longer here"
        return AcetateError(
            "damaged",
            f"the finished layers are damaged: {error}",
            hint=f"{way}; with the seed {outcome.get('seed')} and the same settings they come out the same",
            retry=again,
        )

    def _expiry_rule(self) -> str:
        days = self._settings.keep_s / 86400
        gigabytes = self._settings.keep_bytes / (1 << 30)
        return f"layers nobody took are kept for {days:g} days and up to {gigabytes:g} GiB in all, then removed"
