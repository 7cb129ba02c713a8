"""The gradient and connectivity errors of the alpha matting benchmark.

Rhemann et al. 2009, "A perceptually motivated online benchmark for image matting", section 4. Both are taken over the
whole picture, not only where a trimap is unknown, and given in thousands, as matting papers print them.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.metrics.coverage import label_islands

GRADIENT_SIGMA = 1.4
GRADIENT_CUT = 0.01
"""Below this share the Gaussian's tail is cut off."""
CONNECTIVITY_STEP = 0.1
CONNECTIVITY_TOLERANCE = 0.15
"""How far a pixel's alpha may be above the level at which it is connected (theta in the paper)."""


def gradient_error(result: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n"]:
    """The summed squared difference of the two alphas' gradient magnitudes, in thousands.

    Gradients are convolutions with the first derivatives of a Gaussian of sigma 1.4, of unit norm; the border is
    repeated outwards. Raises ValueError when the sizes differ.
    """
    if result.shape != target.shape:
        raise ValueError(f"alphas of different sizes: {tuple(result.shape)} and {tuple(target.shape)}")
    difference = _gradient(result.double()) - _gradient(target.double())
    return (difference.square().flatten(1).sum(dim=1) / 1000).float()


def connectivity_error(result: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n"]:
    """The summed difference of how connected each pixel is to the one body of the picture, in thousands.

    A pixel is connected at a level when it belongs to the largest island (by sides) of pixels where both alphas
    reach that level; what its alpha has above the last such level counts against it from a tolerance of 0.15 on.
    Levels are 0.1 apart. Raises ValueError when the sizes differ.
    """
    if result.shape != target.shape:
        raise ValueError(f"alphas of different sizes: {tuple(result.shape)} and {tuple(target.shape)}")
    pairs = zip(result[:, 0].double().cpu().numpy(), target[:, 0].double().cpu().numpy(), strict=True)
    return torch.tensor([_disconnection(a, b) / 1000 for a, b in pairs])


def _gradient(alpha: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n 1 h w"]:
    reach = math.ceil(GRADIENT_SIGMA * math.sqrt(-2 * math.log(math.sqrt(2 * math.pi) * GRADIENT_SIGMA * GRADIENT_CUT)))
    offset = torch.arange(-reach, reach + 1, dtype=alpha.dtype, device=alpha.device)
    bell = torch.exp(-offset.square() / (2 * GRADIENT_SIGMA**2)) / (GRADIENT_SIGMA * math.sqrt(2 * math.pi))
    kernel = torch.outer(bell, -offset * bell / GRADIENT_SIGMA**2)
    kernel = kernel / kernel.square().sum().sqrt()
    padded = F.pad(alpha, (reach,) * 4, mode="replicate")
    across, down = (F.conv2d(padded, each[None, None]) for each in (kernel, kernel.T))
    return torch.hypot(across, down)


def _disconnection(result: NDArray[np.float64], target: NDArray[np.float64]) -> float:
    # Until a level fails, a pixel counts as connected up to the level before it; one that never fails, up to 1.
    connected = np.full(result.shape, -1.0)
    for step in range(1, round(1 / CONNECTIVITY_STEP) + 1):
        level = step * CONNECTIVITY_STEP
        labels = label_islands((result >= level) & (target >= level), corners=False)
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        body = (labels == sizes.argmax()) & (labels > 0)
        connected[(connected < 0) & ~body] = level - CONNECTIVITY_STEP
    connected[connected < 0] = 1.0
    return float(np.abs(_connectedness(result, connected) - _connectedness(target, connected)).sum())


def _connectedness(alpha: NDArray[np.float64], connected: NDArray[np.float64]) -> NDArray[np.float64]:
    above = alpha - connected
    return 1 - above * (above >= CONNECTIVITY_TOLERANCE)
