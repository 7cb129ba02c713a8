"""The client against a daemon that the test plays: nothing blocks, nothing is lost, nothing comes twice."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq
from acetate_wire.client import Client
from acetate_wire.connection import Connection
from acetate_wire.events import (
    Accepted,
    Connected,
    Disconnected,
    Done,
    Event,
    Failed,
    Forgotten,
    Progress,
    Rejected,
)
from acetate_wire.limits import Limits
from acetate_wire.request import LayerRequest, Rect

REQUEST = LayerRequest("text", (8, 8), Rect(0, 0, 2, 1), "x")
PICTURE = {"frame": 0, "width": 2, "height": 1, "format": "rgba8", "rows": "top-down", "space": "srgb"}
DONE = {"layers": [{"name": "a", "role": "layer", "x": 1, "y": 2, "picture": PICTURE}], "seed": 5, "settings": {}}


class Clock:
    """Time that passes when the test says so, beside the real one."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


class Daemon:
    """A ROUTER that the test plays."""

    def __init__(self, folder: Path) -> None:
        self.endpoint = f"ipc://{folder}/d.sock" if os.name != "nt" else "tcp://127.0.0.1:47999"
        self.context = zmq.Context()
        self.peer = b""
        self.open()

    def open(self) -> None:
        """Listen."""
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.bind(self.endpoint)

    def receive(self, kind: str, wait: float = 5.0) -> dict[str, Any]:
        """The next message of a kind."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            self.client.pump()
            while self.socket.poll(5):
                self.peer, header, *self.frames = self.socket.recv_multipart()
                message: dict[str, Any] = msgpack.unpackb(header)
                if message["kind"] == kind:
                    return message
        raise AssertionError(f"no {kind} came")

    def send(self, kind: str, *frames: bytes, **fields: Any) -> None:
        """Send to whom was heard last."""
        self.socket.send_multipart([self.peer, msgpack.packb({"v": 1, "kind": kind, **fields}), *frames])

    def welcome(self) -> None:
        """Answer the client's hello."""
        self.receive("hello")
        self.send("welcome", version="1", limits=Limits().to_map(), models=[], device="cpu")
        self.news(Connected)

    def news(self, kind: type[Any], wait: float = 5.0) -> Any:
        """Pump the client until an event of a kind comes."""
        end = time.monotonic() + wait
        while time.monotonic() < end:
            for event in self.client.pump():
                self.heard.append(event)
                if isinstance(event, kind):
                    return event
            time.sleep(0.002)
        raise AssertionError(f"no {kind} came; heard {self.heard}")

    client: Client
    heard: list[Event]
    frames: list[bytes]


@pytest.fixture
def clock() -> Clock:
    """The client's clock."""
    return Clock()


@pytest.fixture
def daemon(tmp_path_factory: pytest.TempPathFactory, clock: Clock) -> Iterator[Daemon]:
    """A played daemon, and its client, greeted."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="aw-") as folder:
        made = Daemon(Path(folder))
        made.heard = []
        connection = Connection(made.endpoint, "word", "", "", "")
        made.client = Client("krita", version="9", editor="Krita", connection=connection, key="k" * 64, clock=clock)
        made.welcome()
        yield made
        made.client.close()
        made.socket.close()
        made.context.term()


def finish(daemon: Daemon, id: str) -> Done:
    """Bring a submitted job to its end."""
    daemon.send("accepted", id=id, position=0)
    daemon.send("done", b"12345678", id=id, **DONE)
    event = daemon.news(Done)
    assert isinstance(event, Done)
    return event


def test_hello_says_who_it_is(daemon: Daemon, clock: Clock) -> None:
    clock.ahead += 11
    daemon.client.pump()
    hello = daemon.receive("hello")
    assert {key: hello[key] for key in ("name", "version", "editor", "client", "access")} == {
        "name": "krita",
        "version": "9",
        "editor": "Krita",
        "client": "k" * 64,
        "access": "word",
    }


def test_layers_arrive_as_they_were_sent(daemon: Daemon) -> None:
    id = daemon.client.submit(REQUEST)
    assert daemon.receive("submit")["id"] == id
    [layer] = finish(daemon, id).layers
    assert (layer.x, layer.y, bytes(layer.picture.pixels)) == (1, 2, b"12345678")


def test_no_python_thread_is_ever_started(daemon: Daemon) -> None:
    before = threading.enumerate()
    id = daemon.client.submit(REQUEST, [bytes(5 << 20)])
    daemon.receive("submit")
    finish(daemon, id)
    assert threading.enumerate() == before


def test_pump_never_waits(daemon: Daemon, clock: Clock) -> None:
    longest = 0.0
    daemon.socket.close()
    for _ in range(200):
        began = time.perf_counter()
        daemon.client.submit(REQUEST)
        daemon.client.pump()
        longest = max(longest, time.perf_counter() - began)
        clock.ahead += 0.5
    daemon.open()
    assert longest < 0.05


def test_a_flood_is_handed_out_in_portions(daemon: Daemon) -> None:
    id = daemon.client.submit(REQUEST)
    daemon.receive("submit")
    daemon.send("accepted", id=id, position=0)
    for step in range(5000):
        daemon.send("progress", id=id, stage="drawing", step=step, steps=5000, seconds_left=None)
    time.sleep(0.3)
    began = time.perf_counter()
    events = daemon.client.pump(budget=0.001)
    assert time.perf_counter() - began < 0.05
    assert daemon.client.has_more
    end = time.monotonic() + 20
    while len(events) < 5001 and time.monotonic() < end:
        events += daemon.client.pump()
    assert [event.step for event in events if isinstance(event, Progress)] == list(range(5000))


def test_the_descriptor_stays_the_same_through_a_reconnect(daemon: Daemon, clock: Clock) -> None:
    before = daemon.client.fileno()
    clock.ahead += 11
    daemon.news(Disconnected)
    daemon.welcome()
    assert daemon.client.fileno() == before


def test_a_job_that_was_not_accepted_is_submitted_again(daemon: Daemon, clock: Clock) -> None:
    id = daemon.client.submit(REQUEST, [b"frame"])
    daemon.receive("submit")
    clock.ahead += 11
    daemon.news(Disconnected)
    daemon.welcome()
    assert daemon.receive("submit")["id"] == id
    assert daemon.frames == [b"frame"]


def test_a_job_that_was_accepted_is_attached_to(daemon: Daemon, clock: Clock) -> None:
    id = daemon.client.submit(REQUEST)
    daemon.receive("submit")
    daemon.send("accepted", id=id, position=3)
    assert daemon.news(Accepted).position == 3
    clock.ahead += 11
    daemon.news(Disconnected)
    daemon.welcome()
    assert daemon.receive("attach")["ids"] == [id]


def test_layers_that_come_twice_are_handed_out_once(daemon: Daemon) -> None:
    id = daemon.client.submit(REQUEST)
    daemon.receive("submit")
    finish(daemon, id)
    daemon.send("done", b"12345678", id=id, **DONE)
    daemon.client.acknowledge(id)
    daemon.receive("acknowledge")
    daemon.send("done", b"12345678", id=id, **DONE)
    daemon.send("forgotten", id=id, reason="acknowledged")
    daemon.news(Forgotten)
    assert sum(isinstance(event, Done) for event in daemon.heard) == 1


def test_cancel_and_acknowledge_are_repeated_until_they_are_answered(daemon: Daemon, clock: Clock) -> None:
    open_job, ended = daemon.client.submit(REQUEST), daemon.client.submit(REQUEST)
    daemon.receive("submit"), daemon.receive("submit")
    daemon.send("accepted", id=open_job, position=0)
    finish(daemon, ended)
    daemon.client.cancel(open_job)
    daemon.client.acknowledge(ended)
    clock.ahead += 11
    daemon.news(Disconnected)
    daemon.welcome()
    assert daemon.receive("cancel")["id"] == open_job
    assert daemon.receive("acknowledge")["id"] == ended


def test_a_daemon_that_was_restarted_is_greeted_anew(daemon: Daemon) -> None:
    daemon.client.ask("jobs")
    daemon.receive("jobs")
    daemon.send("rejected", id="", code="not_allowed", field="hello", message="say hello first", hint="")
    daemon.news(Disconnected)
    daemon.welcome()
    daemon.receive("jobs")


def test_a_daemon_that_ended_is_noticed_at_once(daemon: Daemon) -> None:
    began = time.monotonic()
    daemon.socket.close()
    daemon.news(Disconnected)
    assert time.monotonic() - began < 2
    daemon.open()
    daemon.welcome()


def test_an_idle_client_pings_and_answers_pings(daemon: Daemon, clock: Clock) -> None:
    clock.ahead += 2.1
    daemon.receive("ping")
    daemon.send("ping")
    daemon.receive("pong")


def test_a_client_that_slept_reads_before_it_judges(daemon: Daemon, clock: Clock) -> None:
    daemon.send("ping")
    time.sleep(0.2)
    clock.ahead += 60
    assert not [event for event in daemon.client.pump() if isinstance(event, Disconnected)]
    assert daemon.client.connected


def test_messages_that_cannot_be_read_do_no_harm(daemon: Daemon) -> None:
    daemon.socket.send_multipart([daemon.peer, b"\xc1\xc1"])
    daemon.send("welcome")
    daemon.send("dance")
    id = daemon.client.submit(REQUEST)
    daemon.receive("submit")
    daemon.send("done", b"123", id=id, **DONE)
    assert daemon.news(Failed).code == "internal"


def test_a_refusal_is_an_event(daemon: Daemon) -> None:
    id = daemon.client.submit(REQUEST)
    daemon.receive("submit")
    daemon.send("rejected", id=id, code="busy", field=None, message="m", hint="h", retry=True)
    assert daemon.news(Rejected) == Rejected(id, "busy", None, "m", "h")


def test_a_daemon_that_is_not_there_yet_is_found_later(tmp_path: Path) -> None:
    found: list[Connection | None] = [None]
    client = Client("krita", connection=lambda: found[0], key="k" * 64)
    assert client.pump() == [] and not client.connected
    found[0] = Connection(f"ipc://{tmp_path}/none.sock", "", "", "", "")
    end = time.monotonic() + 5
    while client._connected_to is None and time.monotonic() < end:
        client.pump()
        time.sleep(0.05)
    assert client._connected_to == found[0]
    client.close()


def test_a_client_that_was_never_closed_does_not_hang_the_garbage_collector(tmp_path: Path) -> None:
    program = (
        "import gc, zmq\n"
        "from acetate_wire.client import Client\n"
        "from acetate_wire.connection import Connection\n"
        f"there = Connection('ipc://{tmp_path}/nobody', 'a', '', '', '')\n"
        "for _ in range(5):\n"
        "    client = Client('leaky', connection=there, key='0' * 64)\n"
        "    client.pump()\n"
        "    client.itself = client\n"
        "    del client\n"
        "    gc.collect()\n"
        "print('done')\n"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ran.stdout == "done\n", ran.stderr
