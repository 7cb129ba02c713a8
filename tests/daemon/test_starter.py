"""The same promises with the real engine: `acetate.pipelines` on a tiny model, in a real worker."""

from __future__ import annotations

import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acetate.image.pixel_codec import to_rgba
from acetate_wire.errors import AcetateError
from acetate_wire.events import Cancelled, Connected, Done, Progress
from acetate_wire.request import FORMATS

from tests.daemon.harness import Daemon, Editor, Raw, a_request, until
from tests.daemon.small_disk import SmallDisk
from tests.daemon.test_fuzz import Fuzzer, volley
from tests.daemon.test_pictures import linear_profile

SMALL: dict[str, Any] = {"width": 64, "height": 48, "steps": 3, "passes": 1}


def start(model: Path, folder: str, engine: str) -> Daemon:
    """A daemon with the real engine."""
    daemon = Daemon(Path(folder), engine=f"tests.daemon.tiny_engine:{engine}")
    daemon.environment["ACETATE_TEST_MODEL"] = str(model)
    return daemon.start()


@pytest.fixture(scope="module")
def shared(tiny_starter: Path) -> Iterator[Daemon]:
    """The daemon of this file's tests."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = start(tiny_starter, folder, "TinyStarter")
        yield daemon
        daemon.close()


@pytest.fixture
def daemon(shared: Daemon) -> Daemon:
    """The shared daemon, with clients that have no jobs yet."""
    shared.guests = uuid.uuid4().hex
    return shared


def test_a_layer_of_the_asked_size_and_format(daemon: Daemon) -> None:
    with daemon.session() as session:
        done = session.run(a_request("a red apple", seed=5, reply_format="rgba16", **SMALL))
        again = session.run(a_request("a red apple", seed=5, reply_format="rgba16", **SMALL))
    [layer] = done.layers
    assert (layer.x, layer.y, len(layer.picture.pixels)) == (3, 5, 64 * 48 * 8)
    assert bytes(layer.picture.pixels) == bytes(again.layers[0].picture.pixels)
    assert done.seed == 5 and done.settings["layers"][0]["prompt"] == "a red apple"


def test_a_layer_in_every_format_is_the_same_layer(daemon: Daemon) -> None:
    with daemon.session() as session:
        plain = session.run(a_request(seed=5, **SMALL)).layers[0].picture
        wanted = to_rgba(plain.header, plain.pixels)
        for format in FORMATS:
            for space in ("srgb", "linear"):
                asked = a_request(seed=5, reply_format=format, reply_space=space, reply_rows="bottom-up", **SMALL)
                picture = session.run(asked).layers[0].picture
                if format == "gray8":
                    alpha = np.frombuffer(picture.pixels, np.uint8).reshape(48, 64)[::-1] / 255
                    assert np.abs(alpha - wanted[..., 3]).max() < 1e-6
                else:
                    # Eight bits of linear light leave dark tones little room.
                    coarse = space == "linear" and format.endswith("8")
                    assert np.abs(to_rgba(picture.header, picture.pixels) - wanted).max() < (0.06 if coarse else 0.006)
        profile = linear_profile()
        asked = a_request(seed=5, reply_space="icc", reply_profile_frame=0, **SMALL)
        assert session.run(asked, [profile]).layers[0].picture.profile == profile


def test_the_model_stays_warm(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.run(a_request(**SMALL))
        worker = daemon.workers()
        began = time.monotonic()
        session.run(a_request(**SMALL))
        assert time.monotonic() - began < 5
        assert daemon.workers() == worker
        assert session.status()["models_loaded"] == ["starter"]


def test_a_wrong_sampler_is_refused_before_anything_runs(daemon: Daemon) -> None:
    with daemon.session() as session, pytest.raises(AcetateError) as caught:
        session.submit(a_request(sampler="DPM+++ 9Z", **SMALL))
    assert (caught.value.code, caught.value.field) == ("bad_request", "sampler")


def test_progress_and_previews_come_from_the_model(daemon: Daemon) -> None:
    heard: list[Progress] = []
    with daemon.session() as session:
        session.run(a_request(preview=True, **{**SMALL, "steps": 6}), on_progress=heard.append)
    assert [event.step for event in heard if event.stage == "drawing"] == [1, 2, 3, 4, 5, 6]
    assert any(event.preview for event in heard)


def test_cancel_stops_the_model_within_one_step(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request(**{**SMALL, "steps": 1000}))
    until(lambda: [e for e in editor.pump() if isinstance(e, Progress) and e.step > 2], "the third step")
    editor.client.cancel(job)
    editor.wait(Cancelled, job)
    following = editor.client.submit(a_request(**SMALL))
    editor.wait(Done, following)


@pytest.mark.slow
def test_a_killed_worker_and_a_killed_daemon_cost_no_layer(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request(seed=3, **{**SMALL, "steps": 100}))
    drawing = lambda: [e for e in editor.pump() if isinstance(e, Progress) and e.step > 2]  # noqa: E731
    until(drawing, "the third step")
    daemon.kill_worker()
    until(drawing, "the third step of the second try")
    daemon.restart()
    assert editor.wait(Done, job, patience=60).seed == 3


def test_broken_messages_do_not_disturb_the_model(daemon: Daemon) -> None:
    raw, fuzzer = Raw(daemon, "fuzzer"), Fuzzer(7)
    editor = daemon.editor()
    editor.wait(Connected)
    job = editor.client.submit(a_request(**{**SMALL, "steps": 20}))
    volley(raw, fuzzer, 500)
    editor.wait(Done, job)
    raw.close()
    editor.client.close()


def test_a_full_disk_refuses_the_models_layers_in_words(tiny_starter: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        disk = SmallDisk(Path(folder), engine="tests.daemon.tiny_engine:TinyStarter", reserve_bytes=1 << 19)
        disk.environment["ACETATE_TEST_MODEL"] = str(tiny_starter)
        disk.start()
        try:
            with disk.session() as session:
                with pytest.raises(AcetateError, match="is full"):
                    session.submit(a_request(**{**SMALL, "width": 1024, "height": 1024}))
                assert session.run(a_request(**SMALL)).layers
        finally:
            disk.close()


def test_too_large_a_job_is_out_of_memory_in_words(tiny_starter: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = start(tiny_starter, folder, "Starved")
        try:
            with daemon.session() as session:
                session.run(a_request(**SMALL))
                with pytest.raises(AcetateError) as caught:
                    session.run(a_request(**{**SMALL, "width": 4096, "height": 4096}))
                assert caught.value.code == "out_of_memory" and "smaller selection" in caught.value.hint
                session.run(a_request(**SMALL))
        finally:
            daemon.close()


def test_the_daemon_stays_small_beside_a_model(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.run(a_request(**SMALL))
    assert daemon.memory < 80 << 20
