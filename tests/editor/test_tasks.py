"""Long work is done in slices, in order, and one failure stops one task."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from acetate_editor.tasks import TaskQueue


def steps(name: str, count: int, done: list[str], pause: float = 0.0) -> Iterator[float | None]:
    """A task that notes each of its slices."""
    for number in range(count):
        done.append(f"{name}{number}")
        yield pause or None


def test_tasks_run_one_after_the_other(fail: list[Exception]) -> None:
    queue, done = TaskQueue(), list[str]()
    queue.add(steps("a", 2, done), fail.append)
    queue.add(steps("b", 1, done), fail.append)
    queue.run(1.0)
    assert done == ["a0", "a1", "b0"] and queue.idle and not fail


def test_a_slice_ends_when_its_time_is_over(fail: list[Exception]) -> None:
    def slow() -> Iterator[None]:
        for _ in range(100):
            time.sleep(0.005)
            yield

    queue = TaskQueue()
    queue.add(slow(), fail.append)
    before = time.perf_counter()
    queue.run(0.02)
    assert time.perf_counter() - before < 0.2 and not queue.idle
    queue.clear()
    assert queue.idle


def test_a_task_that_rests_is_left_alone_until_then(fail: list[Exception]) -> None:
    queue, done = TaskQueue(), list[str]()
    queue.add(steps("a", 2, done, pause=0.1), fail.append)
    queue.run(0.01)
    queue.run(0.01)
    assert done == ["a0"]
    time.sleep(0.12)
    queue.run(0.01)
    assert done == ["a0", "a1"]


def test_a_failure_reaches_its_own_handler_and_the_next_task_runs(fail: list[Exception]) -> None:
    def broken() -> Iterator[None]:
        yield
        raise OSError("no space")

    queue, done = TaskQueue(), list[str]()
    queue.add(broken(), fail.append)
    queue.add(steps("b", 1, done), fail.append)
    queue.run(1.0)
    assert [str(error) for error in fail] == ["no space"] and done == ["b0"]


def test_a_slice_does_not_begin_inside_another(fail: list[Exception]) -> None:
    queue, done = TaskQueue(), list[str]()

    def nested() -> Iterator[None]:
        queue.run(1.0)
        done.append("outer")
        yield

    queue.add(nested(), fail.append)
    queue.add(steps("b", 1, done), fail.append)
    queue.run(1.0)
    assert done == ["outer", "b0"] and not fail


@pytest.fixture
def fail() -> list[Exception]:
    """What went wrong."""
    return []
