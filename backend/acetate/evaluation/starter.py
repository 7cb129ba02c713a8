"""The starter model measured: held-out pictures there and back, and the transparency of what it generates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.evaluation.backgrounds import BACKGROUNDS, compare_over_nine
from acetate.evaluation.coverage import Coverage, Shape, coverage_of, mean_coverage, shape_of
from acetate.evaluation.held_out import HeldOut, HeldOutPicture
from acetate.evaluation.metrics import alpha_iou, alpha_mae, alpha_sad, padded_colour_psnr, psnr
from acetate.transparency.augmentation import decode_augmented
from acetate.transparency.files import Transparency
from acetate.transparency.latent import adjusted_latent
from acetate.transparency.padding import pad_rgb, vae_feed

BATCH = 8

PassCount: TypeAlias = Literal[1, 2, 4, 8]
"""A fixed number of passes, so that figures of different pictures are of the same decode."""

Generate = Callable[[str, int], Tensor]
"""Makes the layer of a prompt and a seed: straight-alpha RGBA, "1 4 h w", in [0, 1]."""

Report = Callable[[str, int, int], None]
"""Told the stage (`held-out` or `layers`), how many of it are done, and how many there are."""


@dataclass(frozen=True)
class Parts:
    """The parts that carry a layer into latent space and back, as the model loads them.

    `vae` is the frozen AutoencoderKL, `transparency` the offset encoder and transparent decoder on top of it;
    a decode takes the median of `passes` flips and turns.
    """

    vae: Any
    transparency: Transparency
    passes: PassCount = 8


@dataclass(frozen=True)
class Reconstruction:
    """One held-out picture after encode and decode. PSNR in decibels; `alpha_sad` in thousands of pixels.

    The three `rgb_` figures are of the frozen decoder alone, which sees no alpha: its picture from the latent
    with and without the offset, each against the picture that was encoded, and the two against each other.
    """

    about: HeldOutPicture
    alpha_psnr: float
    alpha_mae: float
    alpha_iou: float
    alpha_sad: float
    colour_psnr: float
    background_psnr: dict[str, float]
    background_ssim: dict[str, float]
    rgb_with_offset: float
    rgb_without_offset: float
    rgb_between: float
    given: Float[Tensor, "4 h w"]
    decoded: Float[Tensor, "4 h w"]


@dataclass(frozen=True)
class GeneratedLayer:
    """One layer made from a prompt, what its alpha is made of, and the seconds it took."""

    prompt: str
    seed: int
    seconds: float
    coverage: Coverage
    shape: Shape
    picture: Float[Tensor, "4 h w"]


@dataclass(frozen=True)
class StarterReport:
    """Everything that an evaluation measured; `data` is the coverage of the pictures learned from."""

    model: str
    passes: int
    reconstructions: tuple[Reconstruction, ...]
    layers: tuple[GeneratedLayer, ...]
    data: Coverage

    def generated(self) -> Coverage:
        """The mean coverage of the generated layers. Raises ValueError when none were made."""
        return mean_coverage(layer.coverage for layer in self.layers)


def evaluate_starter(
    parts: Parts,
    held_out: HeldOut,
    generate: Generate,
    prompts: Sequence[str],
    *,
    model: str = "starter",
    seed: int = 0,
    report: Report = lambda stage, done, total: None,
) -> StarterReport:
    """Measure the latent transparency on held-out pictures, and one layer for each prompt.

    The layers' seeds are `seed`, `seed` + 1, and so on. `prompts` may be empty: then no layers are made.
    The parts keep their device and number type.
    """
    reconstructions = tuple(reconstruct(parts, held_out, report))
    layers = []
    for index, prompt in enumerate(prompts):
        layers.append(_measure_layer(generate, prompt, seed + index))
        report("layers", index + 1, len(prompts))
    return StarterReport(model, parts.passes, reconstructions, tuple(layers), held_out.coverage)


@torch.inference_mode()
def reconstruct(parts: Parts, held_out: HeldOut, report: Report) -> Iterator[Reconstruction]:
    """Encode and decode every held-out picture, in its order."""
    total = len(held_out.pictures)
    for start in range(0, total, BATCH):
        given = held_out.pictures[start : start + BATCH]
        without, with_offset = encode(parts, given)
        plain, seen = frozen_decode(parts, without), frozen_decode(parts, with_offset)
        decoded = decode_augmented(parts.transparency.decoder, seen, with_offset, parts.passes).cpu()
        fed = vae_feed(given) / 2 + 0.5
        about = held_out.about[start : start + BATCH]
        yield from _compare(about, given, decoded, fed, seen.float().cpu(), plain.float().cpu())
        report("held-out", min(start + BATCH, total), total)


def encode(
    parts: Parts, given: Float[Tensor, "n 4 h w"]
) -> tuple[Float[Tensor, "n c h8 w8"], Float[Tensor, "n c h8 w8"]]:
    """A straight-alpha picture's latent without the offset (the posterior's mean), and with it."""
    transparency, vae_like = parts.transparency, next(parts.vae.parameters())
    seen = torch.cat([given[:, 3:], pad_rgb(given)], dim=1)
    posterior = parts.vae.encode(vae_feed(given).to(vae_like)).latent_dist
    offset = transparency.encoder(seen.to(next(transparency.encoder.parameters()))).to(vae_like)
    return posterior.mean, adjusted_latent(posterior.mean, posterior.std, offset, transparency.multiplier)


def frozen_decode(parts: Parts, latent: Float[Tensor, "n c h8 w8"]) -> Float[Tensor, "n 3 h w"]:
    """The frozen VAE's opaque picture of an unscaled latent, in [0, 1]."""
    picture: Tensor = parts.vae.decode(latent).sample
    return (picture / 2 + 0.5).clamp(0, 1)


def evaluation_prompts(things: Sequence[str], count: int) -> tuple[str, ...]:
    """`count` prompts: names of things that the model knows, evenly spread over `things` in their order.

    Things come again when there are fewer than `count`. Raises ValueError when there are none.
    """
    if not things:
        raise ValueError("the vocabulary names no things to ask the model for")
    if count > len(things):
        return tuple(things[index % len(things)] for index in range(count))
    return tuple(things[index * len(things) // count] for index in range(count))


def _measure_layer(generate: Generate, prompt: str, seed: int) -> GeneratedLayer:
    began = time.perf_counter()
    picture = generate(prompt, seed)[0].detach().float().cpu()
    seconds = time.perf_counter() - began
    return GeneratedLayer(prompt, seed, seconds, coverage_of(picture[3:]), shape_of(picture[3:]), picture)


def _compare(
    about: Sequence[HeldOutPicture],
    given: Float[Tensor, "n 4 h w"],
    decoded: Float[Tensor, "n 4 h w"],
    fed: Float[Tensor, "n 3 h w"],
    seen: Float[Tensor, "n 3 h w"],
    plain: Float[Tensor, "n 3 h w"],
) -> Iterator[Reconstruction]:
    """Every figure of one batch; `seen` and `plain` are the frozen decoder's with and without the offset."""
    alpha, wanted = decoded[:, 3:], given[:, 3:]
    nine = compare_over_nine(decoded, given)
    columns = {
        "alpha_psnr": psnr(alpha, wanted),
        "alpha_mae": alpha_mae(alpha, wanted),
        "alpha_iou": alpha_iou(alpha, wanted),
        "alpha_sad": alpha_sad(alpha, wanted),
        "colour_psnr": padded_colour_psnr(decoded[:, :3], given),
        "rgb_with_offset": psnr(seen, fed),
        "rgb_without_offset": psnr(plain, fed),
        "rgb_between": psnr(seen, plain),
    }
    for index, picture in enumerate(about):
        yield Reconstruction(
            about=picture,
            given=given[index],
            decoded=decoded[index],
            background_psnr=dict(zip(BACKGROUNDS, nine.psnr[:, index].tolist(), strict=True)),
            background_ssim=dict(zip(BACKGROUNDS, nine.ssim[:, index].tolist(), strict=True)),
            **{name: values[index].item() for name, values in columns.items()},
        )
