"""A command for each mode, as it is typed, through a real daemon."""

from __future__ import annotations

import errno
import json
import re
import zipfile
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from acetate import documents
from PIL import Image
from psd_tools import PSDImage

from tests.typed import Acetate

QUICK = ("--steps", "2", "--passes", "1")


def pixels(path: str) -> np.ndarray[Any, Any]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGBA"))


def settings(path: str) -> dict[str, Any]:
    with Image.open(path) as picture:
        return dict(json.loads(picture.info["acetate"]))


def test_a_scene_is_a_png_for_each_layer(acetate: Acetate, tmp_path: Path) -> None:
    answer = acetate(
        "scene", "a red apple", "-o", "out.png", "--size", "80x60", "--background-prompt", "a leaf", *QUICK
    )
    assert answer.code == 0, answer.errors
    made = sorted(path.name for path in tmp_path.glob("out*"))
    assert made == ["out-background.png", "out-blend.png", "out-foreground.png"]
    assert {pixels(name).shape for name in made} == {(60, 80, 4)}
    assert settings("out-background.png")["layer_prompts"] == {"background": "a leaf"}
    assert settings("out-background.png")["role"] == "background"


@pytest.mark.parametrize(
    ("arguments", "role", "given"),
    [
        (("background", "--foreground", "layer.png", "a leaf"), "background", "foreground"),
        (("foreground", "--background", "back.png", "a cat"), "foreground", "background"),
        (("extract", "--blend", "back.png", "--foreground", "layer.png"), "background", "blend"),
        (("extract", "--blend", "back.png", "--background", "back.png", "a cat"), "foreground", "blend"),
        (("refine", "--layer", "layer.png", "a cat"), "layer", "layer"),
        (("inpaint", "--layer", "layer.png", "--mask", "mask.png", "a cat"), "layer", "mask"),
    ],
)
def test_a_mode_works_on_pictures_in_their_own_size(
    acetate: Acetate, arguments: tuple[str, ...], role: str, given: str
) -> None:
    answer = acetate(*arguments, "-o", "out.png", "--seed", "7", *QUICK)
    assert answer.code == 0, answer.errors
    assert pixels("out.png").shape == (70, 90, 4)
    assert settings("out.png")["role"] == role
    assert given in settings("out.png")["inputs"]


def test_the_syntax_of_a_prompt_is_no_unknown_word_and_stays_in_the_settings(acetate: Acetate) -> None:
    prompt = "a (red:1.3) [apple] BREAK a leaf"
    answer = acetate("generate", prompt, "--clip-skip", "1", "-o", "out.png", "--seed", "7", *QUICK)
    assert (answer.code, [line for line in answer.errors.splitlines() if "know" in line]) == (0, [])
    assert (settings("out.png")["prompt"], settings("out.png")["clip_skip"]) == (prompt, 1)
    again = acetate("generate", "--like", "out.png", "-o", "again.png")
    assert again.code == 0 and np.array_equal(pixels("again.png"), pixels("out.png"))
    plain = acetate("generate", "a red apple a leaf", "-o", "plain.png", "--seed", "7", *QUICK)
    assert plain.code == 0 and not np.array_equal(pixels("plain.png"), pixels("out.png"))


def test_a_lora_that_the_prompt_names_is_looked_for_before_anything_starts(acetate: Acetate) -> None:
    answer = acetate("generate", "a cat <lora:inky:0.5>", "-o", "out.png", *QUICK)
    assert answer.code != 0 and "asks for the LoRA 'inky', which is not here" in answer.errors


def test_inpaint_changes_nothing_outside_the_mask(acetate: Acetate) -> None:
    acetate("inpaint", "--layer", "layer.png", "--mask", "mask.png", "a cat", "-o", "out.png", *QUICK)
    outside = pixels("mask.png")[..., 0] == 0
    assert np.array_equal(pixels("out.png")[outside], pixels("layer.png")[outside])


def test_a_layer_is_made_again_from_its_file_and_the_picture_it_was_made_from(acetate: Acetate) -> None:
    acetate("background", "--foreground", "layer.png", "a leaf", "-o", "one.png", "--blend", "--seed", "9", *QUICK)
    again = acetate("background", "--like", "one-blend.png", "--foreground", "layer.png", "-o", "two.png")
    assert (again.code, again.errors) == (0, "")
    assert np.array_equal(pixels("one-blend.png"), pixels("two.png"))


def test_another_picture_than_the_layer_was_made_from_is_told(acetate: Acetate) -> None:
    acetate("refine", "--layer", "layer.png", "a cat", "-o", "one.png", *QUICK)
    answer = acetate("refine", "--like", "one.png", "--layer", "back.png", "-o", "two.png")
    assert answer.code == 0
    assert "back.png is not the picture that one.png was made from" in answer.errors


def test_an_openraster_holds_all_layers_in_order(acetate: Acetate) -> None:
    answer = acetate("background", "--foreground", "layer.png", "a leaf", "--blend", "-o", "scene.ora", *QUICK)
    assert answer.code == 0, answer.errors
    with zipfile.ZipFile("scene.ora") as archive:
        assert archive.infolist()[0].filename == "mimetype"
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        stack = ElementTree.fromstring(archive.read("stack.xml"))
        layers = list(stack.iter("layer"))
        with archive.open(layers[1].attrib["src"]) as file, Image.open(file) as picture:
            assert np.array_equal(np.asarray(picture), pixels("layer.png"))
    assert [layer.attrib["name"] for layer in layers] == ["blend", "foreground", "a leaf"]
    assert [layer.attrib["visibility"] for layer in layers] == ["hidden", "visible", "visible"]


def test_a_stack_is_one_layer_for_each_prompt_and_a_background(acetate: Acetate) -> None:
    names = ("a cat", "a fish", "a leaf")
    answer = acetate("generate", "--stack", *names, "-o", "stack.psd", "--size", "80x60", "--seed", "3", *QUICK)
    assert answer.code == 0, answer.errors
    layers = list(PSDImage.open("stack.psd"))
    assert [layer.name for layer in layers] == ["background", *names]
    assert {layer.size for layer in layers} == {(80, 60)}
    assert {(layer.left, layer.top) for layer in layers} == {(0, 0)}


def test_every_layer_of_a_stack_is_drawn_over_those_before(acetate: Acetate) -> None:
    acetate("generate", "--stack", "a cat", "a fish", "-o", "stack.png", "--seed", "3", *QUICK)
    under = Image.alpha_composite(Image.open("stack-background.png"), Image.open("stack-1.png"))
    under.save("under.png")
    again = ("foreground", "--background", "under.png", "--like", "stack-2.png", "-o", "again.png")
    assert acetate(*again).code == 0
    # A stack hands the composite on in floats, a file has eight bits.
    assert np.abs(pixels("again.png").astype(int) - pixels("stack-2.png")).mean() < 3


def test_a_stack_that_could_not_be_written_can_be_taken(acetate: Acetate, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(documents, "write", full)
        answer = acetate("generate", "--stack", "a cat", "a fish", "-o", "stack.ora", "--size", "80x60", *QUICK)
    assert answer.code == 2 and "No space left on device" in answer.errors
    (job,) = re.findall(r"acetate take (\w{8}) -o FILE", answer.errors)
    assert acetate("take", job, "-o", "stack.ora").code == 0
    with zipfile.ZipFile("stack.ora") as archive:
        layers = list(ElementTree.fromstring(archive.read("stack.xml")).iter("layer"))
        with archive.open(layers[0].attrib["src"]) as file:
            assert Image.open(file).size == (80, 60)
    assert [layer.attrib["name"] for layer in layers] == ["a fish", "a cat", "background"]
    assert acetate("jobs").output == "There are no jobs.\n"


def test_a_stack_can_begin_on_a_given_background(acetate: Acetate, tmp_path: Path) -> None:
    stack = ("generate", "--stack", "a cat", "a fish", "--background", "back.png", "--count", "2")
    answer = acetate(*stack, "-o", "stack.ora", *QUICK)
    assert answer.code == 0, answer.errors
    for name in ("stack-1.ora", "stack-2.ora"):
        with zipfile.ZipFile(name) as archive:
            layers = list(ElementTree.fromstring(archive.read("stack.xml")).iter("layer"))
        assert [layer.attrib["name"] for layer in layers] == ["a fish", "a cat", "background"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("background", "a leaf", "-o", "out.png"), "--foreground"),
        (("background", "--foreground", "gone.png", "a leaf", "-o", "out.png"), "gone.png does not exist"),
        (("refine", "--layer", "text.png", "-o", "out.png"), "text.png is no readable picture"),
        (("refine", "--layer", "layer.png", "--size", "64", "-o", "out.png"), "is 90 x 70 pixels, the target 64 x 64"),
        (("inpaint", "--layer", "layer.png", "--mask", "mask.png"), "add -o FILE.png"),
        (("scene", "a cat", "-o", "out.jpg"), "is no PNG file and no document"),
        (("scene", "a cat", "-o", "out.ora", "--preview"), "a document has no preview"),
        (("scene", "a cat", "-o", "out.png", "--detail", "2"), "detail is 2"),
        (("scene", "a cat", "-o", "out.png", "--lora", "ink=much"), "the weight is a number"),
        (("scene", "a cat", "-o", "out.png", "--lora", "ink"), "there is no LoRA 'ink'"),
        (("scene", "a cat", "-o", "out.png", "--control", "layer.png"), "write KIND=FILE"),
        (("extract", "--blend", "back.png", "-o", "out.png"), "the foreground or the background"),
        (("generate", "a cat", "a fish", "-o", "out.png"), "there are 2 prompts for one layer"),
        (("generate", "--stack", "-o", "out.png"), "there is no prompt"),
        (("generate", "--stack", "a cat", "--like", "layer.png", "-o", "out.png"), "--stack takes no --like"),
        (("generate", "a cat", "--background", "back.png", "-o", "out.png"), "background belongs to --stack"),
    ],
)
def test_bad_values_are_refused_in_one_line(
    acetate: Acetate, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "text.png").write_text("text", encoding="utf-8")
    answer = acetate(*arguments)
    assert answer.code == 2
    assert words in answer.errors
    assert answer.errors.count("\n") == 1


def test_a_layer_of_another_mode_names_its_command(acetate: Acetate) -> None:
    acetate("generate", "a cat", "-o", "cat.png", *QUICK)
    answer = acetate("scene", "--like", "cat.png", "-o", "again.png")
    assert answer.code == 2 and "use acetate generate --like cat.png" in answer.errors


def test_a_layer_asks_for_the_picture_that_it_was_made_from(acetate: Acetate) -> None:
    acetate("extract", "--blend", "back.png", "--background", "back.png", "a cat", "-o", "cat.png", *QUICK)
    answer = acetate("extract", "--like", "cat.png", "--blend", "back.png", "-o", "again.png")
    assert answer.code == 2 and "give that picture again: --background FILE" in answer.errors


@pytest.fixture
def large(tmp_path: Path, acetate: Acetate) -> np.ndarray[Any, Any]:
    """A small thing on a large canvas, in small.png, with a mask on it."""
    canvas = np.zeros((300, 400, 4), np.uint8)
    canvas[200:240, 300:340] = np.random.default_rng(2).integers(100, 256, (40, 40, 4), dtype=np.uint8)
    canvas[5, 5] = (9, 9, 9, 3)
    Image.fromarray(canvas, "RGBA").save("small.png")
    mask = np.zeros((300, 400), np.uint8)
    mask[210:230, 310:330] = 255
    Image.fromarray(mask, "L").save("there.png")
    return canvas


WORKED = "Working on 50 x 50 at 295, 195 of 400 x 300; --fill works on all of it"


def test_refining_works_on_what_is_visible_and_leaves_the_rest(acetate: Acetate, large: np.ndarray[Any, Any]) -> None:
    answer = acetate("refine", "--layer", "small.png", "a cat", "-o", "out.png", "--seed", "3", *QUICK)
    assert (answer.code, answer.errors.strip()) == (0, WORKED)
    made, outside = pixels("out.png"), np.ones((300, 400), bool)
    outside[195:245, 295:345] = False
    assert np.array_equal(made[outside], large[outside])
    assert not np.array_equal(made[~outside], large[~outside])
    assert settings("out.png")["area"] == [295, 195, 50, 50]


@pytest.mark.parametrize(
    "arguments",
    [
        ("refine", "--layer", "small.png"),
        ("inpaint", "--layer", "small.png", "--mask", "there.png"),
        ("background", "--foreground", "small.png"),
        ("extract", "--blend", "small.png", "--foreground", "small.png"),
    ],
)
def test_what_was_worked_on_in_an_area_is_made_again_bit_for_bit(
    acetate: Acetate, large: np.ndarray[Any, Any], arguments: tuple[str, ...]
) -> None:
    mode, *given = arguments
    answer = acetate(mode, *given, "a cat", "-o", "one.png", *QUICK)
    assert "Working on" in answer.errors
    again = acetate(mode, *given, "--like", "one.png", "-o", "two.png")
    assert (again.code, "is not the picture" in again.errors) == (0, False)
    assert np.array_equal(pixels("one.png"), pixels("two.png"))
    assert settings("one.png") == settings("two.png")


def test_fill_works_on_all_of_a_picture(acetate: Acetate, large: np.ndarray[Any, Any]) -> None:
    answer = acetate("background", "--foreground", "small.png", "a leaf", "-o", "part.png", *QUICK)
    assert answer.errors.strip() == WORKED
    part = pixels("part.png")
    assert part.shape == (300, 400, 4)
    assert (part[..., 3] > 0).sum() == 50 * 50
    answer = acetate("background", "--foreground", "small.png", "a leaf", "-o", "all.png", "--fill", *QUICK)
    assert (answer.code, answer.errors) == (0, "")
    assert bool((pixels("all.png")[..., 3] == 255).all())
    assert settings("all.png")["area"] is None
    again = acetate("background", "--foreground", "small.png", "--like", "all.png", "-o", "again.png")
    assert (again.code, again.errors) == (0, "")
    assert np.array_equal(pixels("again.png"), pixels("all.png"))


def test_a_layer_of_an_area_needs_a_picture_as_large(acetate: Acetate, large: np.ndarray[Any, Any]) -> None:
    acetate("refine", "--layer", "small.png", "a cat", "-o", "one.png", *QUICK)
    answer = acetate("refine", "--layer", "layer.png", "--like", "one.png", "-o", "two.png")
    assert answer.code == 2
    assert "was made from a larger picture" in answer.errors


def test_remove_takes_away_what_is_in_the_mask(acetate: Acetate, large: np.ndarray[Any, Any]) -> None:
    mask = np.zeros((300, 400), np.uint8)
    mask[195:245, 295:345] = 255
    Image.fromarray(mask, "L").save("all-of-it.png")
    answer = acetate("remove", "--layer", "small.png", "--mask", "all-of-it.png", "-o", "out.png", *QUICK)
    assert answer.code == 0, answer.errors
    made = pixels("out.png")
    assert int(made[mask > 0][:, 3].max()) == 0
    assert np.array_equal(made[mask == 0], large[mask == 0])
    assert settings("out.png")["mode"] == "remove"


def test_remove_takes_no_prompt_and_names_the_mode_that_does(acetate: Acetate) -> None:
    answer = acetate("remove", "--layer", "layer.png", "--mask", "mask.png", "a leaf", "-o", "out.png")
    assert answer.code == 2
    assert answer.errors.strip().endswith("use the mode inpaint to draw something there")


def test_a_subject_fills_the_size_when_it_is_said_to(acetate: Acetate) -> None:
    for name, words in (("alone.png", ()), ("full.png", ("--fill",))):
        answer = acetate("generate", "a cat", "--size", "160x80", "-o", name, "--seed", "1", *words, *QUICK)
        assert answer.code == 0, answer.errors
    assert int(pixels("alone.png")[:, :40, 3].max()) == 0
    assert int(pixels("full.png")[:, :40, 3].max()) > 0
    again = acetate("generate", "--like", "full.png", "-o", "again.png")
    assert again.code == 0 and np.array_equal(pixels("again.png"), pixels("full.png"))


@pytest.mark.parametrize("ending", ["ora", "psd"])
def test_a_document_is_read_again_by_like_and_as_a_given_layer(acetate: Acetate, ending: str) -> None:
    document = f"scene.{ending}"
    first = acetate("scene", "a \x07red apple", "-o", document, "--size", "80x60", "--blend", "--seed", "5", *QUICK)
    assert first.code == 0, first.errors
    again = acetate("scene", "--like", document, "-o", "again.png")
    assert again.code == 0, again.errors
    assert sorted(path.name for path in Path().glob("again*")) == [
        "again-background.png",
        "again-blend.png",
        "again-foreground.png",
    ]
    assert settings("again-blend.png")["prompt"] == "a \x07red apple"
    answer = acetate("background", "--foreground", document, "a leaf", "-o", "under.png", *QUICK)
    assert answer.code == 0, answer.errors
    same = acetate(
        "background", "--foreground", "again-foreground.png", "a leaf", "-o", "same.png", "--like", "under.png"
    )
    assert (same.code, same.errors) == (0, ""), "the layer in the document is the layer of the PNG"
    assert np.array_equal(pixels("under.png"), pixels("same.png"))


def test_a_document_of_several_requests_is_no_like(acetate: Acetate) -> None:
    assert acetate("generate", "--stack", "a cat", "a fish", "-o", "stack.ora", "--size", "80x60", *QUICK).code == 0
    answer = acetate("scene", "--like", "stack.ora", "-o", "again.png")
    assert answer.code == 2 and "holds layers of several requests" in answer.errors


@pytest.mark.parametrize("name", ["no.ora", "no.psd"])
def test_what_is_no_document_is_refused_by_name(acetate: Acetate, name: str) -> None:
    Path(name).write_bytes(b"<html>not found</html>")
    for option in (("--layer", name, "a cat"), ("--like", name, "--layer", "layer.png")):
        answer = acetate("refine", *option, "-o", "out.png")
        assert answer.code == 2 and f"{name} is no readable document" in answer.errors, option


def test_links_and_permissions_of_what_is_written_over_stay(acetate: Acetate) -> None:
    Path("elsewhere").mkdir()
    target = Path("elsewhere/shared.png")
    target.write_bytes(b"old")
    target.chmod(0o640)
    Path("out.png").symlink_to(target)
    assert acetate("refine", "--layer", "layer.png", "a cat", "-o", "out.png", *QUICK).code == 0
    assert Path("out.png").is_symlink() and target.stat().st_mode & 0o777 == 0o640
    assert pixels("elsewhere/shared.png").shape == (70, 90, 4)
    assert [path.name for path in Path("elsewhere").iterdir()] == ["shared.png"]


def test_nothing_in_a_file_or_its_name_controls_the_terminal(acetate: Acetate) -> None:
    nasty = "a \x1b]0;owned\x07 \x9b31m cat \u202e"
    made = acetate("generate", nasty, "-o", "out.png", "--size", "80x60", *QUICK)
    assert made.code == 0, made.errors
    assert settings("out.png")["prompt"] == nasty, "the prompt itself stays as it is"
    name = "bad\x1b[2J\udcff.png"
    Path("out.png").rename("fine.png")
    shown = [
        made,
        acetate("refine", "--layer", name, "a cat", "-o", "two.png"),
        acetate("generate", "--like", "fine.png", "-o", name, "--steps", "2"),
        acetate("generate", "--like", name, "-o", "three.png"),
        acetate("jobs"),
    ]
    for answer in shown:
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\udcff"} & set(answer.output + answer.errors)
    assert "bad\\x1b[2J\\udcff.png" in shown[1].errors


def test_a_mask_over_half_of_a_wide_picture_is_worked_on_in_a_square(acetate: Acetate) -> None:
    wide = np.full((180, 320, 4), 255, np.uint8)
    half = np.zeros((180, 320), np.uint8)
    half[:, :160] = 255
    Image.fromarray(wide, "RGBA").save("wide.png")
    Image.fromarray(half, "L").save("half.png")
    answer = acetate("inpaint", "--layer", "wide.png", "--mask", "half.png", "a cat", "-o", "out.png", *QUICK)
    assert "Working on 180 x 180 at 0, 0 of 320 x 180" in answer.errors
    assert np.array_equal(pixels("out.png")[:, 180:], wide[:, 180:])
