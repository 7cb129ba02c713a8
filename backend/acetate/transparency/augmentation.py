"""Test-time augmentation: the median of the decoder's outputs for rotated and mirrored views (LayerDiffuse)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

Passes: TypeAlias = Literal[1, 2, 4, 8, "auto"]

SETTLED = 1 / 255
"""With "auto": the mean change of alpha from one number of passes to the next that ends the doubling."""

BATCH_PIXELS = 256 * 256 * 4
"""The most pixels in one batch of views."""


Decoder: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""Decodes a picture in [0, 1] and its latent to alpha and colour, as TransparentDecoder does."""


@dataclass(frozen=True)
class Orientation:
    """One of the eight orientations of an image: mirrored horizontally or not, then rotated."""

    mirrored: bool
    quarter_turns: int

    def of(self, picture: Tensor) -> Tensor:
        """Mirror and rotate an image, (..., h, w)."""
        turned = picture.flip(-1) if self.mirrored else picture
        return torch.rot90(turned, self.quarter_turns, (-2, -1))

    def back(self, picture: Tensor) -> Tensor:
        """Undo `of`."""
        turned = torch.rot90(picture, -self.quarter_turns, (-2, -1))
        return turned.flip(-1) if self.mirrored else turned


ORIENTATIONS = (
    Orientation(False, 0),
    Orientation(False, 2),
    Orientation(True, 0),
    Orientation(True, 2),
    Orientation(False, 1),
    Orientation(False, 3),
    Orientation(True, 1),
    Orientation(True, 3),
)
"""All eight, in the order in which passes use them; the first four preserve the image's shape."""


def decode_augmented(
    decoder: Decoder,
    picture: Float[Tensor, "n 3 h w"],
    latent: Float[Tensor, "n c h/8 w/8"],
    passes: Passes = 8,
) -> Float[Tensor, "n 4 h w"]:
    """Decode to straight-alpha RGBA in [0, 1], float32.

    `picture` is the VAE's decoded picture in [0, 1], `latent` the unscaled latent. Eight passes are the
    published way: every value is the lower median over all views. Fewer take the middle of the first
    views; "auto" takes 2, then 4, then 8 until the alpha has settled to `SETTLED` on average. Raises
    ValueError for another number.
    """
    if passes not in (1, 2, 4, 8, "auto"):
        raise ValueError(f"passes is {passes}: choose 1, 2, 4, 8 or auto")
    counts = (2, 4, 8) if passes == "auto" else (passes,)
    outputs: list[Tensor] = []
    decoded: Tensor | None = None
    for count in counts:
        outputs += _decode_views(decoder, picture, latent, ORIENTATIONS[len(outputs) : count])
        before = outputs[0] if decoded is None else decoded
        decoded = median(outputs)
        moved = (outputs[1] if count == 2 else decoded)[:, :1] - before[:, :1]
        if count < counts[-1] and float(moved.abs().mean(dim=(1, 2, 3)).max()) <= SETTLED:
            break
    assert decoded is not None
    return torch.cat([decoded[:, 1:], decoded[:, :1]], dim=1)


def median(outputs: Sequence[Float[Tensor, "*shape"]]) -> Float[Tensor, "*shape"]:
    """The element-wise median of the outputs: of eight the lower median, of fewer the mean of the middle two.

    The lower median of two or four would bias alpha far below that of eight.
    """
    if len(outputs) == 1:
        return outputs[0]
    stacked = torch.stack(list(outputs))
    if len(outputs) == len(ORIENTATIONS):
        return stacked.median(dim=0).values
    half = len(outputs) // 2
    return stacked.sort(dim=0).values[half - 1 : half + 1].mean(dim=0)


def _decode_views(decoder: Decoder, picture: Tensor, latent: Tensor, views: Sequence[Orientation]) -> list[Tensor]:
    """The clamped outputs for the views, in the original orientation."""
    outputs: list[Tensor] = []
    pixels = picture.shape[0] * picture.shape[2] * picture.shape[3]
    for _, alike in groupby(views, key=lambda view: view.quarter_turns % 2):
        same_shape = list(alike)
        batch_size = max(1, min(len(same_shape), BATCH_PIXELS // pixels))
        for start in range(0, len(same_shape), batch_size):
            outputs += _decode_batch(decoder, picture, latent, same_shape[start : start + batch_size])
    return outputs


def _decode_batch(decoder: Decoder, picture: Tensor, latent: Tensor, views: Sequence[Orientation]) -> list[Tensor]:
    """The clamped outputs for some views of one shape, in the original orientation."""
    pictures = torch.cat([view.of(picture) for view in views])
    latents = torch.cat([view.of(latent) for view in views])
    decoded = decoder(pictures, latents).float().clamp(0, 1)
    parts = decoded.chunk(len(views))
    return [view.back(part).contiguous() for view, part in zip(views, parts, strict=True)]
