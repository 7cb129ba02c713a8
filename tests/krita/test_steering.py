"""LoRAs and the structure of a layer steer the drawing, where the chosen model has any."""

from __future__ import annotations

import numpy as np

from tests.krita.artist import Artist


def test_the_structure_of_a_layer_goes_along_and_is_never_taken_for_an_input(artist: Artist) -> None:
    artist.new(64, 48)
    sent = np.random.default_rng(7).bytes(64 * 48 * 4)
    artist.paint("depths", sent, 0, 0, 64, 48)
    artist.run("D.more.fold.setChecked(True); D.more.structure.choose('depth'); D.refresh()")
    artist.run("D.more.structure.picker.choose(layer('depths').uniqueId().toString())")
    artist.run("app.activeDocument().setActiveNode(layer('Background'))")
    artist.make("echo")
    assert artist.names() == ["Background", "echo", "depths"]
    assert artist.pixels("echo", 0, 0, 64, 48) == sent
    artist.run("D.more.structure.choose('')")
    artist.make("a kite")
    assert artist.names() == ["Background", "echo", "a kite", "depths"]


def test_a_lora_goes_along_with_its_weight_and_its_refusal_is_told(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.fold.setChecked(True); D.refresh()")
    artist.click("D.more.loras.more")
    artist.until("D.more.loras.rows")
    artist.run("D.more.loras.rows[0].weight.setValue(0.7)")
    assert artist.run("D.more.loras.values()") == [["broken", 0.7]]
    artist.make("a kite")
    shown = artist.run("next(iter(D.queue.rows.values())).reason.text()")
    assert "the LoRA broken at 0.7 does not fit" in shown
    artist.run("D.more.loras.rows[0].name.setCurrentText('ink')")
    artist.make("a kite")
    assert artist.names() == ["Background", "a kite"]
    artist.click("D.more.loras.rows[0].away")
    artist.until("not D.more.loras.rows")
    artist.click_result()
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 3")


def test_a_model_without_them_says_so(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.fold.setChecked(True); D.model.setCurrentIndex(D.model.findData('narrow'))")
    assert artist.run("[D.more.structure.kind.isEnabled(), D.more.structure.kind.currentText()]") == [
        False,
        "none for this model",
    ]
    assert artist.run("[D.more.loras.more.isEnabled(), D.more.loras.more.text()]") == [False, "none on this computer"]
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")
    assert artist.run("D.more.structure.kind.isEnabled() and D.more.loras.more.isEnabled()")
