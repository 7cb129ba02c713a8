"""How far one picture is from another: PSNR, SSIM, and the usual measures of an alpha channel.

Every function returns one value a picture, so that a caller can average, sort or show the worst.
"""

from __future__ import annotations

import torch
from acetate.transparency.padding import pad_rgb
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

PSNR_LIMIT = 100.0
"""The PSNR of identical pictures in dB, so that an average over pictures stays finite."""

SSIM_WINDOW = 11
SSIM_SIGMA = 1.5


def psnr(result: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"]) -> Float[Tensor, "n"]:
    """Peak signal-to-noise ratio in decibels over all channels and pixels of each picture; the peak is 1.

    At most `PSNR_LIMIT`. Raises ValueError when the sizes differ.
    """
    _same_size(result, target)
    error = (result.double() - target.double()).square().flatten(1).mean(dim=1)
    return (-10 * torch.log10(error.clamp_min(10 ** (-PSNR_LIMIT / 10)))).float()


def ssim(result: Float[Tensor, "n c h w"], target: Float[Tensor, "n c h w"]) -> Float[Tensor, "n"]:
    """Structural similarity (Wang et al. 2004) of pictures in [0, 1]; 1 is identical.

    A Gaussian window of 11 x 11 and sigma 1.5, K1 = 0.01 and K2 = 0.03, only where the whole window lies
    inside the picture (as in the authors' program); the mean over positions and channels. Raises ValueError
    when the sizes differ or a side is below 11 pixels.
    """
    _same_size(result, target)
    if min(result.shape[-2:]) < SSIM_WINDOW:
        height, width = result.shape[-2:]
        raise ValueError(f"picture {width} x {height} is too small for SSIM: each side needs {SSIM_WINDOW} pixels")
    c1, c2 = 0.01**2, 0.03**2
    a, b = result.double(), target.double()
    mean_a, mean_b = _windowed(a), _windowed(b)
    variance_a = _windowed(a * a) - mean_a.square()
    variance_b = _windowed(b * b) - mean_b.square()
    covariance = _windowed(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a.square() + mean_b.square() + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return (luminance * structure).flatten(1).mean(dim=1).float()


def alpha_mae(result: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n"]:
    """Mean absolute difference of alpha, in [0, 1]."""
    _same_size(result, target)
    return (result - target).abs().flatten(1).mean(dim=1)


def alpha_mse(result: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n"]:
    """Mean squared difference of alpha."""
    _same_size(result, target)
    return (result - target).square().flatten(1).mean(dim=1)


def alpha_sad(result: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"]) -> Float[Tensor, "n"]:
    """Sum of absolute differences of alpha in thousands of pixels, the unit of the matting benchmarks."""
    _same_size(result, target)
    return (result - target).abs().flatten(1).sum(dim=1) / 1000


def alpha_iou(
    result: Float[Tensor, "n 1 h w"], target: Float[Tensor, "n 1 h w"], threshold: float = 0.5
) -> Float[Tensor, "n"]:
    """Intersection over union of the pixels whose alpha is above `threshold`; 1 where neither has any."""
    _same_size(result, target)
    a, b = (result > threshold).flatten(1), (target > threshold).flatten(1)
    shared, either = (a & b).sum(dim=1), (a | b).sum(dim=1)
    return torch.where(either == 0, 1.0, shared / either.clamp_min(1))


def padded_colour_psnr(colour: Float[Tensor, "n 3 h w"], target: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n"]:
    """PSNR of a decoded layer's colour against the target's padded colour, over all pixels, clear ones too.

    Padded colour is what the transparent decoder is trained to give (paper, section 3.1): the colour that
    carries on under transparent pixels, where a later change of alpha would show it.
    """
    return psnr(colour, pad_rgb(target))


def _windowed(picture: Float[Tensor, "n c h w"]) -> Float[Tensor, "n c h2 w2"]:
    """Gaussian-weighted local means at every position where the whole window fits."""
    offset = torch.arange(SSIM_WINDOW, dtype=picture.dtype, device=picture.device) - SSIM_WINDOW // 2
    weights = torch.exp(-offset.square() / (2 * SSIM_SIGMA**2))
    weights = weights / weights.sum()
    channels = picture.shape[1]
    column = weights.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    row = weights.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(picture, column, groups=channels), row, groups=channels)


def _same_size(result: Tensor, target: Tensor) -> None:
    if result.shape != target.shape:
        raise ValueError(
            f"pictures of different sizes cannot be compared: {tuple(result.shape)} and {tuple(target.shape)}"
        )
