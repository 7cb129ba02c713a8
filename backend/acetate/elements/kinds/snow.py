"""Falling snow: small sharp flakes far away, large blurred ones near."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, rgb
from acetate.elements.numbers import Field, exp, sine
from acetate.elements.params import colour, number
from acetate.elements.strokes import dots


@dataclass(frozen=True)
class Snow:
    """What can be set."""

    density: float = number(
        "Density", 0.5, light=0.2, sparse=0.15, heavy=0.85, thick=0.85, dense=0.9, blizzard=0.95, snowstorm=0.85
    )
    size: float = number("Size", 0.5, fine=0.2, small=0.2, big=0.8, large=0.85, fluffy=0.75)
    wind: float = number(
        "Wind",
        0.1,
        -1.0,
        1.0,
        windy=0.6,
        blowing=0.6,
        wind=0.6,
        strong_wind=0.9,
        stormy=0.9,
        blizzard=0.8,
        snowstorm=0.6,
    )
    depth: float = number("Depth", 0.6, flat=0.0, deep=1.0)
    colour: str = colour("Colour", "#ffffff")


@dataclass(frozen=True)
class _Distance:
    """Flakes for each square unit, their radius in units, how soft, how opaque, wraps of a loop, and of how many dots a
    flake is a clump, so that no near one is a perfect disc.
    """

    name: str
    count: float
    radius: float
    soft: float
    alpha: float
    wraps: int
    lobes: int


_DISTANCES = (
    _Distance("dust", 1100, 0.0011, 1.2, 0.60, 1, 1),
    _Distance("far", 420, 0.0024, 1.4, 0.80, 1, 2),
    _Distance("middle", 120, 0.0050, 1.5, 0.90, 1, 5),
    _Distance("near", 22, 0.0105, 1.6, 0.75, 2, 5),
    _Distance("close", 5, 0.026, 1.7, 0.34, 2, 5),
)


def _flakes(canvas: Canvas, snow: Snow, distance: _Distance, picture: Field) -> None:
    numbers, name = canvas.numbers, distance.name
    margin = 6 * distance.radius
    tall, wide = canvas.down + 2 * margin, canvas.across + 2 * margin
    most = int(distance.count * 2 * tall * wide)
    count = int(most * snow.density)
    if not count:
        return
    fall = numbers.uniform(f"{name}.y", most)[:count] - distance.wraps * canvas.phase
    fall = fall - np.floor(fall)
    y = fall * tall - tall / 2
    sway = sine((numbers.uniform(f"{name}.sway", most)[:count] + canvas.phase).astype(np.float32))
    # The wind carries a flake as many widths sideways in a loop as brings it back to where it began.
    drift = numbers.uniform(f"{name}.x", most)[:count] + round(distance.wraps * snow.wind) * canvas.phase
    drift = drift + 0.5 * snow.wind * tall / wide * (1 - fall)
    x = (drift - np.floor(drift)) * wide - wide / 2 + 0.012 * sway
    size = numbers.uniform(f"{name}.size", most, 0.6, 1.5)[:count] * distance.radius * (0.4 + 1.2 * snow.size)
    bright = numbers.uniform(f"{name}.alpha", most, 0.5, 1.0)[:count] * distance.alpha
    for lobe in range(distance.lobes):
        offset = np.stack([numbers.normal(f"{name}.{lobe}.{axis}", most, 0.24)[:count] for axis in "xy"], axis=-1)
        part = numbers.uniform(f"{name}.{lobe}.size", most, 0.55, 1.0)[:count]
        # In the wind a flake is seen drawn out along its fall.
        drawn = 2.4 * abs(snow.wind) * ((lobe + 0.5) / distance.lobes - 0.5)
        offset += drawn * np.array([snow.wind, -0.7])
        places = canvas.pixels(np.stack([x, y], axis=-1) + offset * size[:, None])
        dots(picture, places, part * size * canvas.unit, 4.5 / distance.lobes * bright, distance.soft)


def paint(canvas: Canvas, snow: Snow) -> Layer:
    """A layer of falling snow."""
    depth = np.zeros((canvas.height, canvas.width), np.float32)
    for done, distance in enumerate(_DISTANCES, 1):
        if snow.depth > 0 or distance.name in ("far", "middle"):
            share = 1.0 if distance.name in ("far", "middle") else snow.depth
            layer = np.zeros_like(depth)
            _flakes(canvas, snow, distance, layer)
            depth += layer * np.float32(share)
        canvas.on_progress(0.15 * done)
    tint = rgb(snow.colour)

    def band(band: Band) -> Field:
        return layer_of(np.float32(1) - exp(-depth[band.place]), tint)

    return canvas.fill(band, 0.75)


KIND = Kind(
    "snow", "Snow", ("snow", "snowfall", "snowflake", "blizzard", "snowstorm", "snow flurry"), Snow, paint, fills=True
)
