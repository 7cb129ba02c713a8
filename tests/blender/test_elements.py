"""Elements in Blender: the sliders that the daemon offers, light that is added, loops on one plane."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blender.editors import Blender
from tests.daemon.harness import Daemon, until


@pytest.fixture(scope="module")
def elements_daemon(scratch: Path) -> Iterator[Daemon]:
    daemon = Daemon(scratch / "e", engine="standard").start()
    yield daemon
    daemon.close()


@pytest.fixture(scope="module", params=("3.4", "5.2"))
def with_elements(
    request: pytest.FixtureRequest, elements_daemon: Daemon, make_blender: Callable[..., Blender]
) -> Blender:
    """The oldest and the newest Blender, which know what the daemon offers."""
    blender = make_blender(request.param, elements_daemon.environment, home=f"e-{request.param}")
    blender.call("scene.fresh", width=64, height=48)
    until(lambda: blender.call("elements.prepared"), "the kinds", 120)
    return blender


def test_words_move_the_sliders_and_the_sliders_what_is_asked_for(with_elements: Blender) -> None:
    seen = with_elements.call("elements.sliders", prompt="thick smoke", move={"width": 0.25})
    assert seen["before"]["density"] == 0.9
    assert seen["after"] == {**seen["before"], "width": 0.25}
    assert seen["asked"] == {"kind": "", "parameters": {"width": 0.25}, "frames": 1}
    beyond = with_elements.call("elements.sliders", prompt="thick smoke", move={"density": 7.0})
    assert beyond["after"]["density"] == 1.0


def test_light_is_added_in_a_colour_of_the_artists_own(with_elements: Blender) -> None:
    with_elements.call("scene.fresh", width=64, height=48)
    seen = with_elements.call("elements.generate", prompt="glow", colour=[1.0, 0.0, 0.0])
    assert (seen["result"], seen["method"]) == (["FINISHED"], "formula")
    assert seen["element"]["parameters"]["colour"] == "#ff0000"
    assert "ADD_SHADER" in seen["nodes"] and "MIX_SHADER" not in seen["nodes"]


def test_a_loop_is_an_image_sequence_that_goes_round(with_elements: Blender) -> None:
    with_elements.call("scene.fresh", width=64, height=48)
    seen = with_elements.call("elements.generate", prompt="smoke", frames=4)
    assert seen["result"] == ["FINISHED"] and seen["source"] == "SEQUENCE"
    assert seen["files"] == [f"{number:06}.png" for number in range(1, 5)]
    assert seen["loop"] == [4, True, True] and "MIX_SHADER" in seen["nodes"]


def test_an_element_grows_along_the_mask_where_its_kind_can(with_elements: Blender) -> None:
    with_elements.call("scene.fresh", width=64, height=48)
    assert with_elements.call("elements.asks_for_a_mask", prompt="glow") == ["mask"]
    assert with_elements.call("elements.asks_for_a_mask", prompt="smoke") == []
    with_elements.call("elements.square", name="shape", width=64, height=48, inner=24)
    seen = with_elements.call("elements.generate", prompt="glow", along=True, mask_from="IMAGE", mask_name="shape")
    alpha = seen["alpha"]
    assert seen["result"] == ["FINISHED"]
    assert min(alpha[12][26:38]) > 2 * max(alpha[24][26:38])
