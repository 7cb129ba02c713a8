"""The condition encoder: from a control image to the feature maps of attention sharing (LayerDiffuse)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from jaxtyping import Float
from torch import Tensor, nn

ControlMaps: TypeAlias = Mapping[int, Tensor]
"""The encoder's maps, (n, channels, height, width) each, by their number of positions."""


class ConditionEncoder(nn.Module):
    """Four feature maps of a control image, at 1/8, 1/16, 1/32 and 1/64 of its size.

    `channels` is that of each map, a multiple of 8; 256 is the published one.
    """

    def __init__(self, channels: int = 256) -> None:
        """Make a randomly initialised encoder with the published layer layout."""
        super().__init__()
        self.channels = channels
        thin, quarter, half = channels // 8, channels // 4, channels // 2
        self.blocks_0 = _convolutions((3, thin, thin, quarter, quarter, half, half, channels, channels), {2, 4, 6})
        self.blocks_1 = _convolutions((channels,) * 3, {0})
        self.blocks_2 = _convolutions((channels,) * 3, {0})
        self.blocks_3 = _convolutions((channels,) * 3, {0})

    def forward(self, picture: Float[Tensor, "n 3 h w"]) -> ControlMaps:
        """The maps of a picture in [-1, 1]; its size is that of the picture to be generated."""
        maps: dict[int, Tensor] = {}
        hidden = picture
        for blocks in (self.blocks_0, self.blocks_1, self.blocks_2, self.blocks_3):
            hidden = blocks(hidden)
            # Where a small image gives two maps of one position each, the finer one counts.
            maps.setdefault(hidden.shape[2] * hidden.shape[3], hidden)
        return maps


def _convolutions(widths: tuple[int, ...], halving: set[int]) -> nn.Sequential:
    """3x3 convolutions with SiLU after each; those in `halving` have stride 2."""
    layers: list[nn.Module] = []
    for index in range(len(widths) - 1):
        stride = 2 if index in halving else 1
        layers += [nn.Conv2d(widths[index], widths[index + 1], 3, stride=stride, padding=1), nn.SiLU()]
    return nn.Sequential(*layers)
