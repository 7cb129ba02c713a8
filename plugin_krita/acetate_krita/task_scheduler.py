# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in short slices on Krita's own thread, so that painting never waits for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Callable

from acetate_editor.tasks import OnError, Task, TaskQueue

from .qt import QtCore

SLICE_S = 0.006
"""About how long one turn may work before the user interface gets its own."""
GLANCE_S = 0.01
"""How long to wait before looking again whether a thread has ended."""


def aside(work: Callable[[], object]) -> Iterator[float | None]:
    """A task: do work that waits for the disk, and touches nothing of Krita's, in a thread. Raises what it raises."""
    errors: list[Exception] = []

    def run() -> None:
        try:
            work()
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        yield GLANCE_S
    if errors:
        raise errors[0]


class TimedTaskQueue(TaskQueue):
    """A queue of tasks that a timer works off."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QtCore.QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._tick)

    def add(self, task: Task, on_error: OnError) -> None:
        """Run `task` after those that wait; `on_error` gets the exception that ends it early."""
        super().add(task, on_error)
        self._timer.start()

    def _tick(self) -> None:
        self.run(SLICE_S)
        if self.idle:
            self._timer.stop()
