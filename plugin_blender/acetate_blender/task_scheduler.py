# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in short slices, so that Blender stays responsive without a thread.

A task is a generator that yields often (every few milliseconds of work); the poll runs tasks in turn for a
few milliseconds at a time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Generator
from typing import Callable

Task = Generator[None, None, None]
Failure = Callable[[Exception], None]


class TaskQueue:
    """The tasks that wait for their next slice, the oldest first."""

    def __init__(self) -> None:
        self._tasks: deque[tuple[Task, Failure]] = deque()

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, task: Task, on_failure: Failure) -> None:
        """Run `task` in slices; `on_failure` hears of the exception that ends it early."""
        self._tasks.append((task, on_failure))

    def run(self, budget: float) -> None:
        """Work for about `budget` seconds."""
        end = time.perf_counter() + budget
        while self._tasks and time.perf_counter() < end:
            task, on_failure = self._tasks[0]
            try:
                next(task)
            except StopIteration:
                self._tasks.popleft()
            except Exception as error:
                self._tasks.popleft()
                on_failure(error)

    def clear(self) -> None:
        """Drop everything."""
        for task, _ in self._tasks:
            task.close()
        self._tasks.clear()
