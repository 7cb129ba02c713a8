"""Training of attention sharing: the layers of one scene drawn side by side (LayerDiffuse, section 3.3).

The base UNet and the text encoder stay frozen; each frame's LoRA and the attention across frames are trained on
(foreground, background, blend) samples with the UNet's ordinary objective. In some samples single frames are given:
they stay clean at time step 0 and only the others are denoised, which teaches one set of weights to find the
missing layers of a scene from any of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel

from acetate.models.store import best_device
from acetate.sharing import SharedAttention, SharingLayers
from acetate.training.loop import Loop, LoopSettings, Say
from acetate.training.optimise import Average, Optimiser
from acetate.training.precision import mixed_precision
from acetate.training.text import NOISE_STEPS, loss_weights, noise_scheduler


@dataclass(frozen=True)
class ScenesBatch:
    """Scaled latents of whole scenes, the tokens of each frame's caption, and which frames are given."""

    latents: Float[Tensor, "n frames c h w"]
    tokens: Int[Tensor, "n frames t"]
    given: Bool[Tensor, "n frames"]


def train_layers(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    sharing: SharingLayers,
    draw: Callable[[int], ScenesBatch],
    draw_sheet: Callable[[Path], None],
    folder: Path,
    settings: LoopSettings,
    lr: float,
    say: Say,
) -> None:
    """Train `sharing` in place to its average over the run; the other models keep their weights."""
    device = best_device()
    for frozen in (unet, text_encoder):
        frozen.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    sharing.to(device).train().requires_grad_(True)
    average, optimiser = Average(sharing, 0.998), Optimiser([sharing], lr)
    weights = loss_weights(noise_scheduler()).to(device)

    def take_step(step: int) -> Mapping[str, float]:
        batch = draw(step)
        with mixed_precision(device):
            errors = frame_errors(unet, text_encoder, batch, step, weights)
        loss = errors[~batch.given].mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(sharing.parameters(), 1.0)
        optimiser.step(step, settings.steps)
        average.update()
        return {"loss": loss.item()}

    def sheet(path: Path) -> None:
        sharing.eval()
        with average:
            draw_sheet(path)
        sharing.train()

    loop = Loop(folder, {"model": sharing, "average": average, "optimiser": optimiser}, settings, say)
    with SharedAttention(unet, sharing.frames, sharing):
        loop.run(take_step, sheet)
    loop.restore()
    average.settle()
    sharing.eval().requires_grad_(False)


def frame_errors(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    batch: ScenesBatch,
    step: int,
    weights: Float[Tensor, " steps"],
) -> Float[Tensor, "n frames"]:
    """The weighted squared error of each frame's velocity, with noise and time steps that `step` decides.

    Frames of one sample share their time step, except that given ones are clean.
    """
    device, (samples, frames) = weights.device, batch.given.shape
    scheduler, generator = noise_scheduler(), Loop.generator(step + 7)
    latents, given = batch.latents.flatten(0, 1), batch.given.flatten()
    noise = torch.randn(latents.shape, generator=generator)
    times = torch.randint(0, NOISE_STEPS, (samples,), generator=generator).repeat_interleave(frames)
    noisy = torch.where(given.view(-1, 1, 1, 1), latents, scheduler.add_noise(latents, noise, times))
    wanted = scheduler.get_velocity(latents, noise, times).to(device)
    with torch.no_grad():
        context = text_encoder(batch.tokens.flatten(0, 1).to(device)).last_hidden_state
    seen = noisy.to(device, memory_format=torch.channels_last)
    made = unet(seen, times.masked_fill(given, 0).to(device), context).sample.float()
    error = F.mse_loss(made, wanted, reduction="none").mean(dim=(1, 2, 3)) * weights[times]
    return error.view(samples, frames)


@torch.no_grad()
def sample_scenes(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    sharing: SharingLayers,
    tokens: Int[Tensor, "n frames t"],
    empty: Int[Tensor, "1 t"],
    shape: tuple[int, int, int],
    steps: int = 20,
    guidance: float = 3.5,
) -> Float[Tensor, "n frames c h w"]:
    """Scaled latents of one scene for each row of prompts, for sample sheets: DPM++ 2M with guidance.

    `unet` has `sharing` attached.
    """
    device, count = next(unet.parameters()).device, tokens.shape[0] * sharing.frames
    solver = DPMSolverMultistepScheduler.from_config(noise_scheduler().config)
    solver.set_timesteps(steps)
    latents = torch.randn((count, *shape), generator=torch.Generator().manual_seed(1)).to(device)
    with mixed_precision(device):
        both = torch.cat([empty.expand(count, -1), tokens.flatten(0, 1)]).to(device)
        context = text_encoder(both).last_hidden_state
        for time in solver.timesteps:
            velocity = unet(torch.cat([latents, latents]), time, context).sample.float()
            without, with_prompt = velocity.chunk(2)
            latents = solver.step(without + guidance * (with_prompt - without), time, latents).prev_sample
    return latents.view(-1, sharing.frames, *shape)
