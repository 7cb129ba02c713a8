"""What the docker remembers and offers: pickers, presets, settings of a result, and an interface that stays awake."""

from __future__ import annotations

import pytest

from tests.krita.artist import Artist


def test_the_picker_follows_new_layers_and_renames(artist: Artist) -> None:
    artist.new()
    artist.paint("mine", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    artist.set("refine", first="mine")
    chosen = artist.run("D.pickers[0].source()")
    artist.run("layer('mine').setName('yours'); D.look()")
    assert "yours" in artist.run("D.pickers[0].currentText()")
    assert artist.run("D.pickers[0].source()") == chosen
    artist.paint("new", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    assert "new" in artist.run("[D.pickers[0].itemText(n).strip() for n in range(D.pickers[0].count())]")
    assert artist.run("D.pickers[0].source()") == chosen


def test_a_preset_brings_its_settings_back_but_not_the_words(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.fold.setChecked(True); D.more.steps.setValue(7); D.count.setValue(3)")
    artist.run("D.prompts.negative.setText('text'); D.more.preset.setEditText('quick')")
    artist.click("D.more.keep")
    artist.run("D.more.steps.setValue(20); D.count.setValue(1); D.prompts.prompt.setPlainText('my words')")
    artist.run("D.more.preset.setCurrentIndex(D.more.preset.findText('quick')); D.more._choose_preset()")
    assert artist.run("[D.more.steps.value(), D.count.value(), D.prompts.prompt.toPlainText()]") == [7, 3, "my words"]
    artist.click("D.more.drop")
    assert artist.run("D.more.preset.findText('quick')") == -1
    artist.run("D.more.fold.setChecked(False)")


def test_the_settings_of_a_result_can_be_used_again(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.steps.setValue(5)")
    artist.make("a kite")
    made = artist.run("D.history._result(D.history.list.item(0)).settings['seed']")
    artist.run("D.more.steps.setValue(9); D.prompts.prompt.setPlainText('something else')")
    assert f"Seed {made}" in artist.run("history()[0]")
    artist.run("D.history.wanted.emit(D.history._result(D.history.list.item(0)).settings)")
    again = "[D.prompts.prompt.toPlainText(), D.more.steps.value(), D.more.seed.text(), D.more.lock.isChecked()]"
    assert artist.run(again) == ["a kite", 5, str(made), True]


def test_a_model_that_can_do_little_says_so_in_the_menu(artist: Artist) -> None:
    artist.new()
    artist.run("D.model.setCurrentIndex(D.model.findData('narrow'))")
    states = artist.run("[D.modes.model().item(n).isEnabled() for n in range(D.modes.count())]")
    assert states == [True] + [False] * 6
    assert "narrow" in artist.run("D.modes.model().item(1).toolTip()")
    artist.run("D.model.setCurrentIndex(D.model.findData('absent'))")
    assert not artist.run("D.button.isEnabled()")
    assert "unet/config.json" in artist.run("D.hint.text()")
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")


@pytest.mark.parametrize("depth", ["U8", "F32"])
def test_the_interface_stays_awake(artist: Artist, depth: str) -> None:
    artist.new(2048, 2048, "RGBA", depth)
    artist.run(
        "new = app.activeDocument().createNode('mine', 'paintlayer')\n"
        "pixel = new.pixelData(0, 0, 1, 1); size = len(pixel)\n"
        "for y in range(0, 2048, 64): new.setPixelData(bytes(range(1, size + 1)) * (2048 * 64), 0, y, 2048, 64)\n"
        "app.activeDocument().rootNode().addChildNode(new, None)\napp.activeDocument().waitForDone()\nD.look()"
    )
    gaps = {}
    for mode, prompt in (("text", "a kite"), ("refine", "echo"), ("scene", "a street")):
        artist.set(mode)
        artist.run(f"D.prompts.prompt.setPlainText({prompt!r}); D.look(); app.activeDocument().waitForDone()")
        artist.run("QtCore.QTimer.singleShot(100, lambda: (beat.reset(), D.generate())); None")
        artist.until("D.studio.jobs")
        artist.wait()
        gaps[mode] = round(artist.run("beat.longest") * 1000)
    print(f"\n2048 x 2048 {depth}: longest gap of the heartbeat in ms: {gaps}")
    assert len(artist.names()) == 5
