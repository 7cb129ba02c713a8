"""`acetate generate`, as it is typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from acetate.models import registry
from PIL import Image, PngImagePlugin

from tests.daemon.harness import Daemon, running_daemon
from tests.typed import Acetate, typed


@pytest.fixture(scope="module")
def daemon(tiny_starter: Path) -> Iterator[Daemon]:
    """A daemon with the tiny model."""
    with running_daemon("tests.daemon.tiny_engine:TinyStarter", ACETATE_TEST_MODEL=str(tiny_starter)) as made:
        yield made


@pytest.fixture
def acetate(
    daemon: Daemon,
    tiny_starter: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Acetate:
    """The command, run in an empty folder with a tiny untrained model for the starter."""
    return typed(daemon, tiny_starter, tmp_path, monkeypatch, capsys)


QUICK = ("--steps", "2", "--passes", "1")


def pixels(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_a_prompt_becomes_a_transparent_png_of_the_models_own_size(acetate: Acetate, tmp_path: Path) -> None:
    answer = acetate("generate", "a red apple", "-o", "apple.png", "--seed", "7", *QUICK)
    assert answer.code == 0
    assert "apple.png: 64 x 64 pixels, seed 7" in answer.output
    assert pixels(tmp_path / "apple.png").shape == (64, 64, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["apple.png"]


@pytest.mark.parametrize(("size", "shape"), [("50", (50, 50, 4)), ("120x75", (75, 120, 4))])
def test_the_size_is_exactly_as_asked(acetate: Acetate, tmp_path: Path, size: str, shape: tuple[int, ...]) -> None:
    assert acetate("generate", "a cat", "-o", "cat.png", "--size", size, *QUICK).code == 0
    assert pixels(tmp_path / "cat.png").shape == shape


def test_several_layers_are_numbered_and_count_up_from_the_seed(acetate: Acetate, tmp_path: Path) -> None:
    answer = acetate("generate", "a cat", "-o", "cat.png", "--count", "2", "--seed", "7", *QUICK)
    assert "cat-1.png: 64 x 64 pixels, seed 7" in answer.output
    assert "cat-2.png: 64 x 64 pixels, seed 8" in answer.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cat-1.png", "cat-2.png"]


def test_a_layer_remembers_how_to_make_it_again(acetate: Acetate, tmp_path: Path) -> None:
    first = ("generate", "a “blue” fish", "-o", "first.png", "--negative", "leaf", "--guidance", "2.5", "--size")
    acetate(*first, "80x50", "--sampler", "euler a", "--steps", "3", "--passes", "2", "--count", "2")
    assert acetate("generate", "--like", "first-2.png", "-o", "again.png").code == 0
    assert np.array_equal(pixels(tmp_path / "again.png"), pixels(tmp_path / "first-2.png"))


def test_options_beside_like_change_the_layer(acetate: Acetate, tmp_path: Path) -> None:
    acetate("generate", "a blue fish", "-o", "first.png", "--seed", "7", *QUICK)
    acetate("generate", "a cat", "--like", "first.png", "-o", "cat.png", "--size", "90")
    with Image.open(tmp_path / "cat.png") as picture:
        settings = json.loads(picture.info["acetate"])
    assert settings["prompt"] == "a cat"
    assert (settings["seed"], settings["steps"]) == (7, 2)
    assert (settings["width"], settings["height"]) == (90, 90)


def test_a_layer_of_another_version_is_made_with_a_warning(acetate: Acetate, tmp_path: Path) -> None:
    acetate("generate", "a cat", "-o", "cat.png", *QUICK)
    with Image.open(tmp_path / "cat.png") as picture:
        chunks = PngImagePlugin.PngInfo()
        chunks.add_itxt("acetate", json.dumps({**json.loads(picture.info["acetate"]), "version": "0.0.1"}))
        picture.save(tmp_path / "old.png", pnginfo=chunks)
    answer = acetate("generate", "--like", "old.png", "-o", "new.png")
    assert answer.code == 0
    assert "old.png was made by Acetate 0.0.1" in answer.errors


def test_a_preview_shows_the_layer_over_checker_black_and_white(acetate: Acetate, tmp_path: Path) -> None:
    acetate("generate", "a cat", "-o", "cat.png", "--preview", *QUICK)
    layer = pixels(tmp_path / "cat.png").astype(float)
    sheet = pixels(tmp_path / "cat.preview.png")
    assert sheet.shape == (64 + 2 * 16, 3 * 64 + 4 * 16, 3)
    paint = layer[..., :3] * layer[..., 3:] / 255
    assert np.abs(sheet[16:80, 96:160] - paint).max() <= 1.5
    assert np.abs(sheet[16:80, 176:240] - (paint + 255 - layer[..., 3:])).max() <= 1.5


def test_words_that_the_model_never_saw_are_named_and_the_layer_is_drawn(acetate: Acetate, tmp_path: Path) -> None:
    answer = acetate("generate", "a shiny zebrafish", "-o", "fish.png", *QUICK)
    assert "starter does not know: zebrafish; nearest: fish" in answer.errors
    assert "starter does not know: shiny\n" in answer.errors
    assert answer.code == 0
    assert (tmp_path / "fish.png").exists()


def test_a_seed_of_64_bits_is_kept(acetate: Acetate) -> None:
    assert acetate("generate", "a cat", "-o", "cat.png", "--seed", str(2**64 - 1), *QUICK).code == 0
    answer = acetate("generate", "--like", "cat.png", "-o", "again.png", "--count", "2")
    assert f"again-1.png: 64 x 64 pixels, seed {2**64 - 1}" in answer.output
    assert "again-2.png: 64 x 64 pixels, seed 0" in answer.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("a cat", "-o", "cat.png", "--size", "0"), "size 0 has no pixels"),
        (("a cat", "-o", "cat.png", "--size", "-4"), "size is '-4': give one number"),
        (("a cat", "-o", "cat.png", "--size", "big"), "size is 'big': give one number"),
        (("a cat", "-o", "cat.png", "--size", "16385"), "16385 is over"),
        (("a cat", "-o", "cat.png", "--steps", "0"), "steps is 0: it must be a whole number from 1"),
        (("a cat", "-o", "cat.png", "--steps", "many"), "--steps"),
        (("a cat", "-o", "cat.png", "--guidance", "nan"), "guidance is nan"),
        (("a cat", "-o", "cat.png", "--guidance", "-1"), "guidance is -1"),
        (("a cat", "-o", "cat.png", "--passes", "3"), "passes is 3"),
        (("a cat", "-o", "cat.png", "--count", "0"), "count is 0"),
        (("a cat", "-o", "cat.png", "--count", "11"), "11 pictures"),
        (("a cat", "-o", "cat.png", "--seed", "-1"), "seed is -1"),
        (("a cat", "-o", "cat.png", "--sampler", "eular a"), "did you mean Euler a?"),
        (("a cat", "-o", "cat.png", "--model", "sd3"), "there is no model 'sd3'"),
        (("a cat", "-o", "nowhere/cat.png"), "there is no folder nowhere"),
        (("a cat", "-o", "file/cat.png"), "there is no folder file"),
        (("a cat", "-o", "folder.png"), "is a folder"),
        (("a cat", "-o", "cat.jpg"), "is no PNG file"),
        (("a cat",), "add -o FILE.png"),
        (("", "-o", "cat.png"), "the prompt is empty"),
        (("-o", "cat.png"), "there is no prompt"),
        (("zebra " * 2000, "-o", "cat.png"), "prompt has"),
        (("a cat", "-o", "cat.png", "--negative", "zebra " * 2000), "negative has"),
        (("--like", "gone.png", "-o", "cat.png"), "gone.png does not exist"),
        (("--like", "plain.png", "-o", "cat.png"), "plain.png holds no acetate settings"),
        (("--like", "forged.png", "-o", "cat.png"), "forged.png has damaged settings"),
        (("--like", "file", "-o", "cat.png"), "file is no readable picture"),
        (("a cat", "-o", "cat.png", "--colour", "red"), "--colour"),
    ],
)
def test_bad_values_are_refused_in_one_line_before_the_model_is_loaded(
    acetate: Acetate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("text", encoding="utf-8")
    Image.new("RGBA", (8, 8)).save(tmp_path / "plain.png")
    forged = PngImagePlugin.PngInfo()
    forged.add_itxt("acetate", '{"prompt": 3}')
    Image.new("RGBA", (8, 8)).save(tmp_path / "forged.png", pnginfo=forged)
    monkeypatch.setattr("acetate.models.model_cache.load_model", lambda *arguments: pytest.fail("a model was loaded"))
    answer = acetate("generate", *arguments)
    assert answer.code == 2
    assert words in answer.errors
    assert answer.errors.count("\n") == 1
    assert answer.output == ""


def test_a_model_without_its_weights_is_said_in_one_line(
    acetate: Acetate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "STARTER_FOLDER", tmp_path)
    answer = acetate("generate", "a cat", "-o", "cat.png")
    assert answer.code == 1
    assert "the model starter lacks model_index.json" in answer.errors
    assert answer.errors.count("\n") == 1
