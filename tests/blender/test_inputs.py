"""What a mode works on reaches the daemon as it is."""

from __future__ import annotations

import pytest

from tests.blender.editors import Blender

RED = [1.0, 0.0, 0.0, 1.0]
CLEAR = 0.0
one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)
oldest_and_newest = pytest.mark.parametrize("blender", ("3.4", "5.2"), indirect=True)


def test_an_image_goes_out_byte_for_byte(blender: Blender) -> None:
    assert blender.call("sources.image") < 0.01


@oldest_and_newest
def test_a_float_image_is_sent_straight_and_linear(blender: Blender) -> None:
    assert blender.call("sources.image", premultiplied_float=True) <= 1


@oldest_and_newest
def test_the_cameras_view_is_rendered_without_the_layers(blender: Blender) -> None:
    seen = blender.call("sources.camera")
    assert seen["middle"] == RED and seen["corner"][3] == CLEAR
    assert seen["shown_again"]


@oldest_and_newest
def test_the_render_result_is_taken_as_it_is_displayed(blender: Blender) -> None:
    seen = blender.call("sources.result")
    assert seen["middle"] == RED


@one_release
def test_an_earlier_layer_lies_where_it_lay(blender: Blender) -> None:
    seen = blender.call("sources.plane_elsewhere")
    assert seen["off"] < 0.5 / 255 and seen["outside"] == CLEAR


@one_release
def test_an_image_of_another_size_fits_into_the_target_unstretched(blender: Blender) -> None:
    seen = blender.call("sources.other_size")
    assert seen["off"] < 2 / 255 and seen["outside"] == CLEAR


@one_release
def test_a_masks_white_is_inside(blender: Blender) -> None:
    seen = blender.call("sources.mask")
    assert seen["off"] < 0.5 / 255 and seen["clear"] == 0


@one_release
@pytest.mark.parametrize(
    ("kind", "middle", "corner"),
    (("depth", [255, 255, 255, 255], [0, 0, 0, 255]), ("normal", [128, 128, 255, 255], [128, 128, 255, 255])),
)
def test_the_scenes_shapes_steer_a_model_that_can_be_steered(
    blender: Blender, kind: str, middle: list[int], corner: list[int]
) -> None:
    seen = blender.call("sources.structure", kind=kind)
    assert seen["size"] == [64, 48]
    assert seen["middle"] == pytest.approx(middle, abs=1) and seen["corner"] == pytest.approx(corner, abs=1)


def test_the_cameras_view_is_a_private_picture_of_the_whole_frame(blender: Blender) -> None:
    seen = blender.call("captures.production")
    assert seen["written"] == 1 and seen["left"] == [], "no file output ran"
    assert seen["changes"] == [] and seen["front"] == [False, False]
    assert seen["samples"] and max(seen["samples"]) == 64
    green, blue, clear = [0.0, 1.0, 0.0, 1.0], [0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]
    assert seen["seen"] == {
        "layer:layer": [RED, clear],
        "background:background": [RED, green],
        "foreground:blend": [blue, blue],
        "foreground:background": [RED, green],
    }, "middle and corner"
    assert seen["result"] == blue, "the artist's own render is still there"


@oldest_and_newest
def test_a_failed_capture_leaves_everything_as_it_was(blender: Blender) -> None:
    seen = blender.call("captures.failed")
    assert "The camera's view could not be rendered" in seen["said"]
    assert seen["changes"] == []
