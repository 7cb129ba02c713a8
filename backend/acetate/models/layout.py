"""Which files a model folder in diffusers' layout has, and what a checkpoint is; read without loading anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from acetate.models.families import SD15, SDXL, STARTER, Family

CONFIGURATION = ("model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "vae/config.json")
OWN_TRANSPARENCY = ("transparency/config.json", "transparency/decoder.safetensors", "transparency/encoder.safetensors")
"""What a folder of the starter's family holds besides."""
UPSAMPLER = "upsampler/config.json"
"""What it may hold: the description of what enlarges its layers; the weights lie beside it."""
TOKENIZER = "tokenizer_config.json"
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""A tokenizer's words are in one file or in two."""
NETWORKS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
LONGEST_HEADER = 100 << 20
"""Bytes; the format allows no more."""
SDXL_MARK = "conditioner.embedders.1.model.ln_final.weight"
SD15_MARK = "cond_stage_model.transformer.text_model.final_layer_norm.weight"
UNET_MARK = "model.diffusion_model.input_blocks.0.0.weight"


def text_folders(family: Family) -> Iterator[tuple[str, str]]:
    """The folders of each text encoder and of its tokenizer."""
    for ending in ("", "_2")[: family.text_encoders]:
        yield f"text_encoder{ending}", f"tokenizer{ending}"


def lacking(folder: Path, family: Family, *, weights: bool = True) -> str | None:
    """The first file that a model folder lacks, None when it is complete; without `weights` only what describes it."""
    wanted = [*CONFIGURATION]
    for encoder, tokenizer in text_folders(family):
        wanted += [f"{encoder}/config.json", f"{tokenizer}/{TOKENIZER}"]
        if not any(all((folder / tokenizer / name).is_file() for name in names) for names in VOCABULARIES):
            wanted.append(f"{tokenizer}/{VOCABULARIES[0][0]}")
    if weights:
        networks = {**NETWORKS, **{encoder: "model" for encoder, _ in text_folders(family)}}
        for network, name in networks.items():
            if not (folder / network / f"{name}.fp16.safetensors").is_file():
                wanted.append(f"{network}/{name}.safetensors")
        wanted += () if family.decoders else OWN_TRANSPARENCY
    return next((file for file in wanted if not (folder / file).is_file()), None)


def weight_variant(folder: Path) -> str | None:
    """`fp16` where a network's folder holds its weights in that form alone."""
    plain = any((folder / f"{name}.safetensors").is_file() for name in ("diffusion_pytorch_model", "model"))
    return None if plain else "fp16"


def family_of(path: Path) -> Family | None:
    """The family of a diffusers folder or a checkpoint file, None when it is none that Acetate draws with."""
    if path.is_dir():
        try:
            kind = json.loads((path / "model_index.json").read_text(encoding="utf-8")).get("_class_name")
        except (OSError, ValueError, AttributeError):
            return None
        if (path / "transparency").is_dir():
            return STARTER
        return {"StableDiffusionPipeline": SD15, "StableDiffusionXLPipeline": SDXL}.get(kind)
    keys = tensor_names(path)
    if UNET_MARK not in keys:
        return None
    return SDXL if SDXL_MARK in keys else SD15 if SD15_MARK in keys else None


def tensor_names(path: Path) -> dict[str, Any]:
    """What the header of a .safetensors file says of each tensor; empty for anything else."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LONGEST_HEADER:
                return {}
            header = json.loads(file.read(length))
    except (OSError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}
