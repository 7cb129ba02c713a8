"""Loading Qwen-Image-2.1: a folder in diffusers' layout, its transformer in one file or not."""

from __future__ import annotations

import torch

from acetate.models.backbones.loading import from_folder, quiet_libraries, transformer_of
from acetate.models.backbones.qwen_image21.network import QwenImage21
from acetate.models.registry import ModelSpec


def load(entry: ModelSpec, device: torch.device, dtype: torch.dtype) -> QwenImage21:
    """The networks, memory-mapped and not yet moved to their `device`; the VAE in float32, since it gives alpha.

    Raises OSError, ValueError and others of the libraries when a file is unreadable or does not fit.
    """
    from diffusers import AutoencoderKLQwenImage21, QwenImage21Transformer2DModel
    from transformers import Qwen2Tokenizer, Qwen3VLForConditionalGeneration

    quiet_libraries()
    folder = entry.folder
    return QwenImage21(
        vae=from_folder(AutoencoderKLQwenImage21, folder / "vae", torch.float32),
        transformer=transformer_of(entry, QwenImage21Transformer2DModel, dtype),
        text_encoder=from_folder(Qwen3VLForConditionalGeneration, folder / "text_encoder", dtype),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / entry.family.tokenizer, local_files_only=True),
        scheduler_config=entry.scheduler_config,
        device=device,
        dtype=dtype,
    )
