"""Pictures there and back: encoded with their transparency, decoded again, and compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from acetate.transparency.adjusted_latent import adjusted_latent
from acetate.transparency.augmentation import decode_augmented
from acetate.transparency.files import Transparency
from acetate.transparency.padding import composite_on_grey, pad_rgb
from jaxtyping import Float
from torch import Tensor

from acetate_lab.evaluation.generation.generator import PassCount
from acetate_lab.evaluation.transparency.perceptual import Perceptual
from acetate_lab.metrics.held_out import HeldOut, HeldOutPicture
from acetate_lab.metrics.image_quality import alpha_iou, alpha_mae, alpha_mse, alpha_sad, padded_colour_psnr, psnr
from acetate_lab.metrics.matting import connectivity_error, gradient_error
from acetate_lab.metrics.over_backgrounds import BACKGROUNDS, compare_over_nine, over_colour

BATCH = 8


@dataclass(frozen=True)
class Autoencoder:
    """The parts that carry a layer into latent space and back, as the model loads them.

    `vae` is the frozen AutoencoderKL, `transparency` the offset encoder and transparent decoder on top of it;
    a decode takes the median of `passes` flips and turns.
    """

    vae: Any
    transparency: Transparency
    passes: PassCount = 8


@dataclass(frozen=True)
class RoundTrip:
    """Layers after encode and decode, and the frozen decoder's opaque pictures with and without the offset.

    `fed` is the VAE's input, the layers over mid grey. All in [0, 1], on the CPU.
    """

    decoded: Float[Tensor, "n 4 h w"]
    fed: Float[Tensor, "n 3 h w"]
    with_offset: Float[Tensor, "n 3 h w"]
    without_offset: Float[Tensor, "n 3 h w"]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """One picture after encode and decode. PSNR in decibels; `alpha_sad` in thousands of pixels.

    The three `rgb_` figures are of the frozen decoder alone, which sees no alpha: its picture from the latent
    with and without the offset, each against the picture that was encoded, and the two against each other.
    `lpips` is the mean over the nine backgrounds, None where its networks are not on this computer.
    """

    about: HeldOutPicture
    alpha_psnr: float
    alpha_mae: float
    alpha_mse: float
    alpha_iou: float
    alpha_sad: float
    gradient: float
    connectivity: float
    colour_psnr: float
    background_psnr: dict[str, float]
    background_ssim: dict[str, float]
    rgb_with_offset: float
    rgb_without_offset: float
    rgb_between: float
    original: Float[Tensor, "4 h w"]
    decoded: Float[Tensor, "4 h w"]
    lpips: float | None = None


def reconstruct(
    parts: Autoencoder, held_out: HeldOut, report: Callable[[int, int], None], perceptual: Perceptual | None = None
) -> Iterator[Reconstruction]:
    """Encode and decode every held-out picture, in its order; `report` gets the number done and the total."""
    total = len(held_out.pictures)
    for start in range(0, total, BATCH):
        original = held_out.pictures[start : start + BATCH]
        about = held_out.about[start : start + BATCH]
        yield from _compare(about, original, round_trip(parts, original), perceptual)
        report(min(start + BATCH, total), total)


@torch.inference_mode()
def round_trip(parts: Autoencoder, original: Float[Tensor, "n 4 h w"]) -> RoundTrip:
    """Encode straight-alpha layers in [0, 1], sides multiples of 64, and decode them again."""
    without, with_offset = encode(parts, original)
    plain, seen = frozen_decode(parts, without), frozen_decode(parts, with_offset)
    decoded = decode_augmented(parts.transparency.decoder, seen, with_offset, parts.passes)
    fed = composite_on_grey(original) / 2 + 0.5
    return RoundTrip(decoded.float().cpu(), fed, seen.float().cpu(), plain.float().cpu())


def encode(
    parts: Autoencoder, original: Float[Tensor, "n 4 h w"]
) -> tuple[Float[Tensor, "n c h8 w8"], Float[Tensor, "n c h8 w8"]]:
    """A straight-alpha picture's latent without the offset (the posterior's mean), and with it."""
    transparency, vae_like = parts.transparency, next(parts.vae.parameters())
    seen = torch.cat([original[:, 3:], pad_rgb(original)], dim=1)
    posterior = parts.vae.encode(composite_on_grey(original).to(vae_like)).latent_dist
    offset = transparency.encoder(seen.to(next(transparency.encoder.parameters()))).to(vae_like)
    return posterior.mean, adjusted_latent(posterior.mean, posterior.std, offset, transparency.multiplier)


def frozen_decode(parts: Autoencoder, latent: Float[Tensor, "n c h8 w8"]) -> Float[Tensor, "n 3 h w"]:
    """The frozen VAE's opaque picture of an unscaled latent, in [0, 1]."""
    picture: Tensor = parts.vae.decode(latent).sample
    return (picture / 2 + 0.5).clamp(0, 1)


def _compare(
    about: Sequence[HeldOutPicture],
    original: Float[Tensor, "n 4 h w"],
    found: RoundTrip,
    perceptual: Perceptual | None,
) -> Iterator[Reconstruction]:
    """Every figure of one batch."""
    decoded = found.decoded
    alpha, expected = decoded[:, 3:], original[:, 3:]
    nine = compare_over_nine(decoded, original)
    columns = {
        "alpha_psnr": psnr(alpha, expected),
        "alpha_mae": alpha_mae(alpha, expected),
        "alpha_mse": alpha_mse(alpha, expected),
        "alpha_iou": alpha_iou(alpha, expected),
        "alpha_sad": alpha_sad(alpha, expected),
        "gradient": gradient_error(alpha, expected),
        "connectivity": connectivity_error(alpha, expected),
        "colour_psnr": padded_colour_psnr(decoded[:, :3], original),
        "rgb_with_offset": psnr(found.with_offset, found.fed),
        "rgb_without_offset": psnr(found.without_offset, found.fed),
        "rgb_between": psnr(found.with_offset, found.without_offset),
    }
    if perceptual is not None:
        seen = [perceptual(over_colour(decoded, c), over_colour(original, c)) for c in BACKGROUNDS.values()]
        columns["lpips"] = torch.stack(seen).mean(dim=0)
    for index, picture in enumerate(about):
        yield Reconstruction(
            about=picture,
            original=original[index],
            decoded=decoded[index],
            background_psnr=dict(zip(BACKGROUNDS, nine.psnr[:, index].tolist(), strict=True)),
            background_ssim=dict(zip(BACKGROUNDS, nine.ssim[:, index].tolist(), strict=True)),
            **{name: values[index].item() for name, values in columns.items()},
        )
