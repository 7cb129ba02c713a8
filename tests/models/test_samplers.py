"""Samplers by artists' names, each on the way that the model's schedule asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acetate.models.backbones.stable_diffusion.samplers import (
    SAMPLERS,
    Sampler,
    fewest_steps,
    get_sampler,
    karras_timesteps,
    make_scheduler,
)
from acetate.models.families import ModelSource
from acetate.models.registry import STARTER, ModelRegistry
from acetate.pipelines import resolve_request
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Rect

MEAN, SPREAD = 0.7, 0.6
SOLVERS = [sampler for sampler in SAMPLERS if not sampler.distilled]
SCHEDULES = ("zero terminal signal", "Stable Diffusion 1.5")


@pytest.fixture
def config(request: pytest.FixtureRequest, tiny_starter: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((tiny_starter / "scheduler/scheduler_config.json").read_text())
    if request.param == "Stable Diffusion 1.5":
        config |= {"prediction_type": "epsilon", "rescale_betas_zero_snr": False, "timestep_spacing": "leading"}
        config["steps_offset"] = 1
    return config


def draw_from_a_perfect_model(sampler: Sampler, config: dict[str, Any], steps: int) -> torch.Tensor:
    """What a sampler draws with a model that knows exactly that the data are normal, MEAN and SPREAD."""
    scheduler: Any = make_scheduler(sampler, config, steps)
    generator = torch.Generator().manual_seed(0)
    sample: torch.Tensor = torch.randn(1, 4, 32, 32, generator=generator) * scheduler.init_noise_sigma
    options = {"generator": generator} if sampler.adds_noise else {}
    kept = scheduler.alphas_cumprod.double().numpy().clip(2**-24)
    for timestep in scheduler.timesteps:
        seen = scheduler.scale_model_input(sample, timestep).double()
        level = np.interp(float(timestep), np.arange(len(kept)), np.log((1 - kept) / kept))
        signal, noise = (1 / (1 + np.exp(level))) ** 0.5, (1 / (1 + np.exp(-level))) ** 0.5
        gain = signal * SPREAD**2 / (signal**2 * SPREAD**2 + noise**2)
        clean = MEAN + gain * (seen - signal * MEAN)
        toward = (signal * seen - clean) if config["prediction_type"] == "v_prediction" else (seen - signal * clean)
        sample = scheduler.step((toward / noise).float(), timestep, sample, return_dict=False, **options)[0]
    return sample


PUBLISHED = {
    "sd15": {"_class_name": "PNDMScheduler", "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1},
    "sdxl": {"_class_name": "EulerDiscreteScheduler", "steps_offset": 1, "timestep_spacing": "leading"},
}
"""What the published models' scheduler configurations say of steps."""
EVENLY, KARRAS = "evenly", "Karras"
TABLE = {
    (EVENLY, 4): (999, 249, 14.6146, 0.6932),
    (EVENLY, 8): (999, 124, 14.6146, 0.3977),
    (EVENLY, 25): (999, 39, 14.6146, 0.1963),
    (KARRAS, 4): (999, 0, 14.6146, 0.0292),
    (KARRAS, 8): (999, 0, 14.6146, 0.0292),
    (KARRAS, 25): (999, 0, 14.6146, 0.0292),
}
"""First and last time step, and sigma there, of SD 1.5 and SDXL: `k_diffusion` in figures."""


def k_diffusion(spacing: str, steps: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Time steps and sigmas by k-diffusion's formulas, for the noise schedule of Stable Diffusion.

    `get_sigmas_karras` with rho 7 between the model's own sigmas and `sigma_to_t`; else its `get_sigmas` over one step
    more without the last, which is known as SGM uniform. Logarithms of sigma are interpolated over time steps.
    """
    kept = np.cumprod(1 - np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2)
    levels = np.log(((1 - kept) / kept) ** 0.5)
    if spacing == EVENLY:
        timesteps = np.linspace(999, 0, steps + 1)[:-1]
        return timesteps, np.exp(np.interp(timesteps, np.arange(1000), levels))
    ends = np.exp(levels[[-1, 0]]) ** (1 / 7)
    sigmas = (ends[0] + np.linspace(0, 1, steps) * (ends[1] - ends[0])) ** 7
    return np.interp(np.log(sigmas), levels, np.arange(1000)), sigmas


@pytest.mark.parametrize("family", PUBLISHED)
@pytest.mark.parametrize("steps", [4, 8, 25])
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_every_sampler_begins_and_ends_where_k_diffusion_does(sampler: Sampler, steps: int, family: str) -> None:
    noise = {"num_train_timesteps": 1000, "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012}
    scheduler: Any = make_scheduler(sampler, {**noise, **PUBLISHED[family]}, steps)
    spacing = KARRAS if sampler.karras else EVENLY
    first, last, strongest, weakest = TABLE[spacing, steps]
    timesteps = list(dict.fromkeys(scheduler.timesteps.long().tolist()))  # Heun has its own twice
    assert (timesteps[0], timesteps[-1], len(timesteps)) == (first, last, steps)
    kept = scheduler.alphas_cumprod.double()[timesteps]
    sigmas = ((1 - kept) / kept).sqrt().numpy()
    assert (sigmas[0], sigmas[-1]) == pytest.approx((strongest, weakest), abs=5e-5)
    wanted, levels = k_diffusion(spacing, steps)
    assert np.abs(timesteps - wanted).max() <= 1, "to whole time steps"
    assert sigmas[0] == pytest.approx(levels[0], rel=1e-5)
    assert float(scheduler.init_noise_sigma) in (1.0, pytest.approx(levels[0], rel=1e-5))
    if hasattr(scheduler, "sigmas"):
        assert float(scheduler.sigmas[0]) == pytest.approx(levels[0], rel=1e-5)
        assert float(scheduler.sigmas[-1]) == 0


@pytest.mark.parametrize("sampler", [each for each in SAMPLERS if not each.karras], ids=lambda sampler: sampler.name)
def test_four_steps_are_those_of_distilled_models(sampler: Sampler) -> None:
    """As Lightning, Turbo and DMD2 were distilled: leading spacing would begin at 751."""
    timesteps = make_scheduler(sampler, PUBLISHED["sdxl"], 4).timesteps.tolist()
    assert list(dict.fromkeys(timesteps)) == [999, 749, 499, 249]


@pytest.mark.parametrize("config", SCHEDULES, indirect=True)
@pytest.mark.parametrize("sampler", SOLVERS, ids=lambda sampler: sampler.name)
def test_every_sampler_draws_what_the_model_knows(sampler: Sampler, config: dict[str, Any]) -> None:
    drawn = draw_from_a_perfect_model(sampler, config, steps=50)
    assert drawn.mean().item() == pytest.approx(MEAN, abs=0.05)
    assert drawn.std().item() == pytest.approx(SPREAD, rel=0.12)


@pytest.mark.parametrize("config", SCHEDULES, indirect=True)
@pytest.mark.parametrize("steps", [1, 2, 3, 150])
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_no_number_of_steps_breaks_a_sampler(sampler: Sampler, config: dict[str, Any], steps: int) -> None:
    assert draw_from_a_perfect_model(sampler, config, steps).isfinite().all()


@pytest.mark.parametrize("config", SCHEDULES[:1], indirect=True)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_a_model_of_zero_terminal_signal_starts_at_pure_noise(sampler: Sampler, config: dict[str, Any]) -> None:
    assert int(make_scheduler(sampler, config, 20).timesteps[0]) == 999


@pytest.mark.parametrize("steps", [1, 7, 60, 150, 1000])
def test_karras_steps_fall_and_keep_their_number(steps: int) -> None:
    timesteps = karras_timesteps(np.geomspace(0.03, 4096, 1000).tolist(), steps)
    assert len(timesteps) == steps
    assert timesteps == sorted(set(timesteps), reverse=True)
    assert 0 <= timesteps[-1] <= timesteps[0] <= 999


@pytest.mark.parametrize("name", ["dpm++ 2m karras", "DPM++ 2M Karras", "DPM++2M karras"])
def test_samplers_are_found_however_they_are_written(name: str) -> None:
    assert get_sampler(name).name == "DPM++ 2M Karras"


def test_an_unknown_sampler_is_answered_with_the_nearest_and_all() -> None:
    with pytest.raises(AcetateError) as refusal:
        get_sampler("DPM++ 2S")
    assert refusal.value.code == "bad_request"
    assert "did you mean DPM++ 2M?" in str(refusal.value)
    assert "Euler a" in str(refusal.value)


def test_samplers_that_miss_the_picture_with_few_steps_from_pure_noise_are_refused(tiny_starter: Path) -> None:
    catalogue = ModelRegistry({"starter": ModelSource(tiny_starter, STARTER, "Apache-2.0")})
    request = LayerRequest("text", (64, 64), Rect(0, 0, 64, 64), "a red apple", steps=8)
    for sampler in SAMPLERS:
        asked = replace(request, sampler=sampler.name)
        if sampler.from_pure_noise <= 8:
            assert resolve_request(asked, catalogue).steps == 8
            continue
        with pytest.raises(AcetateError) as refused:
            resolve_request(asked, catalogue)
        assert refused.value.field == "steps"
        assert str(sampler.from_pure_noise) in refused.value.hint and "DPM++ 2M," in refused.value.hint
        assert resolve_request(replace(asked, steps=None), catalogue).steps == max(
            STARTER.steps, sampler.from_pure_noise
        )


def test_a_schedule_that_does_not_end_in_pure_noise_takes_any_number_of_steps() -> None:
    assert {fewest_steps(sampler, {"rescale_betas_zero_snr": False}) for sampler in SAMPLERS} == {1}
    assert fewest_steps(get_sampler("Heun"), {"rescale_betas_zero_snr": True}) == 18
