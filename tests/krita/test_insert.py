"""Layers arrive where they belong, in the right order, and as one undo step."""

from __future__ import annotations

import time

import pytest

from tests.krita.artist import Artist


def colour(seed: int, number: int = 0) -> bytes:
    """What the stand-in draws, as Krita stores it: blue, green, red, alpha."""
    return bytes([77, (seed // 256 + number) % 256, (seed + number) % 256, 255])


def lock_seed(artist: Artist, seed: int = 1234) -> None:
    artist.run(f"D.more.seed.setText('{seed}'); D.more.lock.setChecked(True)")


def test_typed_words_become_a_layer_above_the_active_one(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("lower", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    artist.paint("upper", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.run("app.activeDocument().setActiveNode(layer('lower'))")
    lock_seed(artist)
    artist.type("a kite in the wind")
    artist.press_button()
    artist.wait()
    assert artist.names() == ["Background", "lower", "a kite in the wind", "upper"]
    assert artist.bounds("a kite in the wind") == (0, 0, 64, 48)
    assert artist.pixels("a kite in the wind", 0, 0, 64, 48) == colour(1234) * (64 * 48)
    assert artist.composed(20, 20, 1, 1) == colour(1234)
    assert artist.pixels("upper", 9, 9, 2, 2) == bytes([4, 5, 6, 255]) * 4
    assert artist.pixels("lower", 0, 0, 2, 2) == bytes([1, 2, 3, 255]) * 4


def test_shift_enter_in_the_prompt_generates(artist: Artist) -> None:
    artist.new()
    artist.type("by keyboard")
    artist.press("shift+Return")
    artist.until("'by keyboard' in [n.name() for n in app.activeDocument().rootNode().childNodes()]")
    assert artist.run("D.prompts.prompt.toPlainText()") == "by keyboard"


def test_one_undo_removes_an_insert_and_one_redo_brings_it_back(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("mine", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    lock_seed(artist)
    artist.set("scene")
    before = artist.tree()
    artist.make("a street")
    after = artist.tree()
    assert len(after) == len(before) + 1
    artist.undo()
    assert artist.tree() == before
    artist.redo()
    assert artist.tree() == after
    assert artist.pixels("Foreground", 0, 0, 64, 48) == colour(1234, 1) * (64 * 48)
    assert artist.composed(0, 0, 64, 48) == colour(1234, 1) * (64 * 48)
    artist.undo()
    artist.undo()
    assert artist.names() == ["Background"]


@pytest.mark.parametrize(("model", "depth"), [("RGBA", "U8"), ("CMYKA", "U8"), ("GRAYA", "F32")])
def test_asking_is_no_step_of_undo_and_every_insert_is_one(artist: Artist, model: str, depth: str) -> None:
    artist.new(64, 48, model, depth)
    artist.paint("mine", b"", 0, 0, 0, 0)
    artist.run(
        "chosen = Selection(); chosen.select(12, 9, 40, 30, 255); chosen.feather(3)\n"
        "app.activeDocument().setSelection(chosen); D.refresh()"
    )
    before = len(artist.steps())
    for number, (mode, count) in enumerate((("scene", 1), ("refine", 1), ("text", 2), ("scene", 2)), 1):
        artist.set(mode, count=count)
        artist.make("a street")
        assert len(artist.steps()) == before + number, artist.steps()


def test_of_several_results_above_one_layer_the_newest_is_the_uppermost(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("mine", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.paint("top", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.run("app.activeDocument().setActiveNode(layer('mine'))")
    artist.ask("first steps=8 pause=0.2")
    artist.set("scene")
    artist.ask("second")
    artist.set("text")
    artist.ask("third")
    artist.wait()
    assert artist.names() == ["Background", "mine", "first steps=8 pause=0.2", "second", "third", "top"]
    artist.until("app.activeDocument().activeNode().name() == 'third'")


def test_an_artist_who_went_on_to_another_layer_stays_there(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("mine", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.paint("other", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.run("app.activeDocument().setActiveNode(layer('mine'))")
    artist.ask("a kite steps=8 pause=0.2")
    artist.run("app.activeDocument().setActiveNode(layer('other'))")
    artist.wait()
    assert artist.names() == ["Background", "mine", "a kite steps=8 pause=0.2", "other"]
    artist.until("app.activeDocument().activeNode().name() == 'other'")


def test_layers_come_in_when_the_pen_is_up(artist: Artist) -> None:
    artist.new(640, 480)
    artist.ask("a kite steps=4 pause=0.2")
    x, y = artist.run("at = window.mapToGlobal(window.centralWidget().geometry().center())\n[at.x(), at.y()]")
    artist.krita.xdotool("mousemove", str(x), str(y), "mousedown", "1", "mousemove", str(x + 40), str(y + 30))
    artist.until("[job.state for job in D.controller.jobs.values()] == ['keeping']")
    time.sleep(1)
    assert artist.names() == ["Background"]
    artist.krita.xdotool("mouseup", "1")
    artist.wait()
    assert artist.names() == ["Background", "a kite steps=4 pause=0.2"]
    assert artist.steps()[-2:] == ["Freehand Brush Stroke", "Add Layer"]


def test_a_scene_is_one_group_with_the_background_below(artist: Artist) -> None:
    artist.new(64, 48)
    lock_seed(artist)
    artist.set("scene")
    artist.make("a street in the rain, seen from far above and at night")
    name, kind, shown, inside = artist.tree()[-1]
    assert (name, kind, shown) == ("a street in the rain, seen from far abo…", "grouplayer", True)
    assert inside == [
        ["Background", "paintlayer", True, []],
        ["Foreground", "paintlayer", True, []],
        ["Whole picture", "paintlayer", False, []],
    ]


def test_a_background_goes_below_its_layer_and_a_foreground_above(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("figure", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    artist.paint("top", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.set("background", first="figure")
    artist.make("a meadow")
    artist.set("foreground", first="figure")
    artist.make("a bee")
    assert artist.names() == ["Background", "a meadow", "figure", "a bee", "top"]


@pytest.mark.parametrize("count", [1, 2])
def test_a_background_for_the_lowest_layer_is_seen_behind_it(artist: Artist, count: int) -> None:
    artist.new(64, 48)
    artist.run("layer('Background').setName('figure')")
    artist.run(
        "layer('figure').setPixelData(bytes(64 * 24 * 4), 0, 0, 64, 24); app.activeDocument().refreshProjection()"
    )
    lock_seed(artist)
    artist.set("background", count=count, first="figure")
    before = len(artist.steps())
    artist.make("a meadow")
    assert len(artist.steps()) == before + 1
    assert artist.composed(5, 5, 1, 1) == colour(1234, 0)
    assert artist.composed(5, 40, 1, 1) == bytes([255] * 4)


def test_several_scenes_come_as_groups_in_one_with_the_first_shown(artist: Artist) -> None:
    artist.new(64, 48)
    lock_seed(artist)
    artist.set("scene", count=2)
    artist.make("a street")
    groups = artist.tree()[-1][3]
    assert [entry[:3] for entry in groups] == [["a street 2", "grouplayer", False], ["a street 1", "grouplayer", True]]
    assert artist.composed(5, 5, 1, 1) == colour(1234, 1)
    artist.run("app.activeDocument().rootNode().childNodes()[-1].childNodes()[1].setVisible(False)")
    artist.run("app.activeDocument().rootNode().childNodes()[-1].childNodes()[0].setVisible(True)")
    artist.run("app.activeDocument().refreshProjection(); app.activeDocument().waitForDone()")
    assert artist.composed(5, 5, 1, 1) == colour(1234, 4)
    artist.undo()
    assert artist.names() == ["Background"]


def test_the_missing_layer_of_a_picture_comes_back(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("known", bytes([1, 2, 3, 255]) * (64 * 48), 0, 0, 64, 48)
    artist.paint("figure", bytes([4, 5, 6, 128]) * 400, 9, 9, 20, 20)
    seen = artist.composed(0, 0, 64, 48)
    artist.set("extract", first="whole", second="known")
    artist.make("echo")
    assert [entry[0] for entry in artist.tree()[-1][3]] == ["Whole picture", "Background"]
    assert artist.pixels("Whole picture", 0, 0, 64, 48) == seen
    artist.undo()
    lock_seed(artist)
    artist.make("the figure")
    assert artist.names() == ["Background", "known", "figure", "the figure"]
    assert artist.pixels("the figure", 0, 0, 1, 1) == colour(1234)


def test_several_pictures_come_as_one_group_with_the_first_shown(artist: Artist) -> None:
    artist.new(64, 48)
    lock_seed(artist)
    artist.set("text", count=3)
    artist.make("a kite")
    assert [entry[:3] for entry in artist.tree()[-1][3]] == [
        ["a kite 3", "paintlayer", False],
        ["a kite 2", "paintlayer", False],
        ["a kite 1", "paintlayer", True],
    ]
    assert artist.names()[-1] == "a kite"
    assert artist.composed(5, 5, 1, 1) == colour(1234, 0)
    artist.undo()
    assert artist.names() == ["Background"]


def test_with_the_setting_off_results_wait_in_the_history_for_a_click(artist: Artist) -> None:
    artist.new(64, 48)
    artist.run("D.more.at_once.setChecked(False)")
    artist.set("text", count=2)
    artist.make("a kite")
    assert artist.names() == ["Background"]
    artist.until("len(D.history.list.ids) == 2")
    artist.click_result(1)
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 2")
    artist.undo()
    assert artist.names() == ["Background"]


def test_a_mask_that_is_active_counts_as_its_layer(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("figure", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    artist.paint("top", bytes([4, 5, 6, 255]) * 4, 9, 9, 2, 2)
    artist.run("app.activeDocument().setActiveNode(layer('figure'))\napp.action('add_new_transparency_mask').trigger()")
    artist.until("layer('figure').childNodes()")
    artist.run("app.activeDocument().setActiveNode(layer('figure').childNodes()[0])")
    artist.make("a kite")
    assert artist.names() == ["Background", "figure", "a kite", "top"]
