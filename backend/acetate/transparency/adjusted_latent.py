"""The adjusted latent: the frozen VAE's posterior mean plus the offset that encodes alpha."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor


def adjusted_latent(
    mean: Float[Tensor, "n c h w"],
    std: Float[Tensor, "n c h w"],
    offset: Float[Tensor, "n c h w"],
    multiplier: float = 1.0,
) -> Float[Tensor, "n c h w"]:
    """Shift the posterior's mean by `offset`, measured in its deviations (LayerDiffuse, section 3.1).

    Unscaled latents: multiply by the VAE's scaling factor before the diffusion model sees them. `multiplier`
    belongs to the encoder's weights: 1 for most, 300 for the SDXL encoder in diffusers' form.
    """
    return mean + std * offset * multiplier
