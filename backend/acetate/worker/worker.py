"""The worker process: takes one job after another from the daemon, has the engine do it, and writes the layers.

`python -m acetate.worker.worker` reads one line of JSON from standard input (where to connect, which
engine) and ends when that input closes, so it never outlives the daemon. Pixels go through the spool's
files, only words and previews through the socket.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import sys
import threading
import time
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Any

import zmq
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.messages import Message, decode

import acetate
from acetate import logs
from acetate.generation import JobCancelled
from acetate.worker import OTHER_VERSION
from acetate.worker.engine import Engine
from acetate.worker.engine_loader import load_engine_class
from acetate.worker.job_io import encode_reply, read_job, save_layers
from acetate.worker.memory import free_bytes
from acetate.worker.oom_fallback import run_with_fallback
from acetate.worker.progress_reporter import ProgressReporter

log = logging.getLogger("acetate.worker")

NO_LIMITS = Limits(message_bytes=1 << 62, header_bytes=64 << 20)


class Worker:
    """The engine, made on the first job, and the socket to the daemon."""

    def __init__(self, socket: Any, engine: type[Engine]) -> None:
        """`engine` is instantiated when the first job arrives."""
        self._socket = socket
        self._engine_class = engine
        self._engine: Engine | None = None
        self._reporter = ProgressReporter(socket)

    def serve(self) -> None:
        """Do jobs until told to stop."""
        self._reporter.send("ready", {"pid": os.getpid()})
        while True:
            message = decode(self._socket.recv_multipart(), NO_LIMITS)
            if message.kind == "run":
                self._run(message)
            elif message.kind == "stop":
                return

    def _run(self, message: Message) -> None:
        id = message.fields["id"]
        try:
            self._reporter.open(id, message.fields["attempt"], bool(message.fields["request"].get("preview")))
            self._reporter.send_job("progress", {"stage": "loading", "step": 0, "steps": 0})
            if self._engine is None:
                self._engine = self._engine_class()
            outcome, frames = self._run_engine(self._engine, message)
        except JobCancelled:
            log.info("job %s was cancelled", id)
            self._reporter.send_job("stopped", {})
        except AcetateError as error:
            log.warning("job %s failed: %s", id, error.code)
            self._reporter.send_job("failed", error.fields())
        except Exception as error:
            log.exception("job %s failed", id)
            reason = str(error).strip().split("\n")[0] or type(error).__name__
            hint = "the whole report is in the daemon's worker.log"
            failure = AcetateError("internal", f"making the layers failed: {reason}", hint=hint, retry=True)
            self._reporter.send_job("failed", failure.fields())
        else:
            self._reporter.send_job("finished", outcome, frames)
        self._reporter.close()
        if self._engine is not None:
            loaded, device = list(self._engine.loaded()), self._engine.device()
            self._reporter.send("state", {"device": device, "loaded": loaded, "free": free_bytes(device)})

    def _run_engine(self, engine: Engine, message: Message) -> tuple[dict[str, Any], list[bytes]]:
        job, profile = read_job(message.fields, message.frames)
        request, started = job.request, time.monotonic()
        size = f"{request.target.width} x {request.target.height}"
        log.info("job %s: %s with %s, %s", job.id, request.mode, request.model, size)
        made = run_with_fallback(engine, job, self._reporter, int(message.fields["memory_level"]))
        layers, frames = encode_reply(made, request, profile)
        log.info("job %s: %d layers in %.1f s on %s", job.id, len(layers), time.monotonic() - started, engine.device())
        outcome = {
            "layers": layers,
            "sizes": [len(frame) for frame in frames],
            "digest": functools.reduce(lambda crc, frame: zlib.crc32(frame, crc), frames, 0),
            "seed": made.seed,
            "settings": {
                **made.settings,
                "seconds": round(time.monotonic() - started, 3),
                "warnings": [asdict(warning) for warning in made.warnings],
            },
        }
        if "output" not in message.fields:
            return outcome, frames
        save_layers(Path(message.fields["output"]), frames)
        return outcome, []


def main() -> int:
    """Connect to the daemon and serve it. OTHER_VERSION, at once, when the package was updated under the daemon."""
    setup = json.loads(sys.stdin.buffer.readline())
    logs.log_to_file(Path(setup["log"]), setup["log_level"], with_output=True)
    if setup.get("version") != acetate.__version__:
        log.warning("this is acetate %s, the daemon %s", acetate.__version__, setup.get("version"))
        return OTHER_VERSION
    log.info("the worker starts (process %d, engine %s)", os.getpid(), setup["engine"])
    threading.Thread(target=end_with_daemon, daemon=True).start()
    context = zmq.Context()
    alive = connect(context, setup, setup["alive"])
    threading.Thread(target=answer_questions, args=(alive,), daemon=True).start()
    socket = connect(context, setup, setup["endpoint"])
    Worker(socket, load_engine_class(setup["engine"])).serve()
    socket.close(linger=1000)
    context.term()
    return 0


def connect(context: zmq.Context[zmq.Socket[bytes]], setup: dict[str, str], endpoint: str) -> zmq.Socket[bytes]:
    """A socket to what the daemon has bound for this process, as its `setup` says."""
    socket = context.socket(zmq.PAIR)
    if "server_key" in setup:
        socket.set(zmq.CURVE_SERVERKEY, setup["server_key"].encode("ascii"))
        socket.set(zmq.CURVE_PUBLICKEY, setup["client_public"].encode("ascii"))
        socket.set(zmq.CURVE_SECRETKEY, setup["client_secret"].encode("ascii"))
    socket.connect(endpoint)
    return socket


def answer_questions(alive: zmq.Socket[bytes]) -> None:
    """Send the daemon's questions back, as proof that this process runs, until the context ends."""
    with contextlib.suppress(zmq.ContextTerminated):
        while True:
            alive.send(alive.recv())
    alive.close(linger=0)


def end_with_daemon() -> None:
    """The daemon holds the other end of standard input: when that closes, the daemon is gone."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
