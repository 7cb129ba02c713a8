"""A person at Blender 3.4's window clicks the tab, types, presses Generate; docs/blender.md shows what is seen.

Everything is clicked by xdotool in a window of 1600 x 1000 pixels at the interface's usual scale. The layers are drawn
by the starter model, through a real daemon.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from tests.blender import editors
from tests.blender.editors import ROOT, Blender
from tests.daemon.harness import Daemon, until

PICTURES = ROOT / "docs" / "images" / "blender"
SIZE, LARGE = (1600, 1000), (1920, 1080)
TAB = (1308, 204)
PROMPT = (1195, 148)
GENERATE = (1195, 337)
ASIDE = (500, 880)
SIDEBAR = "520x880+800+35"
"""The sidebar and what is beside it, as ImageMagick's geometry."""
NEAREST = (1195, 217)
"""The button with the nearest known word, under the prompt."""
LARGE_TAB, LARGE_PROMPT, LARGE_GENERATE, SHOW_IN_SOLID = (1574, 250), (1460, 148), (1460, 337), (1419, 301)
"""The same on the larger screen, in Blender's own layout, with the sidebar as wide as it opens."""
TOOLS = ("Xvfb", "xdotool", "import")
PATIENCE_S = 150.0


class Screen:
    """A virtual screen: its name, and hands and eyes for it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.environment = {**os.environ, "DISPLAY": name}

    def click(self, place: tuple[int, int]) -> None:
        """Click there, as slowly as a person."""
        x, y = place
        for nearer in (9, 4, 0):
            self._do("mousemove", x - nearer, y)
            time.sleep(0.3)
        self._do("mousedown", 1)
        time.sleep(0.1)
        self._do("mouseup", 1)
        time.sleep(0.5)

    def drag(self, *places: tuple[int, int]) -> None:
        """Press at the first place, and let go at the last."""
        self._do("mousemove", *places[0])
        time.sleep(0.3)
        self._do("mousedown", 1)
        for place in places:
            self._do("mousemove", *place)
            time.sleep(0.3)
        self._do("mouseup", 1)
        time.sleep(1)

    def type(self, text: str) -> None:
        """Type, and press Return."""
        self._do("type", "--delay", 30, text)
        self.press("Return")

    def press(self, key: str) -> None:
        """Press a key."""
        self._do("key", key)
        time.sleep(0.3)

    def write(self, text: str) -> None:
        """Type without an end."""
        self._do("type", "--delay", 30, text)
        time.sleep(2)

    def look(self, name: str, part: str = "") -> None:
        """Keep what is seen (or a part of it) as a picture of the documentation."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        target = PICTURES / f"{name}.png"
        crop = ("-crop", part, "+repage") if part else ()
        command = ("import", "-window", "root", *crop, "+dither", "-colors", "256", "-strip", f"png8:{target}")
        subprocess.run(command, env=self.environment, check=True)

    def _do(self, *words: object) -> None:
        subprocess.run(["xdotool", *map(str, words)], env=self.environment, check=True)


@contextlib.contextmanager
def a_screen(size: tuple[int, int]) -> Iterator[Screen]:
    """A screen of that size, as long as it is wanted."""
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        (pytest.fail if editors.required() else pytest.skip)(
            f"{', '.join(missing)} is missing: .ci/editors installs it"
        )
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "{}x{}x24".format(*size), "-nolisten", "tcp", "-noreset"],
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as said:
        name = f":{said.readline().strip()}"
    yield Screen(name)
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def screen() -> Iterator[Screen]:
    """A screen of its own."""
    with a_screen(SIZE) as made:
        yield made


@pytest.fixture(scope="module")
def window(screen: Screen, starter: Daemon, make_blender: Callable[..., Blender]) -> Blender:
    """Blender with its window, looking through the camera, and the tab "Acetate" clicked."""
    blender = make_blender("3.4", starter.environment, display=screen.name, home="w")
    blender.call("window.prepare")
    until(lambda: blender.call("window.connected"), "the daemon")
    blender.call("window.arrange")
    time.sleep(3)
    blender.call("window.watch_panel")
    until(
        lambda: _clicked(screen, TAB) and blender.call("window.panel_drawn"), "the sidebar to show the tab", PATIENCE_S
    )
    return blender


def _clicked(screen: Screen, place: tuple[int, int]) -> bool:
    """Click something, look elsewhere, and give Blender a moment."""
    screen.click(place)
    screen.click(ASIDE)
    time.sleep(2)
    return True


def _typed(screen: Screen, text: str, field: tuple[int, int] = PROMPT) -> bool:
    """Type into the field of the prompt, in place of what is there."""
    screen.click(field)
    screen.press("ctrl+a")
    screen.type(text)
    return True


def settled(window: Blender) -> None:
    """Wait until Blender has drawn what it knows."""
    for _ in range(3):
        time.sleep(1.5)
        window.call("window.redraw")
    time.sleep(1.5)


def draw(window: Blender, **options: object) -> list[str]:
    """Have something drawn as if asked for in the panel, and wait until it is in the scene."""
    before = len(window.call("window.states"))
    window.call("scene.ask", **options)
    until(lambda: window.call("window.states")[: -before or None] == ["placed"], "the layer", PATIENCE_S)
    return [plane["name"] for plane in window.call("scene.planes")]


def test_without_a_prompt_the_button_is_grey(window: Blender, screen: Screen) -> None:
    screen.look("panel-idle", SIDEBAR)
    _clicked(screen, GENERATE)
    assert window.call("window.states") == []


@pytest.mark.slow
def test_unknown_words_are_told_while_one_types(window: Blender, screen: Screen) -> None:
    screen.click(PROMPT)
    screen.press("ctrl+a")
    screen.write("a red zebrafish")
    settled(window)
    screen.look("panel-unknown", SIDEBAR)
    screen.press("Return")
    until(lambda: window.call("window.prompt"), "what was typed")
    assert window.call("window.prompt") == "a red zebrafish"
    until(lambda: _clicked(screen, NEAREST) and window.call("window.prompt") == "a red fish", "the word")


@pytest.mark.slow
def test_a_person_types_a_prompt_and_presses_generate(window: Blender, screen: Screen) -> None:
    # So many steps that the drawing can be looked at, however fast the machine is.
    window.call("window.settings", steps=200)
    until(lambda: _typed(screen, "a red apple") and window.call("window.prompt") == "a red apple", "the prompt")
    until(lambda: _clicked(screen, GENERATE) and window.call("window.states"), "the job")
    until(lambda: window.call("window.progress") > 0.1, "some progress", PATIENCE_S)
    window.call("window.settings", steps=0)
    # Panels glide to their new places.
    time.sleep(2)
    screen.look("panel-drawing", SIDEBAR)
    until(lambda: window.call("window.states") == ["placed"], "the layer", PATIENCE_S)
    assert [plane["name"] for plane in window.call("scene.planes")] == ["a red apple"]
    assert window.call("addon.traces")["threads"] == 1


def test_the_queue_and_the_selected_layer_are_under_the_button(window: Blender, screen: Screen) -> None:
    for prompt in ("a green pear", "a house", "a tree"):
        window.call("scene.ask", prompt=prompt, steps=1000)
    until(lambda: window.call("window.progress") > 0.01, "some progress", PATIENCE_S)
    settled(window)
    screen.look("panel-queue", SIDEBAR)
    window.call("window.forget_all")
    until(lambda: window.call("window.states") == ["placed"], "the end of what was cancelled", PATIENCE_S)


def test_troubles_are_shown_with_their_fixes(window: Blender, screen: Screen) -> None:
    window.call("window.break_health")
    settled(window)
    screen.look("panel-health", SIDEBAR)
    for trouble in window.call("scene.troubles"):
        window.call("scene.run", operator="fix", trouble=trouble)
    assert window.call("scene.troubles") == []


@pytest.mark.slow
def test_a_failed_and_a_cancelled_job_say_so(window: Blender, screen: Screen) -> None:
    window.call("scene.ask", prompt="a green pear", steps=1000)
    until(lambda: window.call("window.states")[0] == "running", "the drawing", PATIENCE_S)
    window.call("window.cancel_newest")
    until(lambda: window.call("window.states")[0] == "cancelled", "the end", PATIENCE_S)
    window.call("scene.ask", prompt="a green pear", model="sd15")
    until(lambda: window.call("window.states")[0] == "failed", "the refusal", PATIENCE_S)
    settled(window)
    screen.look("panel-failed", SIDEBAR)
    window.call("window.forget_all")


@pytest.mark.slow
def test_the_selected_layer_shows_what_made_it(window: Blender, screen: Screen) -> None:
    (name,) = [plane["name"] for plane in window.call("scene.planes")]
    assert window.call("working.seen", name=name)["active"], "it was selected when it came"
    window.call("window.shading", kind="MATERIAL")
    settled(window)
    until(lambda: window.call("window.connected"), "the daemon")
    settled(window)
    screen.look("panel-layer", SIDEBAR)
    window.call("window.settings", mode="refine")
    settled(window)
    screen.look("panel-refine", SIDEBAR)
    window.call("window.settings", mode="text")


@pytest.mark.parametrize(("language", "name"), (("de_DE", "panel-german"), ("ja_JP", "panel-japanese")))
def test_the_panel_speaks_other_languages(window: Blender, screen: Screen, language: str, name: str) -> None:
    window.call("scene.speak", language=language)
    settled(window)
    screen.look(name, SIDEBAR)
    window.call("scene.speak", language="en_US")


def part_of_frame(x: int, y: int, width: int, height: int) -> dict[str, object]:
    """The options that let a layer fill a part of the frame."""
    return {"target": "CUSTOM", "target_x": x, "target_y": y, "target_width": width, "target_height": height}


@pytest.mark.slow
def test_a_scene_of_three_layers_has_parallax(window: Blender, screen: Screen) -> None:
    window.call("window.landscape_scene")
    window.call("window.shading", kind="MATERIAL")
    for prompt, options in PARTS:
        draw(window, prompt=prompt, gap=0.18, random_seed=False, **options)
    settled(window)
    screen.look("viewport")
    screen.look("panel-layers", SIDEBAR)
    assert window.call("layers.listed") == ["a tree", "a house", "a cloud"]
    window.call("scene.run", operator="solo_layer", layer="a tree")
    window.call("scene.run", operator="paint_mask", select="a tree")
    window.call("window.solid_pictures")
    settled(window)
    screen.drag((530, 470), (560, 490), (590, 470))
    until(lambda: window.call("masks.painted_share"), "the stroke on the mask")
    assert 0 < window.call("masks.painted_share") < 0.5
    settled(window)
    screen.look("mask")
    window.call("scene.run", operator="finish_mask")
    window.call("scene.run", operator="solo_layer", layer="a tree")
    window.call("window.settings", mode="text")
    for name, moved in (("parallax-left", -0.5), ("parallax-middle", 0.0), ("parallax-right", 0.5)):
        window.call("window.render_from", sideways=moved, path=str(PICTURES / f"{name}.png"))


PARTS = (
    ("a cloud", {"seed": 3, **part_of_frame(60, 15, 230, 150)}),
    ("a house", {"seed": 5, **part_of_frame(250, 130, 220, 220)}),
    ("a tree", {"seed": 11, **part_of_frame(70, 140, 210, 230)}),
)
"""From the back to the front."""


def test_closing_the_window_leaves_no_process_behind(window: Blender) -> None:
    assert window.end() == 0


@pytest.mark.slow
def test_the_first_picture_is_seen_in_blenders_own_scene_and_layout(
    starter: Daemon, make_blender: Callable[..., Blender]
) -> None:
    with a_screen(LARGE) as screen:
        blender = make_blender("3.4", starter.environment, display=screen.name, home="first", size=LARGE)
        until(lambda: blender.call("window.connected"), "the daemon")
        time.sleep(3)
        screen.click(ASIDE)
        screen.press("n")
        blender.call("window.watch_panel")
        until(lambda: _clicked(screen, LARGE_TAB) and blender.call("window.panel_drawn"), "the tab", PATIENCE_S)
        typed = "a red apple"
        until(lambda: _typed(screen, typed, LARGE_PROMPT) and blender.call("window.prompt") == typed, "the prompt")
        until(lambda: _clicked(screen, LARGE_GENERATE) and blender.call("window.states"), "the job")
        until(lambda: blender.call("window.states") == ["placed"], "the layer", PATIENCE_S)
        settled(blender)
        assert blender.call("window.shaded") == ["SOLID", "MATERIAL"]
        screen.click(SHOW_IN_SOLID)
        until(lambda: blender.call("window.shaded") == ["SOLID", "TEXTURE"], "the picture")
        settled(blender)
        screen.look("first-picture")
        (layer,) = blender.call("scene.planes")
        assert layer["depth"] < blender.call("working.nearest", name="Cube")
        assert blender.call("working.seen", name=layer["name"])["selected"]
        assert blender.end() == 0
