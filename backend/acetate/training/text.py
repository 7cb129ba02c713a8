"""Training of the text-conditioned UNet on adjusted latents, with its ordinary objective (LayerDiffuse, section 3.2).

v-prediction with zero terminal signal-to-noise ratio (Lin et al. 2023) and min-SNR weights (Hang et al. 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UNet2DConditionModel
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import CLIPTextModel

from acetate.models.store import best_device
from acetate.training.loop import Loop, LoopSettings, Say
from acetate.training.optimise import Average, Optimiser
from acetate.training.precision import mixed_precision

NOISE_STEPS = 1000
MIN_SNR_GAMMA = 5.0
WEIGHT_FLOOR = 0.25
"""Pure noise has no signal and would get no weight at all, but the first step decides what is drawn."""


@dataclass(frozen=True)
class TextBatch:
    """Scaled latents and the tokens of their captions."""

    latents: Float[Tensor, "n c h w"]
    tokens: Int[Tensor, "n t"]


def noise_scheduler() -> DDIMScheduler:
    """The forward process that training and every sampler share."""
    return DDIMScheduler(
        num_train_timesteps=NOISE_STEPS,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
    )


def loss_weights(scheduler: DDIMScheduler) -> Float[Tensor, " steps"]:
    """min(SNR, 5) / (SNR + 1) for v-prediction, with a floor."""
    signal: Tensor = scheduler.alphas_cumprod.double()
    ratio = signal / (1 - signal)
    return (ratio.clamp(max=MIN_SNR_GAMMA) / (ratio + 1)).clamp(min=WEIGHT_FLOOR).float()


def train_text(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    draw: Callable[[int], TextBatch],
    draw_sheet: Callable[[Path], None],
    folder: Path,
    settings: LoopSettings,
    lr: float,
    say: Say,
) -> None:
    """Train both models in place to their averages over the run."""
    device = best_device()
    both = nn.ModuleList([unet, text_encoder])
    both.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    average, optimiser = Average(both, 0.9985), Optimiser([both], lr, warm_up=200)
    scheduler = noise_scheduler()
    weights = loss_weights(scheduler).to(device)

    def take_step(step: int) -> Mapping[str, float]:
        batch = draw(step)
        generator = Loop.generator(step + 7)
        noise = torch.randn(batch.latents.shape, generator=generator)
        times = torch.randint(0, NOISE_STEPS, (len(noise),), generator=generator)
        noisy = scheduler.add_noise(batch.latents, noise, times)
        wanted = scheduler.get_velocity(batch.latents, noise, times).to(device)
        with mixed_precision(device):
            context = text_encoder(batch.tokens.to(device)).last_hidden_state
            noisy = noisy.to(device, memory_format=torch.channels_last)
            made = unet(noisy, times.to(device), context).sample.float()
        error = F.mse_loss(made, wanted, reduction="none").mean(dim=(1, 2, 3))
        loss = (error * weights[times]).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(both.parameters(), 1.0)
        optimiser.step(step, settings.steps)
        average.update()
        return {"loss": loss.item(), "v_error": error.mean().item()}

    def sheet(path: Path) -> None:
        both.eval()
        with average:
            draw_sheet(path)
        both.train()

    loop = Loop(folder, {"model": both, "average": average, "optimiser": optimiser}, settings, say)
    loop.run(take_step, sheet)
    loop.restore()
    average.settle()
    both.eval().requires_grad_(False)


@torch.no_grad()
def sample_latents(
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokens: Int[Tensor, "n t"],
    empty: Int[Tensor, "1 t"],
    shape: tuple[int, int, int],
    steps: int = 20,
    guidance: float = 4.0,
) -> Float[Tensor, "n c h w"]:
    """Scaled latents of one picture a prompt, for sample sheets: DPM++ 2M with classifier-free guidance."""
    device = next(unet.parameters()).device
    solver = DPMSolverMultistepScheduler.from_config(noise_scheduler().config)
    solver.set_timesteps(steps)
    count = len(tokens)
    latents = torch.randn((count, *shape), generator=torch.Generator().manual_seed(1)).to(device)
    with mixed_precision(device):
        context = text_encoder(torch.cat([empty.expand(count, -1), tokens]).to(device)).last_hidden_state
        for time in solver.timesteps:
            velocity = unet(torch.cat([latents, latents]), time, context).sample.float()
            without, with_prompt = velocity.chunk(2)
            latents = solver.step(without + guidance * (with_prompt - without), time, latents).prev_sample
    return latents
