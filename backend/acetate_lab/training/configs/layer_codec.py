"""From layers to the latents that a model draws, and back: by latent transparency, or by a backbone that has alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from acetate.models.backbones.backbone import NativeBackbone
from acetate.models.latents import scale_latents, unscale_latents
from acetate.transparency.padding import composite_on_grey
from jaxtyping import Float
from torch import Tensor, nn

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.transparency_training import LatentTransparency

TRANSPARENT = "foreground"
"""The role whose alpha is in its latent; all others are opaque."""


class LayerCodec(Protocol):
    """Encodes and decodes layers without gradients; `networks` are what it does so with, on their device."""

    @property
    def model(self) -> LatentTransparency | None:
        """What hides alpha in latents; None where the VAE has it."""
        ...

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """Everything that the latents depend on."""
        ...

    def encode(self, frames: Float[Tensor, "n 4 H W"], roles: Sequence[str]) -> Float[Tensor, "n c h w"]:
        """Latents as the denoiser sees them, float32, of straight-alpha pictures in [0, 1] with these roles."""
        ...

    def decode(self, latents: Float[Tensor, "n c h w"], role: str) -> Float[Tensor, "n _ H W"]:
        """The pictures of one role, RGBA or RGB in [0, 1]."""
        ...


@dataclass(frozen=True)
class HiddenAlpha:
    """Alpha hidden in the latents of a VAE without it (LayerDiffuse, section 3.1); opaque roles have plain ones."""

    model: LatentTransparency
    hardware: Distributed

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """VAE, offset encoder and transparent decoder."""
        return self.model.vae, self.model.encoder, self.model.decoder

    @torch.no_grad()
    def encode(self, frames: Float[Tensor, "n 4 H W"], roles: Sequence[str]) -> Float[Tensor, "n c h w"]:
        """Scaled latents, alpha hidden in that of the transparent frame."""
        vae = self.model.vae
        hidden = torch.tensor([role == TRANSPARENT for role in roles], device=frames.device).view(-1, 1, 1, 1)
        with self.hardware.autocast():
            posterior = vae.encode(composite_on_grey(frames).to(vae.dtype)).latent_dist
            adjusted = self.model.transparency.hide(posterior, frames)
        return scale_latents(torch.where(hidden, adjusted, posterior.mean.float()), vae.config)

    @torch.no_grad()
    def decode(self, latents: Float[Tensor, "n c h w"], role: str) -> Float[Tensor, "n _ H W"]:
        """RGBA of the transparent role, RGB of others."""
        vae, plain = self.model.vae, unscale_latents(latents, self.model.vae.config)
        with self.hardware.autocast():
            picture: Tensor = (vae.decode(plain.to(vae.dtype)).sample.float() / 2 + 0.5).clamp(0, 1)
            if role != TRANSPARENT:
                return picture
            raw = self.model.decoder(picture, plain).float().clamp(0, 1)
        return torch.cat([raw[:, 1:], raw[:, :1]], 1)


@dataclass(frozen=True)
class NativeAlpha:
    """The backbone's own encoding, which has alpha for every role; `model` are the networks that hide it, if any."""

    backbone: NativeBackbone
    model: LatentTransparency | None = None

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """The VAE, and what hides alpha in its latents."""
        vae = self.backbone.networks[-1]
        return (vae,) if self.model is None else (vae, self.model.encoder, self.model.decoder)

    def encode(self, frames: Float[Tensor, "n 4 H W"], roles: Sequence[str]) -> Float[Tensor, "n c h w"]:
        """As `Backbone.encode`."""
        return self.backbone.encode(frames)

    def decode(self, latents: Float[Tensor, "n c h w"], role: str) -> Float[Tensor, "n _ H W"]:
        """As `Backbone.decode`."""
        return self.backbone.decode(latents)
