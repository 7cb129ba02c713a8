"""What a job works on is told before; a changed layer is exactly what was drawn, and nothing of it is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.blender.editors import Blender
from tests.daemon.harness import Daemon

oldest_and_newest = pytest.mark.parametrize("blender", ("3.4", "5.2"), indirect=True)
one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)
AREA = [45, 25, 50, 50]
"""The area around a layer of 40 pixels at 50, 30: a margin of an eighth on each side."""


@pytest.fixture
def wide(blender: Blender) -> Blender:
    """A fresh scene of 160 x 90 pixels, and a daemon that answers."""
    blender.call("scene.fresh", width=160, height=90)
    assert blender.call("scene.connected")
    return blender


@one_release
def test_a_subject_goes_into_the_middle_and_a_scene_everywhere(wide: Blender) -> None:
    assert wide.call("working.line") == "The middle of the frame: 90 × 90 px"
    name = wide.call("scene.generate", prompt="a kite")[0]
    assert wide.call("working.seen", name=name)["rect"] == [35, 0, 90, 90]
    assert wide.call("working.line", mode="scene") == "The whole frame: 160 × 90 px"
    assert wide.call("working.line", mode="text", target="FRAME") == "The whole frame: 160 × 90 px"
    assert wide.call("working.line", target="SQUARE") == "The middle of the frame: 90 × 90 px"


@one_release
def test_the_line_stays_right_as_options_change(wide: Blender) -> None:
    assert wide.call("working.line", mode="refine") == "No layer is selected"
    name = wide.call("working.kite", x=50, y=30, width=40, height=40)
    assert wide.call("working.line") == "The layer and a margin: 50 × 50 px"
    assert wide.call("working.line", mode="background") == "The layer and a margin: 50 × 50 px"
    assert wide.call("working.line", mode="foreground") == "The middle of the layer: 40 × 40 px"
    assert wide.call("working.line", mode="extract") == "The layer and a margin: 50 × 50 px"
    disc = wide.call("working.kite", x=50, y=30, width=40, height=40, prompt="a round kite")
    assert wide.call("working.line", mode="refine", layer_name=disc) == "The layer and a margin: 40 × 40 px"
    assert wide.call("working.line", mode="refine", layer_from="CAMERA") == "The whole frame: 160 × 90 px"
    assert wide.call("working.line", layer_from="PLANE", layer_name=name, target="FRAME").startswith("The whole frame")


@one_release
@pytest.mark.parametrize("mode", ("refine", "background", "extract"))
def test_what_works_on_a_layer_is_sent_the_layer_and_a_margin(wide: Blender, mode: str) -> None:
    name = wide.call("working.kite", x=50, y=30, width=40, height=40)
    wide.call("working.change", mode=mode, select=name, prompt="a kite", blend_name=name)
    request = wide.call("working.request")
    assert request["target"] == AREA
    assert all(picture["width"] == picture["height"] == 50 for picture in request["inputs"].values())


@one_release
def test_a_layer_that_fills_the_frame_is_worked_on_as_a_whole(wide: Blender) -> None:
    name = wide.call("scene.generate", prompt="a hill", target="FRAME")[0]
    wide.call("working.change", mode="refine", select=name)
    assert wide.call("working.request")["target"] == [0, 0, 160, 90]


def test_a_refined_layer_is_what_was_drawn_and_the_rest_of_it(wide: Blender) -> None:
    old = wide.call("working.kite", x=10, y=10, width=70, height=70)
    part = {"target": "CUSTOM", "target_x": 30, "target_y": 20, "target_width": 30, "target_height": 40}
    wide.call("scene.push_undo")
    new = wide.call("working.change", mode="refine", select=old, seed=300, **part)
    assert wide.call("working.difference", before=old, after=new, area=[30, 20, 30, 40], seed=300) == {
        "inside": 0.0,
        "outside": 0.0,
    }
    assert wide.call("working.seen", name=new) == {
        "rect": [10, 10, 70, 70],
        "hidden": [False, False],
        "selected": True,
        "active": True,
    }
    assert wide.call("working.seen", name=old)["hidden"] == [True, True]
    wide.call("scene.undo")
    assert wide.call("working.named") == [old]
    assert wide.call("working.seen", name=old)["hidden"] == [False, False]
    wide.call("scene.redo")
    assert wide.call("working.named") == sorted([old, new])
    assert wide.call("working.seen", name=old)["hidden"] == [True, True]


@oldest_and_newest
def test_transparency_can_shrink(wide: Blender) -> None:
    old = wide.call("scene.generate", prompt="a hill", target="FRAME")[0]
    assert wide.call("working.rendered_alpha", x=2, y=2) == 1.0
    wide.call("working.change", mode="refine", select=old, prompt="a round hill")
    assert wide.call("working.rendered_alpha", x=2, y=2) == 0.0


@one_release
@pytest.mark.parametrize(("mode", "prompt"), (("inpaint", "a patch"), ("remove", "")))
def test_inpaint_and_remove_take_the_layers_place_too(wide: Blender, mode: str, prompt: str) -> None:
    old = wide.call("working.kite", x=50, y=30, width=40, height=40)
    mask = wide.call("working.mask", name="Mask", width=40, height=40, box=[10, 10, 8, 8])
    options = {"mask_from": "IMAGE", "mask_name": mask, "seed": 9}
    new = wide.call("working.change", mode=mode, select=old, prompt=prompt, **options)
    request = wide.call("working.request")
    assert (request["mode"], request["prompt"], request["target"]) == (mode, prompt, AREA)
    assert wide.call("working.seen", name=old)["hidden"] == [True, True]
    assert wide.call("working.seen", name=new)["hidden"] == [False, False]


@one_release
def test_inpaint_wants_words_and_remove_takes_none(wide: Blender) -> None:
    old = wide.call("working.kite", x=50, y=30, width=40, height=40)
    mask = wide.call("working.mask", name="Mask", width=40, height=40, box=[0, 0, 8, 8])
    chosen = {"layer_name": old, "mask_from": "IMAGE", "mask_name": mask}
    assert wide.call("working.why_not", mode="inpaint", prompt="", **chosen).endswith("or choose Remove")
    assert wide.call("working.why_not", mode="remove") == ""
    new = wide.call("working.change", mode="remove", select=old, prompt="a dog", **chosen)
    assert new and wide.call("working.request")["prompt"] == ""


@one_release
def test_a_layer_that_stands_free_is_changed_where_it_stands(wide: Blender) -> None:
    old = wide.call("scene.generate", prompt="a round kite", place="CURSOR", height=3.0)[0]
    new = wide.call("working.change", mode="refine", select=old, prompt="a kite", target="PLANE")
    assert wide.call("working.corners", name=new) == wide.call("working.corners", name=old)
    assert wide.call("working.seen", name=old)["hidden"] == [True, True]


@one_release
@pytest.mark.parametrize("changed", (0, 1))
def test_of_a_layer_and_its_copy_the_one_that_was_chosen_is_changed(wide: Blender, changed: int) -> None:
    original = wide.call("working.kite", x=50, y=30, width=40, height=40)
    both = [original, wide.call("working.duplicate", name=original, nearer=2.0)]
    new = wide.call("working.change", mode="refine", select=both[changed], prompt="a kite")
    depths = {plane["name"]: plane["depth"] for plane in wide.call("scene.planes")}
    assert depths[both[0]] == pytest.approx(depths[both[1]] + 2)
    assert depths[new] == pytest.approx(depths[both[changed]])
    hidden = [wide.call("working.seen", name=name)["hidden"] for name in both]
    assert hidden[changed] == [True, True] and hidden[1 - changed] == [False, False]


@one_release
def test_the_rest_of_a_changed_layer_outlives_blender(
    wide: Blender, daemon: Daemon, make_blender: Callable[..., Blender], tmp_path: Path
) -> None:
    file = str(tmp_path / "changed.blend")
    first = make_blender("4.5", daemon.environment, home="changed")
    first.call("scene.fresh", width=160, height=90)
    old = first.call("working.kite", x=10, y=10, width=70, height=70)
    part = {"target": "CUSTOM", "target_x": 30, "target_y": 20, "target_width": 30, "target_height": 40}
    first.call("scene.ask", mode="refine", prompt="a kite steps=20 pause=0.1", seed=300, **part)
    first.call("scene.until", state="running")
    first.call("scene.save", path=file)
    first.kill()
    again = make_blender("4.5", daemon.environment, home="changed")
    again.call("scene.open_file", path=file)
    job = again.call("scene.until", state="kept")
    again.call("scene.do", operation="place", job=job)
    (new,) = [name for name in again.call("working.named") if name != old]
    assert again.call("working.difference", before=old, after=new, area=[30, 20, 30, 40], seed=300) == {
        "inside": 0.0,
        "outside": 0.0,
    }
    assert again.call("working.seen", name=old)["hidden"] == [True, True]
    again.close()


@oldest_and_newest
def test_words_that_the_model_does_not_know_are_told_and_completed(wide: Blender) -> None:
    first = wide.call("working.known_words", prompt="a red zebrafish")
    assert first["said"] == ["The starter does not know: zebrafish; nearest: fish"]
    assert first["nearest"] == ["a red fish"]
    assert len(first["asked"]) <= 1
    again = wide.call("working.known_words", prompt="ein roter Apfel 🦓 app")
    assert [line.rpartition(": ")[2] for line in again["said"] if "nearest" not in line]
    assert "The starter does not know: 🦓" in again["said"]
    assert again["completed"] == ["ein roter Apfel 🦓 apple"]
    assert again["asked"] == [], "what is known is kept"


@one_release
def test_the_button_tells_why_it_is_grey(wide: Blender) -> None:
    assert wide.call("working.why_not", prompt=" ") == "There is no prompt: say what the layer shows"
    assert wide.call("working.tooltip") == "There is no prompt: say what the layer shows"
    assert wide.call("working.why_not", prompt="a kite") == ""
    assert "from the Acetate panel" in wide.call("working.tooltip")
    assert "There is no picture for Layer" in wide.call("working.why_not", mode="refine")
    assert "This model cannot do this" in wide.call("working.why_not", model="narrow", mode="scene")
    told = wide.call("working.why_not", model="starter", mode="text", place="SURFACE")
    assert told == "No object is chosen: choose the object that the layer is to lie on"
    assert "could have a texture" in wide.call("working.why_not", place="TEXTURE")
    assert "could have a texture" in wide.call("scene.refused", prompt="a kite", place="TEXTURE")


@one_release
def test_warnings_stay_with_the_layer(wide: Blender) -> None:
    name = wide.call("scene.generate", prompt="a kite warn")[0]
    assert wide.call("working.job_warnings") == ["it covers all: say less"]
    (kept,) = wide.call("working.made_with", name=name)["warnings"]
    assert (kept["code"], kept["message"]) == ("opaque", "it covers all")


@one_release
def test_what_is_left_to_the_model_is_not_sent(wide: Blender) -> None:
    wide.call("scene.generate", prompt="a kite")
    request = wide.call("working.request")
    assert "passes" not in request and "fill" not in request
    wide.call("scene.generate", prompt="a kite", passes="2", fill=True, target="FRAME")
    request = wide.call("working.request")
    assert request["passes"] == 2 and request["fill"] is True


@oldest_and_newest
def test_the_first_layer_stands_before_the_default_cube_and_is_selected(blender: Blender) -> None:
    blender.call("working.default_scene")
    blender.call("scene.push_undo")
    name = blender.call("scene.generate", prompt="a kite", target="FRAME")[0]
    assert blender.call("scene.planes")[0]["depth"] < blender.call("working.nearest", name="Cube") < 10
    seen = blender.call("working.seen", name=name)
    assert seen["selected"] and seen["active"]
    blender.call("scene.undo")
    assert blender.call("working.named") == []


@one_release
def test_a_layer_stands_on_a_floor_at_its_distance(blender: Blender) -> None:
    blender.call("scene.fresh", width=64, height=48)
    blender.call("working.add_floor")
    blender.call("scene.generate", prompt="a kite")
    assert blender.call("scene.planes")[0]["depth"] == pytest.approx(10.0, abs=1e-4)


def test_saved_files_keep_their_choices(blender: Blender) -> None:
    numbers = blender.call("working.numbers_in_files")
    assert numbers["target"] == {"FRAME": 0, "REGION": 1, "PLANE": 2, "CUSTOM": 3, "IMAGE": 4, "AUTO": 5, "SQUARE": 6}
    assert {name: numbers["passes"][name] for name in "1248"} == {"1": 0, "2": 1, "4": 2, "8": 3}
    modes = ("text", "refine", "inpaint", "scene", "background", "foreground", "extract", "remove", "split")
    assert numbers["mode"] == {name: number for number, name in enumerate(modes)}
