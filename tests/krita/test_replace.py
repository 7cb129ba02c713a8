"""Refine, change and remove show exactly what was drawn: the layer itself is hidden in the same step of undo."""

from __future__ import annotations

import time

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.krita.artist import Artist
from tests.krita.test_insert import colour, lock_seed
from tests.krita.test_placement import TYPES, ellipse, noise

WIDTH, HEIGHT = 64, 48


def eye(artist: Artist, name: str) -> bool:
    """Whether a layer is shown."""
    return bool(artist.run(f"layer({name!r}).visible()"))


def wait_for_eye(artist: Artist, name: str, shown: bool) -> None:
    """Until a layer's eye is open or closed, and the picture is composed."""
    artist.until(f"layer({name!r}).visible() == {shown}", patience=5)
    artist.run("app.activeDocument().waitForDone()")


def clear_canvas(artist: Artist) -> None:
    """A document with nothing on it but one soft layer, `mine`."""
    artist.new(WIDTH, HEIGHT)
    artist.run("layer('Background').setVisible(False)")
    artist.paint("mine", noise("U8", WIDTH, HEIGHT).tobytes(), 0, 0, WIDTH, HEIGHT)
    artist.run("app.activeDocument().refreshProjection(); app.activeDocument().waitForDone()")


def shown(artist: Artist) -> NDArray[np.uint8]:
    """What the artist sees, without the colour of what is quite transparent."""
    seen = np.frombuffer(artist.composed(0, 0, WIDTH, HEIGHT), "u1").reshape(HEIGHT, WIDTH, 4)
    return np.asarray(np.where(seen[..., 3:] > 0, seen, 0), "u1")


def composed_alpha(artist: Artist) -> NDArray[np.uint8]:
    """How opaque what the artist sees is."""
    return np.asarray(shown(artist)[..., 3])


def test_refine_shows_what_was_drawn_and_one_undo_brings_the_layer_back(artist: Artist) -> None:
    clear_canvas(artist)
    before, steps = shown(artist), artist.steps()
    artist.set("refine", first="mine")
    artist.make("a kite round")
    drawn = np.frombuffer(artist.pixels("a kite round", 0, 0, WIDTH, HEIGHT), "u1").reshape(HEIGHT, WIDTH, 4)
    assert (drawn[..., 3] == 0).any()
    assert np.array_equal(composed_alpha(artist), drawn[..., 3])
    assert len(artist.steps()) == len(steps) + 1 and not eye(artist, "mine")
    artist.undo()
    wait_for_eye(artist, "mine", True)
    assert np.array_equal(shown(artist), before)
    artist.redo()
    wait_for_eye(artist, "mine", False)
    assert np.array_equal(composed_alpha(artist), drawn[..., 3])


@pytest.mark.parametrize("mode", ["inpaint", "remove"])
def test_what_is_changed_or_removed_is_gone_inside_and_the_same_outside(artist: Artist, mode: str) -> None:
    clear_canvas(artist)
    sent = noise("U8", WIDTH, HEIGHT)
    artist.run("select(20, 10, 16, 12); D.prompts.prompt.setPlainText('echo'); D.refresh()")
    artist.set(mode, first="mine")
    artist.run("D.prompts.prompt.setPlainText('clear')")
    steps = artist.steps()
    artist.press_button()
    artist.wait()
    name = artist.names()[-1]
    got = np.frombuffer(artist.pixels(name, 0, 0, WIDTH, HEIGHT), "u1").reshape(HEIGHT, WIDTH, 4)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[10:22, 20:36] = True
    assert np.array_equal(got[~inside], sent[~inside])
    assert (got[inside][:, 3] == 0).all()
    assert (composed_alpha(artist)[inside] == 0).all()
    assert len(artist.steps()) == len(steps) + 1
    artist.undo()
    wait_for_eye(artist, "mine", True)
    assert np.array_equal(composed_alpha(artist), sent[..., 3])


@pytest.mark.parametrize("depth", ["U8", "U16", "F16", "F32"])
def test_refining_a_soft_selection_mixes_at_its_edge(artist: Artist, depth: str) -> None:
    artist.new(WIDTH, HEIGHT, "RGBA", depth, "sRGB-elle-V2-srgbtrc.icc")
    sent = noise(depth, WIDTH, HEIGHT)
    artist.paint("mine", sent.tobytes(), 0, 0, WIDTH, HEIGHT)
    cover = ellipse(artist)
    lock_seed(artist)
    artist.set("refine", first="mine")
    artist.make("a kite")
    kind = np.dtype(TYPES[depth])
    full = np.iinfo(kind).max if kind.kind == "u" else 1
    share = np.zeros((HEIGHT, WIDTH))
    share[9:39, 12:52] = cover[: HEIGHT - 9] / 255
    old = sent.astype(float) / full
    got = np.frombuffer(artist.pixels("a kite", 0, 0, WIDTH, HEIGHT), kind).reshape(HEIGHT, WIDTH, 4).astype(float)
    alpha = old[..., 3] * (1 - share) + share
    assert np.abs(got[..., 3] / full - alpha).max() < 0.004
    order = [0, 1, 2] if depth.startswith("U") else [2, 1, 0]
    drawn = np.frombuffer(colour(1234), "u1")[:3][order].astype(float) / 255
    mixed = old[..., :3] * (old[..., 3] * (1 - share))[..., None] + drawn * share[..., None]
    assert np.abs(got[..., :3] / full * alpha[..., None] - mixed).max() < 0.006


def test_a_second_refining_hides_the_first(artist: Artist) -> None:
    clear_canvas(artist)
    artist.set("refine", first="mine")
    artist.make("first round")
    artist.make("second round")
    assert [eye(artist, name) for name in ("mine", "first round", "second round")] == [False, False, True]
    artist.undo()
    wait_for_eye(artist, "first round", True)
    assert not eye(artist, "mine")
    artist.undo()
    wait_for_eye(artist, "mine", True)


def test_merging_or_deleting_a_result_brings_nothing_back(artist: Artist) -> None:
    clear_canvas(artist)
    artist.set("refine", first="mine")
    artist.make("a kite round")
    artist.run("layer('a kite round').remove(); app.activeDocument().waitForDone(); D.refresh()")
    time.sleep(0.6)
    assert not eye(artist, "mine")
    artist.undo()
    artist.until("'a kite round' in [n.name() for n in app.activeDocument().rootNode().childNodes()]")
    time.sleep(0.8)
    assert not eye(artist, "mine")
    artist.undo()
    wait_for_eye(artist, "mine", True)


def test_a_hidden_layer_stays_hidden_whatever_is_undone(artist: Artist) -> None:
    clear_canvas(artist)
    artist.run("layer('mine').setVisible(False)")
    artist.set("refine", first="mine")
    artist.make("a kite round")
    artist.undo()
    time.sleep(0.8)
    assert not eye(artist, "mine")


def test_a_locked_layer_is_told_before_the_click(artist: Artist) -> None:
    clear_canvas(artist)
    artist.run("layer('mine').setLocked(True)")
    artist.set("refine", first="mine")
    artist.run("D.prompts.prompt.setPlainText('a kite'); D.refresh()")
    assert not artist.run("D.button.isEnabled()")
    assert artist.run("D.hint.text()") == "The layer mine is locked: unlock it first"
    artist.run("layer('mine').setLocked(False); D.refresh()")
    assert artist.run("D.button.isEnabled()")


def test_a_result_out_of_the_history_takes_the_place_of_its_layer(artist: Artist) -> None:
    clear_canvas(artist)
    artist.run("D.more.at_once.setChecked(False)")
    artist.set("refine", first="mine")
    artist.make("a kite round")
    assert eye(artist, "mine")
    artist.run("app.activeDocument().setActiveNode(layer('Background'))")
    artist.click_result()
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 3 and D.controller.tasks.idle")
    assert artist.names() == ["Background", "mine", "a kite round"] and not eye(artist, "mine")
    artist.undo()
    wait_for_eye(artist, "mine", True)


@pytest.mark.parametrize("kind", ["group", "mask", "mode"])
def test_a_layer_of_any_kind_keeps_what_is_outside_the_selection(artist: Artist, kind: str) -> None:
    clear_canvas(artist)
    if kind == "group":
        artist.run(
            "d = app.activeDocument(); g = d.createNode('all', 'grouplayer'); d.rootNode().addChildNode(g, None)\n"
            "m = layer('mine'); c = m.clone(); m.remove(); g.addChildNode(c, None); d.waitForDone()"
        )
    elif kind == "mask":
        artist.run("select(0, 0, 40, 48); app.action('add_new_transparency_mask').trigger()")
        artist.until("layer('mine').childNodes()")
        artist.run("app.activeDocument().waitForDone()")
    else:
        artist.run("layer('mine').setBlendingMode('multiply'); layer('mine').setOpacity(128)")
        artist.run("app.activeDocument().refreshProjection(); app.activeDocument().waitForDone()")
    source = "all" if kind == "group" else "mine"
    before = shown(artist)
    steps = artist.steps()
    artist.run("select(20, 10, 16, 12); D.refresh()")
    artist.set("inpaint", first=source)
    artist.make("clear")
    after = shown(artist)
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[10:22, 20:36] = True
    assert (after[inside][:, 3] == 0).all()
    assert np.abs(after[~inside].astype(int) - before[~inside]).max() <= 1
    assert len(artist.steps()) == len(steps) + 1
    artist.undo()
    wait_for_eye(artist, source, True)
    assert np.array_equal(shown(artist), before)
