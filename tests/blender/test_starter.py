"""The starter model changes layers in Blender 3.4."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.blender.editors import Blender
from tests.daemon.harness import Daemon

WAIT_S = 200.0
UNSEEN = 2.0
"""Alpha in 8-bit steps that the soft edge of one thing may leave where the other was."""


@pytest.fixture(scope="module")
def blender(starter: Daemon, make_blender: Callable[..., Blender]) -> Blender:
    """A Blender without a window whose layers the starter draws."""
    return make_blender("3.4", starter.environment, home="b-starter")


def test_one_of_two_apples_is_removed(blender: Blender) -> None:
    blender.call("scene.fresh", width=320, height=240)
    assert blender.call("scene.connected")
    old = blender.call("working.kite", prompt="a red apple", seed=3, x=60, y=20, width=200, height=200, wait=WAIT_S)
    blender.call("working.twice", name=old)
    mask = blender.call("working.mask", name="Mask", width=200, height=200, box=[100, 0, 100, 200])
    options = {"mask_from": "IMAGE", "mask_name": mask, "seed": 2, "wait": WAIT_S}
    new = blender.call("working.change", mode="remove", select=old, **options)
    halves = blender.call("working.of_two", before=old, after=new)
    assert halves["right_before"] > 200
    assert halves["left"] == 0
    assert halves["right"] <= UNSEEN
    assert blender.call("working.seen", name=old)["hidden"] == [True, True]
    assert blender.call("working.seen", name=new)["hidden"] == [False, False]


def test_a_small_layer_of_a_large_frame_is_refined_alone(blender: Blender) -> None:
    blender.call("scene.fresh", width=2000, height=1500)
    assert blender.call("scene.connected")
    old = blender.call("working.kite", prompt="a red apple", x=1200, y=800, width=160, height=160, wait=WAIT_S)
    options = {"prompt": "a green pear", "strength": 0.8, "seed": 3, "wait": WAIT_S}
    new = blender.call("working.change", mode="refine", select=old, **options)
    target = blender.call("working.request")["target"]
    assert max(target[2:]) <= 200
    x, y, width, height = blender.call("working.seen", name=new)["rect"]
    assert x <= 1200 and y <= 800 and x + width >= 1360 and y + height >= 960 and max(width, height) <= 220
    assert blender.call("working.seen", name=old)["hidden"] == [True, True]


def test_an_apple_on_a_meadow_is_split_into_planes_that_look_the_same(blender: Blender) -> None:
    blender.call("scene.fresh", width=256, height=256)
    assert blender.call("scene.connected")
    old = blender.call("splits.meadow", wait=WAIT_S)
    options = {"layers": 2, "seed": 3, "random_seed": False, "steps": 2, "wait": WAIT_S}
    made = blender.call("splits.split", select=old, **options)
    assert [plane["role"] for plane in made["planes"]] == ["background", "foreground"]
    behind, before = (plane["depth"] for plane in made["planes"])
    assert behind == pytest.approx(made["depth"]) and 0 < before < behind
    assert made["asked"] == ["linear", [0, 0, 256, 256], 2]
    far, near = (blender.call("working.seen", name=plane["name"]) for plane in made["planes"])
    assert (far["rect"], far["hidden"], near["hidden"]) == ([0, 0, 256, 256], [False, False], [False, False])
    x, y, width, height = near["rect"]
    assert x <= 60 and y <= 90 and x + width >= 180 and y + height >= 190 and width * height < 200 * 200
    assert near["active"] and far["selected"] and blender.call("working.seen", name=old)["hidden"] == [True, True]
    assert made["summed"] <= 1, "levels of 255 between the split picture and its layers"
    # Cycles multiplies images of 8 bits by their alpha in 8 bits: a colour at alpha 32 keeps 32 steps.
    assert round(made["worst"]) <= 3, "levels of 255 between the split picture and what the camera renders"
    assert blender.call("splits.restored", select=made["planes"][1]["name"]) == ["split", 2, 3]
    low, top = blender.call("splits.at_the_cursor")
    assert low == top, "what is cut to what is seen still fits over the background"


def test_a_transformer_splits_a_layer_into_planes_that_look_the_same(blender: Blender) -> None:
    """It is tiny and knows nothing: its layers are noise, which the exact recomposition makes the picture of."""
    blender.call("scene.fresh", width=256, height=256)
    assert blender.call("scene.connected")
    old = blender.call("splits.meadow", wait=WAIT_S)
    options = {"model": "tiny-layered", "prompt": "an apple", "layers": 3, "steps": 2, "wait": WAIT_S}
    made = blender.call("splits.split", select=old, **options)
    assert [plane["role"] for plane in made["planes"]] == ["background", "foreground", "foreground"]
    depths = [plane["depth"] for plane in made["planes"]]
    assert depths[0] == pytest.approx(made["depth"]) and depths == sorted(depths, reverse=True)
    assert made["summed"] <= 1.01, "levels of 255 between the split picture and its planes' images over each other"
    assert round(made["worst"]) <= 6, "Cycles does not meet the middle of each pixel of noise"
    for plane in made["planes"]:
        x, y, width, height = blender.call("working.seen", name=plane["name"])["rect"]
        assert x >= 0 and y >= 0 and x + width <= 256 and y + height <= 256
    assert blender.call("working.seen", name=old)["hidden"] == [True, True]
