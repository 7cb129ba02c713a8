"""What is wanted of a model: every bar that a figure is held to, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Limit:
    """The least or the most that a figure's value may be, in its unit; shares are in [0, 1]."""

    at_least: float | None = None
    at_most: float | None = None

    def met_by(self, value: float) -> bool:
        """Whether a value is within it."""
        above = self.at_least is None or value >= self.at_least
        below = self.at_most is None or value <= self.at_most
        return above and below


BARS: Mapping[str, Limit] = MappingProxyType(
    {
        # Pictures there and back.
        "nine_psnr": Limit(at_least=31.0),
        "alpha_mae": Limit(at_most=0.008),
        "alpha_iou": Limit(at_least=0.985),
        "rgb_cost": Limit(at_most=0.5),
        # The known failures of the published decoder.
        "reddish_cast": Limit(at_most=0.02),
        "shrinking": Limit(at_most=0.02),
        "lowered_opacity": Limit(at_most=0.02),
        "partial_opacity": Limit(at_most=0.03),
        "haze": Limit(at_most=0.005),
        # Generated layers. A judge that is often wrong itself says nothing about them.
        "judge": Limit(at_least=0.95),
        "nearest1": Limit(at_least=0.75),
        "nearest5": Limit(at_least=0.88),
        "colour": Limit(at_least=0.8),
        "clear_gap": Limit(at_most=0.05),
        "opaque_gap": Limit(at_most=0.05),
        "outside": Limit(at_most=0.03),
        "edge": Limit(at_most=0.02),
        "holes": Limit(at_most=0.0),
        "doubled": Limit(at_most=0.05),
        "soft_gap": Limit(at_most=0.15),
    }
)
"""Bars by the keys of their figures."""
