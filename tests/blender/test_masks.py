"""A mask is painted over the layer, the image editor gives and takes pictures, and Blender's menus have the entries."""

from __future__ import annotations

import pytest

from tests.blender.editors import Blender

oldest_and_newest = pytest.mark.parametrize("blender", ("3.4", "5.2"), indirect=True)
one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)


@oldest_and_newest
def test_a_painted_mask_is_what_is_drawn_anew(blender: Blender) -> None:
    blender.call("scene.fresh", width=160, height=90)
    assert blender.call("scene.connected")
    layer = blender.call("working.kite", x=50, y=30, width=40, height=40)
    seen = blender.call("masks.paint", name=layer)
    assert seen == {
        "mode": "PAINT_TEXTURE",
        "size": [40, 40],
        "clear": 0.0,
        "settings": ["inpaint", layer, "IMAGE", f"{layer} mask"],
        "canvas": f"{layer} mask",
        "same_render": True,
    }
    blender.call("masks.paint_box", x=10, y=12, width=8, height=6)
    done = blender.call("masks.fill", seed=300)
    assert done["mode"] == "OBJECT" and done["packed"]
    assert done["objects"] == sorted([layer, done["new"]]), "nothing of the painting is left in the scene"
    assert set(done["request"]["inputs"]) == {"layer", "mask"} and done["request"]["mode"] == "inpaint"
    assert blender.call("working.seen", name=layer)["hidden"] == [True, True]


@one_release
def test_finishing_a_mask_keeps_it_and_painting_again_goes_on_with_it(blender: Blender) -> None:
    layer = blender.call("scene.generate", prompt="a kite")[0]
    blender.call("masks.paint", name=layer)
    blender.call("masks.paint_box", x=1, y=2, width=3, height=4)
    assert blender.call("scene.run", operator="finish_mask") == ["FINISHED"]
    assert blender.call("working.seen", name=layer)["active"]
    again = blender.call("masks.paint", name=layer)
    assert again["clear"] == 1.0 and again["settings"][3] == f"{layer} mask"
    assert blender.call("scene.run", operator="finish_mask") == ["FINISHED"]


@one_release
def test_the_image_editor_is_a_source_and_shows_the_result(blender: Blender) -> None:
    seen = blender.call("masks.from_the_image_editor", width=64, height=48)
    assert seen["shown"] == "echo" and seen["off"] < 0.5 / 255
    assert seen["mask"] == ["Sketch mask", [64, 48], "PAINT"]
    assert seen["settings"] == ["inpaint", "IMAGE", "Sketch", "Sketch mask"]


@oldest_and_newest
def test_blenders_menus_have_the_entries(blender: Blender) -> None:
    blender.call("scene.generate", prompt="a kite")
    assert blender.call("masks.menus") == {
        "VIEW3D_MT_image_add": ["acetate.generate", "acetate.generate_sequence"],
        "IMAGE_MT_image": ["acetate.generate", "acetate.generate_sequence", "acetate.paint_mask"],
        "VIEW3D_MT_object_context_menu": ["ACETATE_MT_layer"],
        "VIEW3D_MT_object": ["ACETATE_MT_layer"],
        "ACETATE_MT_layer": [
            *["acetate.edit"] * 3,
            "acetate.paint_mask",
            "acetate.solo_layer",
            "acetate.order_layer",
            "acetate.fit",
            "acetate.use_settings",
        ],
    }


@one_release
@pytest.mark.parametrize(
    ("operator", "why"),
    (
        ("edit", "Select a layer first"),
        ("fit", "Select a layer first"),
        ("paint_mask", "Select a layer first, or open an image in the image editor"),
        ("finish_mask", "No mask is being painted"),
        ("solo_layer", "There are no layers in this scene"),
        ("show_colours", "Only a 3D viewport is shaded"),
    ),
)
def test_a_disabled_operator_says_why(blender: Blender, operator: str, why: str) -> None:
    assert why in blender.call("masks.why_disabled", operator=operator)
