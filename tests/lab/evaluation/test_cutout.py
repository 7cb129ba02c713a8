"""Native against cut-out: each way of cutting out where its answer is known, and the comparison's own arithmetic."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from acetate_lab.cli.evaluate import app
from acetate_lab.evaluation.cutout.measure import NATIVE, CutoutResult, Subject, compare
from acetate_lab.evaluation.cutout.methods import chroma_key, closed_form, cut_out_methods, knn, local_rembg, trimap_of
from acetate_lab.evaluation.cutout.report import cutout_html, write_cutout_report
from acetate_lab.evaluation.cutout.summary import (
    by_background,
    chosen,
    cutout_json,
    method_figures,
    method_names,
    pairwise_comparisons,
)
from acetate_lab.evaluation.study.pairs import read_pairs
from acetate_lab.metrics.over_backgrounds import composite
from torch import Tensor
from typer.testing import CliRunner

SIZE = 64
GREEN = torch.tensor([0.0, 0.7, 0.25]).view(3, 1, 1).expand(3, SIZE, SIZE)


def soft_disc(opacity: float = 1.0) -> Tensor:
    """A red disc whose edge fades over ten pixels, as "4 64 64"."""
    y, x = torch.meshgrid(torch.arange(SIZE) - 31.5, torch.arange(SIZE) - 31.5, indexing="ij")
    alpha = ((25 - torch.hypot(x, y)) / 10).clamp(0, 1) * opacity
    return torch.cat([torch.tensor([0.85, 0.15, 0.2]).view(3, 1, 1).expand(3, SIZE, SIZE), alpha[None]])


def test_a_trimap_is_sure_only_away_from_edges() -> None:
    alpha = soft_disc()[3]
    trimap = trimap_of(alpha)
    assert set(trimap.flatten().tolist()) == {0.0, 0.5, 1.0}
    assert alpha[trimap == 1].min() >= 0.95 and alpha[trimap == 0].max() <= 0.05
    partial = (alpha > 0.05) & (alpha < 0.95)
    assert (trimap[partial] == 0.5).all()
    assert (trimap == 0.5).sum() > partial.sum()


def test_smoke_gets_its_densest_parts_as_foreground() -> None:
    alpha = soft_disc(opacity=0.6)[3]
    trimap = trimap_of(alpha)
    assert (trimap == 1).sum() > 0 and alpha[trimap == 1].min() >= 0.59
    assert not trimap_of(torch.zeros(SIZE, SIZE)).any()


def test_a_chroma_key_finds_an_opaque_subject_on_a_plain_screen_and_takes_the_key_out_of_its_colour() -> None:
    layer = soft_disc()
    cut = chroma_key(composite(layer, GREEN), torch.zeros(SIZE, SIZE))
    assert (cut[3][layer[3] == 1] == 1).all() and (cut[3][layer[3] == 0] == 0).all()
    assert cut[:3][:, layer[3] == 1].sub(layer[:3][:, layer[3] == 1]).abs().max() < 1e-5


def test_a_chroma_key_is_lost_without_a_plain_screen() -> None:
    noise = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    cut = chroma_key(composite(soft_disc(), noise), torch.zeros(SIZE, SIZE))
    assert (cut[3] - soft_disc()[3]).abs().mean() > 0.2


@pytest.mark.parametrize("method", [closed_form, knn])
def test_matting_with_a_trimap_finds_a_soft_edge_on_a_plain_screen(method: object) -> None:
    layer = soft_disc()
    cut = method(composite(layer, GREEN), trimap_of(layer[3]))  # type: ignore[operator]
    assert (cut[3] - layer[3]).abs().mean() < 0.02
    assert cut[:3][:, layer[3] > 0.5].sub(layer[:3][:, layer[3] > 0.5]).abs().mean() < 0.05


def test_matting_says_nothing_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    noise = torch.rand(3, SIZE, SIZE, generator=torch.Generator().manual_seed(1))
    for method in (closed_form, knn):
        method(noise, trimap_of(soft_disc(0.6)[3]))
    assert capsys.readouterr().out == ""


def test_rembg_is_there_only_with_its_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("U2NET_HOME", str(tmp_path))
    assert local_rembg() is None
    assert list(cut_out_methods()) == ["chroma key", "closed-form", "KNN"]


@pytest.fixture(scope="module")
def results() -> tuple[CutoutResult, ...]:
    """Two subjects; native is off by 0.1 in alpha, one cut-out by 0.2 and the other not at all."""
    found = []
    for name, kind in (("wisp", "smoke"), ("cup", "hard edge")):
        true = soft_disc()
        true[3] = true[3] * 0.5
        subject = Subject(name, kind, true)
        for method, background, off in ((NATIVE, "", 0.1), ("closed-form", "sea", 0.2), ("closed-form", "sky", 0.0)):
            layer = true.clone()
            layer[3] += off
            found.append(compare(subject, method, background, layer))
    return tuple(found)


def test_each_result_is_measured_against_the_true_layer(results: tuple[CutoutResult, ...]) -> None:
    native = results[0]
    assert native.mse == pytest.approx(0.01, abs=1e-6)
    assert native.sad == pytest.approx(0.1 * SIZE * SIZE / 1000, abs=1e-4)
    assert (results[2].mse, results[2].gradient, results[2].nine_psnr) == (0, 0, 100)


def test_averages_are_by_way_and_native_wins_only_where_it_is_nearer(results: tuple[CutoutResult, ...]) -> None:
    assert method_names(results) == (NATIVE, "closed-form")
    mean = {figure.key: figure.value for figure in method_figures(chosen(results, "closed-form"))}
    assert mean["mse"] == pytest.approx(0.02, abs=1e-6)
    (duel,) = pairwise_comparisons(results)
    assert (duel.cut_outs, duel.nearer_alpha, duel.nearer_seen) == (4, 0.5, 0.5)
    assert by_background(results)["sky"] == {"closed-form": 100}


def test_the_report_says_what_is_compared_and_leaves_pairs_for_a_study(
    results: tuple[CutoutResult, ...], tmp_path: Path
) -> None:
    under = {"sea": GREEN, "sky": torch.zeros(3, SIZE, SIZE)}
    page = write_cutout_report("starter", results, under, tmp_path / "report")
    html = page.read_text(encoding="utf-8")
    assert html == cutout_html("starter", results, under)
    assert "encoded with its transparency and decoded again" in html and "<h2>Smoke</h2>" in html
    document = json.loads((page.parent / "cutout.json").read_text(encoding="utf-8"))
    assert document == json.loads(json.dumps(cutout_json("starter", results), allow_nan=False))
    assert [(pair.kind, pair.name) for pair in read_pairs(page.parent / "pairs")] == [
        ("hard-edge", "01-cup"),
        ("smoke", "00-wisp"),
    ]


def test_the_command_compares_every_kind(tiny_starter: Path, tmp_path: Path) -> None:
    report = tmp_path / "report"
    arguments = ["cutout", "--model", str(tiny_starter), "--each", "1", "--backgrounds", "2", "--size", "64"]
    result = CliRunner().invoke(app, [*arguments, "--passes", "1", "--report", str(report), "--json", "-"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert list(document["by_kind"]) == ["hard edge", "hair", "glass", "smoke", "fire"]
    assert {"native", "chroma key", "closed-form", "KNN"} <= set(document["mean"])
    assert all(math.isfinite(value) for row in document["mean"].values() for value in row.values())
    assert len(document["each"]) == 5 * (1 + 2 * (len(document["mean"]) - 1))
    assert len(read_pairs(report / "pairs")) == 5


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--size", "100"], "--size is 100: choose a multiple of 64"),
        (["--model", "nothing"], "nothing is neither a folder nor a model"),
        (["--json", "nowhere/figures.json"], "there is no such folder"),
    ],
)
def test_a_bad_value_gets_one_clear_line_and_code_2(tmp_path: Path, more: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, ["cutout", *more, "--report", str(tmp_path / "report")])
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
