"""A worker on a farm: an actor of Ray, which speaks the worker's own messages."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import zmq
from acetate_wire.messages import encode

import acetate
from acetate.worker.engine_loader import guess_device, load_engine_class
from acetate.worker.worker import Worker


class Mailbox:
    """What a worker takes for its socket: messages are queued both ways."""

    def __init__(self) -> None:
        """Both ways are empty."""
        self.arriving: queue.SimpleQueue[list[Any]] = queue.SimpleQueue()
        self.leaving: queue.SimpleQueue[list[Any] | None] = queue.SimpleQueue()

    def recv_multipart(self) -> list[Any]:
        """The next message for the worker, waited for."""
        return self.arriving.get()

    def send_multipart(self, parts: Sequence[Any]) -> None:
        """Queue a message of the worker."""
        self.leaving.put(list(parts))

    def get(self, option: int) -> int:
        """ZeroMQ's EVENTS: whether a message waits for the worker."""
        return 0 if option != zmq.EVENTS or self.arriving.empty() else zmq.POLLIN


class FarmWorker:
    """The actor. Ray shows its process the one card that it got, and no other."""

    def __init__(self, engine: str, version: str) -> None:
        """Raises RuntimeError on a machine with another version of Acetate."""
        if version != acetate.__version__:
            raise RuntimeError(f"{socket.gethostname()} has acetate {acetate.__version__}, the daemon {version}")
        self._engine = load_engine_class(engine)
        self._mailbox = Mailbox()

    def about(self) -> dict[str, Any]:
        """What it is: its machine, process and device, and the models whose files are there."""
        cards = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        device = guess_device()
        return {
            "machine": socket.gethostname(),
            "pid": os.getpid(),
            "device": f"{device}:{cards}" if device == "cuda" and cards else device,
            "available": self.available(),
        }

    def available(self) -> list[str]:
        """The models whose files are on this machine; also the answer to the question whether it lives."""
        return [model.name for model in self._engine.models() if not model.missing]

    def post(self, parts: list[Any]) -> None:
        """Take a message of the daemon."""
        self._mailbox.arriving.put(parts)

    def messages(self) -> Iterator[list[Any]]:
        """Serve, and give each message of the worker as it comes."""
        threading.Thread(target=self._serve, daemon=True).start()
        while (parts := self._mailbox.leaving.get()) is not None:
            yield [bytes(part) for part in parts]

    def _serve(self) -> None:
        try:
            Worker(self._mailbox, self._engine).serve()
        finally:
            self._mailbox.leaving.put(None)


def run_message(fields: dict[str, Any], frames: Sequence[Any]) -> list[Any]:
    """A `run` message for an actor, which has its pictures with it instead of the names of files."""
    away = {name: value for name, value in fields.items() if name not in ("input", "output", "worker")}
    return encode("run", away, frames)
