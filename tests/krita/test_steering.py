"""LoRAs and the structure of a layer steer the drawing, where the chosen model has any."""

from __future__ import annotations

import numpy as np

from tests.krita.artist import Artist


def test_the_structure_of_a_layer_goes_along_and_is_never_taken_for_an_input(artist: Artist) -> None:
    artist.new(64, 48)
    sent = np.random.default_rng(7).bytes(64 * 48 * 4)
    artist.paint("depths", sent, 0, 0, 64, 48)
    artist.run("D.more.fold.setChecked(True); D.more.structures.fill([{'kind': 'depth'}]); D.refresh()")
    artist.run("D.more.structures.rows[0].picker.choose(layer('depths').uniqueId().toString())")
    artist.run("app.activeDocument().setActiveNode(layer('Background'))")
    artist.make("echo")
    assert artist.names() == ["Background", "echo", "depths"]
    assert artist.pixels("echo", 0, 0, 64, 48) == sent
    artist.click("D.more.structures.rows[0].away")
    artist.until("not D.more.structures.rows")
    artist.make("a kite")
    assert artist.names() == ["Background", "echo", "a kite", "depths"]


def test_several_structures_go_along_each_from_its_layer_and_in_its_part_of_the_steps(artist: Artist) -> None:
    artist.new(64, 48)
    sent = {name: np.random.default_rng(seed).bytes(64 * 48 * 4) for seed, name in enumerate(("far", "near"))}
    for name, pixels in sent.items():
        artist.paint(name, pixels, 0, 0, 64, 48)
    artist.run("D.more.fold.setChecked(True); D.refresh()")
    for number, name in enumerate(sent):
        artist.click("D.more.structures.more")
        artist.until(f"len(D.more.structures.rows) == {number + 1}")
        artist.run(f"D.refresh(); D.more.structures.rows[-1].picker.choose(layer({name!r}).uniqueId().toString())")
    artist.run(
        "first, second = D.more.structures.rows; first.end.setValue(40); second.kind.setCurrentIndex(1)\n"
        "second.strength.setValue(50); second.start.setValue(40)"
    )
    assert artist.run("clipped()") == []
    assert artist.run("D.form().structures") == [
        {"kind": "depth", "weight": 1.0, "start": 0.0, "end": 0.4},
        {"kind": "normal", "weight": 0.5, "start": 0.4, "end": 1.0},
    ]
    artist.make("echo")
    shown = artist.run("[child.name() for child in layer('echo').childNodes()]")
    assert [artist.krita.bytes(f"layer('echo').childNodes()[{n}].pixelData(0, 0, 64, 48)") for n in (0, 1)] == list(
        sent.values()
    ), shown
    artist.run("D.model.setCurrentIndex(D.model.findData('narrow'))")
    assert artist.run("D.more.structures.values()") == []
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")
    assert artist.run("[each['kind'] for each in D.more.structures.values()]") == ["depth", "normal"]
    former = "{'structure': 'depth', 'structure_weight': 0.3}"
    assert artist.run(f"GenerationSettings.from_map({former}).structures") == [{"kind": "depth", "weight": 0.3}]


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
    assert artist.run("[D.more.structures.more.isEnabled(), D.more.structures.more.text()]") == [
        False,
        "none for this model",
    ]
    assert artist.run("[D.more.loras.more.isEnabled(), D.more.loras.more.text()]") == [False, "none on this computer"]
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")
    assert artist.run("D.more.structures.more.isEnabled() and D.more.loras.more.isEnabled()")


def test_clip_skip_is_offered_where_the_model_has_layers_to_choose_from(artist: Artist) -> None:
    artist.new()
    artist.run("D.more.fold.setChecked(True)")
    assert not artist.run("D.more.clip_skip.isVisible()")
    artist.run("D.model.setCurrentIndex(D.model.findData('narrow'))")
    assert artist.run("[D.more.clip_skip.isVisible(), D.more.clip_skip.maximum()]") == [True, 12]
    assert artist.run("clipped()") == []
    artist.click("D.more.clip_skip")
    artist.press("ctrl+a", "2", "Tab")
    artist.until("D.form().clip_skip == 2")
    artist.make("a kite")
    assert "Clip skip 2" in artist.run("history()[0]")
    artist.run("D.more.clip_skip.setValue(0)")
    artist.click_result(button=3)
    artist.pick("QtWidgets.QApplication.activePopupWidget()", "Use these settings again")
    assert artist.run("D.form().clip_skip") == 2
    artist.run("D.model.setCurrentIndex(D.model.findData('starter'))")
    assert artist.run("D.form().clip_skip") is None, "a model without a choice is not asked for one"
