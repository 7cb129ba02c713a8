"""Control images: ready-made, or computed from a layer by preprocessors that need no network."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

LUMA = (0.299, 0.587, 0.114)
WEAK, STRONG = 0.08, 0.2
"""Canny's two thresholds on the gradient, where black beside white is 1."""
BLUR = 1.4
LINE_WIDTHS = (1.0, 1.6)
"""The deviations of the two blurs whose difference shows lines, in pixels."""
LINE_GAIN = 12.0


def make_control_image(layer: Float[Tensor, "4 h w"], source: str | None) -> Float[Tensor, "3 h w"]:
    """The opaque control image of an adapter, in [0, 1].

    `layer` is straight alpha. A ready-made image (`source` None) is composited over black, its usual background.
    """
    colour, alpha = layer[:3] * layer[3:], layer[3:]
    if source is None:
        return colour
    over_grey = colour + 0.5 * (1 - alpha)
    if source == "picture":
        return over_grey
    if source == "alpha":
        return alpha.expand(3, -1, -1)
    grey = (over_grey * torch.tensor(LUMA)[:, None, None]).sum(dim=0)
    drawn = canny if source == "edges" else difference_of_gaussians
    return torch.maximum(drawn(grey), drawn(alpha[0])).expand(3, -1, -1)


def canny(grey: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """White outlines one pixel wide on black: Canny's method (1986), thresholds relative to full contrast."""
    smooth = _gaussian_blur(grey, BLUR)
    kernel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 4
    padded = F.pad(smooth[None, None], (1, 1, 1, 1), mode="replicate")
    across, down = F.conv2d(padded, torch.stack([kernel, kernel.T])[:, None])[0]
    steep = torch.hypot(across, down)
    thin = steep * _is_ridge(steep, torch.atan2(down, across))
    return _hysteresis(thin >= WEAK, thin >= STRONG).float()


def _is_ridge(steep: Tensor, angle: Tensor) -> Tensor:
    """Non-maximum suppression: where the gradient exceeds that of both neighbours across the edge."""
    around = F.pad(steep[None, None], (1, 1, 1, 1))[0, 0]
    height, width = steep.shape
    sector = torch.round(angle / (torch.pi / 4)).long() % 4
    ridge = torch.zeros_like(steep, dtype=torch.bool)
    for number, (x, y) in enumerate(((1, 0), (1, 1), (0, 1), (-1, 1))):
        ahead = around[1 + y : 1 + y + height, 1 + x : 1 + x + width]
        before = around[1 - y : 1 - y + height, 1 - x : 1 - x + width]
        ridge |= (sector == number) & (steep >= ahead) & (steep > before)
    return ridge


def _hysteresis(weak: Tensor, strong: Tensor) -> Tensor:
    """The weak pixels that are connected to strong ones."""
    while True:
        grown = weak & (F.max_pool2d(strong.float()[None, None], 3, stride=1, padding=1)[0, 0] > 0)
        if torch.equal(grown, strong):
            return strong
        strong = grown


def difference_of_gaussians(grey: Float[Tensor, "h w"]) -> Float[Tensor, "h w"]:
    """Soft white lines on black where the picture is darker or lighter than around: a difference of two blurs."""
    narrow, wide = (_gaussian_blur(grey, width) for width in LINE_WIDTHS)
    return ((narrow - wide).abs() * LINE_GAIN).clamp(0, 1)


def _gaussian_blur(grey: Float[Tensor, "h w"], deviation: float) -> Float[Tensor, "h w"]:
    reach = min(int(3 * deviation + 0.5), min(grey.shape) - 1)
    positions = torch.arange(-reach, reach + 1, dtype=torch.float32)
    weights = torch.softmax(-(positions**2) / (2 * deviation**2), dim=0)
    padded = F.pad(grey[None, None], (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, weights[None, None, :, None]), weights[None, None, None])[0, 0]
