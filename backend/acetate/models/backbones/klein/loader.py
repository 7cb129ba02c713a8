"""Loading FLUX.2 klein: a folder in diffusers' layout, and the VAE with alpha of another."""

from __future__ import annotations

import torch

from acetate.models.backbones.klein.network import Klein
from acetate.models.backbones.loading import from_folder, quiet_libraries
from acetate.models.registry import ALPHA_VAE, ModelSpec


def load(entry: ModelSpec, device: torch.device, dtype: torch.dtype) -> Klein:
    """The networks, memory-mapped and not yet moved to their `device`; the VAE in float32, since it gives alpha.

    Raises OSError, ValueError, KeyError and others of the libraries when a file is missing, unreadable or does not fit.
    """
    from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
    from transformers import Qwen2Tokenizer, Qwen3ForCausalLM

    quiet_libraries()
    folder = entry.folder
    return Klein(
        vae=from_folder(AutoencoderKLFlux2, entry.files[ALPHA_VAE].parent, torch.float32),
        transformer=from_folder(Flux2Transformer2DModel, folder / "transformer", dtype),
        text_encoder=from_folder(Qwen3ForCausalLM, folder / "text_encoder", dtype),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        scheduler_config=entry.scheduler_config,
        device=device,
        dtype=dtype,
    )
