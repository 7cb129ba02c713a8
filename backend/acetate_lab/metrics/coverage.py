"""What an alpha channel is made of: clear, partial and opaque pixels, loose islands, a cut-off edge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
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
    """How whole the visible part is: shares in [0, 1], all 0 for a subject in one piece inside the frame.

    `outside_largest_island` is a share of the visible pixels, `edge_contact` of the frame's border pixels, and `holes`
    of the area that the subject encloses.
    """

    outside_largest_island: float
    edge_contact: float
    holes: float


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
    """The shares of an alpha channel in [0, 1] outside its largest component, on the frame's border, and in holes."""
    visible: NDArray[np.bool_] = (alpha[0] > visible_above).cpu().numpy()
    sizes = island_sizes(visible)
    total = sum(sizes)
    border = np.concatenate([visible[0], visible[-1], visible[1:-1, 0], visible[1:-1, -1]])
    return Shape(1 - max(sizes) / total if total else 0.0, float(border.mean()), hole_share(visible))


def island_sizes(visible: Bool[np.ndarray, "h w"]) -> list[int]:
    """Pixel counts of the islands (pixels that touch by a side or a corner); empty when nothing is visible."""
    sizes: list[int] = np.bincount(label_islands(visible).ravel())[1:].tolist()
    return sizes


def label_islands(visible: Bool[np.ndarray, "h w"], corners: bool = True) -> Int[np.ndarray, "h w"]:
    """Numbers the islands from 1; 0 where nothing is visible. With `corners`, pixels touch by a corner, too.

    Joins the runs of each row with those they touch in the row above.
    """
    parents: list[int] = []

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = parents[parents[run]]
            run = parents[run]
        return run

    rows: list[list[tuple[int, int, int]]] = [[]]
    reach = 1 if corners else 0
    for row in visible:
        edges = np.flatnonzero(np.diff(np.pad(row.astype(np.int8), 1)))
        runs = []
        for start, stop in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            run = len(parents)
            parents.append(run)
            runs.append((start, stop, run))
            for above_start, above_stop, above_run in rows[-1]:
                if above_start < stop + reach and start < above_stop + reach:
                    parents[root(above_run)] = root(run)
        rows.append(runs)
    numbers: dict[int, int] = {}
    labels = np.zeros(visible.shape, dtype=np.int64)
    for y, runs in enumerate(rows[1:]):
        for start, stop, run in runs:
            labels[y, start:stop] = numbers.setdefault(root(run), len(numbers) + 1)
    return labels


def hole_share(visible: Bool[np.ndarray, "h w"]) -> float:
    """How much of a subject's area, holes included, are clear pixels that it encloses; 0 when nothing is visible.

    Clear pixels are enclosed when no way over the sides of clear pixels leads from them to the frame.
    """
    labels = label_islands(~visible, corners=False)
    border = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    enclosed = int(((labels > 0) & ~np.isin(labels, border)).sum())
    area = int(visible.sum()) + enclosed
    return enclosed / area if area else 0.0
