"""Training of the base VAE that the latent transparency then works on (it stays frozen from there on)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from acetate.transparency.padding import composite_on_grey, pad_rgb
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.training.augment import CPU, RandomView, from_stored, random_backgrounds, random_views
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.image_grid import save_image_grid
from acetate_lab.training.optimizer import EMA, Optimiser, OptimizerConfig
from acetate_lab.training.starter.dataset import PictureSet, evenly
from acetate_lab.training.trainer import Log, Losses, Stateful, TrainableState, Trainer, TrainerConfig

KL_WEIGHT = 3e-5
SQUARE_WEIGHT = 2.0

Batch = Callable[[int], Float[Tensor, "n 4 h w"]]


def picture_batches(
    pictures: PictureSet,
    batch: int,
    size: int,
    view: RandomView,
    *uses: str,
    soft: float = 1.0,
    device: torch.device = CPU,
) -> Batch:
    """Random views of the pictures with these uses, soft ones `soft` times as often, made on `device`; the batch of a
    step depends on the step alone.
    """
    choose = evenly(pictures, *uses, soft=soft)

    def draw(step: int) -> Float[Tensor, "n 4 h w"]:
        generator = Trainer.generator(step)
        chosen = choose(batch, generator)
        return random_views(from_stored(pictures.pictures[chosen], device), size, view, generator)

    return draw


def vae_pictures(rgba: Float[Tensor, "n 4 h w"], step: int) -> Float[Tensor, "n 3 h w"]:
    """What the VAE must be able to hold, in [-1, 1]: half over grey as it will be fed, padded colour, composites."""
    generator = Trainer.generator(step + 1)
    padded = pad_rgb(rgba)
    alpha = rgba[:, 3:]
    under = random_backgrounds(padded, generator)
    kind = torch.rand(rgba.shape[0], 1, 1, 1, generator=generator).to(rgba.device)
    composite = padded * alpha + under * (1 - alpha)
    picture = torch.where(kind < 0.75, padded, composite) * 2 - 1
    return torch.where(kind < 0.5, composite_on_grey(rgba), picture)


def gradient_loss(decoded: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"]) -> Tensor:
    """Mean absolute difference of the horizontal and vertical differences: sharpness."""
    error = decoded - target
    return error.diff(dim=3).abs().mean() + error.diff(dim=2).abs().mean()


def train_autoencoder(
    vae: AutoencoderKL,
    pictures: PictureSet,
    folder: Path,
    settings: TrainerConfig,
    size: int,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train `vae` in place to its average over the run: L1, squared, gradient and KL losses."""
    device, watch = hardware.device, settings.stopwatch(hardware.device)
    vae.to(device, memory_format=torch.channels_last).train()
    average, optimiser = EMA(vae, learning.average), Optimiser([vae], learning, hardware)
    view = RandomView(scale=(0.6, 1.3), turn=0.4, shift=0.15)
    draw = picture_batches(pictures, settings.batch, size, view, "vocabulary", device=device)

    def take_step(step: int) -> Losses:
        for number in hardware.batch_indices(step, settings.accumulate):
            with watch.part("batch"):
                target = vae_pictures(draw(number), number).contiguous(memory_format=torch.channels_last)
            with watch.part("forward"):
                with hardware.autocast():
                    posterior = vae.encode(target).latent_dist
                    decoded = vae.decode(posterior.sample()).sample.float()
                absolute, square = F.l1_loss(decoded, target), F.mse_loss(decoded, target)
                kl = posterior.kl().mean() / posterior.mean[0].numel()
                loss = absolute + SQUARE_WEIGHT * square + gradient_loss(decoded, target) + KL_WEIGHT * kl
            with watch.part("backward"):
                (loss / settings.accumulate).backward()
        with watch.part("optimiser"):
            optimiser.step(step, settings.steps)
            average.update()
        return {"l1": absolute, "psnr": -10 * (square / 4).log10(), "kl": kl}

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        target = vae_pictures(draw(0)[:12], 0)
        with average, hardware.autocast():
            decoded = vae.decode(vae.encode(target).latent_dist.mean).sample
        save_image_grid(path, [target / 2 + 0.5, decoded.float() / 2 + 0.5])

    states: dict[str, Stateful] = {"vae": TrainableState(vae), "average": average, "optimiser": optimiser}
    Trainer(folder, states, settings, log, hardware, watch).run_to_average(vae, average, take_step, log_samples)
