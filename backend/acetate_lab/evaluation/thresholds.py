"""The thresholds of all metrics of a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Threshold:
    """The least or the most that a figure's value may be, in its unit; shares are in [0, 1]."""

    at_least: float | None = None
    at_most: float | None = None

    def met_by(self, value: float) -> bool:
        """Whether a value is within it."""
        above = self.at_least is None or value >= self.at_least
        below = self.at_most is None or value <= self.at_most
        return above and below


THRESHOLDS: Mapping[str, Threshold] = MappingProxyType(
    {
        # Pictures there and back.
        "nine_psnr": Threshold(at_least=31.0),
        "alpha_mae": Threshold(at_most=0.008),
        "alpha_iou": Threshold(at_least=0.985),
        "rgb_cost": Threshold(at_most=0.5),
        # The known failures of the published decoder.
        "reddish_cast": Threshold(at_most=0.02),
        "shrinking": Threshold(at_most=0.02),
        "lowered_opacity": Threshold(at_most=0.02),
        "partial_opacity": Threshold(at_most=0.03),
        "haze": Threshold(at_most=0.005),
        # Generated layers. A judge that is often wrong itself says nothing about them.
        "judge": Threshold(at_least=0.95),
        "nearest1": Threshold(at_least=0.75),
        "nearest5": Threshold(at_least=0.88),
        "colour": Threshold(at_least=0.8),
        "clear_gap": Threshold(at_most=0.05),
        "opaque_gap": Threshold(at_most=0.05),
        "outside": Threshold(at_most=0.03),
        "edge": Threshold(at_most=0.02),
        "holes": Threshold(at_most=0.0),
        "doubled": Threshold(at_most=0.05),
        "soft_gap": Threshold(at_most=0.15),
    }
)
"""Bars by the keys of their figures."""
