"""Depth, order and collection of layers are the artist's; many objects cost nothing while nothing happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender.editors import Blender

oldest_and_newest = pytest.mark.parametrize("blender", ("3.4", "5.2"), indirect=True)
one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)


@oldest_and_newest
def test_a_layer_stands_at_the_distance_that_was_asked_for(blender: Blender) -> None:
    names = [blender.call("scene.generate", prompt="a kite", distance=metres)[0] for metres in (10, 50, 2, 50)]
    depths = [blender.call("layers.depth", name=name) for name in names]
    assert depths[:3] == pytest.approx([10, 50, 2], abs=1e-3)
    assert depths[3] == pytest.approx(50, rel=2e-3) and depths[3] < depths[1], "two at one depth would flicker"
    (hill,) = blender.call("scene.generate", prompt="a hill", depth="BACK", gap=0.1)
    assert blender.call("layers.depth", name=hill) == pytest.approx(50 / 0.9, abs=1e-2)
    (tree,) = blender.call("scene.generate", prompt="a tree", gap=0.1)
    assert blender.call("layers.depth", name=tree) == pytest.approx(2 * 0.9, abs=1e-3)


@oldest_and_newest
def test_after_the_fact_a_layer_goes_to_another_distance(blender: Blender) -> None:
    blender.call("scene.generate", prompt="a hill")
    blender.call("scene.push_undo")
    blender.call("scene.generate", prompt="a kite")
    planes = blender.call("layers.again", depth="DISTANCE", distance=30.0)
    assert [plane["depth"] for plane in planes] == pytest.approx([30, 10], abs=1e-3)
    planes = blender.call("layers.again", depth="BACK")
    assert [plane["name"] for plane in planes] == ["a kite", "a hill"]


@one_release
def test_hidden_layers_take_no_room(blender: Blender) -> None:
    blender.call("scene.generate", prompt="a kite", count=8, gap=0.1)
    (shown,) = blender.call("scene.generate", prompt="a tree", gap=0.1)
    assert blender.call("layers.depth", name=shown) == pytest.approx(9.0, abs=1e-3)
    depths = [plane["depth"] for plane in blender.call("scene.planes")]
    assert len({round(depth, 4) for depth in depths}) == 9, "each has a depth of its own"


@oldest_and_newest
def test_the_list_has_every_layer_with_its_eye_depth_order_and_solo(blender: Blender) -> None:
    hill, tree, kite = (blender.call("scene.generate", prompt=text)[0] for text in ("a hill", "a tree", "a kite"))
    assert blender.call("layers.listed") == [kite, tree, hill]
    assert blender.call("layers.active", choose=2) == [2, hill]
    blender.call("scene.run", operator="order_layer", layer=hill, to="NEARER")
    assert blender.call("layers.listed") == [kite, hill, tree]
    blender.call("scene.run", operator="order_layer", layer=kite, to="BACK")
    assert blender.call("layers.listed") == [hill, tree, kite]
    blender.call("scene.run", operator="toggle_layer", layer=tree)
    assert blender.call("layers.hidden") == {hill: False, tree: True, kite: False}
    blender.call("scene.run", operator="solo_layer", layer=kite)
    assert blender.call("layers.hidden") == {hill: True, tree: True, kite: False}
    blender.call("scene.run", operator="solo_layer", layer=hill)
    assert blender.call("layers.hidden") == {hill: False, tree: True, kite: True}
    blender.call("scene.run", operator="solo_layer", layer=hill)
    assert blender.call("layers.hidden") == {hill: False, tree: True, kite: False}
    blender.call("layers.set_depth", name=kite, metres=1.5)
    assert blender.call("layers.listed") == [kite, hill, tree]


@one_release
@pytest.mark.parametrize("kind", ("PERSP", "ORTHO"))
def test_another_depth_keeps_the_picture_exact(blender: Blender, kind: str) -> None:
    errors = blender.call("layers.move_exactly", metres=23.0, kind=kind)
    assert errors["colour"] < 1 / 255 and errors["worst_alpha"] <= 1


@pytest.mark.parametrize("size", ((101, 67, 37), (101, 67, 100), (67, 101, 53), (100, 50, 29)))
@oldest_and_newest
def test_odd_sizes_and_percentages_are_exact(blender: Blender, size: tuple[int, int, int]) -> None:
    width, height, share = size
    errors = blender.call("layers.odd_size", width=width, height=height, share=share)
    assert errors["colour"] < 1 / 255 and errors["worst_alpha"] <= 1


@pytest.mark.parametrize("region", ((0.213, 0.777, 0.109, 0.9), (0.1, 0.7, 1 / 3, 1.0)))
def test_an_odd_region_is_exact_to_its_edges(blender: Blender, region: tuple[float, ...]) -> None:
    errors = blender.call("layers.odd_size", width=101, height=67, share=100, region=region)
    assert errors["colour"] < 1 / 255 and errors["worst_alpha"] <= 1


@oldest_and_newest
def test_each_scene_has_one_collection_and_the_artists_defaults(blender: Blender) -> None:
    seen = blender.call("layers.second_scene")
    assert seen["distance"] == 7.0
    assert seen["first"] == ["Acetate"] and seen["second"] == {"Acetate.001": 2}
    assert seen["pointers"] == ["Acetate", "Acetate.001"]


@oldest_and_newest
def test_a_linked_collection_is_left_alone(blender: Blender, tmp_path: Path) -> None:
    assert blender.call("layers.linked", folder=str(tmp_path)) == {"library": True, "objects": [1, 0]}


@one_release
@pytest.mark.parametrize("how", ("exclude", "eye", "render"))
def test_a_layer_that_arrives_unseen_is_told_of(blender: Blender, how: str) -> None:
    before = len(blender.said)
    seen = blender.call("layers.unseen", how=how)
    said = "The collection Acetate is excluded or hidden: its layers are there, but not seen"
    assert any(said in line for line in blender.said[before:])
    assert seen["before"] == ["Acetate"] and seen["after"] == []


@oldest_and_newest
def test_layers_are_known_however_objects_come_and_go(blender: Blender) -> None:
    one, two = ["a kite"], ["a kite", "a kite.001"]
    assert blender.call("layers.found_again") == {
        "made": one,
        "duplicated": two,
        "undone": one,
        "redone": two,
        "removed": one,
        "copied": two,
        "unlinked": one,
        "deleted": [],
    }


@oldest_and_newest
def test_a_large_scene_is_looked_through_only_when_objects_come_or_go(blender: Blender) -> None:
    assert blender.call("layers.scans", objects=2000) == [0, 0, 1]


@one_release
def test_the_settings_of_a_variation_are_its_own(blender: Blender) -> None:
    options = {"mode": "scene", "prompt": "a lake", "foreground_prompt": "a swan", "background_prompt": "reeds"}
    now = blender.call("layers.settings_of_variant", number=1, seed=40, count=2, **options)
    assert now == {
        "seed": 41,
        "random_seed": False,
        "count": 1,
        "foreground_prompt": "a swan",
        "background_prompt": "reeds",
        "mode": "scene",
        "target": "AUTO",
    }
    now = blender.call(
        "layers.settings_of_variant",
        number=0,
        seed=9,
        prompt="a kite",
        mode="text",
        target="CUSTOM",
        target_x=3,
        target_y=5,
        target_width=20,
        target_height=30,
    )
    assert now["target"] == "CUSTOM"
    sides = ["target_x", "target_y", "target_width", "target_height"]
    assert list(blender.call("layers.settings", names=sides).values()) == [3, 5, 20, 30]
