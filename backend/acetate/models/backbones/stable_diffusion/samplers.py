"""Samplers by the names that artists know, made from diffusers' schedulers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Protocol

from acetate_wire.errors import AcetateError

if TYPE_CHECKING:
    import torch
    from torch import Tensor

ZERO_SNR_FLOOR = 2.0**-24
"""The cumulative alpha that stands for zero at the last time step, as diffusers' own schedulers have it."""
KARRAS_RHO = 7.0
KARRAS_LARGEST = 15.0
"""The noise level at which the Karras curve starts, as in Stable Diffusion's own schedule."""


@dataclass(frozen=True)
class Sampler:
    """A sampler: its name, diffusers' scheduler and options, and whether its noise levels follow Karras.

    `adds_noise` is True when it samples noise at every step, `distilled` when it was made for weights that are
    distilled for few steps: with others its pictures vary less than they should. `from_pure_noise` is the fewest steps
    for a schedule with zero terminal SNR: with fewer, alpha is more than 8/255 off that of 25 steps, or where the
    sampler adds noise, pictures are smeared or have loose bits (measured on the starter).
    """

    name: str
    scheduler: str
    options: Mapping[str, Any] = field(default_factory=dict)
    karras: bool = False
    adds_noise: bool = False
    distilled: bool = False
    from_pure_noise: int = 1


SDE = {"algorithm_type": "sde-dpmsolver++"}
SAMPLERS = (
    Sampler("DPM++ 2M", "DPMSolverMultistepScheduler"),
    Sampler("DPM++ 2M Karras", "DPMSolverMultistepScheduler", karras=True, from_pure_noise=7),
    Sampler("DPM++ 2M SDE", "DPMSolverMultistepScheduler", SDE, adds_noise=True, from_pure_noise=12),
    Sampler(
        "DPM++ 2M SDE Karras", "DPMSolverMultistepScheduler", SDE, karras=True, adds_noise=True, from_pure_noise=12
    ),
    Sampler("Euler", "EulerDiscreteScheduler"),
    Sampler("Euler a", "EulerAncestralDiscreteScheduler", adds_noise=True),
    Sampler("Heun", "HeunDiscreteScheduler", from_pure_noise=18),
    Sampler("DDIM", "DDIMScheduler", {"clip_sample": False, "set_alpha_to_one": True}),
    Sampler("UniPC", "UniPCMultistepScheduler"),
    Sampler("LCM", "LCMScheduler", adds_noise=True, distilled=True, from_pure_noise=8),
    Sampler("TCD", "TCDScheduler", adds_noise=True, distilled=True),
)


def get_sampler(name: str) -> Sampler:
    """The sampler of that name; case and spaces do not matter. Raises AcetateError `bad_request` naming all."""
    known = {_plain(sampler.name): sampler for sampler in SAMPLERS}
    found = known.get(_plain(name))
    if found is None:
        near = get_close_matches(_plain(name), known, n=1)
        meant = f"did you mean {known[near[0]].name}? " if near else ""
        names = ", ".join(sampler.name for sampler in SAMPLERS)
        raise AcetateError(
            "bad_request",
            f"there is no sampler {name!r}",
            field="sampler",
            hint=f"{meant}choose from {names}",
        )
    return found


def fewest_steps(sampler: Sampler, config: Mapping[str, Any]) -> int:
    """The fewest steps of a sampler with a model's scheduler configuration: more where that ends in pure noise."""
    return sampler.from_pure_noise if config.get("rescale_betas_zero_snr") else 1


def _plain(name: str) -> str:
    return "".join(name.lower().split())


class Scheduler(Protocol):
    """The part of a diffusers scheduler that the denoising loop uses."""

    timesteps: Tensor
    alphas_cumprod: Tensor
    init_noise_sigma: Any
    config: Mapping[str, Any]

    def scale_model_input(self, sample: Tensor, timestep: Tensor) -> Tensor:
        """The sample scaled for the model at this timestep."""
        ...

    def step(self, model_output: Tensor, timestep: Tensor, sample: Tensor, **options: Any) -> Any:
        """One denoising step; the first of the returned tuple is the new sample."""
        ...


def make_scheduler(
    sampler: Sampler, config: Mapping[str, Any], steps: int, device: torch.device | str = "cpu"
) -> Scheduler:
    """A scheduler for one image with its timesteps set: `config` is the model's own scheduler configuration.

    The model's noise schedule and prediction type stay; the sampler decides the timesteps and the solver. Without
    Karras the timesteps are evenly spaced from the last trained one, where the noise is strongest ("trailing" in
    diffusers, "SGM uniform" elsewhere): with few steps, a first step at a weaker noise would miss the picture.
    """
    import diffusers
    import numpy as np

    settings = {key: value for key, value in config.items() if key not in ("_class_name", "algorithm_type")}
    settings |= {"use_karras_sigmas": False, "timestep_spacing": "trailing", "steps_offset": 0, **sampler.options}
    kind = getattr(diffusers, sampler.scheduler)
    if settings.get("rescale_betas_zero_snr") and sampler.scheduler == "HeunDiscreteScheduler":
        settings |= {"trained_betas": _zero_snr_betas(settings), "rescale_betas_zero_snr": False}
    scheduler: Any = kind.from_config(settings)
    if sampler.karras:
        levels = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt().double().numpy()
        scheduler.set_timesteps(timesteps=np.array(karras_timesteps(levels.tolist(), steps)), device=device)
    elif sampler.distilled:
        # Their schedulers know no spacing; their own grid of 50 time steps is not that of DMD2 and Lightning.
        trained = scheduler.config.num_train_timesteps
        scheduler.set_timesteps(timesteps=trailing_timesteps(trained, steps), device=device)
    else:
        scheduler.set_timesteps(steps, device=device)
    return scheduler  # type: ignore[no-any-return]


def trailing_timesteps(trained: int, steps: int) -> list[int]:
    """Descending timesteps, evenly spaced from the last of `trained` ones (Lin et al. 2024, section 3.3)."""
    return [round(trained - step * trained / steps) - 1 for step in range(steps)]


def karras_timesteps(levels: list[float], steps: int) -> list[int]:
    """Descending timesteps whose noise levels follow Karras et al. 2022, equation 5.

    `levels` is the noise level (sigma) of every timestep, ascending. A schedule that ends in pure noise starts there,
    since its last level is not on the curve. Every timestep occurs once.
    """
    import numpy as np

    pure_noise = levels[-1] > 100 * KARRAS_LARGEST
    count = steps - 1 if pure_noise else steps
    bounds = np.array([min(levels[-1], KARRAS_LARGEST), levels[0]]) ** (1 / KARRAS_RHO)
    curve = np.linspace(bounds[0], bounds[1], count) ** KARRAS_RHO
    indices = np.interp(np.log(curve), np.log(levels), np.arange(len(levels))).round()
    rising = [len(levels) - 1] if pure_noise else []
    rising = [*indices[::-1].astype(int).tolist(), *rising]
    for index in range(1, len(rising)):
        rising[index] = max(rising[index], rising[index - 1] + 1)
    return rising[::-1]


def _zero_snr_betas(config: Mapping[str, Any]) -> list[float]:
    """Betas rescaled to zero terminal signal (Lin et al. 2024, algorithm 1), for a scheduler that cannot do it."""
    from diffusers import DPMSolverMultistepScheduler

    levels = DPMSolverMultistepScheduler.from_config(config).alphas_cumprod.double()
    ratios = levels[1:] / levels[:-1]
    betas = [1 - levels[0], *(1 - ratios)]
    return [min(float(beta), 1 - ZERO_SNR_FLOOR) for beta in betas]
