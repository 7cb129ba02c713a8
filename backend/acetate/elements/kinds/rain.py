"""Rain: streaks of three distances, the near ones long, broad and blurred by their motion."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, rgb
from acetate.elements.numbers import Field, exp
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, fine


@dataclass(frozen=True)
class Rain:
    """What can be set."""

    density: float = number(
        "Density", 0.5, light=0.2, drizzling=0.15, heavy=0.85, pouring=1.0, dense=0.85, downpour=0.95, drizzle=0.15
    )
    length: float = number("Length", 0.5, short=0.2, long=0.85)
    width: float = number("Width", 0.5, fine=0.2, thin=0.2, thick=0.9)
    wind: float = number(
        "Wind", 0.15, -1.0, 1.0, windy=0.6, stormy=0.8, slanted=0.6, blowing=0.6, wind=0.6, strong_wind=0.9
    )
    depth: float = number("Depth", 0.6, flat=0.0, deep=1.0)
    colour: str = colour("Colour", "#dfe8f2")


@dataclass(frozen=True)
class _Distance:
    """One of the three distances: streaks for each square unit, length and width in units, opacity,
    softness, wraps of a loop."""

    name: str
    count: float
    length: float
    radius: float
    alpha: float
    soft: float
    wraps: int


_DISTANCES = (
    _Distance("far", 900, 0.075, 0.00055, 0.34, 0.3, 2),
    _Distance("middle", 330, 0.15, 0.0010, 0.50, 0.7, 3),
    _Distance("near", 60, 0.30, 0.0024, 0.52, 1.0, 4),
)


def _streaks(canvas: Canvas, rain: Rain, distance: _Distance) -> Strokes:
    numbers, name = canvas.numbers, distance.name
    lean = 0.55 * rain.wind
    reach = distance.length * (0.35 + 1.3 * rain.length)
    tall = canvas.down + 2 * reach
    wide = canvas.across + abs(lean) * tall + 0.1
    # Twice as many are sampled as the middle of the slider shows, so that more rain adds to the same streaks.
    most = int(distance.count * 2.2 * tall * wide)
    count = max(int(most * rain.density), 1)
    x = numbers.uniform(f"{name}.x", most)[:count] * wide - wide / 2
    fall = numbers.uniform(f"{name}.y", most)[:count] - distance.wraps * canvas.phase
    y = (fall - np.floor(fall)) * tall - tall / 2
    size = numbers.uniform(f"{name}.size", most, 0.55, 1.25)[:count]
    bright = numbers.uniform(f"{name}.alpha", most, 0.25, 1.0)[:count]
    tilt = lean + numbers.normal(f"{name}.tilt", most, 0.008)[:count]
    t = np.array([-0.5, -0.2, 0.1, 0.35, 0.46, 0.5])
    # Thin and faint above, round below, as a drop's motion blurs.
    swell = np.array([0.25, 0.6, 0.9, 1.0, 0.9, 0.3])
    fade = np.array([0.0, 0.35, 0.75, 1.0, 0.9, 0.0])
    along = t[None] * (reach * size)[:, None]
    points = np.stack([x[:, None] + tilt[:, None] * (y[:, None] - along), y[:, None] - along], axis=-1)
    radius = distance.radius * (0.4 + 1.2 * rain.width) * size
    return Strokes(
        canvas.pixels(points),
        np.maximum(radius[:, None] * swell, 1e-6) * canvas.unit,
        (distance.alpha * bright)[:, None] * fade,
        soft=distance.soft,
    )


def paint(canvas: Canvas, rain: Rain) -> Layer:
    """A layer of falling rain."""
    depth = np.zeros((canvas.height, canvas.width), np.float32)
    shares = (rain.depth, 1.0, rain.depth)
    for done, (distance, share) in enumerate(zip(_DISTANCES, shares, strict=True), 1):
        strokes = _streaks(canvas, rain, distance)
        fine(depth, dataclasses.replace(strokes, weights=strokes.weights * share))
        canvas.on_progress(0.2 * done)
    tint = rgb(rain.colour)

    def band(band: Band) -> Field:
        return layer_of(np.float32(1) - exp(-depth[band.place]), tint)

    return canvas.fill(band, 0.6)


KIND = Kind(
    "rain",
    "Rain",
    ("rain", "rainfall", "downpour", "drizzle", "rain shower", "rain streak", "raindrop"),
    Rain,
    paint,
    fills=True,
)
