"""Pictures that are split into layers by commands, written and read as documents."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from acetate.cli.jobs import CLIENT
from acetate.documents.reading import open_document
from acetate_wire import connection as connections
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from PIL import Image

from tests.daemon.harness import Daemon
from tests.pipelines.test_commands import QUICK, pixels
from tests.typed import Acetate


@pytest.fixture
def photo(acetate: Acetate) -> npt.NDArray[np.uint8]:
    """A red disc before a wall, all of it a little transparent; also in photo.png."""
    y, x = np.mgrid[0:70, 0:90]
    rgba = np.stack([40 + x / 2, 120 + y, 60 + 20 * ((x + y) % 3 == 0), np.full_like(x, 200)], axis=2)
    rgba[(x - 30) ** 2 + (y - 28) ** 2 < 300, :3] = (230, 20, 20)
    Image.fromarray(rgba.astype(np.uint8), "RGBA").save("photo.png")
    return rgba.astype(np.uint8)


def layers_of(path: str) -> dict[str, Image.Image]:
    """The layers of a document on its whole canvas, by name and from the lowest."""
    found = {}
    with open_document(Path(path)) as document:
        assert (document.width, document.height) == (90, 70)
        for layer in document.layers:
            picture = layer.read()
            assert picture is not None and layer.opacity == 1
            found[layer.name] = Image.new("RGBA", (90, 70))
            found[layer.name].paste(picture, (layer.x, layer.y))
    return found


def check_sum(layers: dict[str, Image.Image], photo: npt.NDArray[np.uint8]) -> None:
    """Composed one over the other, the layers are the picture, to one level."""
    made = Image.new("RGBA", (90, 70))
    for layer in layers.values():
        made = Image.alpha_composite(made, layer)
    assert np.abs(np.asarray(made).astype(int) - photo.astype(int)).max() <= 1


@pytest.mark.parametrize("ending", ["ora", "psd"])
def test_a_split_picture_is_one_document_that_looks_the_same(
    acetate: Acetate, photo: npt.NDArray[np.uint8], ending: str
) -> None:
    answer = acetate("split", "photo.png", "-o", f"out.{ending}", "--seed", "3", *QUICK)
    assert answer.code == 0, answer.errors
    layers = layers_of(f"out.{ending}")
    assert list(layers) == ["background", "layer 1"]
    left, top, right, bottom = layers["layer 1"].getbbox() or (0, 0, 0, 0)
    assert 8 <= left <= 13 and 6 <= top <= 11 and 48 <= right <= 53 and 46 <= bottom <= 51, "the red disc"
    check_sum(layers, photo)


@pytest.mark.parametrize("ending", ["ora", "psd"])
def test_both_samples_of_a_split_picture_are_taken_as_documents(
    acetate: Acetate, watched_daemon: Daemon, photo: npt.NDArray[np.uint8], ending: str
) -> None:
    asked = LayerRequest(
        mode="split",
        prompt="",
        canvas=(90, 70),
        target=Rect(0, 0, 90, 70),
        inputs={"blend": PictureSpec(0, 90, 70)},
        layers=4,
        count=2,
        seed=3,
        steps=2,
        passes=1,
    )
    key = connections.client_key(CLIENT, watched_daemon.home / "config" / "clients")
    with watched_daemon.session(CLIENT, key=key) as session:
        job = session.submit(asked, [photo.tobytes()])
    answer = acetate("take", job, "-o", f"out.{ending}")
    assert answer.code == 0, answer.errors
    for number in (1, 2):
        layers = layers_of(f"out-{number}.{ending}")
        assert list(layers) == ["background", "layer 1", "layer 2", "layer 3"]
        check_sum(layers, photo)


def test_like_any_layer_of_a_split_picture_brings_all_of_them(acetate: Acetate, photo: npt.NDArray[np.uint8]) -> None:
    assert acetate("split", "photo.png", "-o", "one.png", "--seed", "3", *QUICK).code == 0
    for former in ("background", "1"):
        again = ("split", "photo.png", "--like", f"one-{former}.png")
        assert acetate(*again, "-o", f"{former}.png").code == 0
        for part in ("background", "1"):
            assert np.array_equal(pixels(f"{former}-{part}.png"), pixels(f"one-{part}.png"))
        assert acetate(*again, "--layers", "3", "-o", f"{former}.ora").code == 0
        assert len(layers_of(f"{former}.ora")) == 3
