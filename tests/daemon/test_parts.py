"""Pictures larger than one message: in parts both ways, within the limits, and told to clients that know no parts."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acetate_wire.errors import AcetateError
from acetate_wire.events import Accepted, Connected, Done
from acetate_wire.limits import Limits
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from acetate_wire.request_codec import encode_request

from tests.daemon.harness import ROOT, STAND_IN, Daemon, Editor, Raw, a_request, running_daemon, until

SIDE = 64
FRAME = SIDE * SIDE * 16
SERVE = "from acetate.daemon.config import *; from acetate.daemon.run import serve; serve(DaemonConfig(limits={}))"
SMALL = Limits(message_bytes=FRAME - 1, job_bytes=2 * FRAME, part_bytes=FRAME // 3)
WHOLE: dict[str, Any] = {"target": Rect(0, 0, SIDE, SIDE), "reply_format": "rgbaf32"}


class SmallMessages(Daemon):
    """Its messages hold less than one of these pictures, and its jobs two."""

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the daemon with these limits."""
        environment = {**self.environment, "ACETATE_ENGINE": STAND_IN}
        command = [sys.executable, "-c", SERVE.format(SMALL)]
        return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, cwd=ROOT)


@pytest.fixture
def daemon(home: Path) -> Iterator[Daemon]:
    """A daemon with small messages."""
    made = SmallMessages(home)
    yield made.start()
    made.close()


def spool(daemon: Daemon) -> list[str]:
    """What lies in the daemon's folder of pixels, by the ends of the names."""
    return sorted(path.suffix for path in (daemon.state / "spool").iterdir())


def greeted(daemon: Daemon, *, parts: bool) -> Raw:
    """A bare socket that has said hello."""
    raw = Raw(daemon, greet=False)
    key, access = daemon.client_key("raw"), raw.connection.access
    known = {"parts": True} if parts else {}
    raw.send("hello", name="raw", version="0", editor="", client=key, access=access, **known)
    assert raw.answer()["kind"] == "welcome"
    return raw


def test_a_picture_larger_than_a_message_goes_there_and_back_unchanged(daemon: Daemon, editor: Editor) -> None:
    limits = editor.wait(Connected).limits
    assert (limits.job_bytes, limits.part_bytes) == (SMALL.job_bytes, SMALL.part_bytes)
    floats = b"\x00\x00\x00\x3f\x00\x00\x80\x3e\x00\x00\x00\x00\x00\x00\x80\x3f"
    pixels = floats * (SIDE * SIDE)
    picture = PictureSpec(0, SIDE, SIDE, "rgbaf32")
    request = a_request("echo", **WHOLE, mode="refine", inputs={"layer": picture})
    job = editor.client.submit(request, [pixels])
    done = editor.wait(Done, job)
    assert bytes(done.layers[0].picture.pixels) == pixels
    assert len(done.layers[0].picture.pixels[16:64]) == 48, "an editor reads it strip by strip"
    restarted = editor.restarted()
    restarted.client.attach([job])
    assert bytes(restarted.wait(Done, job).layers[0].picture.pixels) == pixels
    restarted.client.acknowledge(job)
    until(lambda: (restarted.pump(), spool(daemon) == [])[1], "the end of its files")
    restarted.client.close()


def test_a_daemon_that_is_killed_meanwhile_loses_nothing(daemon: Daemon, editor: Editor) -> None:
    picture = PictureSpec(0, SIDE, SIDE, "rgbaf32")
    request = a_request("echo steps=4 pause=0.1", **WHOLE, mode="refine", inputs={"layer": picture})
    job = editor.client.submit(request, [bytes(FRAME)])
    editor.wait(Accepted, job)
    daemon.restart()
    assert len(editor.wait(Done, job).layers[0].picture.pixels) == FRAME


def test_what_is_over_the_limit_of_a_job_is_refused_in_mb(daemon: Daemon, editor: Editor) -> None:
    with daemon.session() as session, pytest.raises(AcetateError) as refused:
        session.run(a_request(**WHOLE, count=3))
    assert refused.value.code == "too_large" and refused.value.field == "target"
    assert "are 1 MB, over the limit of 1 MB" in refused.value.message


def test_an_older_client_is_told_to_update(daemon: Daemon) -> None:
    raw = greeted(daemon, parts=False)
    answer = raw.submit(encode_request(a_request(**WHOLE)))
    raw.close()
    assert answer["code"] == "too_large" and "update the plug-in" in answer["hint"]


def test_parts_out_of_order_too_many_and_abandoned_ones_leave_nothing(daemon: Daemon) -> None:
    raw, id = greeted(daemon, parts=True), str(uuid.uuid4())
    part = bytes(SMALL.part_bytes)

    def refused(offset: int, frame: int = 0, data: bytes = part) -> str:
        raw.send("part", data, id=id, frame=frame, offset=offset)
        return str(raw.answer()["code"])

    assert refused(16) == "bad_request"
    assert refused(0, data=part + b"x") == "bad_request"
    raw.send("part", part, id=id, frame=0, offset=0)
    assert refused(1) == "bad_request"
    raw.send("part", part, id=id, frame=0, offset=0)
    for number in range(1, SMALL.job_bytes // SMALL.part_bytes):
        raw.send("part", part, id=id, frame=0, offset=number * len(part))
    assert refused(SMALL.job_bytes // SMALL.part_bytes * len(part)) == "too_large"
    until(lambda: spool(daemon) == [], "the parts of a refused upload to go")
    raw.send("part", part, id=id, frame=0, offset=0)
    until(lambda: spool(daemon) == [".part"], "a part")
    other = str(uuid.uuid4())
    raw.send("part", part, id=other, frame=0, offset=0)
    until(lambda: [path.name[:36] for path in (daemon.state / "spool").iterdir()] == [other], "one upload a client")
    raw.close()
    until(lambda: spool(daemon) == [], "the parts of a client that is gone to go", 20.0)


def test_a_part_left_by_a_killed_daemon_goes(make_daemon: Callable[..., Daemon], home: Path) -> None:
    left = home / "state" / "spool" / f"{uuid.uuid4()}.abc.part"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x")
    make_daemon().start()
    assert not left.exists()


@pytest.mark.slow
def test_a_picture_of_6000_by_4000_goes_there_and_four_layers_of_its_size_come_back() -> None:
    width, height = 6000, 4000
    request = LayerRequest(
        "split", (width, height), Rect(0, 0, width, height), "", inputs={"blend": PictureSpec(0, width, height)},
        layers=4,
    )  # fmt: skip
    with (
        running_daemon("tests.daemon.large_layers_engine:LargeLayers") as daemon,
        daemon.session() as session,
    ):
        done = session.run(request, [bytes(width * height * 4)], timeout=300)
        assert [layer.role for layer in done.layers] == ["background", *["foreground"] * 3]
        for number, layer in enumerate(done.layers):
            pixels = np.frombuffer(layer.picture.pixels, np.uint8)
            assert len(pixels) == width * height * 4 and bool((pixels == 10 + number).all())
        until(lambda: spool(daemon) == [], "the end of its files")
