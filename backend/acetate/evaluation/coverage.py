"""What an alpha channel is made of: clear, partial and opaque pixels, loose islands, a cut-off edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray
from torch import Tensor

CLEAR_LEVELS = 2
"""How many of the 256 levels of 8-bit alpha count as clear (0 and 1), and as opaque (254 and 255)."""

VISIBLE_ABOVE = 0.1
"""Alpha above this counts as part of an island: fainter haze neither makes an island nor joins two."""


@dataclass(frozen=True)
class Coverage:
    """Shares of a picture's pixels in [0, 1]; the three add up to 1."""

    clear: float
    partial: float
    opaque: float


@dataclass(frozen=True)
class Shape:
    """How whole the visible part is: shares in [0, 1], both 0 for a subject in one piece inside the frame.

    `outside_largest_island` is a share of the visible pixels, `edge_contact` of the frame's border pixels.
    """

    outside_largest_island: float
    edge_contact: float


def coverage_of(alpha: Float[Tensor, "..."]) -> Coverage:
    """The shares of clear, partial and opaque values in an alpha channel in [0, 1], taken at 8 bits."""
    levels = (alpha * 255).round()
    clear = (levels < CLEAR_LEVELS).float().mean().item()
    opaque = (levels > 255 - CLEAR_LEVELS).float().mean().item()
    return Coverage(clear, max(0.0, 1 - clear - opaque), opaque)


def mean_coverage(coverages: Iterable[Coverage]) -> Coverage:
    """The mean of each share. Raises ValueError when there are none."""
    rows = [(each.clear, each.partial, each.opaque) for each in coverages]
    if not rows:
        raise ValueError("the coverage of no pictures at all is not defined")
    clear, partial, opaque = (sum(column) / len(rows) for column in zip(*rows, strict=True))
    return Coverage(clear, partial, opaque)


def shape_of(alpha: Float[Tensor, "1 h w"], visible_above: float = VISIBLE_ABOVE) -> Shape:
    """How much of an alpha channel in [0, 1] lies outside its largest island, and touches the frame."""
    visible: NDArray[np.bool_] = (alpha[0] > visible_above).cpu().numpy()
    sizes = island_sizes(visible)
    total = sum(sizes)
    border = np.concatenate([visible[0], visible[-1], visible[1:-1, 0], visible[1:-1, -1]])
    return Shape(1 - max(sizes) / total if total else 0.0, float(border.mean()))


def island_sizes(visible: Bool[np.ndarray, "h w"]) -> list[int]:
    """Pixel counts of the islands (pixels that touch by a side or a corner); empty when nothing is visible.

    Joins the runs of each row with those they touch in the row above.
    """
    parents: list[int] = []
    lengths: list[int] = []

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    above: list[tuple[int, int, int]] = []
    for row in visible:
        edges = np.flatnonzero(np.diff(np.pad(row.astype(np.int8), 1)))
        runs = []
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            run = len(parents)
            parents.append(run)
            lengths.append(stop - start)
            runs.append((start, stop, run))
            for above_start, above_stop, above_run in above:
                if above_start <= stop and start <= above_stop:
                    parents[root(above_run)] = root(run)
        above = runs
    sizes: dict[int, int] = {}
    for run, length in enumerate(lengths):
        sizes[root(run)] = sizes.get(root(run), 0) + length
    return list(sizes.values())
