"""Whose job is next: each client in turn, each client's own jobs in order."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator


class FairQueue:
    """Waiting jobs by owner. An owner who was just served goes to the end, so nobody can starve another."""

    def __init__(self) -> None:
        """Make an empty queue."""
        self._waiting: OrderedDict[str, deque[str]] = OrderedDict()

    def __len__(self) -> int:
        """The number of waiting jobs of all owners."""
        return sum(len(jobs) for jobs in self._waiting.values())

    def __iter__(self) -> Iterator[str]:
        """The waiting jobs in the order in which they will be taken."""
        rounds = [list(jobs) for jobs in self._waiting.values()]
        for turn in range(max(map(len, rounds), default=0)):
            yield from (jobs[turn] for jobs in rounds if turn < len(jobs))

    def add(self, job: str, owner: str) -> None:
        """Put a job behind its owner's others."""
        self._waiting.setdefault(owner, deque()).append(job)

    def push_front(self, job: str, owner: str) -> None:
        """Put a job before all others: it had its turn already and lost its worker."""
        self._waiting.setdefault(owner, deque()).appendleft(job)
        self._waiting.move_to_end(owner, last=False)

    def pop(self) -> tuple[str, str] | None:
        """Remove and return the next job and its owner."""
        for owner, jobs in self._waiting.items():
            job = jobs.popleft()
            if jobs:
                self._waiting.move_to_end(owner)
            else:
                del self._waiting[owner]
            return job, owner
        return None

    def remove(self, job: str, owner: str) -> None:
        """Take a job out, if it is there."""
        jobs = self._waiting.get(owner)
        if jobs is not None and job in jobs:
            jobs.remove(job)
            if not jobs:
                del self._waiting[owner]

    def count(self, owner: str) -> int:
        """How many jobs of this owner wait."""
        return len(self._waiting.get(owner, ()))

    def position(self, job: str, owner: str) -> int:
        """How many waiting jobs will be taken before this one. Raises ValueError when it does not wait."""
        if job not in self._waiting.get(owner, ()):
            raise ValueError(job)
        return list(self).index(job)
