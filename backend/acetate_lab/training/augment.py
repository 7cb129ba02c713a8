"""Random views of stored pictures: scaled, turned, mirrored, recoloured, and set over backgrounds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class RandomView:
    """The range of random placements: `scale` of the picture in the frame, `turn` in radians, `shift` of the frame.

    Where the picture is larger than the frame, the frame's position on it is random.
    """

    scale: tuple[float, float] = (0.8, 1.05)
    turn: float = 0.15
    shift: float = 0.04
    mirror: bool = True


def uniform(n: int, low: float, high: float, generator: Generator) -> Float[Tensor, " n"]:
    """`n` numbers drawn evenly from [low, high)."""
    return torch.rand(n, generator=generator) * (high - low) + low


CPU = torch.device("cpu")


def from_stored(pictures: NDArray[np.uint8], device: torch.device = CPU) -> Float[Tensor, "n 4 h w"]:
    """Stored uint8 (n, h, w, 4) pictures as straight RGBA in [0, 1] on `device`, where they become floats."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).to(device).permute(0, 3, 1, 2).float() / 255


def random_views(
    rgba: Float[Tensor, "n 4 h w"], size: int, view: RandomView, generator: Generator
) -> Float[Tensor, "n 4 size size"]:
    """Place each picture at random in a clear square of `size` pixels; resampled premultiplied, where `rgba` is.

    Of the same CPU `generator`, every device places them alike.
    """
    n = rgba.shape[0]
    scale = uniform(n, *view.scale, generator)
    turn = uniform(n, -view.turn, view.turn, generator)
    shift = uniform(2 * n, -view.shift, view.shift, generator).view(n, 2) * 2
    roam = uniform(2 * n, -1, 1, generator).view(n, 2)
    mirror = torch.where(torch.rand(n, generator=generator) < 0.5, -1.0, 1.0) if view.mirror else torch.ones(n)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 0, 1] = torch.cos(turn) / scale * mirror, torch.sin(turn) / scale * mirror
    theta[:, 1, 0], theta[:, 1, 1] = -torch.sin(turn) / scale, torch.cos(turn) / scale
    theta[:, :, 2] = shift + roam * (1 - 1 / scale).clamp_min(0).view(n, 1)
    premultiplied = torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], 1)
    # Sample at twice the size and average 2 x 2, so that shrinking does not alias.
    grid = F.affine_grid(theta.to(rgba.device), [n, 4, 2 * size, 2 * size], align_corners=False)
    placed = F.avg_pool2d(F.grid_sample(premultiplied, grid, align_corners=False), 2)
    alpha = placed[:, 3:]
    colour = torch.where(alpha > 1e-4, placed[:, :3] / alpha.clamp_min(1e-4), 0.0)
    return torch.cat([colour.clamp(0, 1), torch.where(alpha > 1e-4, alpha, 0.0)], 1)


def randomly_tinted(
    rgba: Float[Tensor, "n 4 h w"], generator: Generator, share: float = 0.15
) -> Float[Tensor, "n 4 h w"]:
    """Draw the colours of a `share` of the pictures towards one colour each, half of them towards a grey.

    So alpha is learnt for its own sake: a VAE that sees layers over mid grey must not lose what is grey itself.
    """
    n = rgba.shape[0]
    colour = torch.rand(n, 3, 1, 1, generator=generator)
    grey = colour.mean(1, keepdim=True).expand_as(colour)
    colour = torch.where(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, grey, colour)
    chosen = torch.rand(n, 1, 1, 1, generator=generator) < share
    amount = torch.where(chosen, torch.rand(n, 1, 1, 1, generator=generator), 0.0)
    colour, amount = colour.to(rgba.device), amount.to(rgba.device)
    return torch.cat([torch.lerp(rgba[:, :3], colour, amount), rgba[:, 3:]], 1)


def random_backgrounds(padded: Float[Tensor, "n 3 h w"], generator: Generator) -> Float[Tensor, "n 3 h w"]:
    """Opaque backgrounds: plain colours, two-colour gradients, soft noise, and enlarged colours of other pictures."""
    (n, _, height, width), device = padded.shape, padded.device
    first, second = torch.rand(2, n, 3, 1, 1, generator=generator).to(device)
    angle = uniform(n, 0, 2 * math.pi, generator).view(n, 1, 1, 1).to(device)
    rows, columns = (torch.linspace(-1, 1, side, device=device) for side in (height, width))
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    ramp = (x * torch.cos(angle) + y * torch.sin(angle) + 1).div(2).clamp(0, 1)
    gradient = first + (second - first) * ramp
    cells = int(torch.randint(2, 17, (1,), generator=generator))
    coarse = torch.rand(n, 3, cells, cells, generator=generator).to(device)
    noise = F.interpolate(coarse, (height, width), mode="bicubic")
    other = F.interpolate(
        padded.roll(1, 0)[:, :, height // 4 : -height // 4, width // 4 : -width // 4], (height, width)
    )
    kind = torch.randint(0, 4, (n, 1, 1, 1), generator=generator).to(device)
    picture = torch.where(kind == 0, first.expand_as(padded), gradient)
    picture = torch.where(kind == 2, (0.5 * gradient + 0.5 * noise), picture)
    return torch.where(kind == 3, other, picture).clamp(0, 1)
