"""Whose job is next: each account in turn, each account's own jobs in order.

An account is a client, or a paired machine with all of its clients. Each round is in the reverse order of the one
before, ABC, CBA, ABC: in rounds of one order, who is first would get every job sooner than who is last. Nobody waits
for more than two jobs of each other account.
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
    """Waiting jobs by account."""

    def __init__(self) -> None:
        """Make an empty queue."""
        # The accounts that have a turn in this round yet, and those that had it, latest first.
        self._turns: OrderedDict[str, deque[WaitingJob]] = OrderedDict()
        self._served: OrderedDict[str, deque[WaitingJob]] = OrderedDict()

    def __len__(self) -> int:
        """The number of waiting jobs of all accounts."""
        return sum(len(jobs) for jobs in (*self._turns.values(), *self._served.values()))

    def __iter__(self) -> Iterator[WaitingJob]:
        """The waiting jobs in the order in which they will be taken; the queue may change meanwhile."""
        turns = [deque(jobs) for jobs in self._turns.values()]
        served = [deque(jobs) for jobs in self._served.values()]
        while turns or served:
            for jobs in turns:
                yield jobs.popleft()
            turns, served = [jobs for jobs in (*reversed(turns), *served) if jobs], []

    def add(self, job: WaitingJob) -> None:
        """Put a job behind its account's others; an account that had none is the last of this round."""
        jobs = self._jobs(job.account)
        if not jobs:
            self._turns[job.account] = jobs
        jobs.append(job)

    def push_front(self, job: WaitingJob) -> None:
        """Put a job before all others: it had its turn already and lost its worker."""
        jobs = self._jobs(job.account)
        jobs.appendleft(job)
        self._served.pop(job.account, None)
        self._turns[job.account] = jobs
        self._turns.move_to_end(job.account, last=False)

    def take(self, job: WaitingJob) -> None:
        """Take a job out because it is begun: that was its account's turn. Nothing happens when it does not wait."""
        if not self._turns:
            # Only now, so that whoever came since the last turn has one before those that had it.
            self._turns, self._served = self._served, OrderedDict()
        self.remove(job.id, job.account)
        jobs = self._turns.pop(job.account, None)
        if jobs is not None:
            self._served[job.account] = jobs
            self._served.move_to_end(job.account, last=False)

    def remove(self, id: str, account: str) -> None:
        """Take a job out, if it is there."""
        jobs = self._jobs(account)
        found = next((job for job in jobs if job.id == id), None)
        if found is not None:
            jobs.remove(found)
            if not jobs:
                self._turns.pop(account, None)
                self._served.pop(account, None)

    def count(self, account: str) -> int:
        """How many jobs of this account wait."""
        return len(self._jobs(account))

    def position(self, id: str) -> int:
        """How many waiting jobs will be taken before this one. Raises ValueError when it does not wait."""
        for before, job in enumerate(self):
            if job.id == id:
                return before
        raise ValueError(id)

    def _jobs(self, account: str) -> deque[WaitingJob]:
        return self._turns.get(account) or self._served.get(account) or deque()
