"""The networks of Qwen-Image-Layered, called as diffusers' pipeline does, whose helpers pack and encode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.sizes import Size
from acetate.models.backbones.flow_schedule import FlowSchedule
from acetate.models.backbones.qwen_layered.caption import caption
from acetate.models.backbones.qwen_networks import QwenNetworks
from acetate.models.backbones.stable_diffusion.samplers import Sampler
from acetate.models.prompt_embeds import PromptEmbeds

BASE_TOKENS = 256
"""The tokens of a picture for which the noise levels are shifted by 1."""


@dataclass(eq=False)
class QwenLayered(QwenNetworks):
    """The frames of a drawing are its composite, which comes first, and its layers from the lowest.

    `conditioning` is the latent of the picture that is split. `normalises` tells that guidance leaves the length of
    each prediction as it is (`cfg_normalize` in diffusers).
    """

    normalises: bool = True
    scale: int = 8

    @property
    def channels(self) -> int:
        """How many channels a latent has."""
        return int(self.vae.config.z_dim)

    @cached_property
    def _pipeline(self) -> Any:
        """diffusers' pipeline around the same networks; only its helpers are called."""
        from diffusers import QwenImageLayeredPipeline

        return QwenImageLayeredPipeline(**self._parts(), processor=None)

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str]) -> PromptEmbeds:
        """The states of captions, one row each; where one is shorter than another, its last tokens are masked."""
        states, mask = self._pipeline.encode_prompt(prompt=list(texts), device=self.device)
        return PromptEmbeds(states.float(), mask=None if mask is None else mask.bool())

    def caption(self, picture: Float[Tensor, "4 h w"], on_token: Callable[[], None]) -> str:
        """What its text encoder sees in a picture; `on_token` is called at every token and may end it."""
        instruction = self._pipeline.image_caption_prompt_en
        return caption(self.text_encoder, self.tokenizer, instruction, picture, self.device, on_token)

    def schedule(self, sampler: Sampler, steps: int, size: Size, generator: torch.Generator) -> FlowSchedule:
        """The noise levels of Euler's method; larger pictures have more noise for longer."""
        cell = 2 * self.scale
        mu = ((size.height // cell) * (size.width // cell) / BASE_TOKENS) ** 0.5
        sigmas = np.linspace(1.0, 0, steps + 1)[:-1].tolist()
        return FlowSchedule.of(self.scheduler_config, sigmas, mu, self.device)

    def predict(
        self,
        noisy: Float[Tensor, "n c h w"],
        timestep: Float[Tensor, "..."],
        embeds: PromptEmbeds,
        conditioning: Sequence[Float[Tensor, "1 c h w"]] = (),
        **inputs: Any,
    ) -> Float[Tensor, "n c h w"]:
        """The velocity of all frames, float32; they are one sequence, and `embeds` one row."""
        rows = embeds.to(self.device, self.dtype)
        frames = [noisy, *conditioning]
        packed = torch.cat([self._packed(each) for each in frames], dim=1).to(self.device, self.dtype)
        cells = [(1, each.shape[2] // 2, each.shape[3] // 2) for each in frames for _ in each]
        answer: Tensor = self.transformer(
            hidden_states=packed,
            timestep=timestep.expand(1).to(self.device, self.dtype) / 1000,
            guidance=None,
            encoder_hidden_states=rows.prompt_embeds,
            encoder_hidden_states_mask=rows.mask,
            img_shapes=[cells],
            additional_t_cond=torch.zeros(1, dtype=torch.long, device=self.device),
            return_dict=False,
            **inputs,
        )[0]
        return self._unpacked(answer, noisy).float()

    def guide(
        self, without: Float[Tensor, "n c h w"], prompted: Float[Tensor, "n c h w"], scale: float
    ) -> Float[Tensor, "n c h w"]:
        """Classifier-free guidance: away from the prediction without the prompt."""
        packed = self._packed(without + scale * (prompted - without))
        if not self.normalises:
            return self._unpacked(packed, without)
        length = self._packed(prompted).norm(dim=-1, keepdim=True)
        return self._unpacked(packed * (length / packed.norm(dim=-1, keepdim=True)), without)

    def _packed(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "1 tokens width"]:
        count, channels, height, width = latent.shape
        packed: Tensor = self._pipeline._pack_latents(latent[None], 1, channels, height, width, count)
        return packed

    def _unpacked(self, packed: Float[Tensor, "1 tokens width"], like: Float[Tensor, "n c h w"]) -> Tensor:
        """The first tokens, those of as many frames as `like` has, as latents."""
        count, _, height, width = like.shape
        tokens = packed[:, : count * (height // 2) * (width // 2)]
        frames: Tensor = self._pipeline._unpack_latents(
            tokens, height * self.scale, width * self.scale, count - 1, self.scale
        )
        return frames[0].transpose(0, 1)
