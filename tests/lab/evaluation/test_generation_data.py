"""Generation judged by a data set: subjects, captions, licences and what is held out come from its manifest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate.cli import app
from acetate_lab.data.collection import Collection, open_collection, write_manifest
from acetate_lab.evaluation.classifier.reference_data import MOST_OF_ONE, open_reference_data
from acetate_lab.evaluation.generation.generator import draw_layers
from acetate_lab.evaluation.generation.resume import ResumableGeneration
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

SIZE = 96
SHAPES = ("cross", "disc", "mist")
HELD_OUT = "ring"
LICENCES = {"disc": "CC0-1.0", "mist": "MIT", "cross": "MIT", HELD_OUT: "MIT"}


def drawn(shape: str, colour: tuple[int, int, int], radius: float) -> Image.Image:
    """A disc, cross or ring, or mist that is nowhere opaque."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    far = np.hypot(x, y)
    alpha = {
        "disc": far < radius,
        "mist": np.clip(0.6 - far / radius / 2, 0, 0.5),
        "cross": ((abs(x) < 9) | (abs(y) < 9)) & (far < radius),
        HELD_OUT: (far < radius) & (far > radius / 2),
    }[shape]
    pixels = np.empty((SIZE, SIZE, 4), np.uint8)
    pixels[..., :3], pixels[..., 3] = colour, alpha * 255
    return Image.fromarray(pixels)


def acetate(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    assert result.exit_code == 0, result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of each shape, made a data set by the command that artists use."""
    folder = tmp_path_factory.mktemp("collected")
    source = folder / "source"
    source.mkdir()
    for number, (word, colour) in enumerate({"red": (220, 30, 40), "blue": (40, 60, 220)}.items()):
        for shape in (*SHAPES, HELD_OUT):
            drawn(shape, colour, 34 + 8 * number).save(source / f"{shape}-{number}.png")
            told = {"caption": f"a {word} {shape}", "subject": shape, "licence": LICENCES[shape]}
            (source / f"{shape}-{number}.json").write_text(json.dumps(told))
    acetate("data", "build", folder / "data", source, "--side", 32, "--held-out", 0.1)
    return folder / "data"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("acetate_lab.evaluation.classifier.training.BATCH", 12)


def test_the_command_judges_by_what_the_manifest_says(data: Path, tiny_starter: Path, tmp_path: Path) -> None:
    document = json.loads(
        acetate(
            *("evaluate", "generation", tiny_starter, "--data", data, "--layers", 6, "--judge", tmp_path / "judge"),
            *("--judge-steps", 2, "--passes", 1, "--report", tmp_path / "report", "--json", "-"),
        )
    )
    assert [(row["thing"], row["prompt"]) for row in document["each"]] == [
        (shape, f"a {word} {shape}") for word in ("red", "blue") for shape in SHAPES
    ], "asked are captions of what was learnt from, not what is held out"
    assert document["licences"] == {"MIT": 4, "CC0-1.0": 2}
    assert document["size"] == 64
    assert document["colours"] == [], "none of these is a thing that comes in any colour"
    covered = document["held_out"]["opaque"] + document["held_out"]["partial"] / 2
    assert covered == pytest.approx(0.88**2 * np.pi / 4 * 3 / 4, abs=0.01), "the area of the rings"
    page = (tmp_path / "report" / "generation.html").read_text(encoding="utf-8")
    assert "a red disc" in page and "CC0-1.0 (2)" in page and "64 x 64 pixels" in page


def test_what_a_review_dropped_is_neither_asked_nor_compared_with(data: Path, tmp_path: Path) -> None:
    reviewed = [
        replace(entry, verdict="dropped") if entry.subject == "cross" else entry
        for entry in open_collection(data).entries
    ]
    (tmp_path / "pictures").symlink_to(data / "pictures")
    write_manifest(Collection(tmp_path, tuple(reviewed)))
    assert {record.name for record in open_reference_data(tmp_path).pictures.records} == {"disc", "mist"}


def test_a_subject_of_many_pictures_does_not_fill_the_memory(data: Path, tmp_path: Path) -> None:
    (tmp_path / "pictures").symlink_to(data / "pictures")
    write_manifest(Collection(tmp_path, open_collection(data).entries * 20))
    records = open_reference_data(tmp_path).pictures.records
    assert [record.name for record in records].count("disc") == MOST_OF_ONE


def test_a_data_set_with_nothing_kept_is_refused_in_one_line(data: Path, tiny_starter: Path, tmp_path: Path) -> None:
    write_manifest(Collection(tmp_path, ()))
    arguments = ["evaluate", "generation", str(tiny_starter), "--data", str(tmp_path), "--report", str(tmp_path / "r")]
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, "has no kept pictures to learn from" in result.stderr) == (2, True)


class StoppedError(Exception):
    """The computer went off."""


def shades(drawn: list[str], stop_at: str = "") -> object:
    """Draws a plain layer for each prompt, its shade from the seed, and notes the prompt."""

    def generate(prompt: str, seed: int) -> Tensor:
        if prompt == stop_at:
            raise StoppedError
        drawn.append(prompt)
        return torch.full((1, 4, 64, 64), seed / 255)

    return generate


def collected(generate: object, keep: ResumableGeneration) -> Iterator[tuple[str, int]]:
    layers = draw_layers(generate, ["cat", "dog", "owl"], 7, lambda done, total: None, keep)  # type: ignore[arg-type]
    return ((layer.prompt, round(layer.picture.mean().item() * 255)) for layer in layers)


def test_a_stopped_evaluation_goes_on_with_the_layers_that_it_has(tmp_path: Path) -> None:
    drawn: list[str] = []
    with pytest.raises(StoppedError):
        list(collected(shades(drawn, stop_at="owl"), ResumableGeneration(tmp_path, "this model")))
    again = ResumableGeneration(tmp_path, "this model")
    assert again.found == 2
    assert list(collected(shades(drawn), again)) == [("cat", 7), ("dog", 8), ("owl", 9)]
    assert drawn == ["cat", "dog", "owl"]
    other = ResumableGeneration(tmp_path, "that model")
    assert other.found == 0, "another model's layers are drawn anew"
    again.finished()
    assert not any(tmp_path.iterdir())
