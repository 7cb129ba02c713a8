"""Results are looked at on the canvas before they are inserted; they can be kept, saved and found by their words."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.daemon.harness import ROOT
from tests.krita.artist import Artist
from tests.krita.test_insert import lock_seed
from tests.krita.test_safety import begin, reopen, save

PICTURES = ROOT / "docs" / "images" / "krita"
VIEWS = (("setZoomLevel(0.5)",), ("setZoomLevel(0.8)", "setRotation(33)", "setMirror(True)"))
MENU = "QtWidgets.QApplication.activePopupWidget()"
CANVAS = "__import__('acetate_krita').canvas.controller().viewport()"


@pytest.fixture
def chooser(artist: Artist) -> Artist:
    """An artist who inserts nothing at once, at a picture with a figure over the background."""
    artist.new(800, 600)
    artist.paint("figure", bytes([60, 160, 60, 255]) * (200 * 200), 300, 200, 200, 200)
    artist.run("D.more.at_once.setChecked(False); app.activeDocument().setModified(False)")
    return artist


def turn(artist: Artist, *calls: str) -> None:
    """Change the view of the canvas."""
    view = "view = app.activeWindow().activeView().canvas(); view.setRotation(0); view.setMirror(False)"
    artist.run("\n".join((view, *(f"view.{call}" for call in calls))))


def canvas(artist: Artist, path: Path) -> NDArray[Any]:
    """What the canvas shows when it has come to rest, without the corner where the caption is."""

    def look() -> NDArray[Any]:
        artist.picture(path, CANVAS)
        return np.asarray(Image.open(path).convert("RGB"), np.int16)[40:]

    artist.run("app.activeDocument().waitForDone()")
    before, seen = look(), look()
    while not np.array_equal(before, seen):
        before, seen = seen, look()
    return seen


@pytest.mark.parametrize("mode", ["text", "background", "refine"])
def test_a_result_is_seen_on_the_canvas_as_it_will_be_and_nothing_is_touched(
    chooser: Artist, tmp_path: Path, mode: str
) -> None:
    chooser.set(mode, first="figure")
    before = [chooser.names(), chooser.steps(), chooser.composed(0, 0, 800, 600)]
    chooser.make("a kite round")
    chooser.until("D.history.preview.shown")
    # That the history has grown is a change of the document; to look at a result is none.
    chooser.run("D.history.preview.end(); app.activeDocument().setModified(False)")
    chooser.look_at()
    chooser.until("D.history.preview.shown")
    seen = []
    for number, view in enumerate(VIEWS):
        turn(chooser, *view)
        seen.append(canvas(chooser, tmp_path / f"preview{number}.png"))
    assert [chooser.names(), chooser.steps(), chooser.composed(0, 0, 800, 600)] == before
    assert not chooser.run("app.activeDocument().modified()") and chooser.run("len(app.documents())") == 1
    if mode == "background":
        turn(chooser, "setZoomLevel(0.5)")
        chooser.picture(PICTURES / "preview.png", "window")
        assert (PICTURES / "preview.png").stat().st_size < 300_000
    chooser.run("D.history.list.setFocus()")
    chooser.press("Return")
    chooser.until("len(app.activeDocument().rootNode().childNodes()) == 3")
    chooser.wait()
    assert not chooser.run("D.history.preview.shown")
    assert len(chooser.steps()) == len(before[1]) + 1
    if mode == "background":
        assert chooser.names() == ["Background", "a kite round", "figure"]
    for number, (preview, view) in enumerate(zip(seen, VIEWS, strict=True)):
        turn(chooser, *view)
        inserted = canvas(chooser, tmp_path / f"inserted{number}.png")
        wrong = (np.abs(preview - inserted).max(axis=2) > 40).mean()
        print(f"\n{mode} {view}: {wrong:.2%} of the canvas differs")
        # The frame around it, and how the two smooth edges when they are shrunk.
        assert wrong < 0.01
    turn(chooser)


def test_clicks_enter_escape_and_the_pen(chooser: Artist) -> None:
    chooser.set("text", count=2)
    chooser.make("a kite round")
    chooser.until("D.history.preview.shown")
    shown = "D.history.preview.shown and D.history.preview.result.number"
    chooser.look_at(1)
    chooser.until(f"({shown}) == 2")
    time.sleep(0.6)
    chooser.look_at(1)
    chooser.until("D.history.preview.result is None")
    chooser.run("app.action('acetate_previous_result').trigger()")
    chooser.until(f"({shown}) == 1")
    chooser.run("D.history.list.setFocus()")
    chooser.press("Escape")
    chooser.until("D.history.preview.result is None")
    chooser.look_at(0)
    chooser.until(f"({shown}) == 1")
    x, y = chooser.run(f"at = {CANVAS}.mapToGlobal({CANVAS}.rect().center())\n[at.x(), at.y()]")
    chooser.mouse(x, y, 2)
    held = ("keydown", "space", "sleep", "0.2", "mousedown", "1", "sleep", "0.05", "mousemove", str(x + 30), str(y))
    chooser.krita.xdotool(*held, "sleep", "0.3", "mouseup", "1", "sleep", "0.2", "keyup", "space")
    time.sleep(0.5)
    assert chooser.run("D.history.preview.shown") and chooser.names() == ["Background", "figure"]
    chooser.mouse(x, y)
    chooser.until("D.history.preview.result is None")
    assert chooser.steps()[-1] == "Freehand Brush Stroke"
    chooser.click_result(1)
    chooser.until("len(app.activeDocument().rootNode().childNodes()) == 3")
    chooser.wait()
    time.sleep(0.6)
    assert chooser.names() == ["Background", "figure", "a kite round 2"]
    assert not chooser.run("D.history.preview.shown")
    (words, when), count = chooser.run("[D.history.list.item(0).data(QtCore.Qt.UserRole + 1), D.history.list.count()]")
    made = time.localtime(chooser.run("D.controller.history.of(app.activeDocument())[0].made"))
    assert (words, when.split()[-1], count) == ("a kite round", time.strftime("%H:%M", made), 3)


def test_a_starred_result_does_not_age(chooser: Artist) -> None:
    chooser.set("text", count=2)
    chooser.make("a kite round")
    x, y = chooser.result_place(1)
    chooser.mouse(x + 29, y - 29)
    kept, other = chooser.run("list(D.history.list.ids)")[::-1]
    chooser.until(f"D.controller.store.starred({kept!r})")
    chooser.run(
        "import os\nfolder = D.controller.store.folder / 'results'\n"
        f"for path in folder.glob('{kept[:8]}*.layers'): os.utime(path, (1e9, 1e9))\n"
        "D.controller.tasks.add(D.controller.store.tidy(), print)"
    )
    chooser.wait()
    assert chooser.run(f"[D.controller.store.holds(id) for id in ({kept!r}, {other!r})]") == [True, False]
    chooser.look_at(1)
    chooser.click("D.history.star")
    chooser.until(f"not D.controller.store.starred({kept!r})")
    chooser.run(f"D.controller.store._path({kept!r}).unlink()")
    chooser.click("D.history.star")
    chooser.until(f"D.controller.store.holds({kept!r}) and D.controller.store.starred({kept!r})")


@pytest.mark.parametrize("depth", ["U8", "U16", "F32"])
def test_the_menu_copies_the_words_and_the_seed_and_saves_a_picture(artist: Artist, tmp_path: Path, depth: str) -> None:
    artist.new(80, 60, "RGBA", depth, "sRGB-elle-V2-srgbtrc.icc")
    artist.run("D.more.at_once.setChecked(False)")
    lock_seed(artist, 200)
    artist.make("a <b>kite</b> round")
    clipboard = "QtGui.QGuiApplication.clipboard().text()"
    for words, copied in (("Copy prompt", "a <b>kite</b> round"), ("Copy seed", "200")):
        artist.click_result(button=3)
        artist.pick(MENU, words)
        artist.until(f"{clipboard} == {copied!r}")
    artist.click_result(button=3)
    artist.pick(MENU, "Save as PNG …")
    artist.until("D.history.dialog is not None and D.history.dialog.isVisible()")
    assert "<" not in artist.run("D.history.dialog.selectedFiles()[0]")
    path = tmp_path / "kite.png"
    artist.run(f"D.history.dialog.findChild(QtWidgets.QLineEdit).setText({str(path)!r})")
    artist.run("D.said.hide()")
    artist.krita.click("D.history.dialog.findChild(QtWidgets.QDialogButtonBox).button(QtWidgets.QDialogButtonBox.Save)")
    artist.until("D.said.isVisible()")
    assert artist.run("D.said.text()") == "Saved: kite.png"
    artist.run(f"picture = QtGui.QImage({str(path)!r})")
    bits = 32 if depth == "U8" else 64
    assert artist.run("[picture.width(), picture.height(), picture.depth()]") == [80, 60, bits]
    inside, outside = artist.run("[list(picture.pixelColor(*at).getRgbF()) for at in ((40, 30), (0, 0))]")
    assert np.abs(np.array(inside) * 255 - [200, 0, 77, 255]).max() < 0.6
    assert outside[3] == 0


def test_tags_in_a_prompt_are_text(artist: Artist) -> None:
    artist.new(64, 48)
    artist.run("D.prompts.prompt.setPlainText('a <b>kite</b> & memory=9')")
    artist.make("a <b>kite</b> & memory=9")
    row = "next(iter(D.queue.rows.values()))"
    tips = [artist.run(f"{row}.name.toolTip()")]
    artist.make("a <b>kite</b> & cloud")
    tips += [artist.run("history()[0]"), artist.run("D.history.list.item(0).toolTip()")]
    for tip in tips:
        assert "&lt;b&gt;kite" in tip and "<b>" not in tip
    artist.run("layer('a <b>kite</b> & cloud').setLocked(True)")
    artist.set("refine", first="a <b>kite</b> & cloud")
    assert "<b>kite" in artist.run("D.hint.text()")
    assert artist.run("D.hint.textFormat() == D.target.textFormat() == QtCore.Qt.PlainText")


def test_where_results_went_is_told_when_their_group_is_hidden_or_locked(artist: Artist) -> None:
    artist.new(64, 48)
    artist.run(
        "folder = app.activeDocument().createGroupLayer('folder')\n"
        "app.activeDocument().rootNode().addChildNode(folder, None)\n"
        "inner = app.activeDocument().createNode('inner', 'paintlayer'); folder.addChildNode(inner, None)\n"
        "app.activeDocument().setActiveNode(inner)"
    )
    for state, words in (("setVisible(False)", "hidden"), ("setVisible(True); folder.setLocked(True)", "locked")):
        artist.run(f"folder = layer('folder'); folder.{state}; app.activeDocument().setActiveNode(layer('inner'))")
        artist.run("D.said.hide()")
        artist.make("a kite")
        artist.until("D.said.isVisible()")
        assert artist.run("D.said.text()") == f"“a kite” is in the group “folder”, which is {words}"


def test_offers_of_a_lost_document_are_shown_once_and_go_in_newest_uppermost(artist: Artist) -> None:
    artist.new()
    for words in ("first steps=40 pause=0.2", "second", "third"):
        artist.ask(words)
    artist.until("[j.state for j in D.controller.jobs.values()] == ['running', 'waiting', 'waiting']")
    artist.close_all()
    artist.until("not D.controller.jobs and D.controller.tasks.idle")
    one = artist.new()
    artist.until("D.history.offer.isVisible()")
    artist.new()
    artist.run("D.refresh()")
    assert not artist.run("D.history.offer.isVisible()")
    artist.show(one)
    artist.until("D.history.offer.isVisible()")
    artist.click("D.history.take")
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 4 and D.controller.tasks.idle")
    assert artist.names() == ["Background", "first steps=40 pause=0.2", "second", "third"]
    artist.until("app.activeDocument().activeNode().name() == 'third'")
    assert len(artist.run("history()")) == 3


def test_documents_hold_words_and_layers_only_where_the_artist_wants_it(artist: Artist, tmp_path: Path) -> None:
    artist.new()
    save(artist, tmp_path / "picture.kra")
    artist.make("a kite")
    held = "[kind for kind in app.activeDocument().annotationTypes() if kind != 'acetate-document']"
    assert len(artist.run(held)) == 1
    result = artist.run("D.history.list.ids[0]")
    artist.run(f"D.controller.store._path({result!r}).unlink()")
    artist.run("D.more.fold.setChecked(True)")
    artist.run("QtWidgets.QApplication.processEvents(); D.more.in_document.click()")
    artist.until(f"D.controller.tasks.idle and D.controller.store.holds({result!r})")
    assert artist.run(held) == []
    begin(artist, "a cloud")
    assert artist.run(held) == []
    artist.wait()
    assert artist.run(held) == []
    save(artist, tmp_path / "picture.kra")
    artist.close_all()
    assert b"kite" not in (tmp_path / "picture.kra").read_bytes()
    reopen(artist, tmp_path / "picture.kra")
    artist.until("len(D.history.list.ids) == 2")
    artist.run("D.more.in_document.setChecked(True); D.more.fold.setChecked(False)")
