"""What the docker remembers and offers: pickers, presets, the settings of a result."""

from __future__ import annotations

from tests.krita.artist import Artist


def test_the_picker_follows_new_layers_and_renames(artist: Artist) -> None:
    artist.new()
    artist.paint("mine", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    artist.set("refine", first="mine")
    chosen = artist.run("D.pickers[0].source()")
    artist.run("layer('mine').setName('yours'); D.refresh()")
    assert "yours" in artist.run("D.pickers[0].currentText()")
    assert artist.run("D.pickers[0].source()") == chosen
    artist.paint("new", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    assert "new" in artist.run("[D.pickers[0].itemText(n).strip() for n in range(D.pickers[0].count())]")
    assert artist.run("D.pickers[0].source()") == chosen


def answer(artist: Artist, words: str) -> None:
    """Press a button of the question that is asked."""
    artist.until("D.more.presets.question is not None and D.more.presets.question.isVisible()")
    artist.krita.click(f"next(b for b in D.more.presets.question.buttons() if b.text().replace('&', '') == {words!r})")
    artist.until("D.more.presets.question is None")


def test_a_preset_brings_its_settings_back_but_not_the_words(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.fold.setChecked(True); D.more.steps.setValue(7); D.count.setValue(3)")
    artist.run("D.prompts.negative.setText('text'); D.more.preset.setEditText('quick')")
    artist.click("D.more.keep")
    artist.run("D.more.steps.setValue(20); D.count.setValue(1); D.prompts.prompt.setPlainText('my words')")
    artist.run("D.more.preset.showPopup()")
    artist.press("Return")
    assert artist.run("[D.more.steps.value(), D.count.value(), D.prompts.prompt.toPlainText()]") == [7, 3, "my words"]
    artist.run("D.more.steps.setValue(20)")
    artist.click("D.more.preset.lineEdit()")
    artist.press("ctrl+a")
    artist.krita.xdotool("type", "--delay", "8", "quick")
    artist.press("Return")
    artist.until("D.more.steps.value() == 7")
    for button, words, steps in (("keep", "Cancel", 7), ("keep", "Replace", 9), ("drop", "Cancel", 9)):
        artist.run("D.more.steps.setValue(9)")
        artist.click(f"D.more.{button}")
        answer(artist, words)
        assert artist.run("D.controller.settings.presets['quick']['steps']") == steps
    artist.click("D.more.drop")
    answer(artist, "Remove")
    assert artist.run("D.more.preset.findText('quick')") == -1
    assert artist.run("'quick' not in D.controller.settings.presets")
    artist.run("D.more.fold.setChecked(False)")


def test_the_menu_of_a_result_uses_its_settings_again_and_forgets_it(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.steps.setValue(5)")
    artist.make("a kite")
    made = artist.run("D.more.seed.text()")
    artist.run("D.more.steps.setValue(9); D.prompts.prompt.setPlainText('something else')")
    assert f"Seed {made}" in artist.run("history()[0]")
    menu = "QtWidgets.QApplication.activePopupWidget()"
    artist.click_result(button=3)
    artist.pick(menu, "Use these settings again")
    again = "[D.prompts.prompt.toPlainText(), D.more.steps.value(), D.more.seed.text(), D.more.lock.isChecked()]"
    assert artist.run(again) == ["a kite", 5, made, True]
    artist.click_result(button=3)
    artist.pick(menu, "Insert")
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 3")
    artist.wait()
    artist.click_result(button=3)
    artist.pick(menu, "Remove from the history")
    artist.until("len(D.history.list.ids) == 0")
    assert artist.names() == ["Background", "a kite", "a kite"]


def test_a_model_that_can_do_little_says_so_in_the_menu(artist: Artist) -> None:
    artist.new()
    artist.run("D.model.setCurrentIndex(D.model.findData('narrow'))")
    states = artist.run("[D.modes.model().item(n).isEnabled() for n in range(D.modes.count())]")
    assert states == [True] + [False] * 9
    assert "narrow" in artist.run("D.modes.model().item(1).toolTip()")
    artist.run("D.model.setCurrentIndex(D.model.findData('absent'))")
    assert not artist.run("D.button.isEnabled()")
    assert "unet/config.json" in artist.run("D.hint.text()")
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")


def test_a_locked_seed_is_seen_without_unfolding_and_a_click_unlocks_it(artist: Artist) -> None:
    artist.new()
    artist.make("a kite")
    menu = "QtWidgets.QApplication.activePopupWidget()"
    artist.click_result(button=3)
    artist.pick(menu, "Use these settings again")
    seed = artist.run("D.more.seed.text()")
    artist.until("D.seed.isVisible()")
    assert artist.run("[D.seed.text(), D.more.panel.isVisible()]") == [f"Seed {seed}", False]
    artist.click("D.seed")
    artist.until("not D.seed.isVisible() and not D.more.lock.isChecked()")
    artist.run("D.more.lock.setChecked(True); D.prompts.prompt.setPlainText('something else')")
    artist.click_result(button=3)
    artist.pick(menu, "Use them with a new seed")
    assert artist.run("[D.prompts.prompt.toPlainText(), D.more.lock.isChecked()]") == ["a kite", False]


def test_a_change_of_theme_redraws_every_icon(artist: Artist) -> None:
    artist.new()
    artist.make("memory=9")
    artist.run("D.more.fold.setChecked(True); D.more.loras.fill([['ink', 0.7]])")
    lightness = (
        "def lightness(picture):\n"
        "    colours = [picture.pixelColor(x, y) for x in range(picture.width()) for y in range(picture.height())]\n"
        "    shown = [c.lightness() for c in colours if c.alpha() > 100]\n"
        "    return sum(shown) / max(1, len(shown))\n"
        "def icons():\n"
        "    buttons = [b for b in D.body.findChildren(QtWidgets.QToolButton) if not b.icon().isNull()]\n"
        "    found = {b.accessibleName() or b.text(): b.icon().pixmap(16, 16).toImage() for b in buttons}\n"
        "    found['mode'] = D.modes.itemIcon(0).pixmap(32, 32).toImage()\n"
        "    return {name: lightness(picture) for name, picture in found.items()}\n"
    )
    dark = artist.run(lightness + "icons()")
    themes = "{a.text().replace('&', ''): a for a in window.findChildren(QtWidgets.QAction)}"
    artist.run(f"{themes}['Krita bright'].trigger()")
    artist.until("app.action('edit_undo') and D.palette().window().color().lightness() > 128")
    bright = artist.run("QtWidgets.QApplication.processEvents(); icons()")
    artist.run(f"{themes}['Krita dark'].trigger()")
    artist.run("D.more.fold.setChecked(False)")
    named = {"Save these settings under this name", "Remove this preset", "Without this LoRA", "Try again", "mode"}
    assert named <= set(bright) == set(dark)
    assert {name for name in bright if bright[name] > dark[name] - 40} == set()


def test_thumbnails_of_layers_keep_their_proportions(artist: Artist) -> None:
    artist.new(400, 300)
    artist.paint("wide", bytes([0, 0, 255, 255]) * (200 * 50), 10, 10, 200, 50)
    artist.set("refine", first="wide")
    artist.until("D.pickers[0]._unseen == type(D.pickers[0]._unseen)()")
    artist.run("picture = D.pickers[0].itemIcon(D.pickers[0].currentIndex()).pixmap(24, 24).toImage()")
    red = artist.run(
        "[[x, y] for x in range(picture.width()) for y in range(picture.height())"
        " if picture.pixelColor(x, y).red() > 200 and picture.pixelColor(x, y).green() < 60]"
    )
    width, height = (max(values) - min(values) + 1 for values in zip(*red, strict=True))
    assert width > 2.5 * height > 0


def test_without_words_the_button_is_off_and_says_why(artist: Artist) -> None:
    artist.new()
    artist.run("D.prompts.prompt.setPlainText('  '); D.refresh()")
    artist.until("not D.button.isEnabled()")
    assert artist.run("[D.hint.isVisible(), D.hint.text()]") == [True, "Say what to draw first"]
