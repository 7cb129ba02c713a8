"""Pictures go out and come back in every format, row order and colour space, unchanged."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from acetate.image.pixel_codec import from_rgba, to_rgba
from acetate_wire.errors import AcetateError
from acetate_wire.request import FORMATS, ROWS, PictureSpec

from tests.daemon.harness import Daemon, a_request

WIDTH, HEIGHT = 23, 17


def a_picture(format: str) -> bytes:
    """Pixels that differ everywhere, clear and half-clear ones with colours among them."""
    dice = np.random.default_rng(5)
    channels = 1 if format == "gray8" else 4
    values = dice.random((HEIGHT, WIDTH, channels))
    kinds = {"8": ("u1", 255), "16": ("<u2", 65535), "f16": ("<f2", 1), "f32": ("<f4", 1)}
    kind, full = kinds[format.lstrip("abgry")]
    return (values * full).astype(kind).tobytes()


def linear_profile() -> bytes:
    """An ICC profile with sRGB's primaries and no curve, written out by hand (ICC.1:2001-04)."""
    s15 = [("wtpt", (0.9642, 1.0, 0.8249))]
    s15 += [("rXYZ", (0.4361, 0.2225, 0.0139)), ("gXYZ", (0.3851, 0.7169, 0.0971)), ("bXYZ", (0.1431, 0.0606, 0.7141))]
    tags = [(name, b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in xyz))) for name, xyz in s15]
    tags += [(name, b"curv\0\0\0\0" + struct.pack(">I", 0)) for name in ("rTRC", "gTRC", "bTRC")]
    tags += [("desc", b"desc\0\0\0\0" + struct.pack(">I", 2) + b"x\0" + b"\0" * 78), ("cprt", b"text\0\0\0\0x\0")]
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags:
        data += b"\0" * (-len(data) % 4)
        table += name.encode() + struct.pack(">2I", start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", 0, b"\0\0\0\0", 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += struct.pack(">3i", 63190, 65536, 54061) + b"\0" * 48
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole)) + whole[4:]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("format", FORMATS)
def test_a_picture_comes_back_bit_for_bit(daemon: Daemon, format: str, rows: str) -> None:
    data = a_picture(format)
    picture = PictureSpec(0, WIDTH, HEIGHT, format, rows)
    request = a_request("echo", WIDTH, HEIGHT, mode="refine", inputs={"layer": picture}, reply_rows=rows)
    with daemon.session() as session:
        back = session.run(replace(request, reply_format=format), [data]).layers[0].picture
    assert (back.header.format, back.header.rows) == (format, rows)
    assert bytes(back.pixels) == (data if format != "gray8" else b"\xff" * (WIDTH * HEIGHT))


@pytest.mark.parametrize("format", ["rgba8", "bgra16", "rgbaf16", "rgbaf32"])
def test_linear_light_comes_back_as_it_went(daemon: Daemon, format: str) -> None:
    data = a_picture(format)
    picture = PictureSpec(0, WIDTH, HEIGHT, format, space="linear")
    request = a_request("echo", WIDTH, HEIGHT, mode="refine", inputs={"layer": picture}, reply_space="linear")
    with daemon.session() as session:
        back = session.run(replace(request, reply_format=format), [data]).layers[0].picture
    assert back.header.space == "linear"
    before, after = to_rgba(picture, data), to_rgba(back.header, back.pixels)
    assert np.abs(before - after).max() <= (1e-6 if "f32" in format else 1e-3 if "f16" in format else 1 / 65535)


def test_a_profile_is_used_on_the_way_in_and_out(daemon: Daemon) -> None:
    data, profile = a_picture("rgba8"), linear_profile()
    picture = PictureSpec(0, WIDTH, HEIGHT, space="icc", profile_frame=1)
    fields = {"mode": "refine", "inputs": {"layer": picture}}
    with daemon.session() as session:
        plain = session.run(a_request("echo", WIDTH, HEIGHT, **fields), [data, profile]).layers[0].picture
        request = a_request("echo", WIDTH, HEIGHT, reply_space="icc", reply_profile_frame=1, **fields)
        back = session.run(request, [data, profile]).layers[0].picture
    meant = to_rgba(PictureSpec(0, WIDTH, HEIGHT, space="linear"), data)
    assert np.abs(to_rgba(plain.header, plain.pixels) - meant).max() < 2 / 255
    assert back.profile == profile
    lost = np.abs(np.frombuffer(back.pixels, "u1").astype(int) - np.frombuffer(data, "u1"))
    assert lost.max() <= 3


def test_a_broken_profile_is_refused_in_words(daemon: Daemon) -> None:
    picture = PictureSpec(0, WIDTH, HEIGHT, space="icc", profile_frame=1)
    with daemon.session() as session, pytest.raises(AcetateError, match="ICC profile") as caught:
        session.run(a_request(mode="refine", inputs={"layer": picture}), [a_picture("rgba8"), b"nonsense"])
    assert caught.value.code == "bad_request"


def test_a_mask_in_grey_is_an_opaque_picture_of_its_values() -> None:
    rgba = to_rgba(PictureSpec(0, 2, 1, "gray8"), bytes([0, 51]))
    assert np.allclose(rgba[0], np.array([[0, 0, 0, 1], [0.2, 0.2, 0.2, 1]]))
    rgba[..., 3] = 0.4
    assert from_rgba(rgba, "gray8", "top-down", "srgb") == bytes([102, 102])


def test_whole_numbers_go_out_as_they_are() -> None:
    dice = np.random.default_rng(1)
    eight = dice.integers(0, 256, (4, 5, 4), dtype=np.uint8)
    assert from_rgba(eight, "rgba8", "top-down", "srgb") == eight.tobytes()
    sixteen = from_rgba(eight, "rgba16", "top-down", "srgb")
    assert np.array_equal(np.frombuffer(sixteen, "<u2").reshape(4, 5, 4), eight.astype("u2") * 257)
