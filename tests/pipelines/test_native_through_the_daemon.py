"""Transformers put into the models folder, through a real daemon: a picture is split, and a layer drawn from words."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from acetate_wire.blocking import BlockingClient
from acetate_wire.events import Layer
from acetate_wire.request import LayerRequest, PictureSpec, Rect

from tests.daemon.harness import running_daemon
from tests.models.tiny_native import write_qwen_image21, write_qwen_layered

WIDTH, HEIGHT, X, Y = 150, 90, -20, 400
PICTURE = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
PICTURE[..., 3] = 255


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlockingClient]:
    folder = tmp_path_factory.mktemp("models")
    write_qwen_layered(folder / "base/tiny-layered")
    write_qwen_image21(folder / "base/tiny-2.1")
    with (
        running_daemon("tests.pipelines.small_native_engine:Small", ACETATE_MODELS_DIR=str(folder)) as daemon,
        daemon.session() as session,
    ):
        yield session


def split(model: str = "tiny-layered", seed: int = 7) -> LayerRequest:
    header = {"blend": PictureSpec(0, WIDTH, HEIGHT)}
    return LayerRequest(
        "split", (640, 480), Rect(X, Y, WIDTH, HEIGHT), "noise", model=model, inputs=header, layers=2, steps=2,
        guidance=1.0, seed=seed,
    )  # fmt: skip


def over(layers: tuple[Layer, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """The layers over one another in the target, as an editor shows them."""
    whole = np.zeros((HEIGHT, WIDTH, 3))
    for layer in layers:
        spec = layer.picture.header
        pixels = np.frombuffer(layer.picture.pixels, np.uint8).reshape(spec.height, spec.width, 4) / 255
        top, left = layer.y - Y, layer.x - X
        under = whole[top : top + spec.height, left : left + spec.width]
        under[:] = pixels[..., 3:] * pixels[..., :3] + (1 - pixels[..., 3:]) * under
    return whole


def test_a_picture_is_split_over_the_socket_and_its_layers_give_it_again(session: BlockingClient) -> None:
    offered = {model["name"]: model["modes"] for model in session.welcome.models}
    assert (list(offered["tiny-layered"]), list(offered["tiny-2.1"])) == (["split"], ["text"])
    first, again = (session.run(split(), [PICTURE.tobytes()]) for _ in range(2))
    assert [layer.role for layer in first.layers] == ["background", "foreground"]
    assert [bytes(layer.picture.pixels) for layer in first.layers] == [
        bytes(layer.picture.pixels) for layer in again.layers
    ]
    assert np.abs(over(first.layers) - PICTURE[..., :3] / 255).max() <= 1.01 / 255
    assert {settings["steps"] for settings in first.settings["layers"]} == {2}
