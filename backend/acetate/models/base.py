"""Loading a base model: diffusers folders and single checkpoints, from .safetensors on this disk only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from acetate.models.catalogue import ModelEntry, read_json
from acetate.models.layout import weight_variant
from acetate.models.text import TextEncoders


@dataclass(frozen=True, eq=False)
class BaseModel:
    """The networks of a base model, in main memory, ready to draw and not to learn."""

    vae: Any
    unet: Any
    text: TextEncoders
    scheduler_config: Mapping[str, Any]


def load_base(entry: ModelEntry, dtype: torch.dtype) -> BaseModel:
    """Load the networks, memory-mapped: the UNet in `dtype`, the VAE in float32.

    SDXL's VAE overflows in float16, and alpha shows what bfloat16 drops. Text encoders of large families compute in
    `dtype` too. Raises OSError, ValueError and others of the libraries when a file is unreadable or does not fit.
    """
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()
    text_dtype = dtype if entry.family.decoders else torch.float32
    networks = _from_folder(entry, dtype, text_dtype) if entry.file is None else _from_file(entry, dtype, text_dtype)
    for network in (networks.vae, networks.unet, *networks.text.encoders):
        network.eval().requires_grad_(False)
    return networks


def _from_folder(entry: ModelEntry, dtype: torch.dtype, text_dtype: torch.dtype) -> BaseModel:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    folder = entry.folder
    encoders = [_part(CLIPTextModel, folder / "text_encoder", text_dtype)]
    if entry.family.text_encoders > 1:
        encoders.append(_part(CLIPTextModelWithProjection, folder / "text_encoder_2", text_dtype))
    return BaseModel(
        vae=_part(AutoencoderKL, folder / "vae", torch.float32),
        unet=_part(UNet2DConditionModel, folder / "unet", dtype),
        text=TextEncoders(_tokenizers(entry), tuple(encoders)),
        scheduler_config=read_json(folder / "scheduler" / "scheduler_config.json"),
    )


def _part(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    return kind.from_pretrained(
        folder, dtype=dtype, variant=weight_variant(folder), use_safetensors=True, local_files_only=True
    )


def _from_file(entry: ModelEntry, dtype: torch.dtype, text_dtype: torch.dtype) -> BaseModel:
    from diffusers import (
        AutoencoderKL,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )

    file, folder = str(entry.file), str(entry.folder)
    own = {"config": folder, "local_files_only": True}
    unet = UNet2DConditionModel.from_single_file(file, subfolder="unet", torch_dtype=dtype, **own)
    vae = AutoencoderKL.from_single_file(file, subfolder="vae", torch_dtype=torch.float32, **own)
    two = entry.family.text_encoders > 1
    pipeline = (StableDiffusionXLPipeline if two else StableDiffusionPipeline).from_single_file(
        file, unet=unet, vae=vae, torch_dtype=text_dtype, **own
    )
    encoders = (pipeline.text_encoder, pipeline.text_encoder_2) if two else (pipeline.text_encoder,)
    return BaseModel(
        vae=vae,
        unet=unet,
        text=TextEncoders(_tokenizers(entry), encoders),
        scheduler_config=read_json(entry.folder / "scheduler" / "scheduler_config.json"),
    )


def _tokenizers(entry: ModelEntry) -> tuple[Any, ...]:
    from transformers import CLIPTokenizer

    names = ("tokenizer", "tokenizer_2")[: entry.family.text_encoders]
    return tuple(CLIPTokenizer.from_pretrained(entry.folder / name, local_files_only=True) for name in names)
