"""Training of a diffusion or flow model with its ordinary objective, whatever of it is trained (LayerDiffuse, 3.2).

A sample is one picture, or several frames of one scene side
by side; in some samples single frames are conditioning: they stay clean at timestep 0, the others are denoised.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.objectives import Objective
from acetate_lab.training.optimizer import EMA, Optimiser, OptimizerConfig
from acetate_lab.training.trainer import Log, Losses, Stateful, TrainableState, Trainer, TrainerConfig

TextCondition = TypeVar("TextCondition")
"""The text condition of a model: tokens, or cached embeds."""


@dataclass(frozen=True)
class Samples(Generic[TextCondition]):
    """Scaled latents of samples, the text condition of each frame (samples * frames rows), and which frames are clean.

    `control` is a control image in [-1, 1] for each sample, where the model takes one.
    """

    latents: Float[Tensor, "n frames c h w"]
    words: TextCondition
    given: Bool[Tensor, "n frames"]
    control: Float[Tensor, "n 3 8*h 8*w"] | None = None


@dataclass(frozen=True)
class InitLatents:
    """Scaled latents that a model only finishes, from noise of the last `strength` of its steps (SDEdit)."""

    latents: Float[Tensor, "n c h w"]
    strength: float


Predict = Callable[[Tensor, Tensor, TextCondition, Tensor | None], Tensor]
"""Calls a model: noisy latents (samples * frames), timesteps, text condition, and the control image of each sample."""


def train_diffusion(
    model: nn.Module,
    predict: Predict[TextCondition],
    objective: Objective,
    draw: Callable[[int], Samples[TextCondition]],
    log_samples: Callable[[Path], None],
    folder: Path,
    settings: TrainerConfig,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train the parameters of `model` that require gradients, in place, to their average over the run.

    `predict` calls the network that they are part of or attached to.
    """
    model.train()
    watch = settings.stopwatch(hardware.device)
    average, optimiser = EMA(model, learning.average), Optimiser([model], learning, hardware)

    def take_step(step: int) -> Losses:
        for number in hardware.batch_indices(step, settings.accumulate):
            with watch.part("batch"):
                samples = draw(number)
            with watch.part("forward"):
                errors = frame_errors(predict, objective, samples, number, hardware)
                loss = errors[~samples.given].mean()
            with watch.part("backward"):
                (loss / settings.accumulate).backward()  # type: ignore[no-untyped-call]
        with watch.part("optimiser"):
            optimiser.step(step, settings.steps)
        with watch.part("average"):
            average.update()
        return {"loss": loss}

    def log_average_samples(path: Path) -> None:
        model.eval()
        with average:
            log_samples(path)
        model.train()

    states: dict[str, Stateful] = {"model": TrainableState(model), "average": average, "optimiser": optimiser}
    Trainer(folder, states, settings, log, hardware, watch).run_to_average(
        model, average, take_step, log_average_samples
    )


def frame_errors(
    predict: Predict[TextCondition],
    objective: Objective,
    samples: Samples[TextCondition],
    number: int,
    hardware: Distributed,
) -> Float[Tensor, "n frames"]:
    """The weighted squared error of each frame, with noise and time steps that `number` decides.

    Frames of one sample share their timestep, except that conditioning frames are clean.
    """
    count, frames = samples.given.shape
    generator = Trainer.generator(number + 7)
    device, given = hardware.device, samples.given.flatten()
    latents = samples.latents.flatten(0, 1).to(device)
    # All chance is the CPU's, so that every device learns from the same samples.
    noise = torch.randn(latents.shape, generator=generator).to(device)
    times = objective.draw_times(count, generator).repeat_interleave(frames)
    target = objective.target(latents, noise, times)
    clean = given.view(-1, 1, 1, 1).to(device)
    noisy = torch.where(clean, latents, objective.add_noise(latents, noise, times))
    model_input = noisy.contiguous(memory_format=torch.channels_last)
    control = None if samples.control is None else samples.control.to(device)
    with hardware.autocast():
        predicted = predict(model_input, times.masked_fill(given, 0).to(device), samples.words, control).float()
    error = F.mse_loss(predicted, target, reduction="none").mean(dim=(1, 2, 3)) * objective.weights(times).to(device)
    return error.view(count, frames)


@torch.no_grad()
def sample_latents(
    predict: Predict[TextCondition],
    objective: Objective,
    both: TextCondition,
    count: int,
    shape: tuple[int, int, int],
    hardware: Distributed,
    control: Tensor | None = None,
    steps: int = 20,
    guidance: float = 4.0,
    seed: int = 1,
    start: InitLatents | None = None,
) -> Float[Tensor, "n c h w"]:
    """Scaled latents of `count` frames with classifier-free guidance, from noise or from a `start`.

    `both` has the text condition of an empty prompt for each frame, then of its prompt; `control` an image for each
    sample of the doubled batch.
    """
    schedule = objective.schedule(steps, shape)
    noise = torch.randn((count, *shape), generator=torch.Generator().manual_seed(seed))
    first = 0 if start is None else min(steps - 1, round(steps * (1 - start.strength)))
    latents = schedule.start(noise) if start is None else schedule.add_noise(start.latents.cpu(), noise, first)
    latents = latents.to(hardware.device)
    for index, time in enumerate(schedule.timesteps[first:], first):
        times, scaled = time.to(hardware.device).expand(2 * count), schedule.scale_input(latents, index)
        with hardware.autocast():
            predicted = predict(torch.cat([scaled, scaled]), times, both, control).float()
        without, with_prompt = predicted.chunk(2)
        latents = schedule.step(without + guidance * (with_prompt - without), index, latents)
    return latents
