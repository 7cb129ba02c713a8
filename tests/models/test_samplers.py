"""Samplers by artists' names, each on the way that the model's schedule asks for."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acetate.models.families import ModelSource
from acetate.models.registry import STARTER, ModelRegistry
from acetate.models.samplers import (
    SAMPLERS,
    Sampler,
    fewest_steps,
    get_sampler,
    karras_timesteps,
    make_scheduler,
)
from acetate.pipelines import resolve_request
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Rect

MEAN, SPREAD = 0.7, 0.6
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


@pytest.mark.parametrize("config", SCHEDULES, indirect=True)
@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
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
