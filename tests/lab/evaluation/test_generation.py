"""Generation judged: with a small judge trained on drawn shapes, and a model whose answers are known."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acetate import pipelines
from acetate_lab.cli.evaluate import app
from acetate_lab.evaluation.classifier.model import SubjectClassifier, load_classifier, ranked_classes
from acetate_lab.evaluation.classifier.reference_data import folder_pictures
from acetate_lab.evaluation.classifier.training import classifier_for, judged_examples
from acetate_lab.evaluation.generation.examples import Examples, examples_of, small_view, straight
from acetate_lab.evaluation.generation.measure import (
    COLOURS,
    GenerationReport,
    PromptCase,
    colour_things_for,
    evaluate_generation,
    prompts_for,
)
from acetate_lab.evaluation.generation.report import generation_html
from acetate_lab.evaluation.generation.similarity import frechet_distance, nearest, nearest_pixels
from acetate_lab.evaluation.generation.summary import HOLE_LIMIT, generation_figures, generation_json, soft_subjects
from acetate_lab.metrics.coverage import Coverage, hole_share
from acetate_lab.training.starter.colours import dominant_colour
from acetate_lab.training.starter.dataset import PictureSet
from acetate_lab.training.starter.latent_cache import VIEW
from acetate_lab.training.trainer import Trainer
from acetate_wire.request import LayerRequest
from PIL import Image
from torch import Tensor
from typer.testing import CliRunner

SIZE = 64
STEPS = 50
THINGS = ("cross", "disc", "mist", "ring")
RED, BLUE = (220, 30, 40), (40, 60, 220)


def drawn(thing: str, colour: tuple[int, int, int] = RED) -> Tensor:
    """A shape as "4 64 64": a solid cross, disc or ring, or mist that is nowhere opaque."""
    y, x = torch.meshgrid(torch.arange(SIZE) - 31.5, torch.arange(SIZE) - 31.5, indexing="ij")
    far = torch.hypot(x, y)
    alpha = {
        "cross": ((x.abs() < 6) | (y.abs() < 6)) & (far < 26),
        "disc": far < 22,
        "ring": (far < 24) & (far > 12),
        "mist": (0.6 - far / 40).clamp(0, 0.5),
    }[thing].float()
    return torch.cat([torch.tensor(colour).view(3, 1, 1) / 255 * (alpha > 0), alpha[None]])


def write(folder: Path, name: str, picture: Tensor) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pixels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).resize((128, 128), Image.Resampling.NEAREST).save(folder / f"{name}.png")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pictures of each thing: in the folder itself, and rings in one of their own."""
    folder = tmp_path_factory.mktemp("data")
    for number, colour in enumerate((RED, BLUE), start=1):
        for thing in ("cross", "disc", "mist"):
            write(folder, f"{thing}-{number:02d}", drawn(thing, colour))
        write(folder / "ring", f"picture {number}", drawn("ring", colour))
    return folder


@pytest.fixture(scope="module", autouse=True)
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acetate_lab.evaluation.classifier.training.BATCH", 12)
        yield


@pytest.fixture(scope="module")
def pictures(data: Path) -> PictureSet:
    return folder_pictures(data)


@pytest.fixture(scope="module")
def judge(pictures: PictureSet, tmp_path_factory: pytest.TempPathFactory, small_batches: None) -> SubjectClassifier:
    return classifier_for(pictures, tmp_path_factory.mktemp("judge"), STEPS, lambda line: None)


@pytest.fixture(scope="module")
def examples(pictures: PictureSet) -> Examples:
    return judged_examples(pictures, SIZE, VIEW)


def perfect(prompt: str, seed: int) -> Tensor:
    """A model that draws what it is asked for, in every colour but green."""
    colour, _, thing = prompt.rpartition(" ")
    rgb = {"": RED, "red": (220, 30, 40), "yellow": (230, 210, 30), "blue": BLUE, "purple": (120, 40, 200)}
    return drawn(thing, {**rgb, "pink": (240, 90, 170), "green": (220, 30, 40)}[colour])[None]


def judged(judge: SubjectClassifier, examples: Examples, draw: object = perfect) -> GenerationReport:
    return evaluate_generation(
        draw,  # type: ignore[arg-type]
        examples,
        judge,
        dominant_colour,
        [PromptCase(thing, thing) for thing in THINGS * 2],
        ("disc",),
        Coverage(0.6, 0.1, 0.3),
        model="drawn",
    )


@pytest.fixture(scope="module")
def report(judge: SubjectClassifier, examples: Examples) -> GenerationReport:
    return judged(judge, examples)


def value(report: GenerationReport) -> dict[str, float]:
    return {figure.key: figure.value for figure in generation_figures(report)}


def test_a_folder_is_data_named_after_its_files_and_folders(pictures: PictureSet) -> None:
    assert sorted({record.name for record in pictures.records}) == list(THINGS)
    assert {record.name for record in pictures.records if record.set == "soft"} == {"mist"}


def test_the_judge_learns_the_data(judge: SubjectClassifier, report: GenerationReport) -> None:
    assert judge.classes == THINGS
    assert report.ceiling.top1 > 0.8 and report.ceiling.nearest1 > 0.8


def test_a_perfect_model_is_recognised_and_stands_next_to_its_own_pictures(report: GenerationReport) -> None:
    found = value(report)
    assert (found["top1"], found["nearest1"], found["nearest5"]) == (1, 1, 1)
    assert found["colour"] == pytest.approx(5 / 6)
    assert (found["holes"], found["edge"]) == (0, 0)


def test_a_model_that_always_draws_one_thing_is_found_out(judge: SubjectClassifier, examples: Examples) -> None:
    found = value(judged(judge, examples, lambda prompt, seed: drawn("disc")[None]))
    assert found["top1"] == found["nearest1"] == 0.25
    assert found["frechet"] > value(judged(judge, examples))["frechet"]


def test_a_model_that_draws_things_twice_on_wide_targets_is_found_out(
    judge: SubjectClassifier, examples: Examples
) -> None:
    def generate_at(aspect: float) -> object:
        def generate(prompt: str, seed: int) -> Tensor:
            picture = perfect(prompt, seed)
            if aspect < 1:
                return torch.cat([0 * picture, picture, 0 * picture], dim=2)
            return torch.cat([picture, picture], dim=3)

        return generate

    report = evaluate_generation(
        perfect,
        examples,
        judge,
        dominant_colour,
        [PromptCase(thing, thing) for thing in ("cross", "ring")],
        (),
        Coverage(0.6, 0.1, 0.3),
        model="drawn",
        generate_at=generate_at,  # type: ignore[arg-type]
        aspect_layers=2,
    )
    found = value(report)
    assert (found["doubled_16:9"], found["doubled_3:2"], found["doubled_1:√2"], found["doubled_9:16"]) == (1, 1, 0, 0)
    assert {each.recognised for some in report.aspects if some.name == "9:16" for each in some.layers} == {True}
    told = json.loads(json.dumps(generation_json(report)))
    assert not told["checks"]["doubled_16:9"]["met"] and told["checks"]["doubled_9:16"]["met"]
    assert [each["doubled"] for each in told["aspects"]["3:2"]] == [True, True]
    assert "drawn twice" in generation_html(report)


def test_a_hole_counts_where_the_data_has_none(judge: SubjectClassifier, examples: Examples) -> None:
    def holed(prompt: str, seed: int) -> Tensor:
        layer = perfect(prompt, seed)
        layer[..., 30:36, 30:36] = 0
        return layer

    report = judged(judge, examples, holed)
    by_thing = {each.thing: each.excess_holes > HOLE_LIMIT for each in report.layers}
    assert by_thing == {"cross": True, "disc": True, "ring": False, "mist": True}
    assert value(report)["holes"] == pytest.approx(2 / 3)


def test_soft_subjects_are_set_beside_their_own_pictures(report: GenerationReport, examples: Examples) -> None:
    (mist,) = soft_subjects(report)
    assert mist.name == "mist" and mist.generated > 0.95
    assert mist.data == pytest.approx(mist.generated, abs=0.05)


def test_a_layer_that_is_a_picture_of_the_data_is_a_copy(judge: SubjectClassifier, examples: Examples) -> None:
    def copied(prompt: str, seed: int) -> Tensor:
        return straight(examples.views[examples.by_thing[prompt][0]])[None]

    report = judged(judge, examples, lambda prompt, seed: copied(prompt.split(" ")[-1], seed))
    found = value(report)
    assert found["copies"] == 1
    assert found["clear_gap"] < 0.05 and found["opaque_gap"] < 0.05
    assert all(each.twin_distance < 1e-3 for each in report.layers)


def test_the_json_holds_every_layer_and_the_page_shows_it(report: GenerationReport) -> None:
    document = json.loads(json.dumps(generation_json(report), allow_nan=False))
    assert [row["prompt"] for row in document["each"]] == list(THINGS * 2)
    assert {(row["asked"], row["found"]) for row in document["colours"]} >= {("blue", "blue"), ("green", "red")}
    html = generation_html(report)
    assert html.count('<figure class="card">') == len(THINGS) * 2 + len(COLOURS)
    assert "<script" not in html and "http" not in html


def test_a_stopped_judge_goes_on_to_the_same_weights(pictures: PictureSet, tmp_path: Path) -> None:
    class KilledError(Exception):
        pass

    def die_at_3(self: Trainer, step: int) -> None:
        original(self, step)
        if step == 3:
            raise KilledError

    original = Trainer._save
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("acetate_lab.evaluation.classifier.training.CHECKPOINT_SECONDS", 0.0)
        patch.setattr(Trainer, "_save", die_at_3)
        with pytest.raises(KilledError):
            classifier_for(pictures, tmp_path / "stopped", 6, lambda line: None)
    assert not (tmp_path / "stopped" / "judge.safetensors").exists()
    told: list[str] = []
    resumed = classifier_for(pictures, tmp_path / "stopped", 6, told.append)
    whole = classifier_for(pictures, tmp_path / "whole", 6, lambda line: None)
    assert any("going on after step 3" in line for line in told)
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name


def test_a_finished_judge_is_kept_and_other_data_is_refused(pictures: PictureSet, tmp_path: Path) -> None:
    classifier_for(pictures, tmp_path, 1, lambda line: None)
    kept = (tmp_path / "judge.safetensors").stat().st_mtime_ns
    classifier_for(pictures, tmp_path, 1, lambda line: None)
    assert (tmp_path / "judge.safetensors").stat().st_mtime_ns == kept
    others = PictureSet(pictures.pictures, tuple(replace(r, name=r.name.upper()) for r in pictures.records))
    with pytest.raises(ValueError, match="was trained on other data"):
        classifier_for(others, tmp_path, 1, lambda line: None)
    (tmp_path / "judge.safetensors").write_bytes(b"no")
    with pytest.raises(ValueError, match=r"judge\.safetensors is no judge"):
        load_classifier(tmp_path / "judge.safetensors")


def test_the_judge_ranks_all_classes(judge: SubjectClassifier) -> None:
    ranks = ranked_classes(judge, torch.rand(3, 4, 64, 64))
    assert ranks.sort(dim=1).values.tolist() == [[0, 1, 2, 3]] * 3


def test_the_frechet_distance_of_two_normal_sets_is_the_formula() -> None:
    chance = torch.Generator().manual_seed(1)
    first = torch.randn(60, 3, generator=chance, dtype=torch.float64)
    second = first @ torch.diag(torch.tensor([2.0, 1.0, 0.5], dtype=torch.float64)) + 1
    a, b = np.cov(first.T.numpy()), np.cov(second.T.numpy())
    values, vectors = np.linalg.eig(a @ b)
    root = (vectors * np.sqrt(values.astype(complex))) @ np.linalg.inv(vectors)
    apart = ((first.mean(0) - second.mean(0)) ** 2).sum().item()
    assert frechet_distance(first, second) == pytest.approx(apart + np.trace(a + b - 2 * root).real, rel=1e-6)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-9)
    with pytest.raises(ValueError, match="at least two pictures"):
        frechet_distance(first[:1], second)


def test_nearest_goes_by_direction_in_features_and_by_difference_in_pixels() -> None:
    bank = torch.tensor([[1.0, 0.0], [0.0, 5.0], [3.0, 3.0]])
    assert nearest(torch.tensor([[9.0, 1.0]]), bank, 2).tolist() == [[0, 2]]
    views = torch.zeros(2, 4, 64, 64)
    views[1] = 0.5
    distances, rows = nearest_pixels(torch.full((1, 4, 64, 64), 0.4), views)
    assert rows.tolist() == [1]
    assert distances.item() == pytest.approx(0.1, abs=1e-4)


def test_a_small_view_is_premultiplied_and_turns_back() -> None:
    layer = torch.rand(1, 4, 128, 128)
    layer[:, 3] = 0.5
    view = small_view(layer)
    assert view.shape == (1, 4, 64, 64)
    assert view[0, 0, 0, 0].item() == pytest.approx(layer[0, 0, :2, :2].mean().item() / 2)
    assert straight(view[0])[0, 0, 0].item() == pytest.approx(layer[0, 0, :2, :2].mean().item(), abs=1e-5)


def test_holes_are_clear_pixels_with_no_way_out() -> None:
    drawn = ["######", "#..#.#", "#..##.", "######", "......"]
    visible = np.array([[cell == "#" for cell in row] for row in drawn])
    # The gap at the corner leads nowhere by sides; the one at the right border does.
    assert hole_share(visible) == pytest.approx(5 / (int(visible.sum()) + 5))
    assert hole_share(np.zeros((4, 4), bool)) == 0


def test_prompts_are_things_that_both_data_and_model_know(examples: Examples) -> None:
    assert [each.thing for each in prompts_for(["disc", "mist", "whale"], examples, 3)] == ["disc", "mist", "disc"]
    assert prompts_for(None, examples, 2) == (PromptCase("cross", "cross"), PromptCase("mist", "mist"))
    with pytest.raises(ValueError, match="knows none of the things"):
        prompts_for(["whale"], examples, 2)
    assert colour_things_for(["whale", "fish", "car"]) == ("car", "fish")
    assert len(colour_things_for(None)) == 12


def test_no_pictures_are_no_examples() -> None:
    with pytest.raises(ValueError, match="no pictures to compare"):
        examples_of([])


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["generation", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_judges_a_model_folder(tiny_starter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    requests: list[LayerRequest] = []
    generate = pipelines.run

    def noted(request: LayerRequest, *rest: Any) -> Any:
        requests.append(request)
        return generate(request, *rest)

    monkeypatch.setattr(pipelines, "run", noted)
    for thing, picture in (("red apple", "disc"), ("cat", "cross"), ("leaf", "mist")):
        write(tmp_path / "data" / thing, "one", drawn(picture))
    report = tmp_path / "report"
    code, out, err = run(
        str(tiny_starter), "--data", str(tmp_path / "data"), "--layers", "3", "--no-colours", "--judge-steps", "2",
        "--judge", str(tmp_path / "judge"), "--passes", "1", "--steps", "3", "--report", str(report), "--json", "-",
    )  # fmt: skip
    assert code == 0, err
    assert {(request.steps, request.passes) for request in requests} == {(3, 1)}
    document = json.loads(out)
    assert [row["prompt"] for row in document["each"]] == ["cat", "leaf", "red apple"]
    assert all(math.isfinite(number) for number in document["mean"].values())
    assert document == json.loads((report / "generation.json").read_text(encoding="utf-8"))
    assert (report / "generation.html").is_file()


def test_a_bad_value_gets_one_clear_line_and_code_2(tiny_starter: Path, data: Path, tmp_path: Path) -> None:
    rest = ("--report", str(tmp_path / "report"), "--judge", str(tmp_path / "judge"), "--judge-steps", "1")
    cases = {
        ("nothing",): "nothing is neither a folder nor a model",
        (str(tiny_starter), "--data", "nowhere"): "--data nowhere: there is no such folder",
        (str(tiny_starter), "--data", str(data)): "knows none of the things that the data shows",
        (str(tiny_starter), "--data", str(tiny_starter / "vae")): "holds no pictures",
        (str(tiny_starter), "--passes", "5"): "--passes is 5",
    }
    for arguments, complaint in cases.items():
        code, _, err = run(*arguments, *rest)
        assert code == 2, (arguments, err)
        assert complaint in err.strip().splitlines()[-1]
