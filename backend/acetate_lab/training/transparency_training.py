"""Training of the latent transparency: offset encoder and transparent decoder on a frozen VAE (LayerDiffuse, 3.1).

L = L_recon + identity * L_identity + adversarial * L_disc. Reconstruction compares padded colour and alpha;
identity ("harmlessness") compares the frozen decoder's picture from the adjusted latent with the VAE's input; the
discriminator sees the four-channel result.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
from acetate.transparency import Transparency
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.padding import composite_on_grey, pad_rgb
from diffusers import AutoencoderKL
from jaxtyping import Float
from msgspec import Meta
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.image_grid import save_image_grid
from acetate_lab.training.optimizer import EMA, Optimiser, OptimizerConfig
from acetate_lab.training.patchgan import Adversary
from acetate_lab.training.trainer import Log, Losses, Stateful, TrainableState, Trainer, TrainerConfig

LEVEL = 1 / 512
"""Closer than this to 0 or 1, a pixel is clear or opaque at eight bits."""

OVERSHOOT = 0.05
"""How far beyond [0, 1] the decoder may go at clear and opaque pixels."""


@dataclass(frozen=True)
class TransparencyWeights:
    """Weights of the losses; `adversarial_from` is the share of the run after which the discriminator joins."""

    identity: Annotated[float, Meta(ge=0)] = 1.0
    adversarial: Annotated[float, Meta(ge=0)] = 0.01
    adversarial_from: Annotated[float, Meta(ge=0, le=1)] = 0.3


@dataclass(frozen=True)
class ForwardPass:
    """One round trip: the VAE's input, its picture with the offset in [-1, 1], the decoder's RGBA, and its target."""

    vae_input: Float[Tensor, "n 3 h w"]
    picture: Float[Tensor, "n 3 h w"]
    decoded: Float[Tensor, "n 4 h w"]
    target: Float[Tensor, "n 4 h w"]


@dataclass(frozen=True)
class LatentTransparency:
    """The frozen VAE and the two networks that are trained around it."""

    vae: AutoencoderKL
    encoder: OffsetEncoder
    decoder: TransparentDecoder
    multiplier: float = 1.0

    @property
    def transparency(self) -> Transparency:
        """The two networks with their factor."""
        return Transparency(self.encoder, self.decoder, self.multiplier)

    def to(self, device: torch.device) -> LatentTransparency:
        """Move all three networks to `device`, in place; returns itself."""
        for module in (self.vae, self.encoder, self.decoder):
            module.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        return self

    def there_and_back(self, rgba: Float[Tensor, "n 4 h w"]) -> ForwardPass:
        """Hide alpha in the latent and read it out again; results are RGBA with colour first, not clipped."""
        padded = pad_rgb(rgba)
        vae_input = composite_on_grey(rgba).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            posterior = self.vae.encode(vae_input).latent_dist
        latent = self.transparency.hide(posterior, rgba)
        picture = self.vae.decode(latent).sample
        raw = self.decoder((picture / 2 + 0.5).clamp(0, 1), latent).float()
        target = torch.cat([padded, rgba[:, 3:]], 1)
        return ForwardPass(vae_input, picture.float(), torch.cat([raw[:, 1:], raw[:, :1]], 1), target)


def reconstruction_loss(decoded: Float[Tensor, "n 4 h w"], target: Float[Tensor, "n 4 h w"]) -> Tensor:
    """The mean of `reconstruction_errors`."""
    return reconstruction_errors(decoded, target).mean()


def reconstruction_errors(
    decoded: Float[Tensor, "n 4 h w"], target: Float[Tensor, "n 4 h w"]
) -> Float[Tensor, "n 4 h w"]:
    """Squared and, for crisp edges, absolute error of padded colour and of alpha, which weigh the same together.

    Decoded values are clipped to [0, 1], so going a little beyond what is fully clear or opaque costs nothing: only
    thus do clear pixels come out at exactly 0 and opaque ones at exactly 1.
    """
    channels = torch.tensor([1.0, 1.0, 1.0, 3.0], device=decoded.device).view(1, 4, 1, 1) / 1.5
    error = decoded - target
    beyond = ((target < LEVEL) & (error < 0)) | ((target > 1 - LEVEL) & (error > 0))
    error = torch.where(beyond, F.relu(error.abs() - OVERSHOOT), error)
    return channels * (error.square() + 0.25 * error.abs())


def train_transparency(
    parts: LatentTransparency,
    draw: Callable[[int], Float[Tensor, "n 4 h w"]],
    folder: Path,
    settings: TrainerConfig,
    weights: TransparencyWeights,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train encoder and decoder in place to their averages over the run; the VAE's weights stay as they are."""
    device, watch = hardware.device, settings.stopwatch(hardware.device)
    parts.vae.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)
    both = torch.nn.ModuleList([parts.encoder, parts.decoder])
    both.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    both.requires_grad_(True)
    average = EMA(both, learning.average)
    optimiser = Optimiser([both], learning, hardware)
    adversary = Adversary(learning, hardware)

    def learn(rgba: Float[Tensor, "n 4 h w"], adversarial_step: bool) -> Losses:
        """Add the gradients of one batch to encoder, decoder and, in an `adversarial_step`, to the discriminator."""
        with hardware.autocast(), watch.part("forward"):
            run = parts.there_and_back(rgba)
        recon = reconstruction_loss(run.decoded, run.target)
        identity = F.mse_loss(run.picture, run.vae_input)
        loss = recon + weights.identity * identity
        losses: dict[str, float | Tensor] = {"recon": recon, "identity": identity}
        losses["alpha_mae"] = (run.decoded[:, 3].clamp(0, 1) - run.target[:, 3]).abs().mean()
        if adversarial_step:
            fake = run.decoded.clamp(0, 1)
            with watch.part("discriminator"):
                generator_loss, losses["judge"] = adversary.train_step(fake, run.target, settings.accumulate)
            loss = loss + weights.adversarial * generator_loss
        with watch.part("backward"):
            (loss / settings.accumulate).backward()  # type: ignore[no-untyped-call]
        return losses

    def take_step(step: int) -> Losses:
        adversarial_step = step >= weights.adversarial_from * settings.steps
        for number in hardware.batch_indices(step, settings.accumulate):
            with watch.part("batch"):
                rgba = draw(number).to(device)
            losses = learn(rgba, adversarial_step)
        with watch.part("optimiser"):
            if adversarial_step:
                adversary.optimiser.step(step, settings.steps)
            optimiser.step(step, settings.steps)
            average.update()
        return losses

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        with average, hardware.autocast():
            run = parts.there_and_back(draw(0)[:12].to(device))
        alpha = run.decoded[:, 3:].clamp(0, 1).expand(-1, 3, -1, -1)
        save_image_grid(path, [run.target, run.decoded.clamp(0, 1), alpha, run.picture / 2 + 0.5])

    states: dict[str, Stateful] = {
        "model": TrainableState(both),
        "average": average,
        "optimiser": optimiser,
        **adversary.states,
    }
    Trainer(folder, states, settings, log, hardware, watch).run_to_average(both, average, take_step, log_samples)
