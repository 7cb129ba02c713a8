"""The worker process: started when a job needs it, watched, killed when it must be, ended when it is idle."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq
from acetate_wire.errors import AcetateError
from acetate_wire.messages import Message, decode, encode
from acetate_wire.paths import ensure_private_dir

import acetate
from acetate.daemon.auth import Keys
from acetate.daemon.config import DaemonConfig
from acetate.daemon.worker_devices import WorkerDevice
from acetate.worker import OTHER_VERSION

STOP_S = 2.0
TURN_S = 1.0
"""The most that one turn of the daemon adds to a worker's silence: a computer that slept was no silent worker."""
_EVERYDAY = re.compile(r"\S+ \S+ (DEBUG|INFO) ")
PASSIVE_WAIT_ENV = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait for one another let other programs run meanwhile: beside an editor that draws, or any other busy
program, spinning ones made a layer on two cores take six times as long."""
_NO_WINDOW = 0x08000000 if sys.platform == "win32" else 0


class WorkerProcess:
    """One worker, from its start to its end, and the socket to it. A new worker is a new object."""

    blameless = False

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: DaemonConfig,
        keys: Keys,
        place: WorkerDevice,
        module: str = "acetate.worker.worker",
        more: Mapping[str, str] | None = None,
    ) -> None:
        """Start a worker process with the engine of `settings`; what it prints goes to its log (`log_name`).

        `module` is what the process runs, and `more` what it is told besides.
        """
        self._settings, self._keys = settings, keys
        self._log = settings.state / log_name(place.number)
        self._files: list[Path] = []
        self.socket, endpoint = self._bind(context, f"w{place.number}.sock")
        # The worker answers here from a thread of its own, however long a step takes.
        self._alive_socket, alive = self._bind(context, f"a{place.number}.sock")
        self._asked = False
        self._silent_s, self._last_turn = 0.0, time.monotonic()
        # A pair socket takes nothing before its other end is there, which the worker's first message proves.
        self._connected = False
        self._outbox: list[list[Any]] = []
        setup = {"version": acetate.__version__, "engine": settings.engine, "endpoint": endpoint, "alive": alive}
        setup |= {"log": str(self._log), "log_level": settings.log_level, **(more or {})}
        if sys.platform == "win32":
            setup["server_key"] = keys.server_public
            setup["client_public"], setup["client_secret"] = keys.client_public, keys.client_secret
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**PASSIVE_WAIT_ENV, **os.environ, **place.environment},
                # The folder that the daemon was started in may be gone by now, and libraries fail to load there.
                cwd=settings.state,
                creationflags=_NO_WINDOW,
            )
        if self._process.stdin is not None:
            # A worker that died at once is noticed by `exit_reason`, not here.
            with contextlib.suppress(OSError):
                self._process.stdin.write(json.dumps(setup).encode() + b"\n")
                self._process.stdin.flush()

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def send(self, kind: str, fields: Mapping[str, Any]) -> None:
        """Send the worker a message, which waits while it is still starting; its silence counts from now."""
        self._note_word()
        self._outbox.append(encode(kind, fields))
        self._flush()

    def receive(self) -> Message | None:
        """A message that has arrived, if there is one."""
        try:
            message = decode(self.socket.recv_multipart(zmq.NOBLOCK))
            self._connected = True
            self._note_word()
            self._flush()
            return message
        except zmq.Again:
            return None
        except AcetateError:
            return None

    def silence(self, now: float) -> float:
        """For how many seconds it has said nothing; called every turn. After `silence_s` it is asked for an answer."""
        self._silent_s += min(now - self._last_turn, TURN_S)
        self._last_turn = now
        # Again: no answer yet, or the worker has not connected.
        with contextlib.suppress(zmq.Again):
            if not self._asked and self._silent_s >= self._settings.silence_s:
                self._alive_socket.send(b"", zmq.NOBLOCK)
                self._asked = True
            self._alive_socket.recv(zmq.NOBLOCK)
            self._note_word()
        return self._silent_s

    @property
    def is_other_version(self) -> bool:
        """Whether it ended because its package is of another version than this daemon."""
        return self._process.poll() == OTHER_VERSION

    def exit_reason(self) -> str | None:
        """None while it lives, else how it ended, in words."""
        code = self._process.poll()
        if code is None:
            return None
        if code == -9:
            return "it was killed, perhaps because memory ran out"
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        last = _last_line(self._log)
        return f"{how}: {last}" if last else how

    def end(self) -> None:
        """End the process, gently at first where it is idle, and free everything of it."""
        self.send("stop", {})
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._free()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.wait()
        self._free()

    def _bind(self, context: zmq.Context[zmq.Socket[bytes]], name: str) -> tuple[zmq.Socket[bytes], str]:
        """A socket for the worker, and where it connects to it."""
        socket = context.socket(zmq.PAIR)
        socket.set(zmq.LINGER, 0)
        if sys.platform == "win32":
            socket.set(zmq.CURVE_SERVER, 1)
            socket.set(zmq.CURVE_SECRETKEY, self._keys.server_secret.encode("ascii"))
            return socket, f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"
        file = ensure_private_dir(self._settings.runtime) / name
        file.unlink(missing_ok=True)
        self._files.append(file)
        socket.bind(f"ipc://{file}")
        return socket, f"ipc://{file}"

    def _note_word(self) -> None:
        self._asked = False
        self._silent_s = 0.0

    def _flush(self) -> None:
        while self._connected and self._outbox:
            try:
                self.socket.send_multipart(self._outbox[0], zmq.NOBLOCK)
            except zmq.Again:
                return
            del self._outbox[0]

    def _free(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        self.socket.close()
        self._alive_socket.close()
        for file in self._files:
            file.unlink(missing_ok=True)


def log_name(number: int) -> str:
    """The file in the state folder that the worker of this number writes its log to; 0 is a farm's foreman."""
    return {0: "foreman.log", 1: "worker.log"}.get(number, f"worker-{number}.log")


def _last_line(path: Path) -> str:
    """The last line that the worker wrote before it ended, as people read it; what it was doing is no reason."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines and not _EVERYDAY.match(lines[-1]) else ""
