"""Promises of base models: folders, snapshots of the hub and single checkpoints are the same model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models.backbones.file_kind import family_of
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.families import SD15, SDXL, ModelFamily, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.models.user_models import user_sources
from acetate_wire.errors import AcetateError
from safetensors.torch import load_file, save_file

from tests.models.tiny_published import write_checkpoint

FAMILIES = {"sd15": SD15, "sdxl": SDXL}


def load(catalogue: ModelRegistry, name: str, dtype: torch.dtype = torch.float32) -> DiffusionModel:
    return ModelCache(catalogue, torch.device("cpu"), dtype).get(name)


def same(first: Any, second: Any) -> bool:
    mine, its = first.state_dict(), second.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(value, its[name]) for name, value in mine.items())


def test_a_checkpoint_in_one_file_is_the_model_of_its_folder(families: ModelRegistry, tmp_path: Path) -> None:
    model = load(families, "sd15")
    path = write_checkpoint(tmp_path / "photo.safetensors", families.entry("sd15").folder)
    assert family_of(path) is SD15
    source = ModelSource(families.sources["sd15"].folder, SD15, "unknown", file=path)
    single = load(ModelRegistry({"photo": source}), "photo")
    for network in (model.sd.unet, model.sd.vae, model.sd.text.encoders[0]):
        network.half().float()
    assert same(single.sd.unet, model.sd.unet)
    assert same(single.sd.vae, model.sd.vae)
    assert same(single.sd.text.encoders[0], model.sd.text.encoders[0])
    assert single.sd.vae.dtype == torch.float32
    assert single.spec.modes == families.entry("sd15").modes


def as_snapshot(folder: Path, cache: Path, repository: str) -> None:
    """Put a folder into a hub cache as it lies there after a download."""
    place = cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / "abc")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc", encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_a_snapshot_in_the_hub_cache_is_found_offline(
    families: ModelRegistry,
    written_families: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    family: ModelFamily,
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(AcetateError, match=f"acetate models pull {family.name}") as refusal:
        ModelRegistry().entry(family.name)
    assert refusal.value.code == "model_missing"
    as_snapshot(written_families / family.name, tmp_path, family.repository)
    fetched = load(ModelRegistry(), family.name)
    assert same(fetched.sd.unet, load(families, family.name).sd.unet)


def test_float16_weights_alone_are_enough_and_the_vae_computes_in_float32(
    written_families: Path, tmp_path: Path, families: ModelRegistry
) -> None:
    folder = shutil.copytree(written_families / "sdxl", tmp_path / "sdxl")
    for path in sorted(folder.rglob("*.safetensors")):
        half = {key: value.half() for key, value in load_file(path).items()}
        path.unlink()
        save_file(half, path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")), {"format": "pt"})
    model = load(ModelRegistry({"sdxl": ModelSource(folder, SDXL, "unknown")}), "sdxl", torch.bfloat16)
    assert (model.sd.unet.dtype, model.sd.vae.dtype) == (torch.bfloat16, torch.float32)
    assert len(model.sd.text.encoders) == 2


@pytest.mark.parametrize("file", ["tokenizer_2/tokenizer.json", "text_encoder_2/config.json", "unet/config.json"])
def test_what_a_folder_lacks_is_named(
    written_families: Path, tmp_path: Path, file: str, families: ModelRegistry
) -> None:
    folder = shutil.copytree(written_families / "sdxl", tmp_path / "sdxl")
    (folder / file).unlink()
    with pytest.raises(AcetateError, match=f"lacks {file}"):
        ModelRegistry({"sdxl": ModelSource(folder, SDXL, "unknown")}).entry("sdxl")


def test_what_is_dropped_into_the_models_folder_is_a_model(
    families: ModelRegistry, written_families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path / "base" / "ink.safetensors", written_families / "sd15")
    shutil.copytree(written_families / "sdxl", tmp_path / "base" / "big")
    (tmp_path / "base" / "notes.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    assert {name: source.family.name for name, source in user_sources().items()} == {"ink": "sd15", "big": "sdxl"}


def test_a_checkpoint_without_its_family_beside_it_says_what_to_fetch(
    families: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    path = write_checkpoint(tmp_path / "ink.safetensors", families.entry("sd15").folder)
    with pytest.raises(AcetateError, match="acetate models pull sd15 --configuration"):
        ModelRegistry({"ink": ModelSource(None, SD15, "unknown", file=path)}).entry("ink")


def test_an_older_tokenizer_of_two_files_reads_prompts_as_the_one_file_does(
    families: ModelRegistry, written_families: Path, tmp_path: Path
) -> None:
    import json

    folder = shutil.copytree(written_families / "sd15", tmp_path / "sd15")
    whole = json.loads((folder / "tokenizer/tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "tokenizer/vocab.json").write_text(json.dumps(whole["vocab"]), encoding="utf-8")
    lines = [pair if isinstance(pair, str) else " ".join(pair) for pair in whole["merges"]]
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer/tokenizer.json").unlink()
    tokenizer = load(families, "sd15").sd.text.tokenizers[0]
    older = load(ModelRegistry({"sd15": ModelSource(folder, SD15, "unknown")}), "sd15").sd.text.tokenizers[0]
    for prompt in ("a zebrafish, éclair", "  It's   TWO cherries!  ", ""):
        assert older(prompt).input_ids == tokenizer(prompt).input_ids
