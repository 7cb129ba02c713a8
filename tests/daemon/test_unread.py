"""A client that does not read for a while gets the end of everything that it asked for, and the newest of the rest."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgpack
import pytest
import zmq
from acetate.daemon import outbox
from acetate.daemon.outbox import OVERHEAD_BYTES, Outbox
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import Daemon, Raw, a_request, until

QUESTIONS = 4000
"""Their answers fit neither into both sides' sockets nor into what the daemon has room for."""


class Deaf(Raw):
    """A client whose own queue is short, so that the daemon notices soon that it does not read."""

    def __init__(self, daemon: Daemon) -> None:
        super().__init__(daemon, "deaf", options={zmq.RCVHWM: 1, zmq.SNDHWM: 0})
        self._reads = 0

    def read(self) -> dict[str, Any]:
        """The next message's header, whatever it is; now and then the daemon is shown that the client lives."""
        if self._reads % 200 == 0:
            self.send("ping")
        self._reads += 1
        assert self.socket.poll(30_000), "nothing more came"
        header: dict[str, Any] = msgpack.unpackb(self.socket.recv_multipart()[0])
        return header


@pytest.fixture
def deaf(daemon: Daemon) -> Iterator[Deaf]:
    client = Deaf(daemon)
    yield client
    client.close()


def test_every_end_comes_when_a_client_reads_again(
    daemon: Daemon, deaf: Deaf, states: Callable[[str], dict[str, str]]
) -> None:
    good, bad = ([str(uuid.uuid4()) for _ in range(20)] for _ in range(2))
    for _ in range(QUESTIONS):
        deaf.send("status")
    for pair in zip(good, bad, strict=True):
        deaf.send("submit", id=pair[0], request=encode_request(a_request("steps=20")))
        deaf.send("submit", id=pair[1], request={"mode": "nothing"})
    deaf.send("cancel", id=good[-1])
    ends = {**dict.fromkeys(good, "done"), good[-1]: "cancelled"}

    def ended() -> bool:
        deaf.send("ping")
        return states("deaf") == ends

    until(ended, "the end of all jobs")
    told: dict[str, list[str]] = {id: [] for id in (*good, *bad)}
    wanted = {**{id: ["accepted", ends[id]] for id in good}, **{id: ["rejected"] for id in bad}}
    answered = 0
    while told != wanted:
        header = deaf.read()
        answered += header["kind"] == "status"
        if header["kind"] in outbox.ENDS:
            kinds = told[header["id"]]
            assert header["kind"] not in kinds or kinds == ["accepted"], "an end is told once, a position again"
            kinds += [header["kind"]] * (header["kind"] not in kinds)
    assert answered > 0


@pytest.fixture
def states(daemon: Daemon) -> Callable[[str], dict[str, str]]:
    """The states of a client's jobs, asked over another connection of the same client."""

    def states(name: str) -> dict[str, str]:
        raw = Raw(daemon, name)
        raw.send("jobs")
        listed = raw.answer(30.0)["jobs"]
        raw.close()
        return {job["id"]: job["state"] for job in listed}

    return states


def test_three_thousand_unread_pings_are_all_answered(deaf: Deaf) -> None:
    for _ in range(3000):
        deaf.send("ping")
    kinds = Counter[str]()
    while kinds["pong"] < 3000:
        kinds[deaf.read()["kind"]] += 1
    assert set(kinds) <= {"pong", "ping"}


def waiting(box: Outbox) -> list[bytes]:
    """What is sent when everything can be."""
    sent: list[bytes] = []

    def send(parts: Sequence[bytes]) -> bool:
        sent.extend(parts)
        return True

    box.flush(send)
    assert not box
    return sent


def test_of_a_jobs_positions_and_steps_the_newest_waits() -> None:
    box = Outbox()
    for number in range(1000):
        for id in ("a", "b"):
            assert box.add("accepted", {"id": id}, [b"position %s %d" % (id.encode(), number)])
            assert box.add("progress", {"id": id}, [b"step %s %d" % (id.encode(), number)])
    assert len(box) == 4
    assert waiting(box) == [b"position a 999", b"step a 999", b"position b 999", b"step b 999"]


def test_what_can_be_asked_again_gives_way_to_ends_which_have_a_bound_too() -> None:
    box = Outbox()
    most = outbox.MOST_BYTES // (OVERHEAD_BYTES + 100)
    for number in range(2 * most):
        assert box.add("pong", {}, [b"%100d" % number])
    assert len(box) == most
    assert all(box.add("rejected", {"id": ""}, [b"r%99d" % number]) for number in range(most))
    assert not box.add("rejected", {"id": ""}, [b"r%99d" % most])
    assert not box.add("pong", {}, [bytes(100)])
    assert waiting(box) == [b"r%99d" % number for number in range(most)]


def test_what_is_not_taken_yet_stays_in_its_order() -> None:
    box = Outbox()
    for number in range(4):
        box.add("rejected", {}, [b"%d" % number])
    tries = iter([True, True, False])
    box.flush(lambda parts: next(tries))
    assert waiting(box) == [b"2", b"3"]


def test_a_message_that_comes_after_its_former_one_was_taken_is_the_newest() -> None:
    box = Outbox()
    box.add("progress", {"id": "a"}, [b"first"])
    box.flush(lambda parts: True)
    box.add("progress", {"id": "b"}, [b"b" * (outbox.MOST_BYTES // 2)])
    box.add("progress", {"id": "a"}, [b"a" * (outbox.MOST_BYTES // 4)])
    box.add("progress", {"id": "c"}, [b"c" * (outbox.MOST_BYTES // 2)])
    assert [parts[:1] for parts in waiting(box)] == [b"a", b"c"]
