"""The report: one file that holds every picture and figure, and nothing that has to be fetched."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate_lab.evaluation.generation.generator import GeneratedLayer
from acetate_lab.evaluation.html import Bar, bars, checker, table
from acetate_lab.evaluation.starter import StarterReport
from acetate_lab.evaluation.starter_report import report_html, write_report
from acetate_lab.evaluation.transparency.reconstruction import Reconstruction
from acetate_lab.evaluation.transparency.report import difference
from acetate_lab.metrics.coverage import Coverage, coverage_of, shape_of
from acetate_lab.metrics.held_out import HeldOutPicture
from acetate_lab.metrics.over_backgrounds import BACKGROUNDS
from PIL import Image

SIZE = 32


def picture(seed: int) -> torch.Tensor:
    levels = torch.randint(0, 256, (4, SIZE, SIZE), generator=torch.Generator().manual_seed(seed))
    return levels / 255


def reconstruction(name: str, psnr: float, seed: int) -> Reconstruction:
    return Reconstruction(
        about=HeldOutPicture(name, "drawn", "CC0-1.0", "hard" if seed % 2 == 0 else "soft"),
        alpha_psnr=31.5,
        alpha_mae=0.0125,
        alpha_mse=0.002,
        gradient=0.05,
        connectivity=0.06,
        alpha_iou=0.97,
        alpha_sad=0.2,
        colour_psnr=27.0,
        background_psnr=dict.fromkeys(BACKGROUNDS, psnr),
        background_ssim=dict.fromkeys(BACKGROUNDS, 0.9),
        rgb_with_offset=28.0,
        rgb_without_offset=28.75,
        rgb_between=40.0,
        original=picture(seed),
        decoded=picture(seed + 100),
    )


def layer(prompt: str, seed: int) -> GeneratedLayer:
    made = picture(seed)
    return GeneratedLayer(prompt, seed, 1.5, coverage_of(made[3:]), shape_of(made[3:]), made)


@pytest.fixture(scope="module")
def report() -> StarterReport:
    return StarterReport(
        model="starter",
        passes=8,
        reconstructions=(reconstruction("good cup", 36.0, 0), reconstruction("bad <cat>", 22.0, 1)),
        layers=(layer("a red apple", 7), layer("smoke & fire", 8)),
        data=Coverage(0.6, 0.1, 0.3),
    )


@pytest.fixture(scope="module")
def html(report: StarterReport) -> str:
    return report_html(report)


def embedded(html: str, name: str) -> np.ndarray:
    match = re.search(rf"\.p-{name}\{{--picture:url\(data:image/\w+;base64,([^)]+)\)\}}", html)
    assert match is not None
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(match[1]))))


def pixels(picture: torch.Tensor) -> np.ndarray:
    return (picture * 255).round().byte().permute(1, 2, 0).numpy()


def test_generated_layers_are_in_the_report_pixel_by_pixel(report: StarterReport, html: str) -> None:
    for index, made in enumerate(report.layers):
        assert (embedded(html, f"layer{index}") == pixels(made.picture)).all()


def test_the_worst_held_out_picture_comes_first(report: StarterReport, html: str) -> None:
    worst = report.reconstructions[1]
    assert (embedded(html, "given0") == pixels(worst.original)).all()
    assert (embedded(html, "decoded0") == pixels(worst.decoded)).all()


def test_every_held_out_picture_is_shown_over_checker_black_and_white(html: str) -> None:
    for kind in ("given", "decoded"):
        for under in ("checker", "black", "white"):
            assert f'class="picture p-{kind}1 {under}"' in html


def test_the_difference_of_equal_layers_is_black_over_any_background() -> None:
    same = picture(3)
    assert difference(same, same, checker(SIZE, SIZE)).max() == 0


def test_the_difference_is_enlarged_eight_times() -> None:
    original, decoded = torch.ones(4, 8, 8), torch.ones(4, 8, 8)
    decoded[:3] = 0.95
    assert difference(original, decoded, torch.zeros(3, 8, 8)).mean().item() == pytest.approx(0.4)


def test_the_report_fetches_nothing(html: str) -> None:
    assert re.findall(r'(?:src|href)="|@import|https?://', html) == []
    assert "<script" not in html


def test_names_and_prompts_cannot_break_the_page(html: str) -> None:
    assert "bad &lt;cat&gt;" in html
    assert "smoke &amp; fire" in html
    assert "<cat>" not in html


def test_averages_stand_beside_those_of_each_kind(html: str) -> None:
    by_kind = html.partition("Held-out pictures, there and back")[2]
    row = next(line for line in by_kind.splitlines() if "Nine backgrounds, PSNR</td>" in line)
    assert re.findall(r"[\d.]+ dB", row) == ["29.00 dB", "22.00 dB", "36.00 dB"]


def test_the_json_lies_beside_the_page(report: StarterReport, tmp_path: Path) -> None:
    html = write_report(report, tmp_path / "new" / "report")
    document = json.loads((html.parent / "report.json").read_text(encoding="utf-8"))
    assert html.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert document["held_out"]["mean"]["rgb_cost"] == pytest.approx(0.75)


def test_a_report_without_layers_says_nothing_about_them(report: StarterReport) -> None:
    bare = StarterReport("starter", 8, report.reconstructions, (), report.data)
    assert "<h2>Generated layers" not in report_html(bare)


def test_a_bar_is_as_long_as_its_share_of_the_scale() -> None:
    drawn = bars("Shares", [Bar("quarter", 0.25, "25%"), Bar("beyond", 7.0, "much")], 1.0)
    assert re.findall(r'class="bar"[^>]*width="([\d.]+)"', drawn) == ["47.5", "190.0"]


def test_a_table_escapes_its_cells() -> None:
    assert '<td class="word">a &lt; b</td>' in table(["x"], [["a < b"]])
