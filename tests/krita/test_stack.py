"""A stack: a row for each layer, and one group in one undo step with the layers in the order of the rows."""

from __future__ import annotations

from tests.krita.artist import Artist

TWO = [
    {"prompt": "a table", "region": [4, 20, 30, 24]},
    {"prompt": "a candle", "region": None},
]
FATES = """
fates = {}
def note(event):
    if type(event).__name__ in ('Done', 'Cancelled', 'Failed'):
        fates[event.id] = type(event).__name__
D.controller.connection.event_received.connect(note)
None
"""
PLACES = "[[b.x(), b.y(), b.width(), b.height()] for b in (layer(n).bounds() for n in {names!r})]"


def rows(artist: Artist) -> list[str]:
    return list(artist.run("[row.words.text() for row in D.stack.rows]"))


def test_each_row_becomes_a_layer_in_its_place_in_one_step(artist: Artist) -> None:
    artist.new(64, 48)
    artist.run("D.modes.choose('stack'); D.refresh()")
    assert artist.run("[D.button.isEnabled(), D.hint.text()]") == [False, "Say what each layer shows"]
    artist.run("select(4, 20, 30, 24); D.refresh()")
    artist.run("place = D.stack.rows[0].place; place.take_selection(); D.stack.rows[0].words.setText('a table')")
    assert artist.run("D.stack.rows[0].place.currentText()") == "Selection: 30 × 24 at 4, 20"
    artist.run("app.activeDocument().setSelection(None); D.refresh()")
    artist.click("D.stack.more")
    artist.until("len(D.stack.rows) == 2")
    artist.run("D.stack.rows[0].words.setText('a candle')")
    artist.paint("there", bytes(4 * 10 * 8), 40, 2, 10, 8)
    artist.run("layer('there').setPixelData(bytes([9, 9, 9, 255]) * 80, 40, 2, 10, 8); D.refresh()")
    artist.click("D.stack.more")
    artist.until("len(D.stack.rows) == 3")
    artist.run("row = D.stack.rows[0]; row.words.setText('a star')")
    artist.run("row.place.choose(layer('there').uniqueId().toString()); D.refresh()")
    assert artist.run("D.hint.text()") == "Say what the background shows"
    assert rows(artist) == ["a star", "a candle", "a table"]
    artist.click("D.stack.rows[0].down")
    artist.until("D.stack.rows[0].words.text() == 'a candle'")
    assert artist.run("clipped()") == []
    before = len(artist.steps())
    artist.make("a room")
    assert len(artist.steps()) == before + 1
    [group] = [entry for entry in artist.tree() if entry[1] == "grouplayer"]
    assert group[0] == "a table, a star, a candle"
    assert [entry[0] for entry in group[3]] == ["a room", "a table", "a star", "a candle"]
    names = ("a room", "a table", "a star", "a candle")
    assert artist.run(PLACES.format(names=names)) == [[0, 0, 64, 48], [4, 20, 30, 24], [40, 2, 10, 8], [0, 0, 64, 48]]
    artist.undo()
    assert "grouplayer" not in [entry[1] for entry in artist.tree()]
    artist.redo()
    assert artist.run(PLACES.format(names=names[1:2])) == [[4, 20, 30, 24]]


def test_over_what_is_seen_the_rows_alone_come_back_and_their_settings_can_be_used_again(artist: Artist) -> None:
    artist.new(64, 48)
    artist.run(f"D.modes.choose('stack'); D.stack.fill({TWO!r}, 'whole'); D.refresh()")
    assert artist.run("[D.prompts.prompt.isVisible(), D.button.isEnabled()]") == [False, True]
    artist.press_button()
    artist.wait()
    [group] = [entry for entry in artist.tree() if entry[1] == "grouplayer"]
    assert [entry[0] for entry in group[3]] == ["a table", "a candle"]
    artist.until("len(D.history.list.ids) == 1")
    values = artist.run("next(iter(D.controller.history.of(D.document))).settings['stack']")
    assert values == TWO


def test_a_row_without_a_place_is_told_before_the_click_and_what_the_model_does_less_well_too(artist: Artist) -> None:
    artist.new(400, 100)
    artist.run(f"D.modes.choose('stack'); D.stack.fill({TWO!r}, 'whole'); D.refresh()")
    assert "square, in the middle" in artist.run("D.stack.honest.text()")
    assert "beside" in artist.run("D.stack.honest.text()")
    artist.run("D.stack.rows[0].place.choose([900, 0, 10, 10]); D.refresh()")
    assert artist.run("[D.button.isEnabled(), D.target.text()]") == [
        False,
        "“a candle” has no place on the canvas: choose another place for it",
    ]
    artist.run("D.model.setCurrentIndex(D.model.findData('narrow')); D.refresh()")
    assert artist.run("D.button.isEnabled()") is False
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")


def test_live_shows_the_newest_state_alone_and_touches_nothing_before_it_is_kept(artist: Artist) -> None:
    artist.new(120, 90)
    artist.paint("sketch", bytes([40, 60, 200, 255]) * 1600, 30, 20, 40, 40)
    artist.run("D.modes.choose('refine'); D.prompts.prompt.setPlainText('a kite pause=2 steps=2'); D.refresh()")
    before, composed = artist.steps(), artist.composed(0, 0, 120, 90)
    artist.run("app.activeDocument().setModified(False)")
    artist.run(FATES)
    artist.run("sent = []; submit = D.live.live._client.submit")
    artist.run("D.live.live._client.submit = lambda *a, **k: (sent.append(k['id']), submit(*a, **k))[1]")
    artist.click("D.live.toggle")
    artist.until("len(sent) == 1")
    artist.run("D.strength.setValue(35)")
    artist.until("len(sent) == 2")
    artist.until("D.live.live.shown is not None")
    assert artist.run("[D.live.live.shown.done.id == sent[1], D.live.live._job, len(sent)]") == [True, "", 2]
    assert artist.run("[fates[id] for id in sent]") == ["Cancelled", "Done"]
    assert artist.run("D.live.live._overlay.pane.isVisible()")
    assert artist.run("[app.activeDocument().modified(), len(D.controller.jobs)]") == [False, 0]
    assert (artist.steps(), artist.composed(0, 0, 120, 90)) == (before, composed)
    rect = artist.run("r = D.live.live.shown.state.rect\n[r.x, r.y, r.width, r.height]")
    artist.click("D.live.keep")
    artist.until("D.controller.tasks.idle and len(app.activeDocument().rootNode().childNodes()) == 3")
    assert len(artist.steps()) == len(before) + 1
    assert artist.names()[-1] == "a kite pause=2 steps=2"
    assert list(artist.bounds(artist.names()[-1])) == rect
    assert artist.run("[layer('sketch').visible(), D.live.live.shown, len(sent)]") == [False, None, 2]
    artist.undo()
    artist.until("layer('sketch').visible()")
    assert artist.composed(0, 0, 120, 90) == composed
    artist.run("D.modes.choose('text')")
    assert artist.run("[D.live.live.on, D.live.toggle.isVisible()]") == [False, False]


def test_live_says_why_it_cannot(artist: Artist) -> None:
    artist.new(64, 48)
    artist.paint("empty", bytes(4), 0, 0, 1, 1)
    artist.run("D.modes.choose('refine'); D.refresh()")
    artist.click("D.live.toggle")
    artist.until("'no visible pixels' in D.live.words.text()")
    artist.run("layer('empty').setPixelData(bytes([9, 9, 9, 255]) * 4, 0, 0, 2, 2); layer('empty').setLocked(True)")
    artist.until("'is locked' in D.live.words.text()")
    artist.run("layer('empty').setLocked(False); D.live.toggle.setChecked(False)")
