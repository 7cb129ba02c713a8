"""Long work in short slices on the editor's own thread, which stays free to draw in between."""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import Callable, Deque, Generator, Iterator, List, Optional, Tuple, TypeVar

T = TypeVar("T")
Task = Iterator[Optional[float]]
"""Yields wherever it may be interrupted, every few milliseconds: for how many seconds it has nothing to do, or None."""
OnError = Callable[[Exception], None]
_logger = logging.getLogger(__name__)


def finish(task: "Generator[object, None, T]") -> T:
    """Run a task that returns a value to its end, all at once."""
    found: List[T] = []

    def keep() -> Iterator[object]:
        found.append((yield from task))

    for _ in keep():
        pass
    return found[0]


class TaskQueue:
    """Runs tasks one after the other, a slice of each call to `run`."""

    def __init__(self) -> None:
        """Begin without tasks."""
        self._tasks: Deque[Tuple[Task, OnError]] = deque()
        self._running = False
        self._rest_until = float("-inf")

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._tasks

    def add(self, task: Task, on_error: OnError) -> None:
        """Run `task` after those that wait; `on_error` gets the exception that ends it early."""
        self._tasks.append((task, on_error))

    def run(self, budget: float) -> None:
        """Work for about `budget` seconds."""
        # Some calls into an editor run its event loop: a slice must not begin inside another.
        if self._running:
            return
        self._running = True
        try:
            end = time.perf_counter() + budget
            while self._tasks and self._rest_until < time.perf_counter() < end:
                self._step(*self._tasks[0])
        finally:
            self._running = False

    def clear(self) -> None:
        """Drop everything."""
        self._tasks.clear()

    def _step(self, task: Task, on_error: OnError) -> None:
        try:
            self._rest_until = time.perf_counter() + (next(task) or 0.0)
        except StopIteration:
            self._tasks.popleft()
        except Exception as error:
            self._tasks.popleft()
            _logger.error("a task ended early", exc_info=error)
            on_error(error)
