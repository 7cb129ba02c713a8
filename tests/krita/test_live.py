"""Live and a stack with the model that is part of the package: strokes on the canvas, and the pictures of the page."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.daemon.harness import ROOT
from tests.krita.artist import Artist
from tests.krita.strokes import stroke

PICTURES = ROOT / "docs" / "images" / "krita"
PATIENCE_S = 300.0
PLACES = {"a red apple": (60, 260, 280, 280), "a cat": (380, 200, 380, 380), "a blue fish": (720, 40, 240, 240)}


@pytest.fixture(scope="module")
def engine() -> str:
    """The engine of an installed daemon."""
    return "acetate.worker.diffusion_engine:DiffusionEngine"


@pytest.mark.slow
def test_a_stroke_is_refined_on_the_canvas_and_kept_when_wanted(artist: Artist) -> None:
    artist.new(1000, 620)
    disc = np.zeros((260, 260, 4), "u1")
    y, x = np.mgrid[-1:1:260j, -1:1:260j]
    disc[np.hypot(x, y) < 0.95] = (40, 40, 210, 255)
    artist.paint("sketch", disc.tobytes(), 360, 180, 260, 260)
    artist.run("D.modes.choose('refine'); D.prompts.prompt.setPlainText('a red apple'); D.strength.setValue(70)")
    artist.run("app.activeDocument().setModified(False); app.action('KritaShape/KisToolBrush').trigger(); D.refresh()")
    artist.click("D.live.toggle")
    artist.until("D.live.live.shown is not None", PATIENCE_S)
    first = artist.run("D.live.live.shown.done.id")
    assert artist.run("app.activeDocument().modified()") is False
    stroke(artist, (430, 260), (560, 300))
    stroke(artist, (430, 330), (560, 340))
    artist.until(f"D.live.live.shown is not None and D.live.live.shown.done.id != {first!r}", PATIENCE_S)
    artist.until("not D.live.live._job and not D.live.live._reading", PATIENCE_S)
    steps = artist.steps()
    artist.picture(PICTURES / "live.png", "window")
    artist.click("D.live.keep")
    artist.until("D.controller.tasks.idle and len(app.activeDocument().rootNode().childNodes()) == 3")
    assert len(artist.steps()) == len(steps) + 1
    shown = np.frombuffer(artist.pixels("a red apple", 360, 180, 260, 260), "u1").reshape(260, 260, 4)
    assert shown[100:160, 100:160, 3].mean() > 200 and shown[:6, :6, 3].mean() < 60


@pytest.mark.slow
def test_a_stack_stands_where_its_rows_say(artist: Artist) -> None:
    artist.new(1000, 620)
    rows = [{"prompt": words, "region": list(place)} for words, place in PLACES.items()]
    artist.run(f"D.modes.choose('stack'); D.stack.fill({rows!r}, ''); D.prompts.prompt.setPlainText('a meadow')")
    artist.run("D.more.seed.setText('1'); D.more.lock.setChecked(True); D.refresh()")
    artist.press_button()
    artist.until("not D.controller.jobs and D.controller.tasks.idle", PATIENCE_S)
    for words, (x, y, width, height) in PLACES.items():
        left, top, across, down = artist.bounds(words)
        assert x <= left and y <= top and left + across <= x + width and top + down <= y + height
        alpha = np.frombuffer(artist.pixels(words, x, y, width, height), "u1")[3::4]
        assert 0.05 < (alpha > 128).mean() < 0.95
    artist.run("app.activeDocument().waitForDone()")
    artist.picture(PICTURES / "stack.png", "window")
    with Image.open(PICTURES / "stack.png") as large:
        large.convert("RGB").resize((960, 600)).save(PICTURES / "stack.png", optimize=True)
