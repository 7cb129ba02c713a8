"""Liquid: drops that run together where they touch, and the lie of their surface; what splatter and splash share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Box, Canvas
from acetate.elements.light import glow
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, log, smoothstep

JOIN = 0.006
"""How far apart in units two drops begin to run together."""
SPAN = 0.002
"""Slopes are taken over so many units on each side, so that they are the same at every size."""


@dataclass(frozen=True)
class Drop:
    """A drop or a thread of liquid: a line through points (x, y) in units, with a radius at each."""

    points: tuple[tuple[float, float], ...]
    radii: tuple[float, ...]


@dataclass(frozen=True)
class Surface:
    """Drops run together: the depth (height, width) below their edge in units, positive inside, and the slope of their
    surface across and up the picture.
    """

    inside: Field
    slope_x: Field
    slope_y: Field

    @classmethod
    def of(
        cls, canvas: Canvas, drops: Sequence[Drop], on_progress: Callable[[float], None], rough: float = 0.16
    ) -> Surface:
        """The surface of drops, whose edges waver by a share `rough` of their radius."""
        merged = np.zeros((canvas.height, canvas.width), np.float32)
        noise_x = Noise(canvas.numbers, "rough.x", 0.05 * canvas.unit, octaves=3)
        noise_y = Noise(canvas.numbers, "rough.y", 0.05 * canvas.unit, octaves=3)
        for done, drop in enumerate(drops, 1):
            _merge(canvas, merged, drop, (noise_x, noise_y), rough)
            on_progress(0.7 * done / len(drops))
        inside = log(np.maximum(merged, np.float32(3e-4))) * np.float32(JOIN)
        thick = np.float32(1) - exp(np.maximum(inside, 0) * np.float32(-1 / 0.007))
        height = glow(thick * smoothstep(-0.5 / canvas.unit, 0.5 / canvas.unit, inside), 0.012 * canvas.unit, 3)
        height = np.float32(0.55) * height + np.float32(0.45) * thick
        bend = np.float32(canvas.unit * 0.018)
        slopes = [_slope(height, axis, max(round(SPAN * canvas.unit), 1)) * bend for axis in (1, 0)]
        on_progress(1.0)
        return cls(inside, *slopes)

    def cover(self, canvas: Canvas, place: tuple[slice, slice]) -> Field:
        """How much of each pixel it covers."""
        covered: Field = np.clip(self.inside[place] * np.float32(canvas.unit) + np.float32(0.5), 0, 1)
        return covered


def _slope(height: Field, axis: int, span: int) -> Field:
    """How much a height grows along an axis, a pixel, over `span` pixels on each side; there is nothing beyond."""
    along = np.moveaxis(height, axis, 0)
    slope = np.zeros_like(along)
    slope[span:] -= along[:-span]
    slope[:-span] += along[span:]
    grown: Field = np.moveaxis(slope, 0, axis) * np.float32(0.5 / span)
    return grown


def _merge(canvas: Canvas, merged: Field, drop: Drop, noise: tuple[Noise, Noise], rough: float) -> None:
    """Add a drop to a picture of sums of exp(depth / JOIN), whose logarithm joins the drops smoothly."""
    most = max(drop.radii) + 7 * JOIN
    wobble = np.float32(rough * min(max(drop.radii), 0.03))
    points = np.array(drop.points)
    low, high = points.min(axis=0) - most, points.max(axis=0) + most
    for band in canvas.bands(Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))):
        x = band.x + noise[0](band.x * 20, band.y * 20) * wobble
        y = band.y + noise[1](band.x * 20, band.y * 20) * wobble
        depth = np.full(x.shape, -1.0, np.float32)
        for index in range(len(points) - 1):
            (ax, ay), (bx, by) = drop.points[index : index + 2]
            first, last = drop.radii[index : index + 2]
            dx, dy = bx - ax, by - ay
            share = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
            off_x, off_y = x - ax - share * dx, y - ay - share * dy
            np.maximum(depth, first + share * (last - first) - np.sqrt(off_x * off_x + off_y * off_y), out=depth)
        merged[band.place] += exp(np.clip(depth * np.float32(1 / JOIN), -8, 12)) - np.float32(0.00033546)
