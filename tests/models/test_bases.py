"""Promises of base models: folders, snapshots of the hub and single checkpoints are the same model."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models.catalogue import Catalogue, Source
from acetate.models.families import SD15, SDXL, Family
from acetate.models.layout import family_of
from acetate.models.loaded import LoadedModel
from acetate.models.shelf import own_sources
from acetate.models.store import ModelStore
from acetate.models.text import prompt_length
from acetate_wire.errors import WireError
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.models.published import original_name

FAMILIES = {"sd15": SD15, "sdxl": SDXL}


def load(catalogue: Catalogue, name: str, dtype: torch.dtype = torch.float32) -> LoadedModel:
    return ModelStore(catalogue, torch.device("cpu"), dtype).get(name)


def same(first: Any, second: Any) -> bool:
    mine, its = first.state_dict(), second.state_dict()
    return mine.keys() == its.keys() and all(torch.equal(value, its[name]) for name, value in mine.items())


def vae_name(name: str, vae: AutoencoderKL) -> str:
    """The name that a VAE's parameter has in an original checkpoint."""
    last = len(vae.config.block_out_channels) - 1
    head, *rest = name.split(".")
    if head not in ("encoder", "decoder"):
        return name
    text = ".".join(rest).replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    for old, new in (("mid_block.resnets.0", "mid.block_1"), ("mid_block.resnets.1", "mid.block_2")):
        text = text.replace(old, new)
    for old, new in (("group_norm", "norm"), ("to_q", "q"), ("to_k", "k"), ("to_v", "v"), ("to_out.0", "proj_out")):
        text = text.replace(f"mid_block.attentions.0.{old}", f"mid.attn_1.{new}")
    parts = text.split(".")
    if parts[0] in ("down_blocks", "up_blocks"):
        level = int(parts[1]) if parts[0] == "down_blocks" else last - int(parts[1])
        inside = {"resnets": "block", "downsamplers": "downsample", "upsamplers": "upsample"}[parts[2]]
        number = f".{parts[3]}" if inside == "block" else ""
        text = f"{parts[0].split('_')[0]}.{level}.{inside}{number}.{'.'.join(parts[4:])}"
    return f"{head}.{text}"


def write_checkpoint(path: Path, model: LoadedModel) -> None:
    """The same model as one original checkpoint; only CLIP's text encoder of SD 1.5 has a form without surprises."""
    tensors: dict[str, Tensor] = {}
    for name, value in model.unet.state_dict().items():
        tensors[f"model.diffusion_model.{original_name(name, model.unet)}"] = value.half()
    for name, value in model.vae.state_dict().items():
        key = vae_name(name, model.vae)
        linear = ".attn_1." in key and key.endswith("weight") and value.ndim == 2
        tensors[f"first_stage_model.{key}"] = (value[:, :, None, None] if linear else value).half()
    for name, value in model.text.encoders[0].state_dict().items():
        name = name.removeprefix("text_model.")
        tensors[f"cond_stage_model.transformer.text_model.{name}"] = value.half()
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)


def test_a_checkpoint_in_one_file_is_the_model_of_its_folder(families: Catalogue, tmp_path: Path) -> None:
    model = load(families, "sd15")
    path = tmp_path / "photo.safetensors"
    write_checkpoint(path, model)
    assert family_of(path) is SD15
    source = Source(families.sources["sd15"].folder, SD15, "unknown", file=path)
    single = load(Catalogue({"photo": source}), "photo")
    for network in (model.unet, model.vae, model.text.encoders[0]):
        network.half().float()
    assert same(single.unet, model.unet)
    assert same(single.vae, model.vae)
    assert same(single.text.encoders[0], model.text.encoders[0])
    assert single.vae.dtype == torch.float32
    assert single.entry.modes == families.entry("sd15").modes


def as_snapshot(folder: Path, cache: Path, repository: str) -> None:
    """Put a folder into a hub cache as it lies there after a download."""
    place = cache / f"models--{repository.replace('/', '--')}"
    shutil.copytree(folder, place / "snapshots" / "abc")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text("abc", encoding="utf-8")


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda family: family.name)
def test_a_snapshot_in_the_hub_cache_is_found_offline(
    families: Catalogue, written_families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, family: Family
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(WireError, match=f"acetate models pull {family.name}") as refusal:
        Catalogue().entry(family.name)
    assert refusal.value.code == "model_missing"
    as_snapshot(written_families / family.name, tmp_path, family.repository)
    fetched = load(Catalogue(), family.name)
    assert same(fetched.unet, load(families, family.name).unet)


def test_float16_weights_alone_are_enough_and_the_vae_computes_in_float32(
    written_families: Path, tmp_path: Path, families: Catalogue
) -> None:
    folder = shutil.copytree(written_families / "sdxl", tmp_path / "sdxl")
    for path in sorted(folder.rglob("*.safetensors")):
        half = {key: value.half() for key, value in load_file(path).items()}
        path.unlink()
        save_file(half, path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")), {"format": "pt"})
    model = load(Catalogue({"sdxl": Source(folder, SDXL, "unknown")}), "sdxl", torch.bfloat16)
    assert (model.unet.dtype, model.vae.dtype) == (torch.bfloat16, torch.float32)
    assert len(model.text.encoders) == 2


@pytest.mark.parametrize("file", ["tokenizer_2/tokenizer.json", "text_encoder_2/config.json", "unet/config.json"])
def test_what_a_folder_lacks_is_named(written_families: Path, tmp_path: Path, file: str, families: Catalogue) -> None:
    folder = shutil.copytree(written_families / "sdxl", tmp_path / "sdxl")
    (folder / file).unlink()
    with pytest.raises(WireError, match=f"lacks {file}"):
        Catalogue({"sdxl": Source(folder, SDXL, "unknown")}).entry("sdxl")


def test_what_is_dropped_into_the_models_folder_is_a_model(
    families: Catalogue, written_families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_path = tmp_path / "base" / "ink.safetensors"
    write_path.parent.mkdir()
    write_checkpoint(write_path, load(families, "sd15"))
    shutil.copytree(written_families / "sdxl", tmp_path / "base" / "big")
    (tmp_path / "base" / "notes.safetensors").write_bytes(b"nothing")
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    assert {name: source.family.name for name, source in own_sources().items()} == {"ink": "sd15", "big": "sdxl"}


def test_a_checkpoint_without_its_family_beside_it_says_what_to_fetch(
    families: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "ink.safetensors"
    write_checkpoint(path, load(families, "sd15"))
    with pytest.raises(WireError, match="acetate models pull sd15 --configuration"):
        Catalogue({"ink": Source(None, SD15, "unknown", file=path)}).entry("ink")


def test_an_older_tokenizer_of_two_files_measures_prompts_as_the_model_reads_them(
    families: Catalogue, written_families: Path, tmp_path: Path
) -> None:
    import json

    folder = shutil.copytree(written_families / "sd15", tmp_path / "sd15")
    whole = json.loads((folder / "tokenizer/tokenizer.json").read_text(encoding="utf-8"))["model"]
    (folder / "tokenizer/vocab.json").write_text(json.dumps(whole["vocab"]), encoding="utf-8")
    lines = [pair if isinstance(pair, str) else " ".join(pair) for pair in whole["merges"]]
    (folder / "tokenizer/merges.txt").write_text("#version: 0.2\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer/tokenizer.json").unlink()
    tokenizer = load(families, "sd15").text.tokenizers[0]
    for prompt in ("a zebrafish, éclair", "  It's   TWO cherries!  ", ""):
        assert prompt_length(folder, prompt).pieces == len(tokenizer(prompt).input_ids) - 2
