"""Every mode for every family, end to end: submitted to a real daemon, drawn by its worker, and fetched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from acetate_wire.blocking import BlockingClient
from acetate_wire.errors import AcetateError
from acetate_wire.events import Layer
from acetate_wire.request import LayerRequest, PictureSpec, Rect, output_roles

from tests.daemon.harness import running_daemon
from tests.daemon.test_pictures import linear_profile
from tests.pipelines.test_modes import EVERY, MODES

WIDTH, HEIGHT = 83, 71


@pytest.fixture(scope="module")
def session(models_folder: Path) -> Iterator[BlockingClient]:
    """A client of a daemon with the tiny models."""
    with (
        running_daemon("tests.pipelines.watched_engine:Watched", ACETATE_MODELS_DIR=str(models_folder)) as daemon,
        daemon.session() as session,
    ):
        yield session


def pixels(role: str) -> np.ndarray[Any, Any]:
    """What a client sends for a role."""
    made = np.random.default_rng(len(role)).integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    if role == "mask":
        made[:] = (0, 0, 0, 255)
        made[20:50, 30:60] = 255
    return made


def asked(mode: str, family: str, **changes: Any) -> tuple[LayerRequest, list[bytes]]:
    roles = MODES[mode]
    headers = {role: PictureSpec(frame, WIDTH, HEIGHT) for frame, role in enumerate(roles)}
    fields: dict[str, Any] = {"model": family, "seed": 5, "steps": 2, "passes": 1, "inputs": headers, **changes}
    request = LayerRequest(mode, (640, 480), Rect(7, -5, WIDTH, HEIGHT), "a red apple", **fields)
    return request, [pixels(role).tobytes() for role in roles]


def shown(layer: Layer) -> np.ndarray[Any, Any]:
    return np.frombuffer(layer.picture.pixels, np.uint8).reshape(HEIGHT, WIDTH, 4)


@pytest.mark.parametrize(("mode", "family"), EVERY)
def test_a_mode_from_request_to_layers_without_a_trace_on_the_model(
    session: BlockingClient, mode: str, family: str
) -> None:
    request, frames = asked(mode, family)
    done = session.run(request, frames)
    assert [layer.role for layer in done.layers] == list(output_roles(request))
    assert all((layer.x, layer.y) == (7, -5) and shown(layer).shape == (HEIGHT, WIDTH, 4) for layer in done.layers)
    before, after = done.settings["unet"]
    assert before == after


def test_outside_the_mask_the_bytes_that_were_sent_come_back(session: BlockingClient) -> None:
    request, frames = asked("inpaint", "starter")
    (layer,) = session.run(request, frames).layers
    inside = pixels("mask")[..., 0] > 0
    assert np.array_equal(shown(layer)[~inside], pixels("layer")[~inside])
    assert not np.array_equal(shown(layer)[inside], pixels("layer")[inside])


@pytest.mark.parametrize("format", ["bgra8", "rgba16", "rgbaf32"])
def test_at_strength_0_a_layer_in_any_format_comes_back_as_it_went(session: BlockingClient, format: str) -> None:
    kinds = {"bgra8": np.uint8, "rgba16": np.uint16, "rgbaf32": np.float32}
    brightest = 1 if format == "rgbaf32" else 250
    sent = (np.random.default_rng(3).random((HEIGHT, WIDTH, 4)) * brightest).astype(kinds[format])
    header = PictureSpec(0, WIDTH, HEIGHT, format, "bottom-up")
    request, _ = asked(
        "refine", "starter", strength=0.0, inputs={"layer": header}, reply_format=format, reply_rows="bottom-up"
    )
    (layer,) = session.run(request, [sent.tobytes()]).layers
    assert bytes(layer.picture.pixels) == sent.tobytes()


def test_a_blend_comes_back_when_it_is_asked_for(session: BlockingClient) -> None:
    request, frames = asked("background", "sdxl", returns=("background", "blend"))
    assert [layer.role for layer in session.run(request, frames).layers] == ["background", "blend"]


def test_what_a_mode_cannot_do_is_refused_before_it_is_accepted(session: BlockingClient) -> None:
    request, frames = asked("extract", "sd15")
    with pytest.raises(AcetateError) as refusal:
        session.submit(request, frames)
    assert refusal.value.code == "mode_unsupported"


def test_clip_skip_is_offered_as_far_as_it_is_taken(session: BlockingClient) -> None:
    offered = {model["name"]: model["clip_layers"] for model in session.welcome.models}
    assert {name: offered[name] for name in ("starter", "sd15", "sdxl")} == {"starter": 0, "sd15": 2, "sdxl": 2}
    request, frames = asked("text", "sd15", clip_skip=offered["sd15"] + 1)
    with pytest.raises(AcetateError) as refusal:
        session.submit(request, frames)
    assert refusal.value.field == "clip_skip"


def test_a_layer_and_its_answer_may_have_a_colour_profile(session: BlockingClient) -> None:
    header = PictureSpec(2, WIDTH, HEIGHT, space="icc", profile_frame=1)
    request, frames = asked(
        "refine", "starter", strength=0.5, inputs={"layer": header}, reply_space="icc", reply_profile_frame=0
    )
    profile = linear_profile()
    (layer,) = session.run(request, [profile, profile, *frames]).layers
    assert layer.picture.profile == profile
