# SPDX-License-Identifier: GPL-3.0-or-later
"""Long work in short pieces on Krita's own thread, so that painting never waits for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from typing import Callable

from .qt import QtCore

PIECE_S = 0.006
"""About how long one turn may work before the user interface gets its own."""

Work = Iterator["float | None"]
Failed = Callable[[Exception], None]


class TaskScheduler:
    """Does chores in order, a few milliseconds at a time.

    A chore is a generator that yields wherever it may be interrupted; its pieces should be a few milliseconds. What
    it yields is for how many seconds it has nothing to do.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[Work, Failed]] = deque()
        self._timer = QtCore.QTimer()
        self._timer.setInterval(1)
        self._timer.timeout.connect(self._turn)
        self._busy = False
        self._rest_until = float("-inf")

    def start(self, work: Work, failed: Failed) -> None:
        """Do this after what is already waiting; `failed` hears of an exception that ends it."""
        self._waiting.append((work, failed))
        self._timer.start()

    @property
    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self._waiting

    def _turn(self) -> None:
        # Some calls into Krita run its event loop: a turn must not begin inside another.
        if self._busy or time.perf_counter() < self._rest_until:
            return
        self._busy = True
        try:
            end = time.perf_counter() + PIECE_S
            while self._waiting and self._rest_until < time.perf_counter() < end:
                self._step(*self._waiting[0])
        finally:
            self._busy = False
        if not self._waiting:
            self._timer.stop()

    def _step(self, work: Work, failed: Failed) -> None:
        try:
            self._rest_until = time.perf_counter() + (next(work) or 0.0)
        except StopIteration:
            self._waiting.popleft()
        except Exception as error:
            self._waiting.popleft()
            failed(error)
