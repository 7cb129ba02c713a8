"""The noise schedule of flow matching, around diffusers' Euler scheduler."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, eq=False)
class FlowSchedule:
    """A straight path from noise to picture: what lies between is `(1 - sigma) * picture + sigma * noise`."""

    scheduler: Any

    @classmethod
    def of(
        cls, config: Mapping[str, Any], sigmas: Sequence[float], mu: float, device: torch.device | str
    ) -> FlowSchedule:
        """With the noise levels of a model's pipeline, before they are shifted by `mu` as its configuration says."""
        from diffusers import FlowMatchEulerDiscreteScheduler

        scheduler: Any = FlowMatchEulerDiscreteScheduler.from_config(config)
        scheduler.set_timesteps(sigmas=list(sigmas), mu=mu, device=device)
        scheduler.set_begin_index(0)
        return cls(scheduler)

    @property
    def timesteps(self) -> Float[Tensor, "steps"]:
        """What the network is given at each step, descending."""
        timesteps: Tensor = self.scheduler.timesteps
        return timesteps

    @property
    def trained(self) -> int:
        """The number of time steps of the training."""
        return int(self.scheduler.config.num_train_timesteps)

    @property
    def order(self) -> int:
        """How often the network is called for one step."""
        return 1

    def start(self, noise: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h w"]:
        """The noise as it is."""
        return noise

    def add_noise(
        self, latent: Float[Tensor, "n c h w"], noise: Float[Tensor, "n c h w"], index: int
    ) -> Float[Tensor, "n c h w"]:
        """The latent with as much noise as is expected before a step."""
        if self.scheduler.step_index is None:
            self.scheduler.set_begin_index(index)
        return torch.lerp(latent, noise, self._sigma(index, latent))

    def scale_input(self, latent: Float[Tensor, "n c h w"], index: int) -> Float[Tensor, "n c h w"]:
        """The latent as it is."""
        return latent

    def step(
        self, prediction: Float[Tensor, "n c h w"], index: int, latent: Float[Tensor, "n c h w"]
    ) -> Float[Tensor, "n c h w"]:
        """The latent after a step."""
        stepped: Tensor = self.scheduler.step(prediction, self.timesteps[index], latent, return_dict=False)[0]
        return stepped

    def predict_x0(
        self, model_input: Float[Tensor, "n c h w"], prediction: Float[Tensor, "n c h w"], index: int
    ) -> Float[Tensor, "n c h w"]:
        """The latent at the end of the path, which the network's prediction points away from."""
        return model_input - self._sigma(index, model_input) * prediction

    def _sigma(self, index: int, like: Tensor) -> Tensor:
        sigma: Tensor = self.scheduler.sigmas[index]
        return sigma.to(like)
