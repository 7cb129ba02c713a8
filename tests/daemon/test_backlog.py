"""A message without an end costs the daemon's memory little, its sender the connection, and nobody else anything."""

from __future__ import annotations

import socket as sockets
import struct
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgpack
import pytest
import zmq
from acetate.daemon import auth
from acetate.daemon.clients import SILENCE_S
from acetate_wire import connection as connections
from acetate_wire.connection import Connection
from acetate_wire.limits import Limits
from acetate_wire.request import PictureSpec

from tests.daemon.harness import ROOT, STAND_IN, Daemon, Raw, a_request

MIB = 1 << 20
GROWTH = 64 * MIB
PACE = 8 * MIB
"""After so many bytes a sender lets another client be answered: how soon a busy computer lets the daemon look at what
has come is not judged here."""
MORE, LONG = 1, 2
Turn = Callable[[int], None]
"""Called with how much was sent: waits where it is another client's turn."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts what is read from a socket")


@pytest.fixture(scope="module")
def tcp_daemon() -> Iterator[Daemon]:
    """A daemon that listens on TCP too."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), tcp="127.0.0.1:*").start()
        yield daemon
        daemon.close()


def paired(daemon: Daemon) -> Connection:
    """The connection file of another machine."""
    file = daemon.home / "studio.json"
    auth.pair(daemon.state, "studio", daemon.connection().tcp, file)
    found = connections.find(file)
    assert found is not None
    return found


class Wire:
    """ZMTP 3.1 by hand: libzmq does not send a message before its last frame is there."""

    def __init__(self, daemon: Daemon) -> None:
        self.socket = sockets.socket(sockets.AF_UNIX)
        self.socket.settimeout(30)
        self.socket.connect(str(daemon.runtime / "daemon.sock"))
        ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        self.socket.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + bytes(32))
        self.socket.sendall(b"\x04" + bytes([len(ready)]) + ready)
        # A message before the other side's READY breaks the protocol, and libzmq ends the connection for that.
        self.receive(64)
        self.receive(self.receive(2)[1])

    def receive(self, count: int) -> bytes:
        """So many bytes of what the daemon sends."""
        content = b""
        while len(content) < count:
            some = self.socket.recv(count - len(content))
            assert some, "the daemon ended the connection"
            content += some
        return content

    def receive_until(self, word: bytes) -> None:
        """Receive up to this word."""
        told = b""
        while word not in told:
            told += self.receive(1)

    def hello(self, daemon: Daemon) -> None:
        """Introduce a client of this user, and wait for the welcome."""
        key, access = daemon.client_key("wire"), daemon.connection().access
        fields = {"name": "wire", "version": "0", "editor": "", "client": key, "access": access}
        self.send(msgpack.packb({"v": 1, "kind": "hello", **fields}))
        self.receive_until(b"welcome")

    def send(self, frame: bytes, flags: int = 0) -> None:
        """A frame, and whether more follow (MORE)."""
        self.socket.sendall(bytes([flags | LONG]) + struct.pack(">Q", len(frame)) + frame)

    def frames(self, count: int, frame: bytes, turn: Turn) -> None:
        """So many frames of a message that does not end."""
        for _ in range(count):
            self.send(frame, MORE)
            turn(len(frame))

    def empty(self, megabytes: int, turn: Turn) -> None:
        """So many frames without content of a message that does not end, of two bytes each."""
        for _ in range(megabytes * 4):
            self.socket.sendall(b"\x01\x00" * (MIB // 8))
            turn(PACE)


@contextmanager
def others_served(daemon: Daemon, growth: int = GROWTH) -> Iterator[Callable[[], None]]:
    """For a block: another client is answered all the time, and the daemon's memory does not grow beyond `growth`."""
    other, ended = Raw(daemon, "other"), threading.Event()
    before, peak, slowest = daemon.memory, 0, 0.0

    def ask() -> None:
        nonlocal slowest
        began = time.monotonic()
        other.send("ping")
        assert other.answer()["kind"] == "pong"
        slowest = max(slowest, time.monotonic() - began)

    def sample() -> None:
        nonlocal peak
        while not ended.wait(0.002):
            peak = max(peak, daemon.memory - before)

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        yield ask
        ask()
    finally:
        ended.set()
        sampler.join()
        other.close()
    print(f"memory {before / MIB:.0f} MiB and {peak / MIB:+.1f} MiB, slowest answer {slowest:.3f} s")
    assert peak < growth
    assert daemon.alive


def is_cut(send: Callable[[Turn], object], served: Callable[[], None]) -> bool:
    """Whether the daemon closes the connection while `send` is at it; others are asked meanwhile."""
    cut: list[bool] = []
    answered, sent = threading.Event(), 0

    def turn(count: int) -> None:
        nonlocal sent
        sent += count
        if sent >= PACE:
            sent = 0
            answered.clear()
            assert answered.wait(60)

    def run() -> None:
        try:
            send(turn)
            cut.append(False)
        except (BrokenPipeError, ConnectionResetError):
            cut.append(True)

    sender = threading.Thread(target=run)
    sender.start()
    while sender.is_alive():
        served()
        answered.set()
        sender.join(0.01)
    return cut == [True]


def test_an_unfinished_message_before_hello(tcp_daemon: Daemon) -> None:
    with others_served(tcp_daemon) as served:
        wire = Wire(tcp_daemon)
        assert is_cut(lambda turn: wire.frames(1500, bytes(MIB), turn), served)


def test_an_unfinished_message_of_empty_frames_before_hello(tcp_daemon: Daemon) -> None:
    with others_served(tcp_daemon) as served:
        wire = Wire(tcp_daemon)
        assert is_cut(lambda turn: wire.empty(50, turn), served)


def test_many_unfinished_messages_before_hello(tcp_daemon: Daemon) -> None:
    with others_served(tcp_daemon) as served:
        wires = [Wire(tcp_daemon) for _ in range(100)]

        def send(turn: Turn) -> None:
            for wire in 10 * wires:
                wire.frames(1, bytes(MIB // 2), turn)

        assert is_cut(send, served)


class FarWire(Raw):
    """A client on another machine that sends a message of many frames over CURVE, with libzmq."""

    def __init__(self, daemon: Daemon) -> None:
        # libzmq sends by itself: with a small buffer no quicker than the daemon's thread has its turns.
        super().__init__(daemon, greet=False, connection=paired(daemon), options={zmq.SNDBUF: 64 << 10})
        self._monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def frames(self, count: int, frame: bytes) -> None:
        """Send it. Raises BrokenPipeError when the daemon ends the connection meanwhile."""
        self.socket.send_multipart([b"x", *[frame] * count], copy=False)
        if self._monitor.poll(20_000):
            raise BrokenPipeError

    def close(self) -> None:
        """Leave."""
        self.socket.disable_monitor()
        self._monitor.close(0)
        super().close()


@pytest.mark.parametrize("greeted", [True, False])
def test_a_message_without_an_end_from_a_paired_machine(tcp_daemon: Daemon, greeted: bool) -> None:
    far = FarWire(tcp_daemon)
    try:
        if greeted:
            far.hello("far")
        with others_served(tcp_daemon) as served:
            assert is_cut(lambda turn: far.frames(500, bytes(2 * MIB)), served)
    finally:
        far.close()


def test_a_paired_machine_sends_pictures_in_parts(tcp_daemon: Daemon) -> None:
    picture = PictureSpec(0, 2048, 1500, "rgbaf32")
    request = a_request(width=2048, height=1500, mode="refine", inputs={"layer": picture})
    with tcp_daemon.session("studio", connection=paired(tcp_daemon)) as session:
        assert session.welcome.limits.message_bytes == session.welcome.limits.part_bytes == Limits().part_bytes // 2
        assert session.run(request, [bytes(2048 * 1500 * 16)]).layers


@pytest.mark.parametrize("curve", [False, True])
def test_the_largest_message_follows_hello_at_once(tcp_daemon: Daemon, curve: bool) -> None:
    connection = tcp_daemon.connection()
    raw = Raw(tcp_daemon, greet=False, connection=connection.over_tcp() if curve else connection)
    hello = {"name": "raw", "version": "0", "editor": "", "client": tcp_daemon.client_key("raw")}
    raw.send("hello", **hello, access=connection.access)
    if curve:
        assert raw.answer()["kind"] == "welcome"
    raw.send("submit", *[bytes(Limits().message_bytes // 8)] * 8, id=str(uuid.uuid4()), request={})
    answers = [raw.answer(120.0) for _ in range(1 if curve else 2)]
    raw.close()
    assert answers[-1]["kind"] == "rejected" and answers[-1]["field"] == "mode"


@pytest.mark.slow
def test_a_message_may_take_longer_than_a_client_may_be_silent(tcp_daemon: Daemon) -> None:
    wire, began = Wire(tcp_daemon), time.monotonic()
    wire.hello(tcp_daemon)
    wire.send(msgpack.packb({"v": 1, "kind": "submit", "id": str(uuid.uuid4()), "request": {}}), MORE)
    wire.socket.sendall(bytes([LONG]) + struct.pack(">Q", 4 * MIB))
    for _ in range(64):
        wire.socket.sendall(bytes(MIB // 16))
        time.sleep(1.2 * SILENCE_S / 64)
    assert time.monotonic() - began > SILENCE_S
    wire.receive_until(b"rejected")


SMALL = Limits(message_bytes=4 * MIB, job_bytes=8 * MIB, part_bytes=MIB)
SERVE = "from acetate.daemon.config import *; from acetate.daemon.run import serve; serve(DaemonConfig(limits={}))"
UNCOUNTED = """
import acetate.daemon.backlog as backlog
def refuse(socket): raise OSError
backlog.ReadCounter, backlog.SPARE_BYTES = refuse, 64 << 20
"""


class SmallMessages(Daemon):
    """A daemon with small limits, which runs `before` first."""

    before = ""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the daemon with these limits."""
        command = [sys.executable, "-c", self.before + SERVE.format(SMALL)]
        environment = {**self.environment, "ACETATE_ENGINE": STAND_IN}
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, cwd=ROOT)


def test_what_is_somewhat_over_the_limit_is_refused_in_words_and_what_does_not_end_is_cut(home: Path) -> None:
    daemon = SmallMessages(home).start()
    try:
        raw = Raw(daemon)
        raw.send("submit", bytes(4 * MIB), bytes(MIB // 2), id=str(uuid.uuid4()), request={})
        assert raw.answer()["code"] == "too_large"
        raw.close()
        with others_served(daemon) as served:
            wire = Wire(daemon)
            wire.hello(daemon)
            assert is_cut(lambda turn: wire.frames(200, bytes(MIB), turn), served)
    finally:
        daemon.close()


def test_where_bytes_are_not_counted_the_daemons_memory_is_watched(home: Path) -> None:
    daemon = SmallMessages(home)
    daemon.before = UNCOUNTED
    daemon.start()
    try:
        with others_served(daemon, growth=1000 * MIB) as served:
            wire = Wire(daemon)
            assert is_cut(lambda turn: wire.frames(1500, bytes(MIB), turn), served)
    finally:
        daemon.close()
