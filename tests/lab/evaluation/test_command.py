"""`acetate evaluate starter` from the command line, with a tiny untrained model folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from acetate_lab.cli.evaluate import app
from acetate_lab.metrics.coverage import Coverage
from acetate_lab.metrics.held_out import HeldOutPicture, write_held_out
from typer.testing import CliRunner


@pytest.fixture
def held_out(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype=np.uint8)
    about = HeldOutPicture("owl", "drawn", "CC0-1.0", "hard")
    write_held_out(tmp_path / "pictures", [(about, pixels)], Coverage(0.5, 0.1, 0.4))
    return tmp_path / "pictures"


@pytest.fixture
def arguments(tiny_starter: Path, held_out: Path, tmp_path: Path) -> list[str]:
    report = str(tmp_path / "report")
    folders = ["--model", str(tiny_starter), "--held-out", str(held_out), "--report", report]
    return ["starter", *folders, "--layers", "2", "--passes", "1"]


def test_it_prints_every_figure_and_writes_the_report(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    for label in ("Alpha PSNR", "Padded colour PSNR", "Nine backgrounds, SSIM", "Cost of the offset"):
        assert label in result.stdout
    assert "in the data: 10.0%" in result.stdout
    assert str(tmp_path / "report" / "report.html") in result.stdout
    assert "<h3>fish</h3>" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_json_on_standard_output_is_json_alone(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--json", "-", "--seed", "9"])
    document = json.loads(result.stdout)
    assert [(layer["prompt"], layer["seed"]) for layer in document["layers"]["each"]] == [
        ("cat", 9),
        ("fish", 10),
    ]
    assert document == json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))


def test_without_layers_only_the_held_out_pictures_are_measured(arguments: list[str], tmp_path: Path) -> None:
    result = CliRunner().invoke(app, [*arguments, "--layers", "0", "--json", "-"])
    assert "layers" not in json.loads(result.stdout)


@pytest.mark.parametrize("command", ["starter", "transparency"])
def test_held_out_pictures_are_measured_at_their_own_size_and_the_report_names_it_and_the_bars(
    tiny_starter: Path, tmp_path: Path, command: str
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (128, 128, 4), dtype=np.uint8)
    held_out, report = tmp_path / "pictures", tmp_path / "report"
    write_held_out(held_out, [(HeldOutPicture("owl", "drawn", "CC0-1.0", "hard"), pixels)], Coverage(0.5, 0.1, 0.4))
    given = {
        "starter": ["--model", str(tiny_starter), "--held-out", str(held_out), "--layers", "0"],
        "transparency": [str(tiny_starter), str(held_out)],
    }[command]
    arguments = [command, *given, "--passes", "1", "--report", str(report)]
    result = CliRunner().invoke(app, [*arguments, "--json", str(tmp_path / "figures.json")], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.stderr
    assert "of 128 pixels" in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("Nine backgrounds, PSNR"))
    assert "≥ 31.00 dB" in line and "missed" in line
    measured = json.loads((tmp_path / "figures.json").read_text())
    measured = measured["held_out" if command == "starter" else "pictures"]
    assert measured["size"] == 128
    bars = {"nine_psnr": ("at_least", 31), "alpha_mae": ("at_most", 0.008), "alpha_iou": ("at_least", 0.985)}
    assert {key: measured["checks"][key][limit] for key, (limit, _) in bars.items()} == {
        key: value for key, (_, value) in bars.items()
    }
    (page,) = report.glob("*.html")
    assert "128 x 128 pixels" in page.read_text(encoding="utf-8")


def test_pictures_are_not_enlarged_to_a_size_that_they_do_not_have(tiny_starter: Path, held_out: Path) -> None:
    result = CliRunner().invoke(app, ["transparency", str(tiny_starter), str(held_out), "--size", "128"])
    assert result.exit_code == 2
    assert "holds pictures of 64 pixels: choose no larger size" in result.stderr


@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        (["--passes", "3"], "--passes is 3: choose 1, 2, 4 or 8"),
        (["--held-out", "nowhere"], "nowhere holds no manifest.json"),
        (["--model", "nowhere"], "--model nowhere: there is no such folder"),
        (["--json", "nowhere/figures.json"], "there is no such folder"),
        (["--report", "/dev/null/report"], "/dev/null/report cannot be written"),
    ],
)
def test_a_bad_value_gets_one_clear_line_and_code_2(arguments: list[str], more: list[str], complaint: str) -> None:
    result = CliRunner().invoke(app, [*arguments, *more])
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
