"""The networks of FLUX.2 klein, called as diffusers' pipeline does, whose helpers pack and number the tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.sizes import Size
from acetate.models.backbones.flow_networks import FlowNetworks
from acetate.models.backbones.flow_schedule import FlowSchedule
from acetate.models.backbones.stable_diffusion.samplers import Sampler
from acetate.models.finite import finite
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.transparency import Passes, composite_on_grey, decode_tiled

PASSES: Passes = 1
"""Of the transparent decoder: a family whose VAE has alpha knows no more."""


@dataclass(eq=False)
class Klein(FlowNetworks):
    """A position of a latent stands for four of the VAE's. Frames are drawn each for itself; `conditioning` are the
    latents of reference pictures, in their order. With `transparency` alpha is hidden in the latents of a VAE that has
    none (LayerDiffuse, section 3.1).
    """

    scale: int = 16
    nothing: str = ""

    @property
    def channels(self) -> int:
        """How many channels a latent has."""
        return int(self.transformer.config.in_channels)

    @cached_property
    def _pipeline(self) -> Any:
        """diffusers' pipeline around the same networks; only its helpers are called."""
        from diffusers import Flux2KleinPipeline

        return Flux2KleinPipeline(**self._parts())

    def tile(self, on: bool) -> None:
        """Have the VAE work in tiles or on whole pictures."""
        self.vae.use_slicing = self.vae.use_tiling = on

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str]) -> PromptEmbeds:
        """The states of captions from three layers of the text encoder, one row each."""
        states, _ids = self._pipeline.encode_prompt(prompt=list(texts), device=self.device)
        return PromptEmbeds(states.float())

    @torch.inference_mode()
    def encode(self, picture: Float[Tensor, "n 4 H W"]) -> Float[Tensor, "n c h w"]:
        """The latent of straight-alpha pictures; colours under alpha 0 do not matter."""
        if self.transparency is None:
            latent = self.vae.encode(self._feed(picture)).latent_dist.mode()
        else:
            rgba = picture.to(self.device, torch.float32)
            posterior = self.vae.encode(composite_on_grey(rgba).to(self.vae.dtype)).latent_dist
            latent = self.transparency.hide(posterior, rgba)
        mean, deviation = self._statistics()
        return (finite(self._pipeline._patchify_latents(latent).float(), "VAE's encoder") - mean) / deviation

    @torch.inference_mode()
    def decode(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 4 H W"]:
        """Straight-alpha pictures, one after the other. Raises NotANumberError for a latent or picture that is none."""
        mean, deviation = self._statistics()
        plain = self._pipeline._unpatchify_latents(finite(latent, self.denoiser_name).float() * deviation + mean)
        frames = [self.vae.decode(frame[None].to(self.vae.dtype), return_dict=False)[0] for frame in plain]
        pictures = self._pictures(frames)
        if self.transparency is None:
            return pictures
        return decode_tiled(self.transparency.decoder, pictures, plain, PASSES)

    def schedule(self, sampler: Sampler, steps: int, size: Size, generator: torch.Generator) -> FlowSchedule:
        """The noise levels of Euler's method, shifted by the size of the picture and the number of steps."""
        from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu

        tokens = (size.height // self.scale) * (size.width // self.scale)
        sigmas = np.linspace(1.0, 1 / steps, steps).tolist()
        return FlowSchedule.of(self.scheduler_config, sigmas, compute_empirical_mu(tokens, steps), self.device)

    def predict(
        self,
        noisy: Float[Tensor, "n c h w"],
        timestep: Float[Tensor, "..."],
        embeds: PromptEmbeds,
        conditioning: Sequence[Float[Tensor, "1 c h w"]] = (),
        **inputs: Any,
    ) -> Float[Tensor, "n c h w"]:
        """The velocity of each frame, float32; `embeds` has a row for each, or one for all."""
        rows, pipeline = embeds.to(self.device, self.dtype), self._pipeline
        states = rows.prompt_embeds.expand(len(noisy), -1, -1)
        tokens, ids = [pipeline._pack_latents(noisy)], [pipeline._prepare_latent_ids(noisy)]
        if conditioning:
            given = [pipeline._pack_latents(latent) for latent in conditioning]
            tokens.append(torch.cat(given, dim=1).expand(len(noisy), -1, -1))
            ids.append(pipeline._prepare_image_ids(list(conditioning)).expand(len(noisy), -1, -1))
        answer: Tensor = self.transformer(
            hidden_states=torch.cat(tokens, dim=1).to(self.device, self.dtype),
            timestep=timestep.expand(len(noisy)).to(self.device, self.dtype) / 1000,
            guidance=None,
            encoder_hidden_states=states,
            txt_ids=pipeline._prepare_text_ids(states).to(self.device),
            img_ids=torch.cat(ids, dim=1).to(self.device),
            return_dict=False,
            **inputs,
        )[0]
        own = answer[:, : noisy.shape[2] * noisy.shape[3]].transpose(1, 2)
        return own.reshape(noisy.shape).float()

    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of the VAE's latents, a value for each channel of ours."""
        norm = self.vae.bn
        deviation = torch.sqrt(norm.running_var + self.vae.config.batch_norm_eps)
        return tuple(value.float()[:, None, None].to(self.device) for value in (norm.running_mean, deviation))  # type: ignore[return-value]
