"""Blender's window stays alive while a large layer comes in."""

from __future__ import annotations

import pytest

from tests.blender.editors import Blender


@pytest.mark.parametrize("blender", ("3.4", "4.5", "5.2"), indirect=True)
def test_a_layer_of_2048_pixels_comes_in_slices(blender: Blender) -> None:
    longest = blender.call("holds.ticks", side=2048)
    (layer,) = blender.call("scene.planes")
    assert layer["size"] == [2048, 2048]
    print(
        f"\n2048 x 2048 in Blender {blender.release.name}: longest hold {longest['without_image_calls']:.0f} ms, "
        f"with Blender's own image calls {longest['all']:.0f} ms, placing {longest['placing']:.0f} ms (bar: 50 ms)"
    )
