"""Layers go where the artist wants them, and stand among each other as they should."""

from __future__ import annotations

import json

import pytest

from tests.blender.editors import Blender

oldest_and_newest = pytest.mark.parametrize("blender", ("3.4", "5.2"), indirect=True)
one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)


@oldest_and_newest
def test_on_the_cursor_a_layer_stands_upright_and_faces_the_camera(blender: Blender) -> None:
    seen = blender.call("places.cursor")
    assert seen["lowest"] == pytest.approx(1.0, abs=1e-4) and seen["highest"] == pytest.approx(3.0, abs=1e-4)
    assert seen["facing"] == pytest.approx(1.0, abs=1e-3)
    assert seen["from_cursor"] < 1e-4


@oldest_and_newest
def test_on_an_object_it_lies_on_the_top_and_within_the_edges(blender: Blender) -> None:
    seen = blender.call("places.surface")
    assert len(set(seen["above"])) == 1 and 0 < seen["above"][0] < 0.1
    assert seen["x"] <= 2.0001 and seen["y"] == pytest.approx(1.0, abs=1e-3)


@oldest_and_newest
def test_a_reference_image_is_an_image_empty(blender: Blender) -> None:
    assert blender.call("places.reference") == {"type": "EMPTY", "display": "IMAGE", "size": [48, 48]}


@oldest_and_newest
def test_a_texture_covers_the_colour_of_the_active_objects_material(blender: Blender) -> None:
    seen = blender.call("places.texture")
    assert (seen["over"], seen["from"]) == ("ShaderNodeMix", ["TEX_IMAGE"])
    assert "has no UV map" in seen["flat"] and "no Principled shader" in seen["bare"], "refused before it is drawn"
    assert seen["mixes"] == 1 and seen["below"][0] == seen["below"][1], "the newest lies where the others lay"
    assert seen["kept"] == 3, "no picture is lost"


@oldest_and_newest
def test_an_image_only_is_kept_without_an_object(blender: Blender) -> None:
    assert blender.call("places.image_only") == {"kept": True, "packed": True, "objects": 0}


def test_layers_at_steps_in_depth_keep_the_picture_whole(blender: Blender) -> None:
    seen = blender.call("places.parallax")
    assert seen["depths"] == pytest.approx([10.0, 8.0, 6.4], abs=1e-4)
    assert seen["colour"] < 1 / 255 and seen["worst_alpha"] <= 1


@oldest_and_newest
def test_a_lit_layer_is_dark_without_light(blender: Blender) -> None:
    seen = blender.call("places.lit")
    assert seen["dark"] < 0.05 < 0.5 < seen["bright"]


def test_every_trouble_is_found_and_fixed_by_its_button(blender: Blender) -> None:
    seen = blender.call("places.broken_health")
    assert seen["found"] == ["VIEW", "BOUNCES", "BLENDING", "ALPHA", "DEPTHS", "FRAME"]
    assert seen["left"] == []
    assert seen["depths"] == [6, 7]


@one_release
def test_a_layer_fits_again_after_the_camera_moved(blender: Blender) -> None:
    assert blender.call("places.fit_again") == 0
    assert "was changed" in blender.call("places.fit_a_changed_mesh")


@one_release
def test_refining_takes_the_layers_place(blender: Blender) -> None:
    first, second = (blender.call("scene.generate", prompt=text)[0] for text in ("the sky", "a kite"))
    assert blender.call("scene.run", operator="edit", select=first, kind="refine", wait=60.0) == ["FINISHED"]
    sky, refined = sorted(blender.call("scene.planes"), key=lambda plane: -plane["depth"])[:2]
    assert sky["hidden"] and not refined["hidden"]
    assert sky["depth"] == pytest.approx(refined["depth"])
    assert json.loads(refined["made_with"])["mode"] == "refine"
    assert json.loads(refined["made_with"])["prompt"] == "the sky"
    assert second in {plane["name"] for plane in blender.call("scene.planes")}


@one_release
def test_a_background_goes_behind_its_layer_and_a_foreground_before_it(blender: Blender) -> None:
    low, high = (blender.call("scene.generate", prompt=text)[0] for text in ("a hill", "a kite"))
    blender.call("scene.run", operator="edit", select=high, kind="background", prompt="clouds", wait=60.0)
    blender.call("scene.run", operator="edit", select=low, kind="foreground", prompt="a sheep", wait=60.0)
    shown = [plane["name"] for plane in blender.call("scene.planes") if not plane["hidden"]]
    assert shown == [low, "a sheep (foreground)", "clouds (background)", high]


@one_release
def test_of_several_variants_one_is_shown(blender: Blender) -> None:
    blender.call("scene.generate", prompt="a kite", count=3)
    planes = blender.call("scene.planes")
    assert [plane["hidden"] for plane in planes].count(False) == 1 and len(planes) == 3


@one_release
def test_the_settings_of_a_layer_can_be_used_again(blender: Blender) -> None:
    options = {"model": "narrow", "seed": 41, "steps": 3, "guidance": 2.5, "clip_skip": 2}
    made = blender.call("scene.generate", prompt="a kite", **options)[0]
    blender.call("working.line", negative="a dog", count=4, foreground_prompt="a cat", target="REGION", clip_skip=0)
    assert blender.call("scene.run", operator="use_settings", select=made) == ["FINISHED"]
    now = blender.call("layers.settings", names=["negative", "count", "foreground_prompt", "target"])
    assert now == {"negative": "", "count": 1, "foreground_prompt": "", "target": "AUTO"}
    again = blender.call("scene.generate")
    one, other = (json.loads(plane["made_with"]) for plane in blender.call("scene.planes"))
    assert again and one["seed"] == other["seed"] == 41
    assert one["guidance"] == other["guidance"] == 2.5
    assert one["clip_skip"] == other["clip_skip"] == 2
    assert blender.call("scene.generate", model="starter")
    assert blender.call("working.request").get("clip_skip") is None, "the starter has no choice"


@oldest_and_newest
def test_a_layer_stands_where_its_camera_was_when_it_was_asked_for(blender: Blender) -> None:
    seen = blender.call("places.moment_of_generate")
    assert seen["off"] < 1e-5 and seen["camera"], "turned, zoomed, renamed, at another frame"
    assert seen["depths"] == 3, "a renamed camera is the same camera"
