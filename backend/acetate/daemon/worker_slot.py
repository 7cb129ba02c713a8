"""A place where a worker may be: which one is there, with which models, and what job it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from acetate_wire.messages import Message

from acetate.daemon.job_attempts import RunningJob


class WorkerHandle(Protocol):
    """A worker, wherever it is; a new worker is a new object."""

    @property
    def pid(self) -> int:
        """The number of its process on its machine."""

    @property
    def blameless(self) -> bool:
        """Whether it ended with the process that it was reached through, not over its job."""

    @property
    def socket(self) -> Any:
        """The socket to it alone, None where it is reached through another process."""

    @property
    def is_other_version(self) -> bool:
        """Whether it ended because its package is of another version than this daemon."""

    def send(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Send it a message; its silence counts from now."""

    def receive(self) -> Message | None:
        """A message that has arrived, if there is one."""

    def silence(self, now: float) -> float:
        """For how many seconds it has said nothing; called every turn."""

    def exit_reason(self) -> str | None:
        """None while it lives, else how it ended, in words."""

    def end(self) -> None:
        """End it gently, while it is idle."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(eq=False)
class WorkerSlot:
    """A worker's number, its device, and `start`, which makes a worker where that is the daemon's to do.

    `loaded` are the models in its memory, `free` is how many bytes its device had free after its last job, None where
    it did not say. On a farm, `machine` is its host name and `available` the models whose files are there; for a worker
    on this machine they are empty and None, for the daemon refuses what is not here.
    """

    number: int
    device: str
    start: Callable[[], WorkerHandle] | None = None
    worker: WorkerHandle | None = None
    machine: str = ""
    available: frozenset[str] | None = None
    running: RunningJob | None = None
    idle_since: float = field(default_factory=time.monotonic)
    loaded: tuple[str, ...] = ()
    free: int | None = None

    def begin(self, running: RunningJob, fields: Mapping[str, Any]) -> None:
        """Send a job to the worker, which is started where there is none. Raises OSError when that fails."""
        self.running = running
        if self.worker is None and self.start is not None:
            self.worker = self.start()
        if self.worker is None:
            raise OSError("its worker is gone")
        self.worker.send("run", fields)
        about = {"id": running.job.id, "attempt": running.attempt}
        running.interrupt = partial(self.worker.send, "cancel", about)

    def end(self) -> None:
        """End an idle worker, gently."""
        worker, self.worker, self.loaded = self.worker, None, ()
        if worker is not None:
            worker.end()

    def kill(self) -> RunningJob | None:
        """End the worker at once, and return the job that it had."""
        worker, self.worker, self.loaded = self.worker, None, ()
        running, self.running = self.running, None
        if worker is not None:
            worker.kill()
        return running

    def note_state(self, fields: Mapping[str, Any]) -> None:
        """Take note of what the worker says about itself after a job."""
        device = str(fields["device"])
        # A worker that is shown one card alone calls it the first one.
        if device.partition(":")[0] != self.device.partition(":")[0]:
            self.device = device
        self.loaded = tuple(str(name) for name in fields["loaded"])
        self.free = fields["free"]

    def has(self, model: str) -> bool:
        """Whether the files of a model are there."""
        return self.available is None or model in self.available

    def fitness(self, model: str) -> tuple[bool, bool, int]:
        """How well a job with this model is placed here; the largest is best."""
        return model in self.loaded, not self.loaded, self.free or 0

    def to_map(self) -> dict[str, Any]:
        """This worker as `status` tells it."""
        return {
            "number": self.number,
            "machine": self.machine,
            "device": self.device,
            "pid": None if self.worker is None else self.worker.pid,
            "models": list(self.loaded),
            "free_bytes": self.free,
            "job": "" if self.running is None else self.running.job.id,
            "attempt": 0 if self.running is None else self.running.attempt,
        }
