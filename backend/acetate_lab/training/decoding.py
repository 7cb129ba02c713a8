"""Training of the transparent decoder alone, on latents as they are when a diffusion model has drawn them.

The VAE and the offset encoder stay as they are, so that a diffusion model's latents mean what they did. A decoder that
was only trained on encoded latents leaves a haze around generated ones, which are slightly out of distribution.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from acetate.transparency.padding import composite_on_grey, pad_rgb
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.image_grid import save_image_grid
from acetate_lab.training.optimizer import EMA, Optimiser, OptimizerConfig
from acetate_lab.training.patchgan import Adversary
from acetate_lab.training.trainer import Log, Losses, Stateful, TrainableState, Trainer, TrainerConfig
from acetate_lab.training.transparency_training import LatentTransparency, reconstruction_errors

DISAGREEMENT = 0.25
"""At this distance from the encoded picture, in [-1, 1], a partly generated latent has no weight for alpha."""
BLUR = 9
"""The side in pixels of the area that agreement is averaged over."""
RIM = 2
"""So many pixels on either side of an outline, nothing is known of a drawn layer's alpha."""
SURE = 0.3
"""Nearer than this to clear or opaque, a decoded alpha is believed to be meant so."""
ADVERSARIAL = 0.02
ADVERSARIAL_FROM = 0.15
"""The weight of the discriminator, and the share of the run after which it joins."""


@dataclass(frozen=True)
class DecoderBatch:
    """One batch of unscaled latents, in three parts.

    `encoded` were encoded from the first of `rgba`, some with noise; `partly` from its last, but finished by the
    diffusion model; `wholly` are that model's own. All that is known of those is the layer that was decoded `before`
    this training, and whether it shows a solid thing.
    """

    encoded: Float[Tensor, "e c h/8 w/8"]
    partly: Float[Tensor, "p c h/8 w/8"]
    wholly: Float[Tensor, "n c h/8 w/8"]
    rgba: Float[Tensor, "e+p 4 h w"]
    before: Float[Tensor, "n 4 h w"]
    solid: Bool[Tensor, " n"]

    @property
    def lengths(self) -> list[int]:
        """How many latents each part has."""
        return [len(self.encoded), len(self.partly), len(self.wholly)]


def premultiplied(rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 4 h w"]:
    """Colour as it adds to a picture: 0 where alpha is."""
    return torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], 1)


def settled(alpha: Float[Tensor, "n 1 h w"], solid: Bool[Tensor, " n"]) -> tuple[Tensor, Tensor]:
    """What the alpha of drawn layers ought to be, and where that is known.

    A solid thing is clear outside its outline and opaque inside; what is not solid stays as it is, however faint.
    Both results have the shape of `alpha`; the second is 1 where the first counts, else 0.
    """
    inside = (alpha >= 0.5).float()
    core, near = -_grown(-inside, RIM), _grown(inside, RIM)
    opaque = (core > 0.5) & (alpha > 1 - SURE)
    clear = (near < 0.5) & (alpha < SURE)
    whole = solid.view(-1, 1, 1, 1)
    return torch.where(whole, opaque.to(alpha), alpha), ((opaque | clear) | ~whole).to(alpha)


def agreement(picture: Float[Tensor, "n 3 h w"], vae_input: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 1 h w"]:
    """How much the picture of a drawn latent shows what was encoded, from 0 to 1; both pictures are in [-1, 1]."""
    apart = (picture - vae_input).abs().mean(1, keepdim=True)
    apart = F.avg_pool2d(apart, BLUR, 1, BLUR // 2, count_include_pad=False)
    return (1 - apart / DISAGREEMENT).clamp(0, 1)


def _grown(area: Tensor, pixels: int) -> Tensor:
    return F.max_pool2d(area, 2 * pixels + 1, 1, pixels)


def train_decoder(
    parts: LatentTransparency,
    draw: Callable[[int], DecoderBatch],
    folder: Path,
    settings: TrainerConfig,
    learning: OptimizerConfig,
    hardware: Distributed,
    log: Log,
) -> None:
    """Train the decoder in place to its average over the run; VAE and encoder stay as they are."""
    device, decoder, watch = hardware.device, parts.decoder, settings.stopwatch(hardware.device)
    for module in (parts.vae, parts.encoder, decoder):
        module.to(device, memory_format=torch.channels_last).eval().requires_grad_(False)  # type: ignore[call-overload]
    decoder.train().requires_grad_(True)
    average = EMA(decoder, learning.average)
    optimiser = Optimiser([decoder], learning, hardware)
    adversary = Adversary(learning, hardware)

    def decode(batch: DecoderBatch) -> tuple[Tensor, Tensor]:
        """The VAE's pictures in [-1, 1] and the decoder's RGBA, of all three parts."""
        latents = torch.cat([batch.encoded, batch.partly, batch.wholly]).to(device)
        latents = latents.contiguous(memory_format=torch.channels_last)
        with hardware.autocast():
            with torch.no_grad(), watch.part("pictures"):
                pictures = parts.vae.decode(latents).sample
            with watch.part("forward"):
                raw = decoder((pictures / 2 + 0.5).clamp(0, 1), latents).float()
        return pictures.float(), torch.cat([raw[:, 1:], raw[:, :1]], 1)

    def losses_of(batch: DecoderBatch, pictures: Tensor, decoded: Tensor) -> dict[str, Tensor]:
        rgba, before = batch.rgba.to(device), batch.before.to(device)
        wanted = torch.cat([pad_rgb(rgba), rgba[:, 3:]], 1)
        encoded, partly, wholly = torch.split(decoded, batch.lengths)
        count = batch.lengths[0]
        trust = agreement(torch.split(pictures, batch.lengths)[1], composite_on_grey(rgba[count:]))
        target, known = settled(before[:, 3:], batch.solid.to(device))
        colour = (wholly[:, :3] - before[:, :3]).square() * before[:, 3:]
        alpha = wholly[:, 3:]
        beyond = F.relu((alpha - target).abs() - torch.where((alpha < 0) | (alpha > 1), 0.05, 0.0))
        return {
            "encoded": reconstruction_errors(encoded, wanted[:count]).mean(),
            "partly": (reconstruction_errors(partly, wanted[count:]) * trust).mean(),
            "settled": (known * (beyond + beyond.square())).mean() + colour.mean(),
        }

    def learn(batch: DecoderBatch, adversarial_step: bool) -> dict[str, Tensor]:
        pictures, decoded = decode(batch)
        with watch.part("losses"):
            losses = losses_of(batch, pictures, decoded)
            loss = losses["encoded"] + losses["partly"] + losses["settled"]
            if adversarial_step:
                real = premultiplied(batch.rgba.to(device))
                fake = premultiplied(decoded.clamp(0, 1))
                generator_loss, losses["judge"] = adversary.train_step(fake, real, settings.accumulate)
                loss = loss + ADVERSARIAL * generator_loss
        with watch.part("backward"):
            (loss / settings.accumulate).backward()  # type: ignore[no-untyped-call]
        return losses

    def take_step(step: int) -> Losses:
        adversarial_step = step >= ADVERSARIAL_FROM * settings.steps
        for number in hardware.batch_indices(step, settings.accumulate):
            with watch.part("batch"):
                batch = draw(number)
            losses = learn(batch, adversarial_step)
        with watch.part("optimiser"):
            if adversarial_step:
                adversary.optimiser.step(step, settings.steps)
            optimiser.step(step, settings.steps)
            average.update()
        return losses

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        batch = draw(0)
        with average:
            _, decoded = decode(batch)
        references = (*torch.split(batch.rgba, batch.lengths[:2]), batch.before)
        # So many of each part that the rows are of one length; a small batch has none of some parts.
        shown = min(length for length in batch.lengths if length)
        rows = []
        for wanted, found in zip(references, torch.split(decoded.clamp(0, 1), batch.lengths), strict=True):
            if not len(found):
                continue
            rows += [wanted[:shown], found[:shown], found[:shown, 3:].expand(-1, 3, -1, -1)]
        save_image_grid(path, rows)

    states: dict[str, Stateful] = {
        "model": TrainableState(decoder),
        "average": average,
        "optimiser": optimiser,
        **adversary.states,
    }
    Trainer(folder, states, settings, log, hardware, watch).run_to_average(decoder, average, take_step, log_samples)
