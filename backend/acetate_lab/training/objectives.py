"""What a network learns to predict: noise or v at the time steps of diffusion, or the velocity of flow matching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

import torch
from acetate.models.backbones.backbone import Schedule
from acetate.models.backbones.stable_diffusion.schedule import DiffusionSchedule
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from jaxtyping import Float, Shaped
from torch import Tensor

MIN_SNR_GAMMA = 5.0
WEIGHT_FLOOR = 0.25
"""Pure noise has no signal and would get no weight at all, but the first step decides what is drawn."""

NoiseLevels: TypeAlias = Literal["logit_normal", "sampler", "uniform"]


class Objective(Protocol):
    """Noise levels, what lies at one, what is predicted there, and how a picture is drawn with such predictions.

    `times` are a value for each latent, as the network is given them; a latent without noise has time 0.
    """

    def draw_times(self, count: int, generator: torch.Generator) -> Shaped[Tensor, " count"]:
        """Random noise levels to learn from."""
        ...

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """The latents with as much noise as there is at these levels."""
        ...

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """What the network should predict."""
        ...

    def weights(self, times: Tensor) -> Float[Tensor, " n"]:
        """How much the error at each of these levels counts."""
        ...

    def schedule(self, steps: int, shape: tuple[int, int, int]) -> Schedule:
        """The course of a drawing with latents of this shape (channels, height, width)."""
        ...


class DiffusionObjective:
    """Noise or v at random time steps, weighed by min-SNR (Hang et al. 2023).

    `config` is that of a diffusers scheduler, whose prediction type is `epsilon` or `v_prediction`.
    """

    def __init__(self, config: Mapping[str, Any], gamma: float = MIN_SNR_GAMMA) -> None:
        """`gamma` is that of min-SNR, 0 for equal weights. Raises ValueError for another prediction type."""
        self.scheduler = DDIMScheduler.from_config(dict(config))
        self.prediction: str = self.scheduler.config.prediction_type
        if self.prediction not in ("epsilon", "v_prediction"):
            raise ValueError(f"models that predict {self.prediction} cannot be trained")
        self.steps: int = self.scheduler.config.num_train_timesteps
        self._weights = self._min_snr(gamma)

    def draw_times(self, count: int, generator: torch.Generator) -> Shaped[Tensor, " count"]:
        """Every time step is equally likely."""
        return torch.randint(0, self.steps, (count,), generator=generator)

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """The latents with as much noise as there is at these time steps."""
        noisy: Tensor = self.scheduler.add_noise(latents, noise, times)
        return noisy

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """The noise, or v."""
        if self.prediction == "epsilon":
            return noise
        velocity: Tensor = self.scheduler.get_velocity(latents, noise, times)
        return velocity

    def weights(self, times: Tensor) -> Float[Tensor, " n"]:
        """Those of min-SNR."""
        return self._weights[times]

    def schedule(self, steps: int, shape: tuple[int, int, int]) -> DiffusionSchedule:
        """DPM++ 2M, for latents of any shape."""
        solver = DPMSolverMultistepScheduler.from_config(self.scheduler.config)
        solver.set_timesteps(steps)
        return DiffusionSchedule(solver)

    def _min_snr(self, gamma: float) -> Float[Tensor, " steps"]:
        """min(SNR, gamma) / SNR for noise, / (SNR + 1) for velocity, with a floor; `gamma` 0 weighs all alike."""
        if gamma == 0:
            return torch.ones(self.steps)
        signal: Tensor = self.scheduler.alphas_cumprod.double()
        ratio = signal / (1 - signal)
        if self.prediction == "epsilon":
            return (ratio.clamp(max=gamma) / ratio.clamp(min=1e-8)).float()
        return (ratio.clamp(max=gamma) / (ratio + 1)).clamp(min=WEIGHT_FLOOR).float()


class FlowObjective:
    """The velocity from picture to noise, `noise - latents`, on the straight path between them (Lipman et al. 2023).

    A share `time / trained` of what lies at a time is noise. Times are drawn `uniform`, `logit_normal` (most of them in
    the middle, as Esser et al. 2024 found best), or as often as the `sampler` stands there, which shifts them to
    noise the more, the larger the picture is. All count alike.
    """

    def __init__(
        self,
        schedule: Callable[[int, tuple[int, int, int]], Schedule],
        steps: int,
        shape: tuple[int, int, int],
        levels: NoiseLevels = "logit_normal",
    ) -> None:
        """`schedule` makes that of a drawing; `steps` and `shape` are those of the drawings to be learnt."""
        self.schedule = schedule
        self.levels = levels
        usual = schedule(steps, shape)
        self.trained = usual.trained
        self._visited = torch.cat([usual.timesteps.float().cpu(), torch.zeros(1)])

    def draw_times(self, count: int, generator: torch.Generator) -> Shaped[Tensor, " count"]:
        """Times between 0 and that of pure noise."""
        if self.levels == "logit_normal":
            return torch.sigmoid(torch.randn(count, generator=generator)) * self.trained
        share = torch.rand(count, generator=generator)
        if self.levels == "uniform":
            return share * self.trained
        place = share * (len(self._visited) - 1)
        before = place.long()
        return torch.lerp(self._visited[before], self._visited[before + 1], place - before)

    def add_noise(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """What lies between latents and noise."""
        return torch.lerp(latents, noise, (times / self.trained).to(latents).view(-1, 1, 1, 1))

    def target(self, latents: Tensor, noise: Tensor, times: Tensor) -> Tensor:
        """The velocity, the same at all times."""
        return noise - latents

    def weights(self, times: Tensor) -> Float[Tensor, " n"]:
        """All alike."""
        return torch.ones(len(times))
