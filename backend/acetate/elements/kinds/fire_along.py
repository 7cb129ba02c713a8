"""Fire along an outline: tongues that rise from an edge, tall where it faces up and low where it faces down."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from acetate.elements.frame import Band, Canvas, clear
from acetate.elements.kinds.fire import PERIODS, Blaze, flamelets, heated, stir
from acetate.elements.numbers import Field
from acetate.elements.outline import Outline

MOST = 900
"""Flamelets in one period."""


def heat_along(
    canvas: Canvas, outline: Outline, height: float, wind: float, turbulence: float
) -> Callable[[Band], Field]:
    """The heat at a band's pixels of a fire whose tallest tongues have a `height` in units."""
    numbers, half = canvas.numbers, height / 4.2
    count = int(np.clip(14 * outline.length / half, 60, MOST))
    tongues = int(np.clip(outline.length / (0.55 * half), 6, count))
    # Flamelets of one tongue have one place on the outline; every tongue has about as many.
    place = (np.arange(tongues) + numbers.uniform("along.place", tongues, 0.1, 0.9)) / tongues
    tongue = np.arange(count) % tongues
    spread = numbers.normal("along.spread", count, 0.18 * half / outline.length)
    at = ((place[tongue] + spread) % 1.0 * len(outline.points)).astype(np.intp) % len(outline.points)
    foot, out = outline.points[at], outline.normals[at]
    strong = numbers.uniform("along.reach", tongues, 0.55, 1.0)[tongue] * (0.66 + 0.34 * out[:, 1])
    tall = numbers.uniform("along.tall", count, 0.65, 1.0) * strong * height
    start = np.tile(numbers.uniform("along.age", count), PERIODS) + canvas.phase
    age = (start - np.floor(start) + np.repeat(np.arange(PERIODS), count)) / PERIODS
    tall, strong = np.tile(tall, PERIODS), np.tile(strong, PERIODS)
    # Out of the shape at first, then upwards and with the wind.
    aside = 0.42 * tall * age * (1 - 0.45 * age)
    x = np.tile(foot[:, 0], PERIODS) + np.tile(out[:, 0], PERIODS) * aside + wind * height * 0.5 * age * age
    y = np.tile(foot[:, 1], PERIODS) + np.tile(out[:, 1], PERIODS) * aside + tall * age * (0.45 + 0.4 * age)
    size = np.tile(numbers.uniform("along.size", count, 0.75, 1.25), PERIODS) * half
    radius = size * (0.28 * np.sqrt(1 - age) + 0.07) * (0.55 + 0.45 * strong)
    amount = np.clip(age / 0.06, 0, 1) * np.sqrt(np.clip(1.02 - age, 0, 1)) * (0.5 + 0.5 * strong)
    stretch = 1.0 + 1.1 * np.clip(age * 3, 0, 1)
    body, ages = flamelets(canvas, np.stack([x, y, radius, stretch, 0.42 * amount, age], axis=-1))
    stirred = stir(canvas, Blaze("along", 0.0, 0.0, half, height, wind, turbulence), body, ages.at)

    def band(band: Band) -> Field:
        return heated(stirred(band)) * clear(canvas, band, 0.03)

    return band
