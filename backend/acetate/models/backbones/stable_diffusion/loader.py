"""Loading a base model: diffusers folders and single checkpoints, from .safetensors on this disk only."""

from __future__ import annotations

from typing import Any

import torch

from acetate.models.backbones.diffusers_layout import networks_of, text_folders
from acetate.models.backbones.loading import from_folder, quiet_libraries
from acetate.models.backbones.stable_diffusion.checkpoint import build, read_checkpoint
from acetate.models.backbones.stable_diffusion.network import StableDiffusion
from acetate.models.registry import ModelSpec
from acetate.models.text_encoder import TextEncoders
from acetate.transparency import fastest_layout


def load(entry: ModelSpec, device: torch.device, dtype: torch.dtype) -> StableDiffusion:
    """The networks of a model, memory-mapped, in eval mode without gradients, not yet moved to their `device`.

    SDXL's VAE overflows in float16, and alpha shows what bfloat16 drops. Text encoders of large families compute in
    `dtype` too. Raises OSError, ValueError and others of the libraries when a file is unreadable or does not fit.
    """
    quiet_libraries()
    text_dtype = dtype if entry.family.decoders else torch.float32
    networks = _networks(entry, dtype, text_dtype)
    for network in networks.values():
        network.eval().requires_grad_(False)
    encoders = tuple(networks[encoder] for encoder, _ in text_folders(entry.family))
    for name in ("vae", "unet"):
        networks[name].to(memory_format=fastest_layout(device))
    return StableDiffusion(
        vae=networks["vae"],
        unet=networks["unet"],
        text=TextEncoders(_tokenizers(entry), encoders),
        scheduler_config=entry.scheduler_config,
        device=device,
        dtype=dtype,
    )


def _networks(entry: ModelSpec, dtype: torch.dtype, text_dtype: torch.dtype) -> dict[str, Any]:
    """Each network by the name of its folder, out of that folder or out of the model's one file."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    kinds = {
        "unet": (UNet2DConditionModel, dtype),
        "vae": (AutoencoderKL, torch.float32),
        "text_encoder": (CLIPTextModel, text_dtype),
        "text_encoder_2": (CLIPTextModelWithProjection, text_dtype),
    }
    needed = networks_of(entry.family)
    inside = {} if entry.file is None else read_checkpoint(entry.file, entry.family)
    return {
        name: build(kind, entry.folder / name, inside[name], number_format)
        if name in inside
        else from_folder(kind, entry.folder / name, number_format)
        for name, (kind, number_format) in kinds.items()
        if name in needed
    }


def _tokenizers(entry: ModelSpec) -> tuple[Any, ...]:
    from transformers import CLIPTokenizer

    names = (tokenizer for _, tokenizer in text_folders(entry.family))
    return tuple(CLIPTokenizer.from_pretrained(entry.folder / name, local_files_only=True) for name in names)
