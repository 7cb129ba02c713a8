"""Messages are taken apart without trust."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from acetate_wire.errors import CODES, AcetateError
from acetate_wire.limits import Limits
from acetate_wire.messages import decode, encode


def test_a_message_comes_apart_as_it_was_packed() -> None:
    fields = {"id": "x", "seed": 2**64 - 1}
    message = decode(encode("submit", fields, [b"one", b"two"]))
    assert (message.kind, message.fields, message.frames) == ("submit", fields, (b"one", b"two"))


BROKEN: list[Any] = [
    [],
    [b""],
    [b"\xc1"],
    [b"\x82\xa1v"],
    [msgpack.packb([1, 2])],
    [msgpack.packb({"v": 1, "kind": "x"}) + b"\x01"],
    [msgpack.packb({b"v": 1})],
    [msgpack.packb({1: 1})],
    [msgpack.packb({"v": 1})],
    [msgpack.packb({"v": 1, "kind": 5})],
    [msgpack.packb({"v": 2, "kind": "x"})],
    [msgpack.packb({"v": True, "kind": "x"})],
    [b"\xdf\xff\xff\xff\xff"],
    [b"\xdd\xff\xff\xff\xff"],
    [b"\xc6\xff\xff\xff\xff"],
    [b"\x91" * 100_000],
    [b"\x81\xa1v\xc7\x01\x05x"],
    [b"\x81\xa1v\xa2\xff\xff"],
]


@pytest.mark.parametrize("parts", BROKEN)
def test_a_broken_message_is_a_bad_request(parts: list[bytes]) -> None:
    with pytest.raises(AcetateError) as caught:
        decode(parts)
    assert caught.value.code == "bad_request"


def test_limits_hold() -> None:
    limits = replace(Limits(), header_bytes=100, message_bytes=10, frames=2)
    decode(encode("x", {}, [b"12345", b"67890"]), limits)
    for parts in (
        encode("x", {"long": "x" * 100}),
        encode("x", {}, [b"12345", b"678901"]),
        encode("x", {}, [b"", b"", b""]),
    ):
        with pytest.raises(AcetateError) as caught:
            decode(parts, limits)
        assert caught.value.code == "too_large"


def test_noise_never_raises_anything_else() -> None:
    dice = random.Random(4)
    good = encode("submit", {"id": "x", "request": {"mode": "text", "target": [0, 0, 5, 5]}})[0]
    for _ in range(5000):
        header = bytearray(good[: dice.randrange(len(good) + 1)])
        for _ in range(dice.randrange(4)):
            if header:
                header[dice.randrange(len(header))] = dice.randrange(256)
        try:
            decode([bytes(header)])
        except AcetateError as error:
            assert error.code in CODES


def test_limits_of_a_newer_daemon_are_understood() -> None:
    assert Limits.from_map({**Limits().to_map(), "side": 99, "moons": 3}) == replace(Limits(), side=99)
