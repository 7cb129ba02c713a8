"""Scaling between a VAE's latents and those of the diffusion model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def scale_latents(latent: Float[Tensor, "n c h w"], config: Mapping[str, Any]) -> Float[Tensor, "n c h w"]:
    """Scale a VAE latent for the diffusion model, to about mean 0 and standard deviation 1.

    `config` is the VAE's: `scaling_factor`, and `shift_factor` or a mean and standard deviation per channel where set.
    """
    shift, spread = _statistics(latent, config)
    return (latent - shift) / spread


def unscale_latents(latent: Float[Tensor, "n c h w"], config: Mapping[str, Any]) -> Float[Tensor, "n c h w"]:
    """Scale a latent of the diffusion model back for the VAE and the transparent decoder."""
    shift, spread = _statistics(latent, config)
    return latent * spread + shift


def _statistics(like: Tensor, config: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """What to subtract and what to divide by, a value a channel or one for all."""
    factor = 1 / config.get("scaling_factor", 1.0)
    means, deviations = config.get("latents_mean"), config.get("latents_std")
    if means is not None and deviations is not None:
        return _channels(like, means), _channels(like, deviations) * factor
    return _channels(like, [config.get("shift_factor") or 0.0]), _channels(like, [factor])


def _channels(like: Tensor, values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=like.dtype, device=like.device)[:, None, None]
