"""Loading FLUX.2 klein: a folder in diffusers' layout, its transformer in one file or not, and what gives alpha."""

from __future__ import annotations

import torch

from acetate.models.backbones.klein.network import Klein
from acetate.models.backbones.loading import from_folder, quiet_libraries, transformer_of
from acetate.models.registry import ALPHA_VAE, RGBA, ModelSpec
from acetate.transparency import load as load_transparency


def load(entry: ModelSpec, device: torch.device, dtype: torch.dtype) -> Klein:
    """The networks, memory-mapped and not yet moved to their `device`; the VAE in float32, since it gives alpha.

    Raises OSError, ValueError, KeyError and others of the libraries when a file is missing, unreadable or does not fit.
    """
    from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
    from transformers import Qwen2Tokenizer, Qwen3ForCausalLM

    quiet_libraries()
    folder = entry.folder
    vae = from_folder(AutoencoderKLFlux2, entry.files[ALPHA_VAE].parent, torch.float32)
    hides = vae.config.in_channels != RGBA and (folder / "transparency").is_dir()
    return Klein(
        vae=vae,
        transformer=transformer_of(entry, Flux2Transformer2DModel, dtype),
        text_encoder=from_folder(Qwen3ForCausalLM, folder / "text_encoder", dtype),
        tokenizer=Qwen2Tokenizer.from_pretrained(folder / "tokenizer", local_files_only=True),
        scheduler_config=entry.scheduler_config,
        device=device,
        dtype=dtype,
        transparency=load_transparency(folder / "transparency", device=device) if hides else None,
    )
