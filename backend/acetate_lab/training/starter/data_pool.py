"""Training data made by other processes: ahead of when it is needed, and the same whatever their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from functools import cached_property, partial
from itertools import islice
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import TypeVar

import torch

from acetate_lab.training.starter.dataset import PictureSet, open_pictures

Request = TypeVar("Request")
Product = TypeVar("Product")

MOST_PROCESSES = 16
PRELOADED = "acetate_lab.training.starter.samples"
NICENESS = 10


def usual_processes() -> int:
    """One for each processor, and not more than make data for one graphics card."""
    return min(os.cpu_count() or 1, MOST_PROCESSES)


class DataPool:
    """Processes that make data out of stored pictures, which all of them map into their memory.

    They are started when they are first needed, give way to the training where processors are short, and end with
    this process, however it ends.
    """

    def __init__(self, folder: Path, processes: int) -> None:
        """`folder` is one that `build_pictures` wrote. With 0 `processes`, this one makes data when it is taken."""
        self._folder = folder
        self._processes = processes
        self._executor: ProcessPoolExecutor | None = None

    def __enter__(self) -> DataPool:
        """Nothing is started yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the processes; what is not yet being made is not made."""
        if self._executor is not None:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None

    @cached_property
    def pictures(self) -> PictureSet:
        """The stored pictures."""
        return open_pictures(self._folder)

    def begin(
        self, make: Callable[[PictureSet, Request], Product], requests: Iterable[Request], limit: int | None = None
    ) -> Iterator[Product]:
        """Have `make` called for each request, and give the results in order.

        At most `limit` of them, by default two for each process, are being made or wait to be taken. The first are
        begun at once. `make` is a function of a module, and what it gives must depend on the request alone.
        """
        if self._processes == 0:
            return map(partial(make, self.pictures), requests)
        left = iter(requests)
        waiting = deque(self._submit(make, each) for each in islice(left, limit or 2 * self._processes))
        return self._taken(make, waiting, left)

    def _taken(
        self, make: Callable[[PictureSet, Request], Product], waiting: deque[Future[Product]], left: Iterator[Request]
    ) -> Iterator[Product]:
        while waiting:
            made = waiting.popleft().result()
            waiting.extend(self._submit(make, each) for each in islice(left, 1))
            yield made

    def _submit(self, make: Callable[[PictureSet, Request], Product], request: Request) -> Future[Product]:
        if self._executor is None:
            self._executor = ProcessPoolExecutor(self._processes, _context(), _start, (self._folder,))
        future: Future[Product] = self._executor.submit(_work, make, request)
        return future


def _context() -> BaseContext:
    """Fresh processes: those forked from one that uses a graphics card or threads would hang."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([PRELOADED])
    return context


_opened: PictureSet | None = None


def _start(folder: Path) -> None:
    """Make a fresh process ready: Ctrl+C is the training's to handle, and without it nothing is left to do."""
    global _opened
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    torch.set_num_threads(1)
    _opened = open_pictures(folder)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(make: Callable[[PictureSet, Request], Product], request: Request) -> Product:
    assert _opened is not None
    return make(_opened, request)
