"""Promises of `models`, `models add` and `models verify`: every file is read, and what is wrong with it is said."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.cli import app
from acetate.cli.adapter_options import parse_lora
from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner, Result

from tests.models.tiny_published import write_checkpoint

DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def place(written_families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with layer files, a checkpoint in `base`, and SD 1.5's own folder in the hub's cache."""
    folder = tmp_path / "models"
    shutil.copytree(written_families / "layers", folder / "layers")
    write_checkpoint(folder / "base" / "ink.safetensors", written_families / "sd15")
    cache = tmp_path / "cache" / "models--stable-diffusion-v1-5--stable-diffusion-v1-5"
    shutil.copytree(written_families / "sd15", cache / "snapshots" / "abc")
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text("abc", encoding="utf-8")
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(folder))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return folder


def verified(*names: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and what is told of each file by its name."""
    result = run("models", "verify", *names, "--json", "-")
    figures = json.loads(result.stdout)
    checks = [check for found in figures["models"].values() for check in found] + figures["adapters"]
    return result.exit_code, {Path(check["path"]).name: check for check in checks}


def rewritten(path: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = load_file(path)
    change(tensors)
    save_file(tensors, path)


def test_a_whole_model_with_its_layer_files_is_verified(place: Path) -> None:
    code, checks = verified("ink")
    assert code == 0
    assert {"ink.safetensors", "layer_sd15_joint.safetensors"} <= checks.keys()
    assert all((check["verdict"], check["note"]) == ("unknown", "") for check in checks.values())


def test_truncated_files_and_keys_that_do_not_belong_are_named(place: Path) -> None:
    joint, decoder = (
        place / "layers" / f"layer_sd15_{name}.safetensors" for name in ("joint", "vae_transparent_decoder")
    )
    shared, foreign = (place / "layers" / f"layer_sd15_{name}.safetensors" for name in ("transparent_attn", "fg2bg"))
    joint.write_bytes(joint.read_bytes()[:-1500])
    rewritten(decoder, lambda tensors: tensors.update(stray=torch.zeros(2)))
    rewritten(shared, lambda tensors: tensors.update({"hookers.layers.99.stray.weight": torch.zeros(2)}))
    rewritten(foreign, lambda tensors: tensors.pop(sorted(tensors)[0]))
    rewritten(
        place / "base" / "ink.safetensors",
        lambda tensors: tensors.update({"model.diffusion_model.stray.weight": torch.zeros(2, 2)}),
    )
    (place / "lora").mkdir()
    (place / "control" / "sd15").mkdir(parents=True)
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(2, 2), "odd": torch.zeros(1)}, place / "lora" / "a.sft")
    save_file({"lora_unet_x.hada_w1_a": torch.zeros(2, 2)}, place / "lora" / "b.SAFETENSORS")
    save_file({"lora_unet_x.lora_up.weight": torch.zeros(2, 2)}, place / "lora" / "good.safetensors")
    save_file({"controlnet_mid_block.weight": torch.zeros(2), "odd": torch.zeros(1)}, place / "control/sd15/edge.sft")
    code, checks = verified()
    assert code == 1
    words = {
        joint.name: "truncated: 1.5 kB of",
        decoder.name: "should not have stray",
        shared.name: "hookers.layers.99.stray.weight",
        foreign.name: 'Missing key(s) in state_dict: "hookers.layers.0.control_convs',
        "a.sft": "it has odd, which is no part of a LoRA",
        "b.SAFETENSORS": "it is a LoHa",
        "edge.sft": "should not have odd",
    }
    for name, text in words.items():
        assert checks[name]["verdict"] == "damaged" and text in checks[name]["note"], checks[name]
    assert checks["good.safetensors"]["verdict"] == "unknown"
    assert checks["ink.safetensors"]["verdict"] == "unknown"
    assert "model.diffusion_model.stray.weight" in checks["ink.safetensors"]["note"]
    told = run("models", "verify").stdout
    assert "DAMAGED" in told and "truncated: 1.5 kB of" in told


def test_what_is_cut_or_half_is_told_when_it_is_added_and_verified(place: Path, tmp_path: Path) -> None:
    whole = place / "base" / "ink.safetensors"
    short, half = tmp_path / "short.safetensors", tmp_path / "half.safetensors"
    size = whole.stat().st_size
    short.write_bytes(whole.read_bytes()[: size - 2_000])
    shutil.copy(whole, half)
    rewritten(
        half,
        lambda tensors: [tensors.pop(key) for key in list(tensors) if ".output_blocks." in key],
    )
    for path, words in ((short, "truncated: 2.0 kB of"), (half, "truncated: 384 of 682 weights of its UNet")):
        with pytest.raises(AcetateError, match=words) as refusal:
            CliRunner().invoke(app, ["models", "add", str(path)], catch_exceptions=False)
        assert "fetch it again" in refusal.value.hint
        shutil.copy(path, place / "base")
    result = run("models", "verify")
    assert result.exit_code == 1
    assert "truncated: 2.0 kB of" in result.stdout and "truncated: 384 of 682" in result.stdout


@pytest.mark.parametrize(
    "command", [("models",), ("doctor",), ("generate", "a cat", "-o", "cat.png", "--model", "deep")]
)
def test_no_header_ends_a_command(place: Path, command: tuple[str, ...]) -> None:
    (place / "base" / "deep.safetensors").write_bytes(len(DEEP).to_bytes(8, "little") + DEEP)
    (place / "layers" / "layer_sd15_joint.safetensors").write_bytes(len(DEEP).to_bytes(8, "little") + DEEP)
    result = run(*command)
    if command[0] == "generate":
        assert isinstance(result.exception, AcetateError)
        assert "deep.safetensors is no model that can be used (damaged: its header is no JSON)" in str(result.exception)
    else:
        assert result.exit_code == 0, result.output
        assert "starter" in result.stdout
    if command == ("models",):
        assert "Not usable: " in result.stdout and "its header is no JSON: fetch it again" in result.stdout


def test_a_lora_is_meant_by_a_path_from_here_or_by_its_name(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "loras").mkdir()
    for name in ("loras/my=ink.safetensors", "wash.SFT"):
        save_file({"a": torch.zeros(1)}, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert parse_lora("loras/my=ink.safetensors") == Lora(str(tmp_path / "loras/my=ink.safetensors"))
    assert parse_lora("loras/my=ink.safetensors=0.5") == Lora(str(tmp_path / "loras/my=ink.safetensors"), 0.5)
    assert parse_lora("./wash.SFT=0.7") == Lora(str(tmp_path / "wash.SFT"), 0.7)
    assert parse_lora("style/ink=0.7") == Lora("style/ink", 0.7)
    assert parse_lora("ink") == Lora("ink")
    with pytest.raises(AcetateError, match="the weight is a number"):
        parse_lora("ink=much")
