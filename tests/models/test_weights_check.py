"""`acetate doctor --weights`: files, keys, and one layer from both forms of its latent."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from acetate.cli import app
from acetate.models.families import ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import STARTER, ModelRegistry
from acetate.pipelines.weights_check import check_weights, golden_layers
from safetensors.torch import load_file, save_file
from typer.testing import CliRunner


def test_the_doctor_checks_the_starters_files_and_its_layer_is_cut_out(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["doctor", "--weights", "starter", "--json", str(tmp_path / "weights.json")])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "weights.json").read_text(encoding="utf-8"))
    assert figures["passed"] and not figures["faults"]
    assert {len(file["sha256"]) for file in figures["files"]} == {64}
    for file in figures["files"]:
        assert file["sha256"][:16] in result.output and file["path"] in result.output
    plain = next(layer for layer in figures["golden"] if not layer["scaled"])
    assert plain["cut_out"] and plain["corners"] < 0.02 and plain["middle"] > 0.8
    assert f"alpha {plain['corners']:.3f} in the corners" in result.output


def test_the_decoder_gets_another_latent_in_each_of_the_two_layers(tiny_starter: Path) -> None:
    registry = ModelRegistry({"starter": ModelSource(tiny_starter, STARTER, "")})
    model = ModelCache(registry, torch.device("cpu")).get("starter")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        for weights in (model.decoder.latent_conv_in.weight, model.decoder.conv_out.weight):
            torch.nn.init.uniform_(weights)
    plain, scaled = golden_layers(model)
    assert not plain.scaled and scaled.scaled
    assert not torch.equal(plain.layer, scaled.layer)


@pytest.mark.parametrize(
    ("part", "told"), [("transparency/decoder.safetensors", "decoder"), ("layers/joint.safetensors", "joint")]
)
def test_a_file_that_does_not_fit_is_named_and_nothing_is_generated(
    tiny_starter: Path, tmp_path: Path, part: str, told: str
) -> None:
    folder = shutil.copytree(tiny_starter, tmp_path / "model")
    file = folder / part
    if part.startswith("layers"):
        file.parent.mkdir(exist_ok=True)
        save_file({"hookers.layers.0.something": torch.zeros(2)}, file)
    else:
        weights = load_file(file)
        save_file(dict(list(weights.items())[1:]), file)
    registry = ModelRegistry({"starter": ModelSource(folder, STARTER, "")})
    report = check_weights(ModelCache(registry, torch.device("cpu")), "starter")
    assert not report.passed and not report.golden
    assert len(report.faults) == 1 and told in report.faults[0]
