"""Whose job is next: each account in turn, each account's own jobs in order.

An account is a client, or a paired machine with all of its clients.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator


class FairQueue:
    """Waiting jobs by account. An account who was just served goes to the end, so nobody can starve another."""

    def __init__(self) -> None:
        """Make an empty queue."""
        self._waiting: OrderedDict[str, deque[str]] = OrderedDict()

    def __len__(self) -> int:
        """The number of waiting jobs of all accounts."""
        return sum(len(jobs) for jobs in self._waiting.values())

    def __iter__(self) -> Iterator[str]:
        """The waiting jobs in the order in which they will be taken."""
        rounds = [list(jobs) for jobs in self._waiting.values()]
        for turn in range(max(map(len, rounds), default=0)):
            yield from (jobs[turn] for jobs in rounds if turn < len(jobs))

    def add(self, job: str, account: str) -> None:
        """Put a job behind its account's others."""
        self._waiting.setdefault(account, deque()).append(job)

    def push_front(self, job: str, account: str) -> None:
        """Put a job before all others: it had its turn already and lost its worker."""
        self._waiting.setdefault(account, deque()).appendleft(job)
        self._waiting.move_to_end(account, last=False)

    def pop(self) -> tuple[str, str] | None:
        """Remove and return the next job and its account."""
        for account, jobs in self._waiting.items():
            job = jobs.popleft()
            if jobs:
                self._waiting.move_to_end(account)
            else:
                del self._waiting[account]
            return job, account
        return None

    def remove(self, job: str, account: str) -> None:
        """Take a job out, if it is there."""
        jobs = self._waiting.get(account)
        if jobs is not None and job in jobs:
            jobs.remove(job)
            if not jobs:
                del self._waiting[account]

    def count(self, account: str) -> int:
        """How many jobs of this account wait."""
        return len(self._waiting.get(account, ()))

    def position(self, job: str, account: str) -> int:
        """How many waiting jobs will be taken before this one. Raises ValueError when it does not wait."""
        if job not in self._waiting.get(account, ()):
            raise ValueError(job)
        return list(self).index(job)
