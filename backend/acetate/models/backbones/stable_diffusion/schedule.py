"""The noise schedule of Stable Diffusion (DDPM), around diffusers' schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxtyping import Float
from torch import Tensor

from acetate.models.backbones.stable_diffusion.samplers import Scheduler


@dataclass(frozen=True, eq=False)
class DiffusionSchedule:
    """A scheduler of diffusers' with its time steps set; `options` go to each of its steps."""

    scheduler: Scheduler
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def timesteps(self) -> Float[Tensor, "steps"]:
        """What the network is given at each step, descending."""
        return self.scheduler.timesteps

    @property
    def trained(self) -> int:
        """The number of time steps of the training."""
        return len(self.scheduler.alphas_cumprod)

    @property
    def order(self) -> int:
        """How often the network is called for one step."""
        return int(getattr(self.scheduler, "order", 1))

    def start(self, noise: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """Noise as strong as that of the first time step."""
        started: Tensor = noise * self.scheduler.init_noise_sigma
        return started

    def add_noise(
        self, latent: Float[Tensor, "n c h w"], noise: Float[Tensor, "n c h w"], index: int
    ) -> Float[Tensor, "n c h w"]:
        """The latent with as much noise as the sampler expects before a step."""
        scheduler: Any = self.scheduler
        if getattr(scheduler, "step_index", None) is None and hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(index)
        noised: Tensor = scheduler.add_noise(latent, noise, scheduler.timesteps[index : index + 1])
        return noised

    def scale_input(self, latent: Float[Tensor, "n c h w"], index: int) -> Float[Tensor, "n c h w"]:
        """What the network reads at a step."""
        return self.scheduler.scale_model_input(latent, self.timesteps[index])

    def step(
        self, prediction: Float[Tensor, "n c h w"], index: int, latent: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c h w"]:
        """The latent after a step."""
        stepped: Tensor = self.scheduler.step(
            prediction, self.timesteps[index], latent, return_dict=False, **self.options
        )[0]
        return stepped

    def predict_x0(
        self, model_input: Float[Tensor, "n c h w"], prediction: Float[Tensor, "n c h w"], index: int
    ) -> Float[Tensor, "n c h w"]:
        """The latent without noise, from the network's input and output (epsilon or v)."""
        kept = self.scheduler.alphas_cumprod[int(self.timesteps[index].round())].to(model_input.device)
        signal, noise = kept.sqrt(), (1 - kept).sqrt()
        if self.scheduler.config["prediction_type"] == "v_prediction":
            return signal * model_input - noise * prediction
        return (model_input - noise * prediction) / signal
