"""The frame that an element fills: its size, its coordinates, the moment of a loop, and work in bands of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from acetate.elements.numbers import Field, Numbers, smoothstep
from acetate.elements.outline import Outline

Layer = NDArray[np.float32]
BAND_PIXELS = 1 << 18
"""Work is done in bands of about this many pixels, whose fields stay in the processor's cache."""
WORKERS = 2


def no_progress(_share: float) -> None:
    """What is called where nobody watches."""


@dataclass(frozen=True)
class Band:
    """Some rows of a frame: their `place` in it, `x` (1, columns) and `y` (rows, 1) in units of the frame."""

    place: tuple[slice, slice]
    x: Field
    y: Field


@dataclass(frozen=True)
class Box:
    """The part of a frame that a contained subject fills, in units of the frame, y upwards."""

    left: float
    bottom: float
    width: float
    height: float

    def grown(self, margin: float) -> Box:
        """The box with a margin on each side."""
        return Box(self.left - margin, self.bottom - margin, self.width + 2 * margin, self.height + 2 * margin)

    @property
    def middle(self) -> float:
        """The x of its vertical axis."""
        return self.left + self.width / 2


@dataclass(frozen=True)
class Canvas:
    """A frame of width x height pixels at one moment of a loop.

    Coordinates have their origin in the middle, x to the right and y up; the shorter side is 1. `phase` is the moment,
    in [0, 1): a picture at 1 would be the one at 0. With an `outline` the element grows along that.
    """

    width: int
    height: int
    numbers: Numbers
    phase: float = 0.0
    on_progress: Callable[[float], None] = field(default=no_progress)
    outline: Outline | None = None

    @property
    def unit(self) -> int:
        """The shorter side in pixels."""
        return min(self.width, self.height)

    @property
    def across(self) -> float:
        """The width in units."""
        return self.width / self.unit

    @property
    def down(self) -> float:
        """The height in units."""
        return self.height / self.unit

    def bands(self, area: Box | None = None) -> Iterator[Band]:
        """The rows of an area, all by default, from the top, in bands."""
        left, right, top, bottom = 0, self.width, 0, self.height
        if area is not None:
            left = max(int((area.left + self.across / 2) * self.unit), 0)
            right = min(int((area.left + area.width + self.across / 2) * self.unit) + 1, self.width)
            top = max(int((self.down / 2 - area.bottom - area.height) * self.unit), 0)
            bottom = min(int((self.down / 2 - area.bottom) * self.unit) + 1, self.height)
        if right <= left:
            return
        step = max(BAND_PIXELS // (right - left), 1)
        across = (np.arange(left, right) + 0.5 - self.width / 2) / self.unit
        for first in range(top, bottom, step):
            last = min(first + step, bottom)
            down = (self.height / 2 - np.arange(first, last) - 0.5) / self.unit
            place = slice(first, last), slice(left, right)
            yield Band(place, across[None].astype(np.float32), down[:, None].astype(np.float32))

    def fill(self, paint: Callable[[Band], Field], begun: float = 0.0, area: Box | None = None) -> Layer:
        """The layer whose bands `paint` gives, (rows, columns, 4), clear outside the area.

        `begun` is the share of all work already done. Bands are painted by several threads, and are the same for any
        number of them.
        """
        layer = np.zeros((self.height, self.width, 4), np.float32)
        self.lay(layer, paint, begun, area)
        return layer

    def lay(self, layer: Layer, paint: Callable[[Band], Field], begun: float = 0.0, area: Box | None = None) -> None:
        """Lay what `paint` gives over an area of a layer."""
        bands = list(self.bands(area))

        def one(band: Band) -> None:
            part = layer[band.place]
            front = paint(band)
            part *= np.float32(1) - front[..., 3:]
            part += front

        # A thread that starts costs more than a small picture.
        with nullcontext() if len(bands) < 2 else ThreadPoolExecutor(WORKERS) as pool:
            try:
                for done, _ in enumerate(map(one, bands) if pool is None else pool.map(one, bands), 1):
                    self.on_progress(begun + (1 - begun) * done / len(bands))
            except BaseException:
                if pool is not None:
                    pool.shutdown(cancel_futures=True)
                raise

    def box(self, narrowest: float, widest: float, margin: float = 0.03) -> Box:
        """The largest box with an aspect ratio (width / height) in [narrowest, widest], inside a margin.

        It stands in the middle of the frame, on the lower margin.
        """
        wide, tall = self.across - 2 * margin, self.down - 2 * margin
        width = min(wide, tall * widest)
        height = min(tall, width / narrowest)
        return Box(-width / 2, -self.down / 2 + margin, width, height)

    def pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points (..., 2) in units as (column, row) in pixels; 0.5 is the middle of the first one."""
        columns = points[..., 0] * self.unit + self.width / 2
        rows = self.height / 2 - points[..., 1] * self.unit
        return np.stack([columns, rows], axis=-1)


class Grid:
    """A smooth field that is computed at few points, evenly spread over a frame, and read at its pixels.

    The points depend on the frame's shape alone, so that the field is the same at every size.
    """

    def __init__(self, canvas: Canvas, points: int, field: Callable[[Field, Field], Field]) -> None:
        """`field(x, y)` gives its values at coordinates x (1, n) and y (m, 1); `points` lie along the shorter side."""
        self._step = 1.0 / points
        self._left = -canvas.across / 2 - 2 * self._step
        self._top = canvas.down / 2 + 2 * self._step
        columns = int(np.ceil(canvas.across * points)) + 6
        rows = int(np.ceil(canvas.down * points)) + 6
        x = (self._left + np.arange(columns) * self._step)[None].astype(np.float32)
        y = (self._top - np.arange(rows) * self._step)[:, None].astype(np.float32)
        self.values: Field = np.array(np.broadcast_to(field(x, y), (rows, columns)), np.float32)

    def at(self, band: Band) -> Field:
        """The field at a band's pixels, by cubic interpolation (Catmull-Rom)."""
        down = self._taps((np.float64(self._top) - band.y[:, 0]) / self._step)
        across = self._taps((band.x[0] - np.float64(self._left)) / self._step)
        rows = np.zeros((band.y.shape[0], self.values.shape[1]), np.float32)
        for index, weight in down:
            rows += self.values[index] * weight[:, None]
        read = np.zeros((band.y.shape[0], band.x.shape[1]), np.float32)
        for index, weight in across:
            read += rows[:, index] * weight
        return read

    def window(self, x: float, y: float, radius: float) -> tuple[tuple[slice, slice], Field, Field]:
        """The part of the values around a point, and its offsets from there, across and up, in radii."""
        rows, columns = self.values.shape
        column, row, reach = (x - self._left) / self._step, (self._top - y) / self._step, radius / self._step
        left, right = max(int(column - reach), 0), min(int(column + reach) + 2, columns)
        top, bottom = max(int(row - reach), 0), min(int(row + reach) + 2, rows)
        across = ((np.arange(left, max(right, left)) - column) / reach)[None].astype(np.float32)
        up = ((row - np.arange(top, max(bottom, top))) / reach)[:, None].astype(np.float32)
        return (slice(top, max(bottom, top)), slice(left, max(right, left))), across, up

    def read(self, x: Field, y: Field) -> Field:
        """The field at any points (bilinear), which are held inside the grid."""
        rows, columns = self.values.shape
        column = np.clip((x - np.float32(self._left)) / np.float32(self._step), 0, columns - 1.001).astype(np.float32)
        row = np.clip((np.float32(self._top) - y) / np.float32(self._step), 0, rows - 1.001).astype(np.float32)
        first = row.astype(np.int32) * columns + column.astype(np.int32)
        across, down = column - np.floor(column), row - np.floor(row)
        flat = self.values.reshape(-1)
        upper = flat.take(first)
        upper += (flat.take(first + 1) - upper) * across
        lower = flat.take(first + columns)
        lower += (flat.take(first + columns + 1) - lower) * across
        value: Field = upper + (lower - upper) * down
        return value

    @staticmethod
    def _taps(place: NDArray[np.float64]) -> list[tuple[NDArray[np.intp], Field]]:
        first = np.floor(place)
        t = (place - first).astype(np.float32)
        start = first.astype(np.intp) - 1
        half = np.float32(0.5)
        weights = (
            half * t * (t * (2 - t) - 1),
            half * (t * t * (3 * t - 5) + 2),
            half * t * (t * (4 - 3 * t) + 1),
            half * t * t * (t - 1),
        )
        return [(start + tap, weight.astype(np.float32)) for tap, weight in enumerate(weights)]


def clear(canvas: Canvas, band: Band, margin: float = 0.06) -> Field:
    """1 inside the frame, falling smoothly to 0 at its outermost pixels over a `margin` in units."""
    pixel = 0.6 / canvas.unit
    across = smoothstep(pixel, pixel + margin, np.float32(canvas.across / 2) - np.abs(band.x))
    down = smoothstep(pixel, pixel + margin, np.float32(canvas.down / 2) - np.abs(band.y))
    return across * down
