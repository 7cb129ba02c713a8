"""What FLUX.2 klein and the Qwen-Image models have alike: networks of diffusers', a VAE with alpha, LoRAs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.models.finite import finite
from acetate.transparency import Transparency


@dataclass(eq=False)
class FlowNetworks:
    """The networks, of diffusers' and transformers' classes; the VAE takes and gives pictures with alpha.

    With `transparency`, if the architecture can do so, alpha is hidden in the latents of a VAE without it.
    """

    vae: Any
    transformer: Any
    text_encoder: Any
    tokenizer: Any
    scheduler_config: Mapping[str, Any]
    device: torch.device
    dtype: torch.dtype
    denoiser_name: str = "transformer"
    transparency: Transparency | None = None

    @property
    def denoiser(self) -> torch.nn.Module:
        """The transformer."""
        return self.transformer  # type: ignore[no-any-return]

    @property
    def networks(self) -> tuple[torch.nn.Module, ...]:
        """Text encoder, transformer and VAE."""
        return self.text_encoder, self.transformer, self.vae

    @property
    def by_layer(self) -> tuple[torch.nn.Module, ...]:
        """Text encoder and transformer."""
        return self.text_encoder, self.transformer

    @property
    def _pipeline(self) -> Any:
        """diffusers' pipeline around the same networks; only its helpers are called."""
        raise NotImplementedError

    def _parts(self) -> dict[str, Any]:
        """What diffusers' pipelines are made of."""
        from diffusers import FlowMatchEulerDiscreteScheduler

        return {
            "scheduler": FlowMatchEulerDiscreteScheduler.from_config(self.scheduler_config),
            "vae": self.vae,
            "text_encoder": self.text_encoder,
            "tokenizer": self.tokenizer,
            "transformer": self.transformer,
        }

    def worded(self, prompt: str) -> str:
        """The prompt as it is."""
        return prompt

    def guide(
        self, without: Float[Tensor, "n c h w"], prompted: Float[Tensor, "n c h w"], scale: float
    ) -> Float[Tensor, "n c h w"]:
        """Classifier-free guidance: away from the prediction without the prompt."""
        return without + scale * (prompted - without)

    def lora_weights(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a LoRA file by the names of the transformer's layers. Raises ValueError or KeyError."""
        found = self._pipeline.lora_state_dict(dict(tensors))
        return {name.removeprefix("transformer."): value for name, value in found.items()}

    def _feed(self, picture: Float[Tensor, "n 4 H W"]) -> Float[Tensor, "n 4 H W"]:
        """Straight-alpha pictures as the VAE takes them, in [-1, 1]; colours under alpha 0 do not matter."""
        return 2 * torch.where(picture[:, 3:] > 0, picture, 0).to(self.device, self.vae.dtype) - 1

    def _pictures(self, decoded: Iterable[Float[Tensor, "1 4 H W"]]) -> Float[Tensor, "n 4 H W"]:
        """What the VAE gives, in [0, 1]. Raises NotANumberError."""
        return (finite(torch.cat(list(decoded)), "VAE").float() / 2 + 0.5).clamp(0, 1)
