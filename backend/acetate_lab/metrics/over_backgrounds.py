"""Layers compared as they are seen: composited over nine plain backgrounds."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from acetate_lab.metrics.image_quality import psnr, ssim

BACKGROUNDS: dict[str, tuple[float, float, float]] = {
    "grey": (0.5, 0.5, 0.5),
    "black": (0.0, 0.0, 0.0),
    "white": (1.0, 1.0, 1.0),
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
    "cyan": (0.0, 1.0, 1.0),
    "magenta": (1.0, 0.0, 1.0),
    "yellow": (1.0, 1.0, 0.0),
}
"""The nine backgrounds that RGBA autoencoders are compared on; sRGB-encoded."""


@dataclass(frozen=True)
class NineBackgrounds:
    """PSNR in decibels and SSIM, a row for each of `BACKGROUNDS` in its order, a column for each picture."""

    psnr: Float[Tensor, "9 n"]
    ssim: Float[Tensor, "9 n"]


def composite(layer: Float[Tensor, "*n 4 h w"], under: Float[Tensor, "*#n 3 #h #w"]) -> Float[Tensor, "*n 3 h w"]:
    """A straight-alpha layer in [0, 1] over an opaque picture, blended sRGB-encoded as in the paper (section 3.2)."""
    colour, alpha = layer[..., :3, :, :], layer[..., 3:, :, :]
    return colour * alpha + under * (1 - alpha)


def over_colour(layer: Float[Tensor, "n 4 h w"], colour: tuple[float, float, float]) -> Float[Tensor, "n 3 h w"]:
    """A straight-alpha layer in [0, 1] over one plain colour."""
    return composite(layer, torch.tensor(colour, dtype=layer.dtype, device=layer.device).view(3, 1, 1))


def compare_over_nine(result: Float[Tensor, "n 4 h w"], target: Float[Tensor, "n 4 h w"]) -> NineBackgrounds:
    """Composite both layers (straight alpha, [0, 1]) over each background and compare what is seen.

    PSNR and SSIM are taken for each picture and background over all pixels and the three channels. The
    figure of a set of pictures is the plain mean of these values (of the decibels, not of the errors) over
    backgrounds and pictures. Raises ValueError when the sizes differ or a side is below 11 pixels.
    """
    peaks, similarities = [], []
    for colour in BACKGROUNDS.values():
        a, b = over_colour(result, colour), over_colour(target, colour)
        peaks.append(psnr(a, b))
        similarities.append(ssim(a, b))
    return NineBackgrounds(torch.stack(peaks), torch.stack(similarities))
