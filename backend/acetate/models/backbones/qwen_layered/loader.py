"""Loading Qwen-Image-Layered: a folder in diffusers' layout, its transformer in one file or not."""

from __future__ import annotations

import torch

from acetate.models.backbones.loading import from_folder, quiet_libraries, transformer_of
from acetate.models.backbones.qwen_layered.network import QwenLayered
from acetate.models.registry import ModelSpec


def load(entry: ModelSpec, device: torch.device, dtype: torch.dtype) -> QwenLayered:
    """The networks, memory-mapped and not yet moved to their `device`; the VAE in float32, since it gives alpha.

    Raises OSError, ValueError and others of the libraries when a file is unreadable or does not fit.
    """
    from diffusers import AutoencoderKLQwenImage, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

    quiet_libraries()
    folder = entry.folder
    return QwenLayered(
        vae=from_folder(AutoencoderKLQwenImage, folder / "vae", torch.float32),
        transformer=transformer_of(entry, QwenImageTransformer2DModel, dtype),
        text_encoder=from_folder(Qwen2_5_VLForConditionalGeneration, folder / "text_encoder", dtype),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        scheduler_config=entry.scheduler_config,
        device=device,
        dtype=dtype,
    )
