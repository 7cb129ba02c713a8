"""Which files a model folder in diffusers' layout has, and what a checkpoint is; read without loading anything."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from acetate.models.families import SD15, SDXL, STARTER, ModelFamily, families

CONFIGURATION = ("model_index.json", "scheduler/scheduler_config.json", "unet/config.json", "vae/config.json")
OWN_TRANSPARENCY = ("transparency/config.json", "transparency/decoder.safetensors", "transparency/encoder.safetensors")
"""Further files of a model of the starter's family."""
UPSAMPLER = "upsampler/config.json"
"""The configuration of an optional upsampler; its weights are in the same folder."""
TOKENIZER = "tokenizer_config.json"
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""A tokenizer has one file, or two older ones."""
NETWORKS = {"unet": "diffusion_pytorch_model", "vae": "diffusion_pytorch_model"}
CALLED = {"unet": "UNet", "vae": "VAE", "text_encoder": "text encoder", "text_encoder_2": "second text encoder"}
"""Names of the networks for messages, by folder."""
LONGEST_HEADER = 100 << 20
"""Bytes; the format allows no more."""
UNET_PREFIX, VAE_PREFIX = "model.diffusion_model.", "first_stage_model."
TEXT_PREFIXES = {
    SD15.name: ("cond_stage_model.transformer.",),
    SDXL.name: ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}
"""Key prefixes of the text encoders in a checkpoint in one file."""
FIRST_INPUT = f"{UNET_PREFIX}input_blocks.0.0.weight"
ADDED_EMBEDDING = f"{UNET_PREFIX}label_emb.0.0.weight"
FOURTH_LEVEL = f"{UNET_PREFIX}input_blocks.9.0.op.weight"
INTO_ATTENTION = f"{UNET_PREFIX}input_blocks.1.1.proj_in.weight"


def text_folders(family: ModelFamily) -> Iterator[tuple[str, str]]:
    """The folders of each text encoder and of its tokenizer."""
    for ending in ("", "_2")[: family.text_encoders]:
        yield f"text_encoder{ending}", f"tokenizer{ending}"


def networks_of(family: ModelFamily) -> dict[str, str]:
    """The folders of a model's networks, each with the name of its weight file."""
    return {**NETWORKS, **{encoder: "model" for encoder, _ in text_folders(family)}}


def first_missing_file(folder: Path, family: ModelFamily, networks: Collection[str] | None = None) -> str | None:
    """The first file that is missing in a model folder, None when it is complete.

    Required are the configuration, and the weights of these `networks`; None requires those of all networks.
    """
    required = [*CONFIGURATION]
    for encoder, tokenizer in text_folders(family):
        required += [f"{encoder}/config.json", f"{tokenizer}/{TOKENIZER}"]
        if not any(all((folder / tokenizer / name).is_file() for name in names) for names in VOCABULARIES):
            required.append(f"{tokenizer}/{VOCABULARIES[0][0]}")
    for network, name in networks_of(family).items():
        needed = networks is None or network in networks
        if needed and not (folder / network / f"{name}.fp16.safetensors").is_file():
            required.append(f"{network}/{name}.safetensors")
    if networks is None and not family.decoders:
        required += OWN_TRANSPARENCY
    return next((file for file in required if not (folder / file).is_file()), None)


def weight_variant(folder: Path) -> str | None:
    """The diffusers variant to load: `fp16` where a folder has no other weights, else None."""
    plain = any((folder / f"{name}.safetensors").is_file() for name in ("diffusion_pytorch_model", "model"))
    return None if plain else "fp16"


def family_of(path: Path) -> ModelFamily | None:
    """The family of a diffusers folder or a checkpoint file, None for an unsupported one."""
    if path.is_dir():
        try:
            kind = json.loads((path / "model_index.json").read_text(encoding="utf-8")).get("_class_name")
        except (OSError, ValueError, AttributeError):
            return None
        family = next((each for each in families().values() if kind and kind == each.pipeline_class), None)
        # The starter has the class of SD 1.5, whose transparency is not in its models' own folders.
        has_decoder = (path / "transparency").is_dir()
        return STARTER if has_decoder and (family is None or family.decoders) else family
    return _family_of_unet(read_safetensors_header(path))


def _family_of_unet(tensors: Mapping[str, Any]) -> ModelFamily | None:
    """The family of a checkpoint in one file, by the architecture of its UNet.

    SDXL's has an added embedding and three levels; its refiner has four. SD 1.5 projects into attention by a
    convolution, SD 2 by a linear layer.
    """
    if FIRST_INPUT not in tensors:
        return None
    if ADDED_EMBEDDING in tensors:
        return None if FOURTH_LEVEL in tensors else SDXL
    entrance = tensors.get(INTO_ATTENTION)
    return SD15 if isinstance(entrance, dict) and len(entrance.get("shape", ())) == 4 else None


def prefixes(family: ModelFamily) -> dict[str, str]:
    """Key prefixes of each network in a checkpoint in one file, by the network's folder."""
    texts = (encoder for encoder, _ in text_folders(family))
    return {"unet": UNET_PREFIX, "vae": VAE_PREFIX, **dict(zip(texts, TEXT_PREFIXES[family.name], strict=True))}


def absent(file: Path, family: ModelFamily) -> tuple[str, ...]:
    """The networks that a checkpoint in one file lacks; the family's base model supplies them."""
    tensors = read_safetensors_header(file)
    return tuple(
        network for network, prefix in prefixes(family).items() if not any(name.startswith(prefix) for name in tensors)
    )


def read_safetensors_header(path: Path) -> dict[str, Any]:
    """The header of a .safetensors file: dtype and shape by tensor name. Empty for an invalid file."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= LONGEST_HEADER:
                return {}
            header = json.loads(file.read(length))
    except (OSError, ValueError):
        return {}
    return header if isinstance(header, dict) else {}
