"""What the models with Qwen's text encoder and transformer have alike: how their VAE takes and gives pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.models.backbones.flow_networks import FlowNetworks
from acetate.models.finite import finite
from acetate.models.latents import scale_latents, unscale_latents


@dataclass(eq=False)
class QwenNetworks(FlowNetworks):
    """The VAE is one of video, given single frames; a caption that says nothing is a blank."""

    nothing: str = " "

    def tile(self, on: bool) -> None:
        """Have the VAE work in tiles or on whole pictures."""
        self.vae.use_tiling = on

    @torch.inference_mode()
    def encode(self, picture: Float[Tensor, "n 4 H W"]) -> Float[Tensor, "n c h w"]:
        """The latent of straight-alpha pictures; colours under alpha 0 do not matter."""
        latent = self.vae.encode(self._feed(picture)[:, :, None]).latent_dist.mode()[:, :, 0].float()
        return scale_latents(finite(latent, "VAE's encoder"), self.vae.config)

    @torch.inference_mode()
    def decode(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 4 H W"]:
        """Straight-alpha pictures, one after the other. Raises NotANumberError for a latent or picture that is none."""
        plain = unscale_latents(finite(latent, self.denoiser_name).float(), self.vae.config).to(self.vae.dtype)
        return self._pictures(self.vae.decode(frame[None, :, None], return_dict=False)[0][:, :, 0] for frame in plain)
