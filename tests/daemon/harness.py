"""Real daemons for tests: own folders, own processes, killed at will."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgpack
import psutil
import zmq
from acetate_wire import connection as connections
from acetate_wire.blocking import BlockingClient
from acetate_wire.client import Client
from acetate_wire.connection import Connection
from acetate_wire.events import Event
from acetate_wire.request import LayerRequest, Rect

ROOT = Path(__file__).parents[2]
STAND_IN = "tests.daemon.standin:StandIn"
PATIENCE_S = 30.0


def a_request(prompt: str = "a kite", width: int = 16, height: int = 8, **more: Any) -> LayerRequest:
    """A request for a small layer."""
    fields: dict[str, Any] = {"mode": "text", "canvas": (640, 480), "target": Rect(3, 5, width, height), **more}
    return LayerRequest(prompt=prompt, **fields)


def until(true: Callable[[], Any], what: str, patience: float = PATIENCE_S) -> Any:
    """Wait for something to become true."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = true()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {patience:g} seconds in vain for {what}")


class Daemon:
    """A daemon process with folders of its own, which stay when it is killed and started again."""

    def __init__(self, home: Path, engine: str = STAND_IN, **settings: object) -> None:
        self.home = home
        self.state = home / "state"
        self.runtime = home / "run"
        self.environment = {
            **os.environ,
            "ACETATE_RUNTIME_DIR": str(self.runtime),
            "ACETATE_STATE_DIR": str(self.state),
            "ACETATE_CONFIG_DIR": str(home / "config"),
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        self.command = [sys.executable, "-m", "acetate.daemon"]
        self.options = ["--engine", engine]
        for name, value in settings.items():
            self.options += ["--" + name.replace("_", "-"), str(value)]
        self.process: subprocess.Popen[bytes] | None = None
        self.guests = "guests"

    def client_key(self, name: str) -> str:
        """The lasting secret of a client of the present test."""
        return f"{name}-{self.guests}".ljust(32, "-")

    def start(self) -> Daemon:
        """Start it, and wait until clients can connect."""
        (self.runtime / connections.FILE_NAME).unlink(missing_ok=True)
        self.process = self.spawn()
        until(lambda: self.connection_or_none() or self.process.poll() is not None, "the daemon", 4 * PATIENCE_S)  # type: ignore[union-attr]
        return self

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start a daemon process without waiting for it."""
        return subprocess.Popen([*self.command, *self.options], env=self.environment, stderr=subprocess.PIPE, cwd=ROOT)

    @property
    def pid(self) -> int:
        """The daemon's process."""
        assert self.process is not None
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether the daemon's process runs."""
        return self.process is not None and self.process.poll() is None

    @property
    def memory(self) -> int:
        """Resident bytes of the daemon's own process."""
        return int(psutil.Process(self.pid).memory_info().rss)

    def connection_or_none(self) -> Connection | None:
        """The connection file's contents."""
        return connections.find(self.runtime / connections.FILE_NAME)

    def connection(self) -> Connection:
        """The connection file's contents, which must be there."""
        found = self.connection_or_none()
        assert found is not None
        return found

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        if self.process.stderr is not None:
            self.process.stderr.close()

    def restart(self) -> Daemon:
        """kill -9, and start again."""
        self.kill()
        return self.start()

    def close(self) -> None:
        """End it, and see that it ends in order."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        if self.process is not None and self.process.stderr is not None:
            self.process.stderr.close()

    def workers(self) -> list[int]:
        """The worker processes."""
        found = []
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(self.pid).children():
                # Any of them may end meanwhile.
                with suppress(psutil.NoSuchProcess):
                    if child.status() != psutil.STATUS_ZOMBIE:
                        found.append(child.pid)
        return found

    def kill_worker(self) -> bool:
        """kill -9 of the worker; False when there is none."""
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                return True
        return False

    def session(self, name: str = "test", key: str | None = None, **options: Any) -> BlockingClient:
        """A blocking client of this daemon."""
        options.setdefault("connection", None if options.get("start") else self.connection())
        options.setdefault("start", False)
        return BlockingClient(name, key=key or self.client_key(name), timeout=PATIENCE_S, **options)

    def editor(self, name: str = "editor") -> Editor:
        """A client as a user interface has it."""
        return Editor(self, name)


@contextmanager
def running_daemon(engine: str, **environment: str) -> Iterator[Daemon]:
    """A daemon with this engine in a new folder, whose path is short enough for a socket, for a `with` block."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), engine=engine)
        daemon.environment.update(environment)
        yield daemon.start()
        daemon.close()


class Editor:
    """A client without blocking calls, pumped by the test."""

    def __init__(self, daemon: Daemon, name: str) -> None:
        self.daemon = daemon
        self.name = name
        self.client = Client(name, connection=daemon.connection_or_none, key=daemon.client_key(name))
        self.events: list[Event] = []

    def pump(self) -> list[Event]:
        """What happened since the last time."""
        news = self.client.pump()
        self.events += news
        return news

    def wait(self, wanted: type | tuple[type, ...], id: str = "", patience: float = PATIENCE_S) -> Any:
        """Pump until an event of this kind (of this job) comes, or has come."""

        def found() -> Event | None:
            self.pump()
            for event in self.events:
                if isinstance(event, wanted) and (not id or getattr(event, "id", "") == id):
                    return event
            return None

        return until(found, f"{wanted} {id}", patience)

    def count(self, wanted: type, id: str) -> int:
        """How many events of this kind came for a job."""
        return sum(isinstance(event, wanted) and getattr(event, "id", "") == id for event in self.events)

    def restarted(self) -> Editor:
        """The same editor after it was killed: it knows nothing but its key."""
        self.client.close()
        return Editor(self.daemon, self.name)


class Raw:
    """A bare DEALER socket, for messages that no well-behaved client sends."""

    def __init__(
        self,
        daemon: Daemon,
        name: str = "raw",
        greet: bool = True,
        connection: Connection | None = None,
        options: Mapping[int, int] | None = None,
    ) -> None:
        self.daemon = daemon
        self.connection = connection or daemon.connection()
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        for option, value in {zmq.LINGER: 0, **(options or {})}.items():
            self.socket.set(option, value)
        if self.connection.endpoint.startswith("tcp:"):
            self.socket.set(zmq.CURVE_SERVERKEY, self.connection.server_key.encode())
            self.socket.set(zmq.CURVE_PUBLICKEY, self.connection.client_public.encode())
            self.socket.set(zmq.CURVE_SECRETKEY, self.connection.client_secret.encode())
        self.socket.connect(self.connection.endpoint)
        if greet:
            self.hello(name)

    def hello(self, name: str) -> None:
        """Introduce the client, and wait for the welcome."""
        key, access = self.daemon.client_key(name), self.connection.access
        self.send("hello", name=name, version="0", editor="", client=key, access=access)
        assert self.answer()["kind"] == "welcome"

    def send(self, kind: str, *frames: Any, v: object = 1, **fields: Any) -> None:
        """Send a message."""
        self.socket.send_multipart([msgpack.packb({"v": v, "kind": kind, **fields}), *frames])

    def submit(self, request: Mapping[str, Any], *frames: Any) -> dict[str, Any]:
        """Submit a request as a map, and return the answer's header."""
        self.send("submit", *frames, id=str(uuid.uuid4()), request=request)
        return self.answer()

    def answer(self, patience: float = PATIENCE_S) -> dict[str, Any]:
        """The next header that is neither a ping nor progress."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.socket.poll(100):
                header: dict[str, Any] = msgpack.unpackb(self.socket.recv_multipart()[0])
                if header["kind"] not in ("ping", "progress"):
                    return header
        raise AssertionError("no answer came")

    def silence(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        return not self.socket.poll(int(seconds * 1000))

    def close(self) -> None:
        """Leave."""
        self.socket.close()
        self.context.term()


def pixels(frames: Sequence[Any]) -> list[bytes]:
    """Frames as bytes, to compare them."""
    return [bytes(frame) for frame in frames]
