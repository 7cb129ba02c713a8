"""From typed words to a transparent layer, with the model that is part of the package."""

from __future__ import annotations

import numpy as np
import pytest

from tests.daemon.harness import ROOT
from tests.krita.artist import Artist

PICTURES = ROOT / "docs" / "images" / "krita"


@pytest.fixture(scope="module")
def engine() -> str:
    """The engine of an installed daemon."""
    return "acetate.worker.diffusion_engine:DiffusionEngine"


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
