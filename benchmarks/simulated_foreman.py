"""A foreman whose actors only wait: what the daemon does for a large farm, without Ray and without the machines.

The daemon of `benchmarks.many_workers` starts `python -m benchmarks.simulated_foreman` in the foreman's place. It
speaks the same messages, for as many actors as ACETATE_SIMULATED_WORKERS says, two on each simulated machine. A job's
prompt says how long it takes, as for the stand-in of the tests (`steps=N pause=SECONDS`).
"""

from __future__ import annotations

import heapq
import json
import os
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq
from acetate.worker.job_io import save_layers
from acetate.worker.worker import NO_LIMITS, answer_questions, connect, end_with_daemon
from acetate_wire.messages import Message, decode, encode
from acetate_wire.pictures import picture_to_map
from acetate_wire.request import PictureSpec

COUNT = "ACETATE_SIMULATED_WORKERS"


@dataclass
class Job:
    """What one actor does: the `run` message, and how many steps are done."""

    fields: dict[str, Any]
    steps: int
    pause: float
    step: int = 0

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Job:
        """The job of a `run` message."""
        words = dict(word.split("=") for word in fields["request"]["prompt"].split())
        return cls(fields, int(words["steps"]), float(words["pause"]))


class Simulation:
    """All actors in one loop: each next step is an entry of a heap."""

    def __init__(self, daemon: zmq.Socket[bytes], count: int) -> None:
        """`daemon` is the socket to the daemon."""
        self._daemon, self._count = daemon, count
        self._jobs: dict[int, Job] = {}
        self._due: list[tuple[float, int, int]] = []

    def run(self) -> None:
        """Serve until the daemon ends this process."""
        for number in range(1, self._count + 1):
            about = {"machine": f"machine-{(number + 1) // 2:03d}", "pid": number, "device": "cuda:0"}
            self._tell("worker", number, available=["starter", "narrow"], **about)
        looked = 0.0
        while True:
            now = time.monotonic()
            if now - looked >= 1.0:
                looked = now
                self._daemon.send_multipart(encode("farm", {"complete": True}))
            wait = min(self._due[0][0] - now, 1.0) if self._due else 1.0
            if self._daemon.poll(max(0, int(wait * 1000))):
                self._on_daemon(decode(self._daemon.recv_multipart(), NO_LIMITS))
            while self._due and self._due[0][0] <= time.monotonic():
                at, number, attempt = heapq.heappop(self._due)
                self._step(at, number, attempt)

    def _on_daemon(self, message: Message) -> None:
        number = int(message.fields.get("worker", 0))
        if message.kind == "run":
            job = self._jobs[number] = Job.of(dict(message.fields))
            heapq.heappush(self._due, (time.monotonic() + job.pause, number, job.fields["attempt"]))
        elif message.kind == "cancel" and number in self._jobs:
            del self._jobs[number]
            self._tell("stopped", number, id=message.fields["id"], attempt=message.fields["attempt"])

    def _step(self, at: float, number: int, attempt: int) -> None:
        job = self._jobs.get(number)
        if job is None or job.fields["attempt"] != attempt:
            return
        job.step += 1
        about = {"id": job.fields["id"], "attempt": attempt}
        left = (job.steps - job.step) * job.pause
        self._tell(
            "progress", number, **about, stage="drawing", step=job.step, steps=job.steps, seconds_left=round(left, 2)
        )
        if job.step < job.steps:
            heapq.heappush(self._due, (at + job.pause, number, attempt))
            return
        del self._jobs[number]
        _, _, width, height = job.fields["request"]["target"]
        pixels = bytes(width * height * 4)
        save_layers(Path(job.fields["output"]), [pixels])
        layer = {"name": "layer", "role": "layer", "x": 0, "y": 0}
        layer["picture"] = picture_to_map(PictureSpec(0, width, height))
        self._tell("finished", number, **about, layers=[layer], sizes=[len(pixels)], seed=1, settings={})
        self._tell("state", number, device="cuda:0", loaded=["starter"], free=1 << 34)

    def _tell(self, kind: str, number: int, **fields: Any) -> None:
        self._daemon.send_multipart(encode(kind, {**fields, "worker": number}))


def main() -> None:
    """Connect to the daemon as the foreman does, and serve."""
    setup = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=end_with_daemon, daemon=True).start()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    alive = connect(context, setup, setup["alive"])
    threading.Thread(target=answer_questions, args=(alive,), daemon=True).start()
    Simulation(connect(context, setup, setup["endpoint"]), int(os.environ[COUNT])).run()


if __name__ == "__main__":
    main()
