"""How an element is drawn: as it is computed, in brush strokes, or in a few flat tones with clean edges.

A style works on the finished layer of any kind: it reads it at few points, so that it is the same at every size, and
gives colours and alpha of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from acetate.elements.frame import Band, Canvas, Grid, Layer, clear
from acetate.elements.light import layer_of
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Numbers, Reals, cosine, sine, smoothstep
from acetate.elements.params import choice

REALISTIC, PAINTED, FLAT = "realistic", "painted", "flat"
STYLES: Mapping[str, str] = MappingProxyType({REALISTIC: "Realistic", PAINTED: "Painted", FLAT: "Flat"})
WORDS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("realistic", "photorealistic"), REALISTIC),
        **dict.fromkeys(("painted", "painterly", "brushed", "hand_painted", "oil_painted"), PAINTED),
        **dict.fromkeys(("flat", "cartoon", "cartoonish", "anime", "manga", "comic", "toon", "cel_shaded"), FLAT),
        **dict.fromkeys(("stylized", "stylised", "flat_shaded", "cartoon_style", "anime_style"), FLAT),
    }
)
"""Words of a prompt that choose a style."""
POINTS = 256
"""A layer is read at so many points along the frame's shorter side."""
TONES = (0.22, 0.50, 0.80)
"""Where a flat picture goes from one tone to the next, in shares of what is covered, from dark to light."""
Rows = Callable[[Band], Field]


def style() -> Any:
    """The field of a kind's parameters that chooses one."""
    return choice("Style", STYLES, WORDS)


def styled(canvas: Canvas, layer: Layer, chosen: str, brush: float = 1.0) -> Layer:
    """A premultiplied layer in a style; `brush` is how long and wide its strokes are, 1 for what is broad."""
    if chosen == REALISTIC or not layer[..., 3].any():
        return layer
    drawn = _flat(canvas, layer) if chosen == FLAT else _painted(canvas, layer, brush)
    # A stroke may reach further than what it was drawn after.
    return canvas.fill(lambda band: drawn(band) * clear(canvas, band, 0.02)[..., None], 0.9)


class _Reading:
    """A layer at few points: its alpha, its straight colours, and its lightness, as grids."""

    def __init__(self, canvas: Canvas, layer: Layer, blurs: int) -> None:
        cells = _cells(layer, canvas, blurs)
        alpha = cells[..., 3]
        straight = (cells[..., :3] / np.maximum(alpha, np.float32(1e-4))[..., None]).astype(np.float32)
        light = straight[..., 0] * np.float32(0.3) + straight[..., 1] * np.float32(0.59)
        light += straight[..., 2] * np.float32(0.11)
        self.cells, self.straight = alpha, straight
        self.light: Field = light
        self._canvas = canvas

    def grid(self, cells: Field) -> Grid:
        """Values of the cells at any pixel."""
        canvas = self._canvas
        rows, columns = cells.shape

        def field(x: Field, y: Field) -> Field:
            column = np.clip((x[0] / canvas.across + 0.5) * columns - 0.5, 0, columns - 1)
            row = np.clip((0.5 - y[:, 0] / canvas.down) * rows - 0.5, 0, rows - 1)
            left, top = np.minimum(column.astype(int), columns - 2), np.minimum(row.astype(int), rows - 2)
            across, down = (column - left)[None].astype(np.float32), (row - top)[:, None].astype(np.float32)
            upper = cells[top][:, left] * (1 - across) + cells[top][:, left + 1] * across
            lower = cells[top + 1][:, left] * (1 - across) + cells[top + 1][:, left + 1] * across
            read: Field = upper * (1 - down) + lower * down
            return read

        return Grid(canvas, POINTS, field)

    def typical(self, values: Field, shares: tuple[float, ...]) -> Reals:
        """The values below which these shares of what is covered lie."""
        order = np.argsort(values, axis=None, kind="stable")
        sums = np.cumsum(self.cells.reshape(-1)[order].astype(np.float64))
        found = np.searchsorted(sums, np.array(shares) * sums[-1])
        read: Reals = values.reshape(-1)[order][np.minimum(found, len(order) - 1)].astype(np.float64)
        return read


def _cells(layer: Layer, canvas: Canvas, blurs: int) -> Field:
    """Means of a layer (rows, columns, 4) over cells of the frame, blurred so many times."""
    cells = layer
    for axis, side in ((0, canvas.height), (1, canvas.width)):
        count = min(max(round(side / canvas.unit * POINTS), 2), side)
        starts = np.arange(count) * side // count
        moved = np.moveaxis(cells, axis, 0)
        sums: Field = np.add.reduceat(moved, starts, axis=0)
        spans = np.diff(np.append(starts, side)).astype(np.float32)
        means: Field = sums / spans[:, None, None]
        cells = np.moveaxis(means, 0, axis)
    for _ in range(blurs):
        for axis in (0, 1):
            edged = np.pad(cells, [(2, 2) if one == axis else (0, 0) for one in range(3)])
            first, second, third, fourth, fifth = (
                np.moveaxis(np.moveaxis(edged, axis, 0)[by : by + cells.shape[axis]], 0, axis) for by in range(5)
            )
            cells = (
                third * np.float32(0.375) + (second + fourth) * np.float32(0.25) + (first + fifth) * np.float32(0.0625)
            )
    return np.ascontiguousarray(cells)


def _flat(canvas: Canvas, layer: Layer) -> Rows:
    """Tones with edges that are sharp at any size, opaque where the layer is dense."""
    reading = _Reading(canvas, layer, 3)
    dense = float(reading.typical(reading.cells, (0.75,))[0])
    limits = _apart(reading.typical(reading.light, TONES))
    colours = _tones(reading, limits)
    alpha, light = _Level(reading, reading.cells), _Level(reading, reading.light)
    most = np.float32(min(1.15 * dense, 1.0))

    def band(band: Band) -> Field:
        tone = np.broadcast_to(colours[0], (band.y.shape[0], band.x.shape[1], 3))
        for limit, below, above in zip(limits, colours, colours[1:], strict=False):
            tone = tone + light.above(band, float(limit))[..., None] * (above - below)
        return layer_of(alpha.above(band, 0.36 * dense) * most, tone)

    return band


def _apart(limits: Reals) -> Reals:
    """Those limits of lightness between which a difference is seen."""
    chosen: list[float] = []
    for limit in limits:
        if not chosen or limit - chosen[-1] > 0.02:
            chosen.append(float(limit))
    return np.array(chosen)


def _tones(reading: _Reading, limits: Reals) -> Field:
    """The mean colours (n, 3) of what lies between limits of lightness."""
    place = np.searchsorted(limits, reading.light.reshape(-1))
    weights = reading.cells.reshape(-1).astype(np.float64)
    colours = np.empty((len(limits) + 1, 3))
    for tone in range(len(colours)):
        share = np.where(place == tone, weights, 0) + 1e-9 * weights
        for channel in range(3):
            parts = share * reading.straight[..., channel].reshape(-1)
            colours[tone, channel] = np.cumsum(parts)[-1] / np.cumsum(share)[-1]
    # Flat colours are purer than those of light and shadow.
    grey = colours.mean(axis=1, keepdims=True)
    purer: Field = np.clip(grey + (colours - grey) * 1.15, 0, 1).astype(np.float32)
    return purer


class _Level:
    """Where a field is above a limit, with an edge one pixel wide."""

    def __init__(self, reading: _Reading, cells: Field) -> None:
        self._values = reading.grid(cells)
        down, across = np.gradient(self._values.values)
        steep = np.sqrt(down * down + across * across) * np.float32(POINTS)
        self._steep = reading.grid(cells)
        self._steep.values = np.maximum(steep, np.float32(1e-3))
        self._pixel = np.float32(1 / reading._canvas.unit)

    def above(self, band: Band, limit: float) -> Field:
        """1 above the limit, 0 below."""
        width = np.maximum(self._steep.at(band), np.float32(1e-3)) * self._pixel
        edge: Field = np.clip((self._values.at(band) - np.float32(limit)) / width + np.float32(0.5), 0, 1)
        return edge


def _painted(canvas: Canvas, layer: Layer, brush: float) -> Rows:
    """Two coats of brush strokes: broad ones, and over half of them small ones, with the marks of bristles."""
    reading = _Reading(canvas, layer, 1)
    dense = float(reading.typical(reading.cells, (0.75,))[0])
    grids = [reading.grid(reading.cells), *(reading.grid(reading.straight[..., channel]) for channel in range(3))]
    coats = [
        _Coat(canvas.numbers, f"coat{number}", brush * length, brush * width, *how)
        for number, (length, width, *how) in enumerate(COATS)
    ]
    wave_x = Noise(canvas.numbers, "style.x", 0.12 * canvas.unit, octaves=3)
    wave_y = Noise(canvas.numbers, "style.y", 0.12 * canvas.unit, octaves=3)
    bristle = Noise(canvas.numbers, "style.bristle", 0.012 * canvas.unit, octaves=2)

    def band(band: Band) -> Field:
        x = band.x + wave_x(band.x * 8, band.y * 8) * np.float32(0.022)
        y = band.y + wave_y(band.x * 8, band.y * 8) * np.float32(0.022)
        read = [grid.at(band) for grid in grids]
        for coat in coats:
            at_x, at_y, covered, shade, along, beside = coat.strokes(x, y)
            mark = bristle(along * 14, beside * 85)
            covered = np.clip(covered + mark * np.float32(0.6), 0, 1)
            for number, grid in enumerate(grids):
                # Strokes are bent; what they are drawn after stays where it is.
                stroke = grid.read(at_x - x + band.x, at_y - y + band.y)
                if number:
                    stroke = stroke * (1 + shade + mark * np.float32(0.10))
                else:
                    stroke = stroke + mark * np.float32(0.22) * stroke
                read[number] = read[number] + (stroke - read[number]) * covered
        alpha = smoothstep(0.10 * dense, 0.75 * dense, read[0]) * np.float32(min(1.1 * dense, 1.0))
        return layer_of(alpha, np.clip(np.stack(read[1:], axis=-1), 0, 1))

    return band


COATS = ((0.070, 0.024, 0.13, 0.94), (0.042, 0.013, 0.19, 0.55))
"""The length, width and direction in turns of the strokes of each coat, and the share of places that have one."""


class _Coat:
    """Strokes of one length and width side by side, in rows that are shifted against each other."""

    def __init__(
        self, numbers: Numbers, name: str, length: float, width: float, direction: float, share: float
    ) -> None:
        angle = np.full(1, direction, np.float32)
        self._c, self._s = cosine(angle)[0], sine(angle)[0]
        self._length, self._width = np.float32(length), np.float32(width)
        self._shift = numbers.uniform(f"style.{name}.shift", 256).astype(np.float32)
        self._there = (numbers.uniform(f"style.{name}.there", 1 << 12) < share).astype(np.float32)
        self._shade = numbers.uniform(f"style.{name}.shade", 1 << 12, -0.07, 0.07).astype(np.float32)

    def strokes(self, x: Field, y: Field) -> tuple[Field, ...]:
        """Of the stroke at each point: its middle (x, y), how much it covers, its shade, and the place along and beside
        it in units.
        """
        along, beside = x * self._c + y * self._s, y * self._c - x * self._s
        row = np.floor(beside / self._width)
        lane = along / self._length + self._shift[row.astype(np.int32) & 255]
        place = np.floor(lane)
        own = (row.astype(np.int32) * 97 + place.astype(np.int32) * 31) & 0xFFF
        middle = (place + np.float32(0.5) - (lane - along / self._length)) * self._length
        across = (row + np.float32(0.5)) * self._width
        inside = lane - place
        ends = smoothstep(0.0, 0.12, inside) * smoothstep(1.0, 0.80, inside)
        covered = self._there[own] * ends
        return (
            middle * self._c - across * self._s,
            across * self._c + middle * self._s,
            covered,
            self._shade[own],
            along,
            beside,
        )
