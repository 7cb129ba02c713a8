"""A plane, rendered through its camera, gives the layer pixel for pixel."""

from __future__ import annotations

import pytest

from tests.blender.editors import Blender

STEP = 1 / 255
CAMERAS = (
    "perspective",
    "orthographic",
    "shifted",
    "shifted orthographic",
    "wide pixels",
    "tall pixels, turned and scaled",
)


@pytest.mark.parametrize("camera", CAMERAS)
def test_a_plane_fills_the_frame_of_any_camera_pixel_for_pixel(blender: Blender, camera: str) -> None:
    errors = blender.call("exactness.whole_frame", camera=camera, width=120, height=90)
    assert errors["colour"] < STEP
    assert errors["worst_alpha"] == 0


@pytest.mark.parametrize("camera", ("shifted", "orthographic"))
def test_a_plane_fills_its_part_of_the_frame_and_nothing_else(blender: Blender, camera: str) -> None:
    errors = blender.call("exactness.part_of_frame", camera=camera)
    assert errors["colour"] < STEP
    assert errors["worst_alpha"] == 0
    assert errors["outside"] == 0


@pytest.mark.parametrize("blender", ("4.5", "5.2"), indirect=True)
def test_eevee_shows_the_layer_too(blender: Blender) -> None:
    errors = blender.call(
        "exactness.whole_frame", camera="shifted", width=96, height=64, engine="EEVEE", kind="painted"
    )
    assert errors["colour"] < STEP
    # A graphics driver's texture filter may soften an edge by a trace, which software drivers do.
    assert errors["alpha"] < STEP


@pytest.mark.parametrize(("engine", "samples", "anchor"), (("CYCLES", 4, 0.003), ("EEVEE", 8, 0.0015)))
@pytest.mark.parametrize("blender", ("4.5",), indirect=True)
def test_a_stack_of_twelve_layers_is_their_linear_composite(
    blender: Blender, engine: str, samples: int, anchor: float
) -> None:
    errors = blender.call("exactness.stack", count=12, engine=engine, samples=samples)
    print(f"\n12 layers in {engine}: colour {errors['colour']:.4f}, alpha {errors['alpha']:.4f} (anchor {anchor})")
    assert errors["colour"] < STEP
    assert errors["alpha"] < STEP


@pytest.mark.parametrize(
    ("blender", "view", "space", "anchor"),
    (
        ("3.4", "Filmic", "Filmic sRGB", 0.004),
        ("4.5", "AgX", "AgX Base sRGB", 0.01),
        ("5.2", "AgX", "AgX Base sRGB", 0.01),
        ("5.2", "Filmic", "Filmic sRGB", 0.004),
    ),
    indirect=("blender",),
)
def test_layers_are_matched_to_the_artists_view_transform(
    blender: Blender, view: str, space: str, anchor: float
) -> None:
    seen = blender.call("exactness.under_view", view=view)
    print(f"\n{view} in {blender.release.name}: {seen['before']:.4f}, matched {seen['matched']:.4f}")
    assert seen["offered"] == [
        f"Colours of layers are changed: view transform {view}",
        f"Match Layers to {view}",
        "Show as Generated",
    ]
    assert seen["matched"] < anchor < seen["before"]
    assert seen["view"] == view and seen["left"] == []
    assert seen["space"] == seen["followed"] == space, "new layers are matched like the others"
    assert seen["standard"][1] == "Match Layers to Standard"
    assert seen["generated"] < STEP and seen["last"] == []


def test_all_that_changes_colours_is_named(blender: Blender) -> None:
    said = "Colours of layers are changed: exposure, gamma, view curves"
    more = "" if blender.release.is_legacy else ", white balance, display Display P3 (in saved pictures)"
    assert blender.call("exactness.other_changes") == said + more
    assert blender.call("exactness.painted_over") == [1.0, 1.0], "matching loses no paint"
