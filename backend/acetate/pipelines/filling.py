"""What surrounds a hole in a picture, gone on into it: smooth inside, with outlines that stay sharp."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

SEEN = 0.1
"""Premultiplied alpha over this is part of something."""
HALF = 0.55
"""Where more than this share of the surroundings is part of something, so is the hole: a little more than half, since
what goes into the hole should rather end than bulge.
"""
EDGE = 0.1
"""The span of shares around that over which an outline goes from nothing to all."""
ROUNDS = 60
"""How often every level is evened out; the coarser levels have brought it near."""


def filled(picture: Float[Tensor, "4 h w"], hole: Float[Tensor, "h w"]) -> Float[Tensor, "4 h w"]:
    """A premultiplied picture with its hole (1) filled from around it; black and clear where there is no around.

    Whether anything is there is continued apart from what it looks like, so that an outline that runs into the hole
    goes through it and does not fade out.
    """
    if bool((hole > 0).all()):
        return torch.zeros_like(picture)
    visible = (picture[3:] > SEEN).float()
    spread = membrane(torch.cat([picture * visible, picture * (1 - visible), visible]), hole)
    share, empty = spread[8:].clamp(0, 1), 1 - spread[8:].clamp(0, 1)
    thing = torch.where(share > 0, spread[:4] / share.clamp_min(1e-4), 0.0)
    rest = torch.where(empty > 0, spread[4:8] / empty.clamp_min(1e-4), 0.0)
    there = ((share - HALF) / EDGE + 0.5).clamp(0, 1)
    there = there * there * (3 - 2 * there)
    return torch.where(hole > 0, torch.lerp(rest, thing, there), picture).clamp(0, 1)


def grown(hole: Float[Tensor, "h w"], pixels: int) -> Float[Tensor, "h w"]:
    """The hole, wider by so many pixels on every side."""
    return F.max_pool2d(hole[None], 2 * pixels + 1, 1, pixels)[0]


def membrane(values: Float[Tensor, "c h w"], hole: Float[Tensor, "h w"]) -> Float[Tensor, "c h w"]:
    """Values with their hole filled by the smoothest surface that meets its edge (Laplace's equation), nearly.

    Solved from coarse to fine; the picture's border is no edge. Raises ValueError when there is nothing but hole.
    """
    if bool((hole > 0).all()):
        raise ValueError("there is nothing around the hole")
    known = (hole <= 0).to(values)
    height, width = hole.shape
    if min(height, width) > 2:
        weight = F.avg_pool2d(known[None], 2, ceil_mode=True, count_include_pad=False)
        mean = F.avg_pool2d((values * known)[None], 2, ceil_mode=True, count_include_pad=False)
        coarse = membrane((mean / weight.clamp_min(1e-6))[0], (weight[0] <= 0).to(values))
        start = F.interpolate(coarse[None], (height, width), mode="bilinear", align_corners=False)[0]
    else:
        mean = (values * known).sum(dim=(1, 2), keepdim=True) / known.sum()
        start = mean.expand_as(values)
    result = torch.where(known > 0, values, start)
    for _ in range(ROUNDS):
        result = torch.where(known > 0, values, result + laplacian(result) / 4)
    return result


def laplacian(values: Float[Tensor, "c h w"]) -> Float[Tensor, "c h w"]:
    """What the four neighbours of a pixel have more than it, together; beyond the border is what is at the border."""
    around = F.pad(values[None], (1, 1, 1, 1), mode="replicate")[0]
    return around[:, :-2, 1:-1] + around[:, 2:, 1:-1] + around[:, 1:-1, :-2] + around[:, 1:-1, 2:] - 4 * values
