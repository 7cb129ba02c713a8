"""From typed words to a transparent layer, with the model that is part of the package."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.daemon.harness import ROOT, Daemon, running_daemon
from tests.krita.artist import Artist
from tests.models.tiny_native import write_qwen_layered

PICTURES = ROOT / "docs" / "images" / "krita"


@pytest.fixture(scope="module")
def engine() -> str:
    """The engine of an installed daemon, with a tiny transformer beside the starter."""
    return "tests.pipelines.small_native_engine:Small"


@pytest.fixture(scope="module")
def krita_daemon(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """The daemon of this file, which has the transformer's files."""
    folder = tmp_path_factory.mktemp("models")
    write_qwen_layered(folder / "base/tiny-layered")
    with running_daemon(engine, ACETATE_MODELS_DIR=str(folder)) as daemon:
        yield daemon


@pytest.mark.slow
def test_the_first_picture_in_kritas_own_layout(at_1080p: Artist) -> None:
    artist = at_1080p
    artist.new(1600, 1200)
    artist.set("text")
    artist.type("a red apple")
    artist.press_button()
    artist.until("not D.controller.jobs and D.controller.tasks.idle", patience=240)
    assert artist.names() == ["Background", "a red apple"]
    artist.until("len(D.history.list.ids) == 1")
    artist.run("app.activeDocument().waitForDone()")
    artist.until("D.button.line == D.button.text()")
    artist.picture(PICTURES / "first-picture.png", "window")


def test_typed_words_become_a_transparent_layer(artist: Artist) -> None:
    artist.new(256, 256)
    artist.run("D.more.steps.setValue(4); select(64, 48, 128, 128); D.refresh()")
    artist.type("a red apple")
    artist.press_button()
    artist.until("not D.controller.jobs and D.controller.tasks.idle", patience=240)
    assert artist.names() == ["Background", "a red apple"]
    x, y, width, height = artist.bounds("a red apple")
    assert x >= 64 and y >= 48 and x + width <= 192 and y + height <= 176
    pixels = np.frombuffer(artist.pixels("a red apple", 64, 48, 128, 128), "u1").reshape(128, 128, 4)
    assert (pixels[..., 3] == 0).any() and (pixels[..., 3] > 0).any()
    artist.undo()
    assert artist.names() == ["Background"]


def a_scene(depth: str) -> bytes:
    """A red and a blue disc before a green wall with a fine pattern, half clear on the right; Krita's own pixels."""
    y, x = np.mgrid[0:90, 0:120].astype(np.float32)
    bgra = np.stack([60 + y, 140 + 40 * ((x + y) % 3 == 0), 40 + x / 4, np.where(x > 90, 120, 255)], axis=2)
    bgra[(x - 40) ** 2 + (y - 35) ** 2 < 400, :3] = (20, 20, 230)
    bgra[(x - 85) ** 2 + (y - 65) ** 2 < 200, :3] = (230, 30, 20)
    full = {"U8": (1, "<u1"), "U16": (257, "<u2")}[depth]
    return (bgra.round() * full[0]).astype(full[1]).tobytes()


@pytest.mark.parametrize(
    ("depth", "model"), [("U8", "starter"), ("U16", "starter"), ("U8", "tiny-layered"), ("U16", "tiny-layered")]
)
def test_a_layer_that_is_split_looks_the_same_as_one_group_in_one_step(artist: Artist, depth: str, model: str) -> None:
    kind = {"U8": "<u1", "U16": "<u2"}[depth]
    artist.new(160, 120, depth=depth)
    artist.paint("photo", a_scene(depth), 20, 10, 120, 90)
    before = np.frombuffer(artist.composed(0, 0, 160, 120), kind).astype(int)
    if model != "starter":
        artist.run(f"D.use_again({{**D.form().to_map(), 'model': {model!r}, 'prompt': 'two discs', 'layers': 3}})")
    artist.run("D.more.steps.setValue(2)")
    artist.set("split", first="photo")
    steps = len(artist.steps())
    artist.press_button()
    artist.until("not D.controller.jobs and D.controller.tasks.idle", patience=240)
    artist.run("app.activeDocument().waitForDone()")
    _, photo, group = artist.tree()
    title = "Split" if model == "starter" else "two discs"
    assert (photo[0], photo[2], group[:3]) == ("photo", False, [title, "grouplayer", True])
    assert [entry[0] for entry in group[3]] == ["Background", "Layer 1", "Layer 2"]
    after = np.frombuffer(artist.composed(0, 0, 160, 120), kind).astype(int)
    assert np.abs(after - before).max() <= {"U8": 1, "U16": 257}[depth]
    for entry in group[3][1:]:
        x, y, width, height = artist.bounds(entry[0])
        assert x >= 20 and y >= 10 and x + width <= 140 and y + height <= 100
    if model == "starter":
        assert max(artist.bounds("Layer 1")[2:]) < 60
    assert len(artist.steps()) == steps + 1
    artist.undo()
    assert artist.names() == ["Background", "photo"]


def test_the_menu_shows_what_the_model_can_do(artist: Artist) -> None:
    artist.new()
    modes = artist.run(
        "next(list(entry['modes']) for entry in D.controller.connection.models if entry['name'] == 'starter')"
    )
    rows = artist.run(
        "rows = [(D.modes.itemData(n, QtCore.Qt.UserRole), D.modes.model().item(n)) for n in range(D.modes.count())]\n"
        "[[name, item.isEnabled(), item.toolTip()] for name, item in rows]"
    )
    assert sorted(name for name, enabled, _ in rows if enabled) == sorted(modes)
    assert all("starter" in reason for _, enabled, reason in rows if not enabled)
