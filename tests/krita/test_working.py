"""While it works: the artist sees it at once, the keys stay Krita's, and every action can have a key of its own."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.daemon.harness import ROOT
from tests.krita.artist import Artist

ACTIONS = ROOT / "plugin_krita" / "acetate_krita.action"
SLOW = "steps=400 pause=0.1"


def visible(widget: str) -> str:
    """Whether a widget of the docker is in sight, not scrolled out of it."""
    return f"{widget}.isVisible() and {widget}.visibleRegion().boundingRect().height() > {widget}.height() * 0.9"


@pytest.mark.parametrize("mode", ["text", "refine"])
def test_in_the_default_layout_it_is_seen_at_once_that_work_goes_on(at_1080p: Artist, mode: str) -> None:
    artist = at_1080p
    artist.new(1920, 1080)
    artist.set(mode)
    artist.run("D.widget().verticalScrollBar().setValue(0)")
    artist.type(SLOW)
    assert artist.run("D.height()") < 300
    artist.run("D.controller.jobs_changed.connect(lambda: seen.append(D.button.line != D.button.text())); seen = []")
    artist.press("shift+Return")
    artist.until("seen")
    assert artist.run("seen[0]"), "the button tells in the same turn of the event loop in which the job begins"
    artist.until(f"{visible('D.button')} and D.button.line != D.button.text()")
    artist.until("'s left' in D.button.line")
    assert artist.run(visible("D.button")) and artist.run(visible("D.button.stop"))
    artist.click("D.button.stop")
    artist.until("not D.controller.jobs")
    artist.until("D.button.line == D.button.text()")


def test_the_verb_is_the_modes_and_a_further_click_queues_another(artist: Artist) -> None:
    artist.new()
    verbs = {}
    for mode in ("text", "refine", "inpaint", "remove", "extract"):
        artist.set(mode)
        verbs[mode] = artist.run("D.button.text()")
    assert list(verbs.values()) == ["Generate", "Refine", "Fill", "Remove", "Extract"]
    artist.set("text")
    artist.ask(SLOW)
    artist.until("D.button.share is not None")
    artist.ask(SLOW)
    artist.until("len(D.controller.jobs) == 2 and '(+1)' in D.button.line")
    artist.run("app.action('acetate_cancel_all').trigger()")
    artist.until("not D.controller.jobs")


def test_after_a_click_the_keys_are_kritas_again(artist: Artist) -> None:
    artist.new()
    artist.type("a kite steps=4")
    artist.press_button()
    assert artist.run("QtWidgets.QApplication.focusWidget().metaObject().className()").startswith("Kis")
    artist.press("space")
    artist.wait()
    assert artist.names() == ["Background", "a kite steps=4"]
    artist.press("ctrl+z")
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 1")
    assert artist.run("D.prompts.prompt.toPlainText()") == "a kite steps=4"


def test_every_action_is_there_for_the_shortcuts_and_works(artist: Artist) -> None:
    listed = {entry.get("name") for entry in ElementTree.parse(ACTIONS).iter("Action")}
    made = artist.run("from acetate_krita import actions as A\n[name for name, _, _ in A.listed()]")
    assert set(made) == listed
    assert artist.run(f"[name for name in {sorted(made)!r} if app.action(name) is None]") == []
    artist.new()

    def trigger(name: str) -> None:
        artist.run(f"app.action('acetate_{name}').trigger()")

    for mode in artist.run("[D.modes.itemData(row, QtCore.Qt.UserRole) for row in range(D.modes.count())]"):
        trigger(f"mode_{mode}")
        assert artist.run("D.modes.mode") == mode
    trigger("mode_text")
    trigger("focus_prompt")
    artist.until("D.prompts.prompt.hasFocus()")
    for words in ("a kite", "a cloud"):
        artist.run(f"D.prompts.prompt.setPlainText({words!r})")
        trigger("generate")
        artist.until(f"{words!r} in [n.name() for n in app.activeDocument().rootNode().childNodes()]")
        artist.wait()
    artist.until("len(D.history.list.ids) == 2")
    trigger("next_result")
    trigger("next_result")
    assert artist.run("D.history.list.ids.index(D.history.list.chosen)") == 1
    trigger("apply_result")
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 4")
    assert artist.names().count("a kite") == 2
    trigger("previous_result")
    assert artist.run("D.history.list.ids.index(D.history.list.chosen)") == 0
    artist.run(f"D.prompts.prompt.setPlainText({SLOW!r})")
    trigger("generate")
    artist.until("D.button.share is not None")
    trigger("cancel")
    artist.until("not D.controller.jobs")


def test_unknown_words_are_told_while_typing_and_known_ones_completed(artist: Artist) -> None:
    artist.new()
    artist.type("a red zebrafish")
    artist.until("D.unknown.isVisible()")
    assert artist.run("D.unknown.text()") == "The starter does not know: zebrafish; nearest: fish"
    for words, told in (("ein roter Apfel", "ein, roter, apfel"), ("赤いりんご", "赤いりんご"), ("a red 🚀", "🚀")):
        artist.run(f"D.prompts.prompt.setPlainText({words!r})")
        artist.until(f"{told!r} in D.unknown.text()")
    artist.type("a red ap")
    artist.until("D.prompts.prompt.completion.isVisible()")
    artist.press("Tab")
    artist.until("D.prompts.prompt.toPlainText() == 'a red apple'")
    artist.until("not D.unknown.isVisible()")
    assert artist.run("D.prompts.prompt.hasFocus()")
    artist.type("a red ap")
    artist.until("D.prompts.prompt.completion.isVisible()")
    artist.run("D.prompts.prompt.setPlainText('a red ap')")
    artist.press_button()
    artist.wait()


def test_a_warning_comes_with_its_layer_in_words(artist: Artist) -> None:
    artist.new()
    artist.make("a kite warn")
    artist.until("D.history.warning.isVisible()")
    assert "nothing in it is transparent" in artist.run("D.history.warning.text()")
    assert "nothing in it is transparent" in artist.run("history()[0]")
    artist.make("a cloud")
    artist.until("not D.history.warning.isVisible()")


def test_settings_that_most_do_without_are_folded(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.fold.setChecked(False); D.refresh()")
    assert not artist.run("D.prompts.negative.isVisible()")
    assert artist.run("D.history.empty.height() < 2 * D.history.empty.fontMetrics().height()")
    artist.run("D.more.fold.setChecked(True)")
    artist.until("D.prompts.negative.isVisible()")
    artist.run("D.more.fold.setChecked(False)")
