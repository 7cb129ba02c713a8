"""Padded RGB: the colour a picture has under its transparent pixels (LayerDiffuse, section 3.1).

A VAE that never saw alpha needs smooth colour everywhere. The colour of the opaque parts is spread outwards
through a pyramid that shrinks by a factor 1.2, so that no edge appears where alpha falls to zero.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional as F

SHRINK = 1.2
"""The factor from one level of the pyramid to the next."""


def pad_rgb(rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Spread the visible colour under the transparent pixels.

    `rgba` has straight alpha, all values in [0, 1]. The result equals the input colour where alpha is 1
    and is black where the whole picture is transparent. It is computed in float32 and returned in the
    input's dtype. Raises ValueError when the picture has not exactly four channels or no pixels.
    """
    if rgba.ndim != 4 or rgba.shape[1] != 4 or 0 in rgba.shape:
        raise ValueError(f"padded RGB needs pictures of shape (n, 4, height, width), not {tuple(rgba.shape)}")
    pyramid = _premultiplied_pyramid(rgba.float())
    smallest = pyramid[-1].sum(dim=(2, 3), keepdim=True)
    colour = smallest[:, :3] / smallest[:, 3:].clamp_min(1e-8)
    for level in reversed(pyramid):
        colour = F.interpolate(colour, size=level.shape[2:], mode="bilinear", align_corners=False)
        colour = torch.addcmul(level[:, :3], colour, 1.0 - level[:, 3:])
    return colour.to(rgba.dtype)


def composite_on_grey(rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The picture that the frozen VAE encodes: the input's own colour over mid grey, in [-1, 1].

    Mid grey is 0 here, so fully transparent pixels are 0 whatever colour they hold.
    """
    return (rgba[:, :3] * 2 - 1) * rgba[:, 3:]


def _premultiplied_pyramid(rgba: Float[Tensor, "n 4 h w"]) -> list[Tensor]:
    """Premultiplied levels from full size down to the first with a side of one pixel."""
    levels = [torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], dim=1)]
    while min(levels[-1].shape[2:]) > 1:
        height, width = levels[-1].shape[2:]
        rows = _area_average(levels[-1], 2, int(height / SHRINK))
        levels.append(_area_average(rows, 3, int(width / SHRINK)))
    return levels


def _area_average(picture: Tensor, dim: int, size: int) -> Tensor:
    """Shrink one dimension: every new sample averages the stretch of old ones that it covers."""
    samples, weights = _covered(picture.shape[dim], size)
    samples, weights = samples.to(picture.device), weights.to(picture.device, picture.dtype)
    shape = [1] * picture.ndim
    shape[dim] = size
    result: Tensor | None = None
    for sample, weight in zip(samples, weights, strict=True):
        taken, share = picture.index_select(dim, sample), weight.view(shape)
        result = taken * share if result is None else torch.addcmul(result, taken, share)
    assert result is not None
    return result


@lru_cache(maxsize=256)
def _covered(old: int, size: int) -> tuple[Int64[Tensor, "taps size"], Float[Tensor, "taps size"]]:
    """Which of `old` samples each of `size` new ones covers, and by what share of its stretch.

    Computed in float64 on the CPU: not every device supports float64.
    """
    step = old / size
    edges = torch.arange(size + 1, dtype=torch.float64) * step
    first = edges[:-1].floor().long()
    samples = first + torch.arange(int(step) + 2)[:, None]
    covered = torch.minimum(edges[1:], samples + 1.0) - torch.maximum(edges[:-1], samples.double())
    return samples.clamp_max(old - 1), covered.clamp_min(0) / step
