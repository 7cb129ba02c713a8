"""What a job works on is told before the click, in words and on the canvas, and is what the daemon is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from acetate_wire.geometry import area_around
from acetate_wire.request import Rect
from numpy.typing import NDArray
from PIL import Image

from tests.daemon.harness import ROOT
from tests.krita.artist import Artist

CANVAS = Rect(0, 0, 2000, 1500)
BOX = Rect(700, 500, 320, 320)
PICTURES = ROOT / "docs" / "images" / "krita"


def begin(artist: Artist) -> None:
    """A large canvas with a small layer, `rocket`."""
    artist.new(CANVAS.width, CANVAS.height)
    blue = bytes([200, 40, 40, 255]) * (BOX.width * BOX.height)
    artist.paint("rocket", blue, BOX.x, BOX.y, BOX.width, BOX.height)


@pytest.fixture(autouse=True)
def fresh_switch(artist: Artist) -> None:
    """No mode fills the canvas."""
    artist.run("D.controller.settings.fill.clear(); D.fill.setChecked(False)")


@pytest.mark.parametrize("mode", ["refine", "background", "extract"])
def test_without_a_selection_a_small_layer_is_worked_on_with_a_margin(artist: Artist, mode: str) -> None:
    begin(artist)
    area = area_around(BOX, CANVAS, 1.0)
    artist.set(mode, first="rocket", second="rocket")
    artist.run("D.prompts.prompt.setPlainText('a rocket'); D.refresh()")
    assert artist.run("D.target.text()") == f"The layer and a margin: {area.width} × {area.height}"
    artist.make("a rocket")
    assert artist.bounds("a rocket") == (area.x, area.y, area.width, area.height)


def test_the_switch_makes_it_the_whole_canvas_and_is_remembered_by_mode(artist: Artist) -> None:
    begin(artist)
    artist.set("refine", first="rocket")
    artist.run("D.fill.click()")
    artist.until("D.fill.isChecked()")
    assert artist.run("D.target.text()") == "The whole canvas: 2000 × 1500"
    artist.make("a rocket")
    assert artist.bounds("a rocket") == (0, 0, 2000, 1500)
    artist.set("background")
    assert not artist.run("D.fill.isChecked()")
    artist.set("refine")
    assert artist.run("D.fill.isChecked()")


def test_a_new_layer_keeps_the_canvas_and_says_where_its_subject_goes(artist: Artist) -> None:
    begin(artist)
    artist.set("text")
    artist.run("D.prompts.prompt.setPlainText('a rocket'); D.refresh()")
    assert artist.run("D.target.text()") == "The whole canvas, the subject in the middle: 2000 × 1500"
    artist.run("D.fill.click(); D.refresh()")
    assert artist.run("D.target.text()") == "The whole canvas: 2000 × 1500"
    artist.run("select(10, 20, 300, 200); D.refresh()")
    assert artist.run("[D.target.text(), D.fill.text()]") == [
        "The selection: 300 × 200 at 10, 20",
        "Fill the selection",
    ]


def test_a_layer_without_visible_pixels_is_refused_before_the_click(artist: Artist) -> None:
    begin(artist)
    artist.paint("empty", b"", 0, 0, 0, 0)
    artist.set("refine", first="empty")
    artist.run("D.prompts.prompt.setPlainText('a rocket'); D.refresh()")
    assert artist.run("[D.button.isEnabled(), D.target.text()]") == [False, "The layer empty has no visible pixels"]


@pytest.mark.parametrize("mode", ["text", "scene", "background", "foreground"])
def test_without_words_the_button_says_what_is_missing(artist: Artist, mode: str) -> None:
    begin(artist)
    artist.set(mode, first="rocket")
    artist.run("D.prompts.prompt.setPlainText('  '); D.refresh()")
    assert artist.run("[D.button.isEnabled(), D.hint.text()]") == [False, "Say what to draw first"]


def test_removing_needs_a_selection_and_no_words(artist: Artist) -> None:
    begin(artist)
    artist.set("remove", first="rocket")
    artist.run("D.prompts.prompt.setPlainText(''); D.refresh()")
    told = "[D.button.isEnabled(), D.target.text(), D.prompts.prompt.isVisible(), D.button.text()]"
    assert artist.run(told) == [False, "Select what is to change first", False, "Remove"]
    artist.run("select(720, 520, 60, 60); D.refresh()")
    assert artist.run(told) == [True, "The selection: 60 × 60 at 720, 520", False, "Remove"]


def look(artist: Artist, path: Path, change: str = "") -> tuple[NDArray[np.int_], NDArray[np.int_], list[list[float]]]:
    """The canvas as it is first drawn after a `change` of the view (height, width, RGB), the rows and columns that are
    the rocket's blue, and the boxes of the outline (x, y, width, height in pixels of the screen): all of one moment.
    """
    boxes = artist.run(
        "from acetate_krita import canvas as C\nD.refresh(); QtWidgets.QApplication.processEvents()\n"
        f"{change}\nC.controller().viewport().grab().save({str(path)!r})\n"
        "[[b.x(), b.y(), b.width(), b.height()] for b in D.outline.boxes]"
    )
    seen = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return seen, np.argwhere((np.abs(seen - [40, 40, 200]) < 20).all(axis=2)), boxes


@pytest.mark.parametrize("zoom", [1.0, 0.33, 0.5])
def test_the_area_is_shown_on_the_canvas_to_two_pixels(artist: Artist, tmp_path: Path, zoom: float) -> None:
    begin(artist)
    artist.set("refine", first="rocket")
    artist.run("D.prompts.prompt.setPlainText('a rocket'); D.refresh()")
    artist.hover("D.button")
    artist.until("D.outline.boxes")
    zoomed = f"app.activeWindow().activeView().canvas().setZoomLevel({zoom})"
    seen, blue, [[x, y, width, height]] = look(artist, tmp_path / "canvas.png", zoomed)
    (top, left), (_bottom, right) = blue.min(axis=0), blue.max(axis=0) + 1
    area = area_around(BOX, CANVAS, 1.0)
    scale = (right - left) / BOX.width
    wanted = [left - (BOX.x - area.x) * scale, top - (BOX.y - area.y) * scale]
    wanted += [wanted[0] + area.width * scale, wanted[1] + area.height * scale]
    assert np.abs(np.array([x, y, x + width, y + height]) - wanted).max() <= 2
    line = np.abs(seen - [63, 143, 216]).max(axis=2) < 40
    assert line[round(y) - 2 : round(y) + 3].any(axis=0)[round(x) : round(x + width)].mean() > 0.9
    if zoom == 0.5:
        artist.picture(PICTURES / "area.png", "C.controller().viewport()")
    artist.krita.xdotool("mousemove", "5", "5")
    artist.until("not D.outline.boxes")
    assert artist.composed(0, 0, 1, 1) == bytes([255] * 4)


def test_on_a_turned_or_mirrored_canvas_the_area_is_shown_around_the_layer(artist: Artist, tmp_path: Path) -> None:
    begin(artist)
    artist.set("refine", first="rocket")
    for turned in ("setRotation(30)", "setMirror(True)"):
        artist.run(f"app.activeWindow().activeView().canvas().{turned}")
        artist.hover("D.button")
        artist.until("D.outline.boxes")
        _, blue, [[left, top, width, height]] = look(artist, tmp_path / "canvas.png")
        middle = (blue.min(axis=0) + blue.max(axis=0) + 1) / 2
        assert np.abs(middle - [top + height / 2, left + width / 2]).max() <= 2
        assert width > np.ptp(blue[:, 1]) and height > np.ptp(blue[:, 0])
        artist.run("c = app.activeWindow().activeView().canvas(); c.setRotation(0); c.setMirror(False)")
    artist.hover("D.button")
    artist.until("D.outline.boxes")


def test_the_mask_of_a_layer_stands_for_the_layer(artist: Artist) -> None:
    begin(artist)
    artist.run("app.activeDocument().setActiveNode(layer('rocket'))\napp.action('add_new_transparency_mask').trigger()")
    artist.until("layer('rocket').childNodes()")
    artist.run("app.activeDocument().setActiveNode(layer('rocket').childNodes()[0]); D.refresh()")
    artist.set("refine")
    artist.run("D.pickers[0].choose('active'); D.refresh()")
    assert "rocket" in artist.run("D.pickers[0].currentText()")
    artist.make("a kite")
    assert artist.names() == ["Background", "rocket", "a kite"]
