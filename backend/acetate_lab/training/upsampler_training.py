"""Training of the upsampler: from what a VAE and its latent transparency make of a picture to the picture itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from acetate.transparency.padding import composite_on_grey, pad_rgb
from acetate.transparency.upsampler import LayerUpsampler
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.training.autoencoder import gradient_loss
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.image_grid import save_image_grid
from acetate_lab.training.optimizer import EMA, Optimiser, OptimizerConfig
from acetate_lab.training.patchgan import Adversary
from acetate_lab.training.trainer import Log, Losses, Stateful, TrainableState, Trainer, TrainerConfig
from acetate_lab.training.transparency_training import LatentTransparency, reconstruction_loss

CROP = 64
"""The side of the part of a decoded picture that a step learns from: all of it would add little but time."""
ADVERSARIAL = 0.01
ADVERSARIAL_FROM = 0.3
"""The weight of the discriminator, and the share of the run after which it joins: it makes edges crisp."""
FAULT = 0.1
"""The most noise that is added to latents, in their deviations: drawn ones are never as clean as encoded ones."""


@torch.no_grad()
def decoded(parts: LatentTransparency, rgba: Float[Tensor, "n 4 h w"], step: int) -> Float[Tensor, "n 4 h w"]:
    """What comes back of pictures through latents that are a little wrong, each by an amount of its own."""
    generator = Trainer.generator(step + 11)
    vae_input = composite_on_grey(rgba).contiguous(memory_format=torch.channels_last)
    posterior = parts.vae.encode(vae_input).latent_dist
    latent = parts.transparency.hide(posterior, rgba)
    amount = FAULT * torch.rand(len(rgba), 1, 1, 1, generator=generator).square()
    fault = amount * torch.randn(latent.shape, generator=generator)
    latent = latent + fault.to(latent) * latent.std()
    picture = (parts.vae.decode(latent).sample / 2 + 0.5).clamp(0, 1)
    raw = parts.decoder(picture, latent).float().clamp(0, 1)
    return torch.cat([raw[:, 1:], raw[:, :1]], 1)


def train_upsampler(
    upsampler: LayerUpsampler,
    parts: LatentTransparency,
    draw: Callable[[int], Float[Tensor, "n 4 h w"]],
    folder: Path,
    settings: TrainerConfig,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train `upsampler` in place to its average over the run; `draw` gives pictures as large as it makes them."""
    device, watch = hardware.device, settings.stopwatch(hardware.device)
    for module in (parts.vae, parts.encoder, parts.decoder):
        module.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    upsampler.to(device, memory_format=torch.channels_last).train().requires_grad_(True)  # type: ignore[call-overload]
    average, optimiser = EMA(upsampler, learning.average), Optimiser([upsampler], learning, hardware)
    adversary = Adversary(learning, hardware)

    def pairs(step: int) -> tuple[Tensor, Tensor]:
        """The upsampler's input and target: RGBA with colour under clear pixels."""
        rgba = draw(step).to(device)
        premultiplied = torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], 1)
        small = F.avg_pool2d(premultiplied, upsampler.factor)
        colour = torch.where(small[:, 3:] > 0, small[:, :3] / small[:, 3:].clamp_min(1e-4), 0.0).clamp(0, 1)
        inputs = decoded(parts, torch.cat([colour, small[:, 3:]], 1), step)
        return inputs.contiguous(memory_format=torch.channels_last), torch.cat([pad_rgb(rgba), rgba[:, 3:]], 1)

    def cropped(inputs: Tensor, targets: Tensor, step: int) -> tuple[Tensor, Tensor]:
        side, k = min(CROP, *inputs.shape[2:]), upsampler.factor
        chance = Trainer.generator(step + 13)
        top, left = (int(torch.randint(full - side + 1, (1,), generator=chance)) for full in inputs.shape[2:])
        part = inputs[..., top : top + side, left : left + side]
        return part, targets[..., k * top : k * (top + side), k * left : k * (left + side)]

    def take_step(step: int) -> Losses:
        adversarial_step = step >= ADVERSARIAL_FROM * settings.steps
        for number in hardware.batch_indices(step, settings.accumulate):
            with hardware.autocast():
                with watch.part("batch"):
                    inputs, targets = cropped(*pairs(number), number)
                with watch.part("forward"):
                    outputs = upsampler(inputs).float()
            loss = reconstruction_loss(outputs, targets) + gradient_loss(outputs, targets)
            if adversarial_step:
                with watch.part("discriminator"):
                    generator_loss, _ = adversary.train_step(outputs.clamp(0, 1), targets, settings.accumulate)
                loss = loss + ADVERSARIAL * generator_loss
            with watch.part("backward"):
                (loss / settings.accumulate).backward()  # type: ignore[no-untyped-call]
        with watch.part("optimiser"):
            if adversarial_step:
                adversary.optimiser.step(step, settings.steps)
            optimiser.step(step, settings.steps)
            average.update()
        return {"loss": loss, "gain_db": _gain(outputs.detach(), inputs, targets)}

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        with average, hardware.autocast():
            inputs, targets = pairs(0)
            outputs = upsampler(inputs).float().clamp(0, 1)
        save_image_grid(path, [F.interpolate(inputs, scale_factor=upsampler.factor, mode="bilinear"), outputs, targets])

    states: dict[str, Stateful] = {
        "model": TrainableState(upsampler),
        "average": average,
        "optimiser": optimiser,
        **adversary.states,
    }
    Trainer(folder, states, settings, log, hardware, watch).run_to_average(upsampler, average, take_step, log_samples)


def _gain(outputs: Tensor, inputs: Tensor, targets: Tensor) -> Tensor:
    """The upsampler's PSNR gain over bilinear enlarging, in dB."""
    plain = F.interpolate(inputs, size=targets.shape[2:], mode="bilinear")
    return 10 * (F.mse_loss(plain, targets) / F.mse_loss(outputs.clamp(0, 1), targets)).log10()
