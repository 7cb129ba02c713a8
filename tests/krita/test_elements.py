"""Elements in the real docker: sliders as the daemon offers them, light that is added, loops, and nothing unasked."""

from __future__ import annotations

import pytest

from tests.krita.artist import Artist


@pytest.fixture(scope="module")
def engine() -> str:
    return "standard"


def choose_elements(artist: Artist) -> None:
    artist.until("D.model.findData('elements') >= 0")
    artist.run("D.model.choose('elements'); D.refresh()")


def test_words_move_the_sliders_and_the_sliders_the_layer(artist: Artist) -> None:
    artist.new(96, 64)
    choose_elements(artist)
    assert not artist.run("D.prompts.negative.isVisible() or D.more.steps.isVisible() or D.fill.isVisible()")
    artist.type("thick smoke")
    artist.until("'density' in D.element.rows")
    assert artist.run("D.element.rows['density'].number.value()") == 0.9
    assert artist.run("D.element.values()['parameters']") == {}
    artist.run("D.element.rows['density'].slider.setValue(20); D.more.seed.setText('5'); D.more.lock.setChecked(True)")
    assert artist.run("D.element.values()['parameters']") == {"density": 0.2}
    before = artist.steps()
    artist.make("thick smoke")
    assert artist.names() == ["Background", "thick smoke"] and len(artist.steps()) == len(before) + 1
    thin = artist.pixels("thick smoke", 0, 0, 96, 64)
    artist.undo()
    assert artist.names() == ["Background"]
    held = artist.run("D.form().element")
    artist.run("D.element.kind.setCurrentIndex(2); D.use_again({**D.form().to_map(), 'element': " + repr(held) + "})")
    assert artist.run("D.form().element") == held
    artist.run("D.element.reset.click()")
    assert artist.run("D.element.rows['density'].number.value()") == 0.9
    artist.make("thick smoke")
    assert sum(artist.pixels("thick smoke", 0, 0, 96, 64)[3::4]) > sum(thin[3::4]) > 0
    assert artist.run("clipped()") == []


def test_light_is_added_in_the_colour_that_the_artist_paints_with(artist: Artist) -> None:
    artist.new(64, 64)
    artist.paint("blue", bytes([200, 0, 0, 255]) * 64 * 64, 0, 0, 64, 64)
    choose_elements(artist)
    artist.run(
        "from krita import ManagedColor\nred = ManagedColor('RGBA', 'U8', '')\n"
        "red.setComponents([0.0, 0.0, 1.0, 1.0])\napp.activeWindow().activeView().setForeGroundColor(red)"
    )
    artist.type("glow")
    artist.until("'colour' in D.element.rows")
    artist.run("D.element.rows['colour'].own.click()")
    assert artist.run("D.element.values()['parameters']['colour']") == "#ff0000"
    artist.make("glow")
    assert artist.run("layer('glow').blendingMode()") == "add"
    blue, _green, red, alpha = artist.composed(24, 32, 1, 1)
    assert blue >= 200 and red > 0 and alpha == 255


@pytest.mark.parametrize("depth", ["U8", "F32"])
def test_a_loop_is_a_group_of_its_frames_and_one_step(artist: Artist, depth: str) -> None:
    artist.new(80, 60, "RGBA", depth)
    artist.run("select(10, 20, 40, 30)")
    choose_elements(artist)
    artist.run("D.more.clip.setCurrentIndex(D.more.clip.findData('none')); D.element.frames.setValue(4)")
    before = artist.steps()
    artist.make("smoke")
    assert len(artist.steps()) == len(before) + 1
    inside = artist.run("[[each.name(), each.visible()] for each in layer('smoke').childNodes()]")
    assert inside == [["smoke 1", True], ["smoke 2", False], ["smoke 3", False], ["smoke 4", False]]
    assert len({artist.pixels(name, 10, 20, 40, 30) for name, _shown in inside}) == 4
    artist.undo()
    assert artist.names() == ["Background"]


def test_an_element_is_offered_and_never_drawn_unasked(artist: Artist) -> None:
    artist.new(64, 64)
    artist.until("D.model.findData('elements') >= 0")
    names = artist.run("[D.model.itemData(row) for row in range(D.model.count())]")
    assert names[-2:] == [None, "elements"]
    assert "no neural network" in artist.run("D.model.itemData(D.model.count() - 1, QtCore.Qt.ToolTipRole)")
    artist.type("a red dragon")
    artist.until("D.prompts.rests and not D.element.as_element.isVisible()")
    assert not artist.run("D.element.kind.isVisible()")
    artist.type("white smoke")
    artist.until("D.element.as_element.isVisible()")
    assert artist.run("D.form().model") == "starter"
    artist.click("D.element.as_element")
    artist.until("D.form().model == 'elements' and D.element.kind.isVisible()")


def test_the_matte_is_kept_where_the_artist_wants_it(artist: Artist) -> None:
    artist.new(64, 64)
    artist.set("refine")
    artist.until("D.strength_row.matte.isVisible()")
    artist.run("D.strength_row.matte.setChecked(True)")
    assert artist.run("D.form().keep_matte")
    artist.set("inpaint")
    assert not artist.run("D.strength_row.matte.isVisible()")


def test_an_element_grows_along_the_selection_and_beyond_it(artist: Artist) -> None:
    artist.new(200, 160)
    choose_elements(artist)
    artist.type("smoke")
    artist.run("select(60, 60, 80, 60)")
    artist.until("'density' in D.element.rows and D.element._selected")
    assert not artist.run("D.element.along.isVisible()")
    artist.type("grass")
    artist.until("D.element.along.isVisible()")
    artist.run("D.element.along.click()")
    artist.until("'edge of the selection' in D.target.text()")
    artist.make("grass")
    above, inside = (sum(artist.pixels("grass", 70, y, 60, height)[3::4]) for y, height in ((40, 18), (90, 10)))
    assert above > 255 * 50 and inside < above / 10
    artist.run("app.activeDocument().setSelection(None); D.refresh()")
    assert not artist.run("D.element.along.isVisible()") and artist.run("D.form().element['along']")
