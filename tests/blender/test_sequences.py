"""An image sequence: a picture for each frame of a range, on one plane."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.blender.editors import Blender

oldest_and_newest = pytest.mark.parametrize("blender", ("3.4", "5.2"), indirect=True)
one_release = pytest.mark.parametrize("blender", ("4.5",), indirect=True)


@oldest_and_newest
def test_prompts_by_frame_become_a_sequence_on_one_plane(blender: Blender, tmp_path: Path) -> None:
    seen = blender.call(
        "sequences.generate",
        file=str(tmp_path / "film.blend"),
        frame_start=3,
        frame_end=8,
        frame_step=2,
        prompts="1: a seed; 5: a flower clear",
        seed=200,
        target="FRAME",
    )
    assert seen["result"] == ["FINISHED"] and seen["source"] == "SEQUENCE"
    assert Path(seen["folder"]).parent == tmp_path / "film_layers" and seen["relative"]
    assert seen["files"] == [f"{frame:06}.png" for frame in range(3, 9)]
    assert seen["prompts"] == ["a seed", "a flower clear", "a flower clear"]
    assert seen["seeds"] == 1 and seen["frame"][0] == seen["frame"][1]
    early, held, later = blender.call("sequences.rendered", frames=[3, 4, 5])
    assert early == held == [200, 0, 77, 255] and later[3] == 0


@one_release
def test_animated_inputs_are_read_at_their_frame(blender: Blender, tmp_path: Path) -> None:
    assert blender.call("sequences.animated_input", folder=str(tmp_path)) == [[n * 51] * 3 + [255] for n in (1, 2, 3)]


@one_release
def test_a_sequence_that_cannot_be_is_refused_before_anything_is_asked_for(blender: Blender) -> None:
    said = blender.call("sequences.refused", prompt="a kite", frame_start=1, frame_end=500, frame_step=1)
    assert "500 pictures are over the limit of 64: take a larger step or a shorter range" in said
    assert "the first one" in blender.call("sequences.refused", prompt="a kite", frame_start=9, frame_end=2)
    said = blender.call("sequences.refused", prompts="a seed, then a flower", frame_start=1, frame_end=2)
    assert "write them like this" in said
    assert blender.call("scene.jobs") == []
