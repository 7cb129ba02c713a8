"""Whose job is next: each account in turn, each account's own jobs in order.

An account is a client, or a paired machine with all of its clients.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class WaitingJob:
    """A job that waits for a worker. `alone`: its worker is to have the memory of its device to itself."""

    id: str
    account: str
    model: str
    alone: bool = False


class FairQueue:
    """Waiting jobs by account. An account who was just served goes to the end, so nobody can starve another."""

    def __init__(self) -> None:
        """Make an empty queue."""
        self._waiting: OrderedDict[str, deque[WaitingJob]] = OrderedDict()

    def __len__(self) -> int:
        """The number of waiting jobs of all accounts."""
        return sum(len(jobs) for jobs in self._waiting.values())

    def __iter__(self) -> Iterator[WaitingJob]:
        """The waiting jobs in the order in which they will be taken; the queue may change meanwhile."""
        rounds = [list(jobs) for jobs in self._waiting.values()]
        for turn in range(max(map(len, rounds), default=0)):
            yield from (jobs[turn] for jobs in rounds if turn < len(jobs))

    def add(self, job: WaitingJob) -> None:
        """Put a job behind its account's others."""
        self._waiting.setdefault(job.account, deque()).append(job)

    def push_front(self, job: WaitingJob) -> None:
        """Put a job before all others: it had its turn already and lost its worker."""
        self._waiting.setdefault(job.account, deque()).appendleft(job)
        self._waiting.move_to_end(job.account, last=False)

    def take(self, job: WaitingJob) -> None:
        """Take a job out because it is begun: that was its account's turn. Nothing happens when it does not wait."""
        self.remove(job.id, job.account)
        if job.account in self._waiting:
            self._waiting.move_to_end(job.account)

    def remove(self, id: str, account: str) -> None:
        """Take a job out, if it is there."""
        jobs = self._waiting.get(account, deque())
        found = next((job for job in jobs if job.id == id), None)
        if found is not None:
            jobs.remove(found)
            if not jobs:
                del self._waiting[account]

    def count(self, account: str) -> int:
        """How many jobs of this account wait."""
        return len(self._waiting.get(account, ()))

    def position(self, id: str) -> int:
        """How many waiting jobs will be taken before this one. Raises ValueError when it does not wait."""
        for before, job in enumerate(self):
            if job.id == id:
                return before
        raise ValueError(id)
