"""The upsampler: enlarges a decoded layer and sharpens the autoencoder's blur."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class LayerUpsampler(nn.Module):
    """Residual convolutions over straight RGBA, then sub-pixel convolution (Shi et al. 2016), added to the bilinear
    enlargement.

    `factor` is how many times as wide and as high the result is, `width` the number of channels inside, `depth` that of
    the residual blocks. The last convolution starts at zero, so a fresh upsampler enlarges bilinearly.
    """

    def __init__(self, factor: int = 2, width: int = 64, depth: int = 6) -> None:
        """Make an upsampler that enlarges bilinearly."""
        super().__init__()
        self.config: dict[str, Any] = {"factor": factor, "width": width, "depth": depth}
        self.factor = factor
        self.conv_in = nn.Conv2d(4, width, 3, padding=1)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(width, width, 3, padding=1), nn.SiLU(), nn.Conv2d(width, width, 3, padding=1))
            for _ in range(depth)
        )
        self.conv_out = nn.Conv2d(width, 4 * factor**2, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        if self.conv_out.bias is not None:
            nn.init.zeros_(self.conv_out.bias)

    def forward(self, rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n 4 factor*h factor*w"]:
        """Straight alpha with colour going on under clear pixels, roughly in [0, 1], but not clipped."""
        enlarged = F.interpolate(rgba, scale_factor=self.factor, mode="bilinear", align_corners=False)
        hidden = self.conv_in(rgba.to(self.conv_in.weight) - 0.5)
        for block in self.blocks:
            hidden = hidden + block(F.silu(hidden))
        return enlarged + F.pixel_shuffle(self.conv_out(F.silu(hidden)), self.factor).to(enlarged)
