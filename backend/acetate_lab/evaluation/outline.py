"""How clean the alpha of a layer is on either side of its outline, and far away from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

from acetate_lab.metrics.coverage import CLEAR_LEVELS

STEP = 3
"""So many pixels from the outline, a crisp edge is over on both sides."""
FAR = 10
"""Farther than so many pixels from the outline, a solid thing's layer has nothing to show."""
HAZY = 0.005
"""From this share of the far pixels on that are not clear, a layer has a haze."""


@dataclass(frozen=True)
class Outline:
    """Alpha in [0, 1] along the line where it passes a half.

    `within` is its mean three pixels inside (1 where nothing is that thick), `beyond` three pixels outside, and `far`
    the share of the pixels more than ten away outside that are not clear.
    """

    within: float
    beyond: float
    far: float

    @property
    def hazy(self) -> bool:
        """Whether there is a haze around the thing."""
        return self.far > HAZY


def outline_of(alpha: Float[Tensor, "1 h w"]) -> Outline:
    """Measure an alpha channel in [0, 1]; distances are in its pixels."""
    values = alpha[0].cpu().numpy()
    covered = values >= 0.5
    inwards, outwards = _distance(~covered), _distance(covered)
    clear = np.round(values * 255) < CLEAR_LEVELS
    return Outline(
        within=_mean(values, (inwards >= STEP) & (inwards < STEP + 1), nothing=1.0),
        beyond=_mean(values, (outwards >= STEP) & (outwards < STEP + 1), nothing=0.0),
        far=_mean((~clear).astype(np.float32), outwards > FAR, nothing=0.0),
    )


def _mean(values: NDArray[np.float32], where: Bool[np.ndarray, "h w"], nothing: float) -> float:
    return float(values[where].mean()) if where.any() else nothing


def _distance(area: Bool[np.ndarray, "h w"]) -> Float[np.ndarray, "h w"]:
    """How far each pixel's centre is from the nearest one in `area`, up to `FAR` + 1; 0 within it."""
    reach = FAR + 1
    columns = np.where(area, 0, reach).astype(np.int64)
    for step in range(1, reach):
        for moved, kept in ((area[step:], columns[:-step]), (area[:-step], columns[step:])):
            np.minimum(kept, np.where(moved, step, reach), out=kept)
    squares = columns**2
    nearest = squares.copy()
    for step in range(1, reach):
        for moved, kept in ((squares[:, step:], nearest[:, :-step]), (squares[:, :-step], nearest[:, step:])):
            np.minimum(kept, moved + step**2, out=kept)
    return np.sqrt(np.minimum(nearest, reach**2))
