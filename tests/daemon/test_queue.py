"""Whose job is next: clients take turns, and none of them is always the last."""

from __future__ import annotations

import statistics
from itertools import islice

import pytest
from acetate.daemon.queue import FairQueue, WaitingJob


def filled(jobs: dict[str, int]) -> FairQueue:
    """A queue with so many jobs of each account, the first account's first."""
    queue = FairQueue()
    for account, count in jobs.items():
        for number in range(count):
            queue.add(WaitingJob(f"{account}{number}", account, "starter"))
    return queue


def taken(queue: FairQueue, count: int = 1000) -> list[str]:
    """The jobs that are taken next, one after another; each was the first that was told."""
    ids: list[str] = []
    while len(queue) and len(ids) < count:
        job = next(iter(queue))
        assert queue.position(job.id) == 0
        queue.take(job)
        ids.append(job.id)
    return ids


def test_each_round_is_in_the_reverse_order_of_the_one_before() -> None:
    queue = filled({"a": 3, "b": 3, "c": 1})
    told = [job.id for job in queue]
    assert told == ["a0", "b0", "c0", "b1", "a1", "a2", "b2"]
    assert taken(queue) == told and len(queue) == 0


def test_the_order_that_is_told_in_mid_round_is_the_one_that_comes() -> None:
    queue = filled({"a": 4, "b": 2, "c": 4, "d": 1})
    taken(queue, 2)
    queue.remove("c1", "c")
    queue.add(WaitingJob("e0", "e", "starter"))
    told = [job.id for job in queue]
    assert told[:4] == ["c0", "d0", "e0", "c2"]
    assert taken(queue) == told


def test_who_came_alone_and_was_served_is_not_served_again_before_others() -> None:
    queue = filled({"a": 3})
    assert taken(queue, 1) == ["a0"]
    for account in "bc":
        queue.add(WaitingJob(f"{account}0", account, "starter"))
    assert taken(queue) == ["b0", "c0", "a1", "a2"]


def test_a_job_that_lost_its_worker_is_the_next() -> None:
    queue = filled({"a": 2, "b": 2})
    [lost] = islice(queue, 1)
    queue.take(lost)
    queue.push_front(lost)
    assert taken(queue) == ["a0", "b0", "b1", "a1"]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_clients_with_as_many_jobs_wait_as_long(workers: int) -> None:
    clients = "abcdefgh"
    order = taken(filled(dict.fromkeys(clients, 8)))
    rounds = {id: place // workers + 1 for place, id in enumerate(order)}
    medians = [statistics.median(rounds[f"{client}{number}"] for number in range(8)) for client in clients]
    assert max(medians) / min(medians) < 1.1
