"""A client's own account of its jobs: what to send again after a loss, and which news it has already handed out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, List, Optional

from .events import Accepted, Event, Forgotten, Progress, Rejected
from .messages import encode

PASSING_CODES = ("busy", "internal")
"""Refusals of an acknowledgement after which the same may be asked again."""

Submission = Callable[[], List[List[Any]]]
"""Makes the messages that submit a job."""


@dataclass
class _TrackedJob:
    submission: Optional[Submission] = None
    cancelling: bool = False
    ended: bool = False


class JobTracker:
    """Follows each job from `submitted` or `attached` to its one end, and on until it is acknowledged."""

    def __init__(self) -> None:
        """Follow no job yet."""
        self._jobs: Dict[str, _TrackedJob] = {}
        self._unacknowledged: Dict[str, None] = {}
        self._refused: Dict[str, None] = {}

    def submitted(self, id: str, messages: Submission) -> None:
        """Remember the messages, which depend on the daemon's limits, until the daemon has accepted the job."""
        self._jobs[id] = _TrackedJob(submission=messages)

    def follows(self, id: str) -> bool:
        """Whether the job's end is still to come."""
        return id in self._jobs and not self._jobs[id].ended

    def attached(self, ids: Iterable[str]) -> None:
        """Follow these; the caller wants to hear of their end even if it has before."""
        for id in ids:
            job = self._jobs.get(id)
            if job is None or job.ended:
                self._jobs[id] = _TrackedJob()

    def cancel_requested(self, id: str) -> None:
        """Ask again after a loss until the job has ended."""
        self._jobs.setdefault(id, _TrackedJob()).cancelling = True

    def acknowledged(self, id: str) -> None:
        """Follow the job no longer, and say so to the daemon until it answers `forgotten`."""
        self._jobs.pop(id, None)
        self._unacknowledged[id] = None

    def messages_to_repeat(self) -> List[List[Any]]:
        """The acknowledgements that the daemon could not carry out since the last time, as on a full disk."""
        refused, self._refused = self._refused, {}
        return [encode("acknowledge", {"id": id}) for id in refused if id in self._unacknowledged]

    def messages_after_welcome(self) -> List[List[Any]]:
        """The messages that bring a daemon that has just said welcome up to date."""
        open_jobs = {id: job for id, job in self._jobs.items() if not job.ended}
        out = [message for job in open_jobs.values() if job.submission is not None for message in job.submission()]
        followed = [id for id, job in open_jobs.items() if job.submission is None]
        if followed:
            out.append(encode("attach", {"ids": followed}))
        out += [encode("cancel", {"id": id}) for id, job in open_jobs.items() if job.cancelling]
        out += [encode("acknowledge", {"id": id}) for id in self._unacknowledged]
        return out

    def accept_event(self, event: Event) -> bool:
        """Take note of an event about a job; False when it repeats what the client has already handed out."""
        id = getattr(event, "id", "")
        if not id:
            return True
        if isinstance(event, Forgotten) and id in self._unacknowledged:
            del self._unacknowledged[id]
            return True
        if isinstance(event, Rejected) and id in self._unacknowledged and id not in self._jobs:
            if event.code in PASSING_CODES:
                self._refused[id] = None
            else:
                del self._unacknowledged[id]
            return False
        job = self._jobs.get(id)
        if job is None or job.ended:
            return False
        job.submission = None
        if isinstance(event, (Rejected, Forgotten)):
            del self._jobs[id]
        elif not isinstance(event, (Accepted, Progress)):
            job.ended = True
        return True
