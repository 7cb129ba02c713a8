"""The offset encoder: hides alpha in the latents of a frozen VAE (LayerDiffuse, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

DOWNSAMPLING = frozenset({2, 4, 6})
"""The convolutions that halve the map; together they reach the VAE's 1/8."""


class OffsetEncoder(nn.Module):
    """Nine 3x3 convolutions from alpha and padded RGB to a latent offset of 1/8 the size.

    The last one starts at zero, so a fresh encoder leaves the VAE's latents as they are. `channels` are
    the widths of the eight hidden convolutions; the defaults are the published ones. Raises ValueError
    for another number.
    """

    def __init__(
        self,
        latent_channels: int = 4,
        channels: Sequence[int] = (32, 32, 64, 64, 128, 128, 256, 256),
    ) -> None:
        """Make an encoder whose output is 0 everywhere. Raises ValueError unless there are eight `channels`."""
        super().__init__()
        if len(channels) != 8:
            raise ValueError(f"the offset encoder has eight hidden convolutions; `channels` names {len(channels)}")
        self.config: dict[str, Any] = {"latent_channels": latent_channels, "channels": list(channels)}
        layers: list[nn.Module] = []
        before = 4
        for index, width in enumerate(channels):
            stride = 2 if index in DOWNSAMPLING else 1
            layers += [nn.Conv2d(before, width, 3, stride=stride, padding=1), nn.SiLU()]
            before = width
        last = nn.Conv2d(before, latent_channels, 3, padding=1)
        nn.init.zeros_(last.weight)
        if last.bias is not None:
            nn.init.zeros_(last.bias)
        self.blocks = nn.Sequential(*layers, last)

    def forward(self, alpha_and_padded: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n c h/8 w/8"]:
        """The offset, in deviations of the VAE's posterior, for `cat[alpha, padded_rgb]`, both in [0, 1]."""
        offset: Tensor = self.blocks(alpha_and_padded)
        return offset
