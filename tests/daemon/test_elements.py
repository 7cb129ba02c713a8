"""Elements through a real daemon and its worker, and as they are typed: drawn by formula, apart from every model."""

from __future__ import annotations

import json
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from acetate.documents import Document, DocumentLayer
from acetate.models.registry import STARTER_FOLDER
from acetate_wire.element import Element
from acetate_wire.errors import AcetateError
from acetate_wire.events import Accepted, Cancelled, Done, Progress
from acetate_wire.request import LayerRequest, Rect
from numpy.typing import NDArray
from PIL import Image, ImageSequence
from psd_tools import PSDImage
from psd_tools.constants import BlendMode

from tests.daemon.harness import Daemon, Raw, running_daemon
from tests.typed import Acetate, typed


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with running_daemon("standard") as made:
        yield made


@pytest.fixture
def acetate(
    daemon: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Acetate:
    return typed(daemon, STARTER_FOLDER, tmp_path, monkeypatch, capsys)


def an_element(prompt: str = "smoke", width: int = 48, height: int = 32, **more: Any) -> LayerRequest:
    canvas, target = (640, 480), Rect(7, 9, width, height)
    return LayerRequest("text", canvas, target, prompt, "elements", **{"seed": 5, **more})


def drawn(daemon: Daemon, request: LayerRequest) -> Done:
    with daemon.session().drawn(request) as done:
        return done


def pixels(done: Done) -> list[bytes]:
    return [bytes(layer.picture.pixels) for layer in done.layers]


def frames_of(path: str) -> list[NDArray[np.uint8]]:
    with Image.open(path) as picture:
        return [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(picture)]


def settings(path: str) -> dict[str, Any]:
    with Image.open(path) as picture:
        return dict(json.loads(picture.info["acetate"]))


def test_an_element_has_its_place_its_settings_and_how_it_lies_on_the_canvas(daemon: Daemon) -> None:
    done = drawn(daemon, an_element("soft glow"))
    (layer,) = done.layers
    assert (layer.x, layer.y, layer.role, layer.blend) == (7, 9, "layer", "add")
    assert (layer.picture.header.width, layer.picture.header.height) == (48, 32)
    (made,) = done.settings["layers"]
    assert (made["method"], made["model"], made["steps"], made["sampler"]) == ("formula", "elements", None, None)
    assert made["element"]["kind"] == "glow" and made["element"]["parameters"]
    assert drawn(daemon, an_element("smoke")).layers[0].blend == "normal"


def test_the_same_request_is_the_same_bytes_also_of_another_worker(daemon: Daemon) -> None:
    before = pixels(drawn(daemon, an_element("smoke", count=2)))
    assert before[0] != before[1]
    assert pixels(drawn(daemon, an_element("smoke", seed=6)))[0] == before[1]
    worker = daemon.workers()
    assert daemon.kill_worker()
    assert pixels(drawn(daemon, an_element("smoke", count=2))) == before
    assert daemon.workers() not in ([], worker)


def test_sixteen_bits_and_floats_keep_what_eight_would_lose(daemon: Daemon) -> None:
    (wide,) = drawn(daemon, an_element("glow", 2048, 2048, reply_format="rgba16")).layers
    alpha = np.frombuffer(wide.picture.pixels, "<u2")[3::4]
    assert len(np.unique(alpha)) >= 1000
    (eight,) = drawn(daemon, an_element("glow", 256, 256)).layers
    (floats,) = drawn(daemon, an_element("glow", 256, 256, reply_format="rgbaf32")).layers
    exact = np.frombuffer(floats.picture.pixels, "<f4")
    assert len(np.unique(exact[3::4])) > len(np.unique(np.frombuffer(eight.picture.pixels, np.uint8)[3::4]))
    assert np.abs(exact - np.frombuffer(eight.picture.pixels, np.uint8) / np.float32(255)).max() <= 0.5 / 255 + 1e-6


def test_a_loop_is_its_frames_in_turn_and_begins_with_the_still_picture(daemon: Daemon) -> None:
    still, loop = drawn(daemon, an_element("smoke")), drawn(daemon, an_element("smoke", element=Element(frames=5)))
    assert [layer.role for layer in loop.layers] == ["layer"] * 5
    assert pixels(loop)[0] == pixels(still)[0]
    assert len(set(pixels(loop))) == 5
    assert len({layer.name for layer in loop.layers}) == 5


def test_progress_comes_with_a_preview_first(daemon: Daemon) -> None:
    editor = daemon.editor("looking")
    id = editor.client.submit(an_element("smoke", 512, 512, preview=True, element=Element(frames=2)))
    editor.wait(Done, id)
    steps = [event for event in editor.events if isinstance(event, Progress) and event.stage == "drawing"]
    assert steps[0].preview is not None and max(steps[0].preview.header.width, steps[0].preview.header.height) == 256
    assert steps[-1].step == steps[-1].steps and len({event.step for event in steps}) > 2
    editor.client.acknowledge(id)
    editor.client.close()


def test_a_cancel_ends_it_between_the_parts_of_a_picture(daemon: Daemon) -> None:
    editor = daemon.editor("leaving")
    id = editor.client.submit(an_element("smoke", 1024, 1024, element=Element(frames=50)))
    editor.wait(Accepted, id)
    editor.wait(Progress, id)
    editor.client.cancel(id)
    editor.wait(Cancelled, id)
    assert not any(isinstance(event, Done) for event in editor.events)
    editor.client.close()


def test_the_catalogue_has_them_as_a_kind_of_their_own(daemon: Daemon) -> None:
    session = daemon.session()
    offers = {str(offer["name"]): offer for offer in session.welcome.models}
    assert {offer["method"] for name, offer in offers.items() if name != "elements"} == {"diffusion"}
    own = offers["elements"]
    assert (own["family"], own["method"], list(own["modes"])) == ("elements", "formula", ["text"])
    for kind in own["kinds"]:
        assert kind["words"] and kind["blend"] in ("normal", "add")
        for parameter in kind["parameters"]:
            assert {"name", "label", "type", "default"} <= set(parameter)
            low, high = parameter.get("low", 0), parameter.get("high", 1)
            assert low < high
    assert "density" in {parameter["name"] for kind in own["kinds"] for parameter in kind["parameters"]}


@pytest.mark.parametrize(
    ("prompt", "fields", "field", "said"),
    [
        ("", {"element": Element("dragon")}, "element.kind", "there are "),
        ("a red dragon", {}, "prompt", "names no element"),
        ("smoke", {"element": Element(parameters={"scales": 3})}, "element.parameters.scales", "density"),
        ("smoke", {"element": Element(parameters={"density": 7})}, "element.parameters.density", "0 to 1"),
        ("smoke", {"steps": 3}, "steps", "formula"),
        ("smoke", {"negative": "fire"}, "negative", "formula"),
        ("smoke", {"count": 8, "element": Element(frames=24)}, "element.frames", "fewer"),
        ("smoke", {"model": "starter", "element": Element("smoke")}, "element", "use the model elements"),
    ],
)
def test_what_there_is_not_is_refused_by_name(
    daemon: Daemon, prompt: str, fields: dict[str, Any], field: str, said: str
) -> None:
    request = LayerRequest("text", (64, 64), Rect(0, 0, 64, 64), prompt, **{"model": "elements", **fields})
    with pytest.raises(AcetateError) as refused, daemon.session().drawn(request):
        pass
    assert refused.value.field == field
    assert said in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    ("element", "field"),
    [
        ({"kind": 3}, "element.kind"),
        ({"frames": 0}, "element.frames"),
        ({"frames": 1000}, "element.frames"),
        ({"parameters": {"density": None}}, "element.parameters.density"),
        ({"parameters": {"density": float("nan")}}, "element.parameters.density"),
        ({"parameters": [1]}, "element.parameters"),
        ({"speed": 3}, "element.speed"),
    ],
)
def test_a_wrong_element_is_refused_where_it_stands(daemon: Daemon, element: dict[str, Any], field: str) -> None:
    raw = Raw(daemon, f"raw-{uuid.uuid4()}")
    request = {"mode": "text", "canvas": [9, 9], "target": [0, 0, 9, 9], "prompt": "smoke", "model": "elements"}
    answer = raw.submit({**request, "element": element})
    raw.close()
    assert (answer["kind"], answer["code"], answer["field"]) == ("rejected", "bad_request", field)


def test_words_that_mean_nothing_are_told(daemon: Daemon) -> None:
    (warning,) = drawn(daemon, an_element("zebrastriped smoke")).warnings
    assert "zebrastriped" in warning.message
    assert drawn(daemon, an_element("thick smoke", element=Element("smoke"))).warnings == ()


def test_typed_frames_become_an_animated_png_that_like_makes_again(acetate: Acetate) -> None:
    made = acetate("generate", "--model", "elements", "smoke", "--frames", "6", "--size", "64x48", "-o", "smoke.png")
    assert made.code == 0, made.errors
    frames = frames_of("smoke.png")
    assert len(frames) == 6 and {frame.shape for frame in frames} == {(48, 64, 4)}
    again = acetate("generate", "--like", "smoke.png", "-o", "again.png")
    assert again.code == 0, again.errors
    assert all(map(np.array_equal, frames, frames_of("again.png")))
    sheet = acetate("generate", "--like", "smoke.png", "--sheet", "-o", "sheet.png")
    assert sheet.code == 0, sheet.errors
    (whole,) = frames_of("sheet.png")
    assert whole.shape == (2 * 48, 3 * 64, 4)
    assert np.array_equal(whole[48:, 64:128], frames[4])


def test_typed_parameters_change_that_alone(acetate: Acetate) -> None:
    command = ("generate", "--model", "elements", "smoke", "--size", "64", "--seed", "3")
    assert acetate(*command, "-o", "a.png").code == 0
    assert acetate(*command, "--set", "density=0.9", "-o", "b.png").code == 0
    changed = acetate("generate", "--like", "a.png", "--set", "density=0.9", "-o", "c.png")
    assert changed.code == 0, changed.errors
    assert settings("c.png")["element"]["parameters"]["density"] == 0.9
    assert np.array_equal(frames_of("b.png")[0], frames_of("c.png")[0])
    assert not np.array_equal(frames_of("a.png")[0], frames_of("b.png")[0])
    wrong = acetate("generate", "--model", "elements", "smoke", "--set", "density", "-o", "d.png")
    assert wrong.code == 2 and "NAME=VALUE" in wrong.errors


def test_a_document_holds_light_as_light_and_shows_the_first_frame(acetate: Acetate) -> None:
    command = ("generate", "--model", "elements", "glow", "--size", "64", "--frames", "3", "--seed", "3")
    for name in ("glow.ora", "glow.psd"):
        answer = acetate(*command, "-o", name)
        assert answer.code == 0, answer.errors
    with zipfile.ZipFile("glow.ora") as archive:
        layers = list(ElementTree.fromstring(archive.read("stack.xml")).iter("layer"))
    assert [layer.get("composite-op") for layer in layers] == ["svg:plus"] * 3
    assert [layer.get("visibility") for layer in layers] == ["hidden", "hidden", "visible"]
    assert [layer.blend_mode for layer in PSDImage.open("glow.psd")] == [BlendMode.LINEAR_DODGE] * 3


def test_light_is_added_in_a_document_as_editors_add_it() -> None:
    grey = np.full((1, 1, 4), (100, 100, 100, 255), np.uint8)
    light = np.full((1, 1, 4), (200, 50, 0, 128), np.uint8)
    layers = (DocumentLayer("grey", 0, 0, grey), DocumentLayer("light", 0, 0, light, blend="add"))
    assert np.asarray(Document(1, 1, layers).merged()).tolist() == [[[200, 125, 100, 255]]]


def test_the_kinds_and_their_parameters_are_listed(acetate: Acetate) -> None:
    listed, told = acetate("elements"), acetate("elements", "smoke")
    assert "smoke" in listed.output and "glow" in listed.output
    assert "density" in told.output and "0 to 1" in told.output
    assert acetate("elements", "dragon").code == 2
    assert "no neural network" in acetate("models").output


def test_no_model_gives_way_to_an_element_unasked(daemon: Daemon, acetate: Acetate) -> None:
    refused = acetate("refine", "--model", "elements", "--layer", "none.png", "smoke", "-o", "out.png")
    assert refused.code != 0
    resolved = acetate("generate", "smoke", "--set", "density=1", "-o", "out.png")
    assert resolved.code == 2 and "use the model elements" in resolved.errors


def test_an_element_grows_along_the_outline_of_a_typed_mask(acetate: Acetate) -> None:
    shape = np.zeros((64, 96), np.uint8)
    shape[20:44, 30:66] = 255
    Image.fromarray(shape).save("shape.png")
    command = ("generate", "--model", "elements", "--seed", "3", "--mask", "shape.png")
    made = acetate(*command, "glow", "-o", "glow.png")
    assert made.code == 0, made.errors
    (picture,) = frames_of("glow.png")
    assert picture.shape == (64, 96, 4)
    assert picture[20, 40:56, 3].min() > 2 * picture[32, 40:56, 3].max()
    again = acetate("generate", "--like", "glow.png", "--mask", "shape.png", "-o", "again.png")
    assert again.code == 0, again.errors
    assert np.array_equal(frames_of("again.png")[0], picture)
    without = acetate("generate", "--like", "glow.png", "-o", "none.png")
    assert without.code == 2 and "--mask FILE" in without.errors
    smoke = acetate(*command, "smoke", "-o", "smoke.png")
    assert smoke.code == 2 and "grow flame, glow, fur, grass, icicles" in smoke.errors
    Image.fromarray(np.zeros_like(shape)).save("shape.png")
    empty = acetate(*command, "glow", "-o", "empty.png")
    assert empty.code != 0 and "no outline" in empty.errors
