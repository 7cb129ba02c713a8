"""A place where a worker may be: which one is there, with which models, and what job it has."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from acetate.daemon.job_manager import RunningJob
from acetate.daemon.worker_process import WorkerProcess


@dataclass(eq=False)
class Station:
    """A worker's number, its device, and `start`, which makes a worker; `loaded` are the models in its memory.

    `free` is how many bytes its device had free after its last job, None where it did not say.
    """

    number: int
    device: str
    start: Callable[[], WorkerProcess]
    worker: WorkerProcess | None = None
    running: RunningJob | None = None
    cancel_sent: bool = False
    idle_since: float = field(default_factory=time.monotonic)
    loaded: tuple[str, ...] = ()
    free: int | None = None

    def begin(self, running: RunningJob, fields: Mapping[str, Any]) -> None:
        """Send a job to the worker, which is started where there is none. Raises OSError when that fails."""
        self.running, self.cancel_sent = running, False
        if self.worker is None:
            self.worker = self.start()
        self.worker.send("run", fields)

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

    def fitness(self, model: str) -> tuple[bool, bool, int]:
        """How well a job with this model is placed here; the largest is best."""
        return model in self.loaded, not self.loaded, self.free or 0

    def to_map(self) -> dict[str, Any]:
        """This worker as `status` tells it."""
        return {
            "number": self.number,
            "device": self.device,
            "pid": None if self.worker is None else self.worker.pid,
            "models": list(self.loaded),
            "free_bytes": self.free,
            "job": "" if self.running is None else self.running.job.id,
            "attempt": 0 if self.running is None else self.running.attempt,
        }
