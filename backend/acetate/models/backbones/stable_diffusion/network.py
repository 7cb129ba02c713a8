"""The networks of Stable Diffusion 1.5, SDXL and the starter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.sizes import Size
from acetate.models.backbones.stable_diffusion.samplers import Sampler, make_scheduler
from acetate.models.backbones.stable_diffusion.schedule import DiffusionSchedule
from acetate.models.finite import finite
from acetate.models.latents import scale_latents, unscale_latents
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.text_encoder import TextEncoders
from acetate.transparency import composite_on_grey

VAE_TILE = 512
"""The VAE's tile size in pixels when memory is short."""


@dataclass(eq=False)
class StableDiffusion:
    """The networks of a model of Stable Diffusion's architecture, diffusers' own objects.

    The UNet computes in `dtype`, the VAE in float32: lower precision would be visible in alpha.
    """

    vae: Any
    unet: Any
    text: TextEncoders
    scheduler_config: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype
    scale: int = 8
    denoiser_name: str = "UNet"

    @property
    def channels(self) -> int:
        """How many channels a latent has."""
        return int(self.vae.config.latent_channels)

    @property
    def denoiser(self) -> torch.nn.Module:
        """The UNet."""
        return self.unet  # type: ignore[no-any-return]

    @property
    def networks(self) -> tuple[torch.nn.Module, ...]:
        """Text encoders, UNet and VAE."""
        return (*self.text.encoders, self.unet, self.vae)

    @property
    def by_layer(self) -> tuple[torch.nn.Module, ...]:
        """The UNet."""
        return (self.unet,)

    def tile(self, on: bool) -> None:
        """Have the VAE work in tiles or on whole pictures."""
        self.vae.use_slicing = self.vae.use_tiling = on
        if on:
            # The VAE's own side is that of its training pictures, half a gigabyte more for SDXL's.
            self.vae.tile_sample_min_size = min(VAE_TILE, int(self.vae.config.sample_size))
            halvings = len(self.vae.config.block_out_channels) - 1
            self.vae.tile_latent_min_size = self.vae.tile_sample_min_size >> halvings

    def encode_text(self, texts: Sequence[str]) -> PromptEmbeds:
        """The embeds of captions, one row each, as `TextEncoders.encode`."""
        return self.text.encode(texts)

    def posterior(self, feed: Float[Tensor, "n 3 H W"]) -> Any:
        """The VAE's distribution of latents for opaque pictures in [-1, 1]."""
        return self.vae.encode(feed.to(self.vae.dtype)).latent_dist

    @torch.inference_mode()
    def encode(self, picture: Float[Tensor, "n 4 H W"]) -> Float[Tensor, "n c h w"]:
        """The latent of pictures over mid grey; their alpha is lost."""
        latent = self.posterior(composite_on_grey(picture.to(self.device, torch.float32))).mean.float()
        return self.normalised(latent)

    @torch.inference_mode()
    def decode(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 4 H W"]:
        """Opaque pictures, float32. Raises NotANumberError when the latent or the picture is not a number."""
        colour = self.decode_plain(self.plain(latent))
        return torch.cat([colour, torch.ones_like(colour[:, :1])], dim=1)

    def normalised(self, plain: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The VAE's latent as the UNet sees it. Raises NotANumberError."""
        return scale_latents(finite(plain, "VAE's encoder"), self.vae.config)

    def plain(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """A UNet latent as the VAE has it, float32. Raises NotANumberError."""
        return unscale_latents(finite(latent, self.denoiser_name).float(), self.vae.config)

    def decode_plain(self, plain: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 3 H W"]:
        """The colours in [0, 1] of a latent of the VAE's own. Raises NotANumberError."""
        picture: Tensor = self.vae.decode(plain.to(self.vae.dtype), return_dict=False)[0]
        return (finite(picture, "VAE").float() / 2 + 0.5).clamp(0, 1)

    def schedule(self, sampler: Sampler, steps: int, size: Size, generator: torch.Generator) -> DiffusionSchedule:
        """The noise levels of a sampler; they are the same for every size."""
        options = {"generator": generator} if sampler.adds_noise else {}
        return DiffusionSchedule(make_scheduler(sampler, self.scheduler_config, steps, self.device), options)

    def predict(
        self,
        noisy: Float[Tensor, "n c h w"],
        timestep: Float[Tensor, "..."],
        embeds: PromptEmbeds,
        conditioning: Sequence[Float[Tensor, "1 c h w"]] = (),
        **inputs: Any,
    ) -> Float[Tensor, "n c h w"]:
        """The UNet's prediction, float32; `conditioning` are latents behind its input channels."""
        rows = embeds.to(self.device, self.dtype)
        model_input = noisy.to(self.device, self.dtype)
        if "added_cond_kwargs" not in inputs:
            inputs["added_cond_kwargs"] = size_conditions(noisy, rows)
        if conditioning:
            given = [latent.to(model_input).expand(len(model_input), -1, -1, -1) for latent in conditioning]
            model_input = torch.cat([model_input, *given], dim=1)
        prediction: Tensor = self.unet(
            model_input,
            timestep.to(self.device),
            encoder_hidden_states=rows.prompt_embeds,
            return_dict=False,
            **inputs,
        )[0]
        return prediction.float()


def size_conditions(sample: Float[Tensor, "b c h w"], embeds: PromptEmbeds) -> dict[str, Tensor] | None:
    """SDXL's `added_cond_kwargs`: pooled prompt embeds and time ids of an uncropped image of this size.

    None where the embeds are not SDXL's.
    """
    if embeds.pooled_prompt_embeds is None:
        return None
    height, width = sample.shape[2] * 8, sample.shape[3] * 8
    sizes = torch.tensor(
        [height, width, 0, 0, height, width],
        dtype=embeds.pooled_prompt_embeds.dtype,
        device=embeds.pooled_prompt_embeds.device,
    )
    return {"text_embeds": embeds.pooled_prompt_embeds, "time_ids": sizes.expand(len(embeds), -1)}
