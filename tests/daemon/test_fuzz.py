"""Ten thousand messages that no client sends: each is answered or dropped, nothing dies, memory stays flat."""

from __future__ import annotations

import contextlib
import random
import socket as sockets
import struct
import uuid
from typing import Any

import msgpack
import zmq
from acetate_wire.request import LayerRequest, PictureSpec
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Raw, a_request, until

MESSAGES = 10_000
SEED = 31
PLAIN = (None, True, -1, 0, 1, 2**63, 2**64 - 1, -(2**63), 1e308, float("nan"), float("inf"))
TEXTS = ("", "\0", "x" * 5000, b"\xff" * 9, "text", "icc")
LISTS: tuple[Any, ...] = ([], [[]], [1, 2, 3, 4], [0, 0, 16384, 16384])
MAPS: tuple[Any, ...] = ({}, {"": 0}, {"layer": 1}, {"layer": {"frame": 0}})
ODD: tuple[Any, ...] = (*PLAIN, *TEXTS, *LISTS, *MAPS)
KINDS = ("hello", "submit", "cancel", "attach", "acknowledge", "jobs", "ping", "pong", "welcome", "done", "", "x")
FIELDS = (*LayerRequest.__dataclass_fields__, "unheard of")
ANSWERS = ("rejected", "forgotten", "pong", "ping", "jobs", "welcome", "cancelled")


class Fuzzer:
    """Makes messages, most of them nearly right."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.good = encode_request(a_request(mode="refine", inputs={"layer": PictureSpec(0, 4, 4)}))

    def message(self) -> list[bytes]:
        """The frames of one message."""
        make = self.dice.choice([self.noise, self.truncated, self.flipped, self.odd_header, self.odd_request])
        return make()

    def noise(self) -> list[bytes]:
        """Bytes that mean nothing."""
        return [self.dice.randbytes(self.dice.randrange(200)) for _ in range(self.dice.randrange(1, 4))]

    def submission(self, **request: Any) -> list[bytes]:
        """A submit that would be accepted but for the changed fields."""
        header = {"v": 1, "kind": "submit", "id": str(uuid.UUID(int=self.dice.getrandbits(128), version=4))}
        return [msgpack.packb({**header, "request": {**self.good, **request}}), bytes(64)]

    def truncated(self) -> list[bytes]:
        """A good header, cut somewhere."""
        header, frame = self.submission()
        return [header[: self.dice.randrange(len(header))], frame]

    def flipped(self) -> list[bytes]:
        """A good header with some bytes changed; a seed that is out of range sees that it never is quite good."""
        header, frame = self.submission(seed=-1)
        wrong = bytearray(header)
        for _ in range(self.dice.randrange(1, 5)):
            wrong[self.dice.randrange(len(wrong))] = self.dice.randrange(256)
        return [bytes(wrong), frame]

    def odd_header(self) -> list[bytes]:
        """A header with odd values."""
        header = {"v": self.dice.choice([1, 1, 1, 2, "1", True]), "kind": self.dice.choice(KINDS)}
        for name in ("id", "ids", "request", "name", "client", "access", "v" * self.dice.randrange(2)):
            if self.dice.random() < 0.5:
                header[name] = self.dice.choice(ODD)
        return [msgpack.packb(header), *([b""] * self.dice.choice([0, 1, 70]))]

    def odd_request(self) -> list[bytes]:
        """A request with odd fields, wrong lengths and huge claimed sizes."""
        picture: dict[str, Any] = {"frame": 0, "width": 4, "height": 4}
        name = self.dice.choice([*picture, "format", "rows", "space", "profile_frame", "x"])
        picture[name] = self.dice.choice([*ODD, 16384, 2**31])
        wrong = {name: self.dice.choice(ODD) for name in self.dice.sample(FIELDS, 3)}
        return self.submission(**{"seed": -1, "inputs": {"layer": picture}, **wrong})


def test_ten_thousand_broken_messages(daemon: Daemon) -> None:
    fuzzer, raw = Fuzzer(SEED), Raw(daemon)
    volley(raw, fuzzer, 1000)
    before = daemon.memory
    for _ in range(MESSAGES // 1000):
        volley(raw, fuzzer, 1000)
    grown = daemon.memory - before
    print(f"{MESSAGES} messages, memory {before >> 20} MiB and {grown / 2**20:+.1f} MiB")
    assert grown < 4 << 20
    raw.close()
    with daemon.session() as session:
        assert session.run(a_request(seed=2)).seed == 2
        assert session.status()["pid"] == daemon.pid


def volley(raw: Raw, fuzzer: Fuzzer, count: int) -> None:
    """Send messages, reading the answers meanwhile, until the daemon has answered a ping after the last."""
    for _ in range(count):
        raw.socket.send_multipart(fuzzer.message())
        while raw.socket.poll(0):
            raw.socket.recv_multipart()
    mark = str(uuid.uuid4())
    raw.send("cancel", id=mark)
    until(lambda: mark in ids(raw), "the daemon to have read it all")


def ids(raw: Raw) -> list[str]:
    """The ids of the answers that have come."""
    found = []
    while raw.socket.poll(100):
        header = msgpack.unpackb(raw.socket.recv_multipart()[0])
        found.append(header.get("id", ""))
        assert header["kind"] in ANSWERS, header
    return found


def test_deep_nesting_is_refused(daemon: Daemon) -> None:
    raw = Raw(daemon)
    for depth in (100, 500, 1000, 100_000):
        raw.socket.send_multipart([b"\x82\xa1v\x01\xa4kind" + b"\x91" * depth + b"\xc0"])
        assert raw.answer()["code"] == "bad_request"
        raw.send("submit", id=str(uuid.uuid4()))
        assert raw.answer()["field"] == "request"
    raw.close()


def test_a_message_over_the_limit_costs_no_memory(daemon: Daemon) -> None:
    """The ZMTP frame claims an exabyte; the daemon must hang up instead of making room for it."""
    before = daemon.memory
    for size in (2**60, 2**33, (256 << 20) + 1):
        wire = sockets.socket(sockets.AF_UNIX)
        wire.connect(str(daemon.runtime / "daemon.sock"))
        wire.settimeout(5)
        # ZMTP 3.1: signature, version, mechanism NULL, then READY and one long frame.
        wire.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31))
        ready = b"\x05READY" + b"\x0bSocket-Type" + struct.pack(">I", 6) + b"DEALER"
        wire.sendall(b"\x04" + bytes([len(ready)]) + ready + b"\x02" + struct.pack(">Q", size))
        while wire.recv(4096):
            pass
        wire.close()
    assert daemon.memory - before < 4 << 20
    assert daemon.alive


def test_a_client_that_never_reads_does_not_fill_the_daemons_memory(daemon: Daemon) -> None:
    with daemon.session("glutton") as session:
        job = session.submit(a_request(width=1024, height=1024))
        session.wait(job)
    before = daemon.memory
    raw = Raw(daemon, "glutton")
    for _ in range(200):
        raw.send("attach", ids=[job])
    with daemon.session("other") as session:
        session.run(a_request())
        session.run(a_request())
    assert daemon.memory - before < 64 << 20
    raw.close()


def test_garbage_on_the_socket_is_dropped(daemon: Daemon) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\0" * 1000, random.Random(1).randbytes(5000)):
        wire = sockets.socket(sockets.AF_UNIX)
        wire.connect(str(daemon.runtime / "daemon.sock"))
        with contextlib.suppress(BrokenPipeError):
            wire.sendall(garbage)
        wire.close()
    context = zmq.Context()
    peer = context.socket(zmq.REQ)
    peer.set(zmq.LINGER, 0)
    peer.connect(daemon.connection().endpoint)
    peer.send(b"hello?")
    assert peer.poll(300) == 0
    peer.close()
    context.term()
    with daemon.session() as session:
        session.run(a_request())
