"""Layers that come while the artist is in the middle of something, in Blender 3.4's window."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from tests.blender.editors import Blender
from tests.blender.test_window import SIZE, Screen, a_screen
from tests.daemon.harness import Daemon, until


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    """A screen of its own."""
    with a_screen(SIZE) as made:
        yield made


@pytest.fixture(scope="module")
def window(screen: Screen, stand_in: Daemon, make_blender: Callable[..., Blender]) -> Blender:
    """Blender with its window, a red square and a camera."""
    if not stand_in.alive:
        stand_in.start()
    blender = make_blender("3.4", stand_in.environment, display=screen.name, home="busy")
    blender.call("window.prepare")
    blender.call("window.arrange")
    until(lambda: blender.call("window.connected"), "the daemon")
    return blender


@pytest.mark.slow
def test_a_layer_waits_for_the_end_of_a_transform(window: Blender, screen: Screen) -> None:
    x, y = window.call("busy.stage")
    assert not window.call("busy.state")["modal"]
    window.call("busy.select", name="Cube")
    window.call("busy.ask", prompt="a kite steps=30 pause=0.1")
    screen.click((x, y + 200))
    window.call("busy.select", name="Cube")
    screen._do("mousemove", x, y)
    screen.press("g")
    for step in (40, 80, 120):
        screen._do("mousemove", x + step, y)
        time.sleep(0.2)
    until(lambda: window.call("busy.state")["modal"], "the move to begin")
    assert window.call("busy.state")["states"] != ["placed"], "the layer is still being drawn"
    until(lambda: window.call("busy.state")["states"] == ["kept"], "the layer")
    time.sleep(1.5)
    seen = window.call("busy.state")
    assert seen["modal"] and seen["moved"] and seen["states"] == ["kept"]
    assert "tool that you are using" in seen["queue"]
    screen.press("Escape")
    until(lambda: window.call("busy.state")["states"] == ["placed"], "the layer in its place")
    assert not window.call("busy.state")["moved"]
    window.call("busy.undo")
    window.call("busy.redo")
    assert not window.call("busy.state")["moved"], "the cancelled move does not come back"


def test_the_viewport_is_drawn_through_the_camera_without_overlays(window: Blender) -> None:
    window.call("busy.look_from_aside")
    window.call("busy.ask", prompt="echo", mode="refine", layer_from="VIEW", target="FRAME")
    until(lambda: window.call("busy.state")["states"][0] == "placed", "the layer")
    seen = window.call("busy.seen")
    assert 270 < seen["count"] < 370, "the square alone, as large as the camera sees it"
    assert seen["middle"] and seen["edge"] == 0
    assert seen["overlays"] and seen["view"] == "PERSP" and not seen["result"] and seen["scenes"] == 1
