"""The outline of a shape: points at even steps along the contours of a mask, and the way out of the shape at each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from acetate.elements.numbers import Reals

STEP = 0.004
"""The distance of neighbouring points, in units of the frame."""
CELLS = 256
"""A mask is traced on so many cells along the frame's shorter side, so that its contours are the same at every size."""
SHORTEST = 0.04
"""Contours shorter than this are specks."""
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Outline:
    """All contours of a shape, one after the other.

    `points` (n, 2) and `normals` (n, 2), unit vectors out of the shape, in units of the frame with y up; `loops` is the
    slice of each contour, which is closed.
    """

    points: Reals
    normals: Reals
    loops: tuple[slice, ...]

    @classmethod
    def of(cls, mask: Mask) -> Outline:
        """The contours of a mask (height, width) at half of 255. What lies on the mask's border is left out.

        Raises ValueError where it has none.
        """
        height, width = mask.shape
        unit = min(width, height)
        columns, rows = (max(round(side / unit * CELLS), 2) for side in (width, height))
        small = Image.fromarray(mask).resize((columns, rows), Image.Resampling.BOX)
        cells = np.pad(np.asarray(small, np.float64), 1)
        for axis in (0, 1):
            cells = (np.roll(cells, 1, axis) + 2 * cells + np.roll(cells, -1, axis)) / 4
        points, normals, loops = [], [], []
        count = 0
        for contour in _contours(cells / 255 - 0.5):
            placed = np.stack(
                [
                    ((contour[:, 0] - 0.5) / columns - 0.5) * width / unit,
                    (0.5 - (contour[:, 1] - 0.5) / rows) * height / unit,
                ],
                axis=-1,
            )
            placed, out = _even(placed)
            inside = (np.abs(placed) < np.array([width, height]) / unit / 2 - 2.0 / CELLS).all(axis=1)
            placed, out = placed[inside], out[inside]
            if len(placed):
                points.append(placed)
                normals.append(out)
                loops.append(slice(count, count + len(placed)))
                count += len(placed)
        if not points:
            raise ValueError("the mask has no outline: it must show a shape whose edge lies inside the frame")
        return cls(np.concatenate(points), np.concatenate(normals), tuple(loops))

    @property
    def length(self) -> float:
        """Of all contours together, in units."""
        return len(self.points) * STEP

    @property
    def size(self) -> float:
        """The shorter side of the box around it, in units: what grows along it grows in proportion."""
        return float(max((self.points.max(axis=0) - self.points.min(axis=0)).min(), 0.05))


def _contours(values: Reals) -> Iterator[Reals]:
    """The closed polylines (n, 2) at 0 as (column, row), the higher values on their right with rows downwards."""
    rows, columns = values.shape
    high = values > 0
    # The corners of each cell clockwise from the top left, and the edge that follows each.
    corners = high[:-1, :-1], high[:-1, 1:], high[1:, 1:], high[1:, :-1]
    cell = np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]
    upright = rows * columns
    edges = cell, upright + cell + 1, cell + columns, upright + cell
    follows: dict[int, int] = {}
    for edge in range(4):
        leaves = corners[edge] & ~corners[(edge + 1) % 4]
        for back in (1, 2, 3):
            entry = (edge - back) % 4
            enters = leaves & ~corners[entry] & corners[(entry + 1) % 4]
            follows.update(zip(edges[entry][enters].tolist(), edges[edge][enters].tolist(), strict=True))
            leaves = leaves & ~enters
    flat = values.reshape(-1)
    while follows:
        first, second = follows.popitem()
        walked = [first]
        while second != first:
            walked.append(second)
            second = follows.pop(second)
        crossed = np.array(walked)
        down = crossed >= upright
        start = np.where(down, crossed - upright, crossed)
        end = start + np.where(down, columns, 1)
        share = flat[start] / (flat[start] - flat[end])
        yield np.stack([start % columns + np.where(down, 0, share), start // columns + np.where(down, share, 0)], -1)


def _even(contour: Reals) -> tuple[Reals, Reals]:
    """A closed contour in units with points at even steps, smoothed, and its normals."""
    closed = np.concatenate([contour, contour[:1]])
    lengths = np.sqrt((np.diff(closed, axis=0) ** 2).sum(axis=1))
    reach = np.concatenate([[0.0], np.cumsum(lengths)])
    count = int(reach[-1] / STEP)
    if reach[-1] < SHORTEST:
        return np.empty((0, 2)), np.empty((0, 2))
    at = np.arange(count) * (reach[-1] / count)
    placed = np.stack([np.interp(at, reach, closed[:, axis]) for axis in (0, 1)], axis=-1)
    for _ in range(2):
        placed = (np.roll(placed, 1, 0) + placed + np.roll(placed, -1, 0)) / 3
    along = np.roll(placed, -3, 0) - np.roll(placed, 3, 0)
    along /= np.maximum(np.sqrt((along**2).sum(axis=1, keepdims=True)), 1e-9)
    return placed, np.stack([along[:, 1], -along[:, 0]], axis=-1)
