"""How like the data the layers are: the Fréchet distance of sets, nearest pictures, and copies."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

CHUNK = 16


def frechet_distance(first: Float[Tensor, "n f"], second: Float[Tensor, "m f"]) -> float:
    """The squared Fréchet distance of two sets of features, taken as normal distributions (Dowson & Landau 1982).

    As in Heusel et al. 2017, but in any features: figures of different features do not compare, nor do
    those of sets of different sizes. Raises ValueError when a set has fewer than two rows.
    """
    if min(len(first), len(second)) < 2:
        raise ValueError("a Fréchet distance needs at least two pictures on either side")
    a, b = first.double(), second.double()
    covariance_a, covariance_b = torch.cov(a.T), torch.cov(b.T)
    root = _square_root(covariance_a)
    shared = torch.linalg.eigvalsh(root @ covariance_b @ root).clamp_min(0).sqrt().sum()
    apart = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    return float(apart + covariance_a.trace() + covariance_b.trace() - 2 * shared)


def nearest(features: Float[Tensor, "n f"], bank: Float[Tensor, "m f"], count: int) -> Int[Tensor, "n count"]:
    """The rows of `bank` with the highest cosine similarity to each of `features`, the nearest first."""
    likeness = F.normalize(features, dim=1) @ F.normalize(bank, dim=1).T
    return likeness.topk(min(count, len(bank)), dim=1).indices


def nearest_pixels(
    views: Float[Tensor, "n 4 64 64"], bank: Float[Tensor, "m 4 64 64"]
) -> tuple[Float[Tensor, " n"], Int[Tensor, " n"]]:
    """For each premultiplied view the root mean square difference to the bank's nearest, and which that is."""
    rows = bank.flatten(1)
    found = [torch.cdist(some.flatten(1), rows).min(dim=1) for some in torch.split(views, CHUNK)]
    scale = rows.shape[1] ** 0.5
    return torch.cat([each.values for each in found]) / scale, torch.cat([each.indices for each in found])


def _square_root(matrix: Float[Tensor, "f f"]) -> Float[Tensor, "f f"]:
    values, vectors = torch.linalg.eigh(matrix)
    root: Tensor = (vectors * values.clamp_min(0).sqrt()) @ vectors.T
    return root
