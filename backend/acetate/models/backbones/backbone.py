"""The two interfaces that everything above the networks draws through: a backbone, and its schedule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.image.sizes import Size
from acetate.models.backbones.stable_diffusion.samplers import Sampler
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.transparency import Transparency


class Schedule(Protocol):
    """The noise levels of one drawing and the solver between them; `index` counts `timesteps`.

    A schedule remembers earlier steps, so that it serves one drawing. `trained` is the number of time steps of the
    training and `order` how many of `timesteps` belong to one step of the artist's.
    """

    @property
    def timesteps(self) -> Float[Tensor, "steps"]:
        """What the network is given at each step, descending."""
        ...

    @property
    def trained(self) -> int:
        """The number of time steps of the training."""
        ...

    @property
    def order(self) -> int:
        """How often the network is called for one step."""
        ...

    def start(self, noise: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Noise of standard deviation 1 as it is before the first step."""
        ...

    def add_noise(
        self, latent: Float[Tensor, "n c h w"], noise: Float[Tensor, "n c h w"], index: int
    ) -> Float[Tensor, "n c h w"]:
        """The latent with as much noise as is expected before a step."""
        ...

    def scale_input(self, latent: Float[Tensor, "n c h w"], index: int) -> Float[Tensor, "n c h w"]:
        """What the network reads at a step."""
        ...

    def step(
        self, prediction: Float[Tensor, "n c h w"], index: int, latent: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c h w"]:
        """The latent after a step, from the network's prediction."""
        ...

    def predict_x0(
        self, model_input: Float[Tensor, "n c h w"], prediction: Float[Tensor, "n c h w"], index: int
    ) -> Float[Tensor, "n c h w"]:
        """The latent without noise, as the network sees it at a step from its scaled input."""
        ...


class Backbone(Protocol):
    """The networks of one architecture: text encoders, VAE, and the network that predicts.

    Latents are "n c h w", a row for each frame, normalised as the predicting network sees them; how it packs them is
    its own. `scale` is how many pixels a position of a latent has along each side, `denoiser_name` what messages call
    the predicting network.
    """

    scale: int
    denoiser_name: str

    @property
    def channels(self) -> int:
        """How many channels a latent has."""
        ...

    @property
    def denoiser(self) -> torch.nn.Module:
        """The network that predicts."""
        ...

    @property
    def networks(self) -> tuple[torch.nn.Module, ...]:
        """All networks, in the order in which a job uses them."""
        ...

    @property
    def by_layer(self) -> tuple[torch.nn.Module, ...]:
        """The networks too large to lie on a small card whole."""
        ...

    def tile(self, on: bool) -> None:
        """Have the VAE work in tiles, which takes less memory, or on whole pictures."""
        ...

    def encode_text(self, texts: Sequence[str]) -> PromptEmbeds:
        """What the predicting network reads of captions, one row each."""
        ...

    def encode(self, picture: Float[Tensor, "n 4 H W"]) -> Float[Tensor, "n c h w"]:
        """The latent of straight-alpha pictures in [0, 1]; where the VAE has no alpha, over mid grey."""
        ...

    def decode(self, latent: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 4 H W"]:
        """Straight-alpha pictures in [0, 1], float32; where the VAE has no alpha, it is 1.

        Raises NotANumberError when the latent or the picture is not a number.
        """
        ...

    def schedule(self, sampler: Sampler, steps: int, size: Size, generator: torch.Generator) -> Schedule:
        """The noise levels for a picture of this size; a sampler that adds noise takes it from `generator`."""
        ...

    def predict(
        self,
        noisy: Float[Tensor, "n c h w"],
        timestep: Float[Tensor, "..."],
        embeds: PromptEmbeds,
        conditioning: Sequence[Float[Tensor, "1 c h w"]] = (),
        **inputs: Any,
    ) -> Float[Tensor, "n c h w"]:
        """The network's prediction, float32, with gradients where it has any. `conditioning` are the latents of given
        pictures.

        `inputs` are further arguments of the network, from what is attached to it.
        """
        ...


class NativeBackbone(Backbone, Protocol):
    """A backbone whose VAE has alpha, so that it draws transparent layers without a transparent decoder.

    `nothing` is the prompt that stands for none. `transparency` gives alpha where the VAE itself has none.
    """

    nothing: str
    transparency: Transparency | None

    def worded(self, prompt: str) -> str:
        """The caption that asks for what an artist's prompt says."""
        ...

    def lora_weights(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The tensors of a LoRA file, in any form that diffusers knows, by the names of the denoiser's layers."""
        ...

    def guide(
        self, without: Float[Tensor, "n c h w"], prompted: Float[Tensor, "n c h w"], scale: float
    ) -> Float[Tensor, "n c h w"]:
        """The guided prediction from those without and with the prompt."""
        ...
