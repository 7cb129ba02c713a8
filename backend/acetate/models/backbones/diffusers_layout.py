"""Which files a model folder in diffusers' layout has, and which networks a checkpoint in one file has."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from acetate.models.families import SD15, SDXL, ModelFamily
from acetate.models.hub_cache import SUFFIX
from acetate.models.safetensors_header import read_header

OWN_TRANSPARENCY = ("transparency/config.json", "transparency/decoder.safetensors", "transparency/encoder.safetensors")
"""Further files of a model of the starter's family."""
UPSAMPLER = "upsampler/config.json"
"""The configuration of an optional upsampler; its weights are in the same folder."""
TOKENIZER = "tokenizer_config.json"
VOCABULARIES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
"""A tokenizer has one file, or two older ones."""
CALLED = {
    "unet": "UNet",
    "transformer": "transformer",
    "vae": "VAE",
    "text_encoder": "text encoder",
    "text_encoder_2": "second text encoder",
}
"""Names of the networks for messages, by folder."""
NAMES = ("diffusion_pytorch_model", "model")
VARIANTS = ("", "fp16")
"""The forms of weights, as they are looked for."""
UNET_PREFIX, VAE_PREFIX = "model.diffusion_model.", "first_stage_model."
TEXT_PREFIXES = {
    SD15.name: ("cond_stage_model.transformer.",),
    SDXL.name: ("conditioner.embedders.0.transformer.", "conditioner.embedders.1.model."),
}
"""Key prefixes of the text encoders in a checkpoint in one file."""


def text_folders(family: ModelFamily) -> Iterator[tuple[str, str]]:
    """The folders of each text encoder and of its tokenizer."""
    for ending in ("", "_2")[: family.text_encoders]:
        yield f"text_encoder{ending}", f"{family.tokenizer}{ending}"


def denoiser_folder(family: ModelFamily) -> str:
    """The folder of the network that predicts."""
    return "transformer" if family.is_native else "unet"


def configuration_of(family: ModelFamily) -> tuple[str, ...]:
    """The files that describe a model, those of its text encoders excepted."""
    return (
        "model_index.json",
        "scheduler/scheduler_config.json",
        f"{denoiser_folder(family)}/config.json",
        "vae/config.json",
    )


def networks_of(family: ModelFamily) -> dict[str, str]:
    """The folders of a model's networks, each with the name of its weight file."""
    parts = dict.fromkeys((denoiser_folder(family), "vae"), "diffusion_pytorch_model")
    return {**parts, **{encoder: "model" for encoder, _ in text_folders(family)}}


def first_missing_file(folder: Path, family: ModelFamily, networks: Collection[str] | None = None) -> str | None:
    """The first file that is missing in a model folder, None when it is complete.

    Required are the configuration, and the weights of these `networks`; None requires those of all networks.
    """
    required = [*configuration_of(family)]
    for encoder, tokenizer in text_folders(family):
        required += [f"{encoder}/config.json", f"{tokenizer}/{TOKENIZER}"]
        if not any(all((folder / tokenizer / name).is_file() for name in names) for names in VOCABULARIES):
            required.append(f"{tokenizer}/{VOCABULARIES[0][0]}")
    for network, name in networks_of(family).items():
        if networks is None or network in networks:
            parts = network_files(folder / network, name) or (folder / network / f"{name}{SUFFIX}",)
            required += [part.relative_to(folder).as_posix() for part in parts]
    if networks is None and family.has_own_transparency:
        required += OWN_TRANSPARENCY
    return next((file for file in required if not (folder / file).is_file()), None)


def network_files(folder: Path, name: str | None = None) -> tuple[Path, ...]:
    """The files of a network's weights, of which an index names several; empty where there are none.

    Where a folder has them in float32 and float16, those in float32 are loaded. Of several, some may be missing.
    """
    for variant in VARIANTS:
        for each in (name,) if name else NAMES:
            whole = folder / f"{each}{f'.{variant}' if variant else ''}{SUFFIX}"
            if whole.is_file():
                return (whole,)
            index = folder / index_name(each, variant)
            if index.is_file():
                return tuple(folder / part for part in _parts(index)) or (index,)
    return ()


def index_name(name: str, variant: str) -> str:
    """The file that names the parts of weights in several files, as diffusers and transformers call it."""
    return f"{name}{SUFFIX}.index{f'.{variant}' if variant else ''}.json"


def _parts(index: Path) -> list[str]:
    try:
        parts = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
        return sorted({Path(str(part)).name for part in parts})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


def weight_variant(folder: Path) -> str | None:
    """The diffusers variant to load: `fp16` where a folder has no other weights, else None."""
    files = network_files(folder)
    return "fp16" if not files or any(".fp16" in path.name for path in files) else None


def prefixes(family: ModelFamily) -> dict[str, str]:
    """Key prefixes of each network in a checkpoint in one file, by the network's folder."""
    texts = (encoder for encoder, _ in text_folders(family))
    return {"unet": UNET_PREFIX, "vae": VAE_PREFIX, **dict(zip(texts, TEXT_PREFIXES[family.name], strict=True))}


def absent(file: Path, family: ModelFamily) -> tuple[str, ...]:
    """The networks that a checkpoint in one file lacks; the family's base model supplies them.

    Raises OSError or HeaderError.
    """
    if family.is_native:
        return tuple(network for network in networks_of(family) if network != denoiser_folder(family))
    names = read_header(file).shapes
    return tuple(
        network for network, prefix in prefixes(family).items() if not any(name.startswith(prefix) for name in names)
    )


def native_size(folder: Path, family: ModelFamily) -> int:
    """A model's training resolution in pixels. Raises OSError, ValueError, KeyError or TypeError for a damaged one."""
    if family.is_native:
        return family.native_size
    vocabulary = folder / "vocabulary.json"
    if vocabulary.is_file():
        return int(read_json(vocabulary)["native_size"])
    halvings = len(read_json(folder / "vae/config.json")["block_out_channels"]) - 1
    return int(read_json(folder / "unet/config.json")["sample_size"]) << halvings


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file. Raises OSError, or ValueError for invalid JSON or another type."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no map")
    return content
