"""The worker process: started when a job needs it, watched, killed when it must be, ended when it is idle."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zmq
from acetate_wire.errors import AcetateError
from acetate_wire.messages import Message, decode, encode
from acetate_wire.paths import ensure_private_dir

from acetate.daemon.auth import Keys
from acetate.daemon.config import DaemonConfig

STOP_S = 2.0
_EVERYDAY = re.compile(r"\S+ \S+ (DEBUG|INFO) ")
PASSIVE_WAIT_ENV = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait for one another let other programs run meanwhile: beside an editor that draws, or any other busy
program, spinning ones made a layer on two cores take six times as long."""
_NO_WINDOW = 0x08000000 if sys.platform == "win32" else 0


class WorkerProcess:
    """One worker, from its start to its end, and the socket to it. A new worker is a new object."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        settings: DaemonConfig,
        keys: Keys,
    ) -> None:
        """Start a worker process with the engine of `settings`; what it prints goes to `worker.log`."""
        self._log = settings.state / "worker.log"
        self.socket = context.socket(zmq.PAIR)
        self.socket.set(zmq.LINGER, 0)
        # A pair socket takes nothing before its other end is there, which the worker's first message proves.
        self._connected = False
        self._outbox: list[list[Any]] = []
        self._file: Path | None = None
        setup = {"engine": settings.engine, "server_key": "", "client_public": "", "client_secret": ""}
        setup |= {"log": str(self._log), "log_level": settings.log_level}
        if sys.platform == "win32":
            self.socket.set(zmq.CURVE_SERVER, 1)
            self.socket.set(zmq.CURVE_SECRETKEY, keys.server_secret.encode("ascii"))
            port = self.socket.bind_to_random_port("tcp://127.0.0.1")
            setup["endpoint"] = f"tcp://127.0.0.1:{port}"
            setup["server_key"] = keys.server_public
            setup["client_public"], setup["client_secret"] = keys.client_public, keys.client_secret
        else:
            self._file = ensure_private_dir(settings.runtime) / "worker.sock"
            self._file.unlink(missing_ok=True)
            setup["endpoint"] = f"ipc://{self._file}"
            self.socket.bind(setup["endpoint"])
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "acetate.worker.worker"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env={**PASSIVE_WAIT_ENV, **os.environ},
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
        """Send the worker a message, which waits while it is still starting."""
        self._outbox.append(encode(kind, fields))
        self._flush()

    def receive(self) -> Message | None:
        """A message that has arrived, if there is one."""
        try:
            message = decode(self.socket.recv_multipart(zmq.NOBLOCK))
            self._connected = True
            self._flush()
            return message
        except zmq.Again:
            return None
        except AcetateError:
            return None

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
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def _last_line(path: Path) -> str:
    """The last line that the worker wrote before it ended, as people read it; what it was doing is no reason."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        lines = file.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines and not _EVERYDAY.match(lines[-1]) else ""
