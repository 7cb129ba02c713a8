"""Transformers put into the models folder, through a real daemon: a picture is split, and a layer drawn from words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from acetate.documents.reading import open_document
from acetate.models.registry import STARTER_FOLDER
from acetate_wire.blocking import BlockingClient
from acetate_wire.errors import AcetateError
from acetate_wire.events import Layer
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from PIL import Image

from tests.daemon.harness import Daemon, running_daemon
from tests.models.tiny_native import write_qwen_image21, write_qwen_layered
from tests.typed import typed

WIDTH, HEIGHT, X, Y = 150, 90, -20, 400
PICTURE = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
PICTURE[..., 3] = 255


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_qwen_layered(folder / "base/tiny-layered")
    write_qwen_image21(folder / "base/tiny-2.1")
    return folder


@pytest.fixture(scope="module")
def daemon(folder: Path) -> Iterator[Daemon]:
    """To which every transformer takes too long."""
    with running_daemon("tests.pipelines.small_native_engine:Impatient", ACETATE_MODELS_DIR=str(folder)) as daemon:
        yield daemon


@pytest.fixture
def session(daemon: Daemon) -> Iterator[BlockingClient]:
    with daemon.session() as session:
        yield session


def split(however_long: bool = True) -> LayerRequest:
    header = {"blend": PictureSpec(0, WIDTH, HEIGHT)}
    return LayerRequest(
        "split", (640, 480), Rect(X, Y, WIDTH, HEIGHT), "noise", model="tiny-layered", inputs=header, layers=2,
        steps=2, guidance=1.0, seed=7, however_long=however_long,
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


def test_what_would_take_hours_is_refused_with_its_time_unless_it_is_wanted_all_the_same(
    session: BlockingClient,
) -> None:
    with pytest.raises(AcetateError) as refused:
        session.run(split(however_long=False), [PICTURE.tobytes()])
    assert (refused.value.code, refused.value.field, refused.value.retry) == ("too_slow", "steps", False)
    assert "takes at least 1 minute on the processor" in refused.value.message and "however" in refused.value.hint


def test_the_command_splits_a_photo_into_a_document(
    daemon: Daemon, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    acetate = typed(daemon, STARTER_FOLDER, tmp_path, monkeypatch, capsys)
    Image.fromarray(PICTURE, "RGBA").save("photo.png")
    command = ("split", "photo.png", "noise", "--model", "tiny-layered", "--layers", "3", "--steps", "1", "--seed", "7")
    slow = acetate(*command, "-o", "slow.ora")
    assert slow.code != 0 and "--however-long" in slow.errors and not Path("slow.ora").exists()
    for name in ("photo.ora", "again.ora"):
        answer = acetate(*command, "--however-long", "-o", name)
        assert answer.code == 0, answer.errors
    with open_document(Path("photo.ora")) as document, open_document(Path("again.ora")) as again:
        assert (document.width, document.height) == (WIDTH, HEIGHT)
        assert [layer.name for layer in document.layers] == ["background", "noise 1", "noise 2"]
        made = Image.new("RGBA", (WIDTH, HEIGHT))
        for layer, same in zip(document.layers, again.layers, strict=True):
            picture, other = layer.read(), same.read()
            assert picture is not None and other is not None and picture.tobytes() == other.tobytes()
            placed = Image.new("RGBA", made.size)
            placed.paste(picture, (layer.x, layer.y))
            made = Image.alpha_composite(made, placed)
    assert np.abs(np.asarray(made).astype(int) - PICTURE).max() <= 1
