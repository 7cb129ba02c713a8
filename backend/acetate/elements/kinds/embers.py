"""Embers and sparks: glowing grains that a hot draught carries upwards, some sharp, some out of focus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.fire import heat_colours
from acetate.elements.light import glow, ramp
from acetate.elements.numbers import Field, Reals, exp, sine
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, dots, fine

TRAIL = np.array([1.0, 0.85, 0.7, 0.55, 0.4, 0.25, 0.12, 0.05, 0.02, 0.0])
"""Places on a spark's trail, from its end to its head."""
HEAD = 7
"""Which of these is in the middle of the ember."""


@dataclass(frozen=True)
class Embers:
    """What can be set."""

    density: float = number("Density", 0.5, few=0.2, sparse=0.2, many=0.85, dense=0.9)
    size: float = number("Size", 0.5, small=0.2, tiny=0.1, fine=0.2, big=0.85, large=0.85)
    length: float = number("Trails", 0.4, round=0.0, short=0.2, long=0.9, streaking=0.9)
    wind: float = number("Wind", 0.2, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, strong_wind=0.9)
    turbulence: float = number("Turbulence", 0.5, calm=0.15, swirling=0.9, wild=0.9, turbulent=0.9)
    depth: float = number("Depth", 0.5, flat=0.0, deep=1.0, bokeh=0.9)
    glow: float = number("Glow", 0.5, faint=0.2, bright=0.85, intense=0.95, glowing=0.7)
    colour: str = colour("Colour", "#ff7a1c")


@dataclass(frozen=True)
class _Sparks:
    """`n` sparks: their path (n, k, 2) in units up to where they are now, their radius, their heat in [0, 1]."""

    path: Reals
    radius: Reals
    heat: Reals


def _sparks(canvas: Canvas, embers: Embers, name: str, each: float, size: float) -> _Sparks:
    numbers = canvas.numbers
    most = int(each * 2 * canvas.across * max(canvas.down, 0.6))
    count = int(most * embers.density)
    wraps = 1 + (numbers.uniform(f"{name}.wraps", most)[:count] < 0.35)
    start = numbers.uniform(f"{name}.age", most)[:count] + wraps * canvas.phase
    age = start - np.floor(start)
    home = numbers.uniform(f"{name}.x", most, -0.62, 0.62)[:count] * canvas.across
    turn = numbers.uniform(f"{name}.turn", most)[:count]
    sway = numbers.uniform(f"{name}.sway", most, 0.4, 1.0)[:count] * 0.09 * embers.turbulence
    speed = numbers.uniform(f"{name}.speed", most, 0.75, 1.15)[:count]
    trail = numbers.uniform(f"{name}.trail", most)[:count] ** 2
    back = TRAIL[None] * (0.010 + 0.105 * embers.length * trail * speed)[:, None]
    when = age[:, None] - back
    rise = when * (canvas.down + 0.1) * speed[:, None] - canvas.down / 2 - 0.04
    waves = sine((when * 1.7 + turn[:, None]).astype(np.float32)) + 0.5 * sine(
        (when * 4.3 + 3 * turn[:, None]).astype(np.float32)
    )
    x = home[:, None] + sway[:, None] * waves + 0.45 * embers.wind * canvas.down * (when - 0.35)
    fade = np.clip(age / 0.05, 0, 1) * np.clip((1 - age) / 0.5, 0, 1)
    heat = fade * numbers.uniform(f"{name}.heat", most, 0.35, 1.0)[:count]
    scale = numbers.uniform(f"{name}.size", most, 0.45, 1.2)[:count]
    return _Sparks(np.stack([x, rise], axis=-1), size * scale * scale * (0.35 + 1.3 * embers.size), heat)


def paint(canvas: Canvas, embers: Embers) -> Layer:
    """Sparks all over the frame, densest and hottest below."""
    shape = (canvas.height, canvas.width)
    sharp, blurred = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    # Thin behind, round in front: a trail that is shorter than it is wide has no shape of its own.
    swell = np.array([0.12, 0.27, 0.41, 0.55, 0.68, 0.75, 0.75, 0.66, 0.40, 0.10])
    for name, each, size in (("dust", 420, 0.0013), ("spark", 170, 0.0031), ("ember", 30, 0.0056)):
        sparks = _sparks(canvas, embers, name, each, size)
        weights = sparks.heat[:, None] * (swell * swell)[None]
        fine(
            sharp,
            Strokes(canvas.pixels(sparks.path), sparks.radius[:, None] * swell * canvas.unit, weights * 0.95, soft=0.8),
        )
        dots(sharp, canvas.pixels(sparks.path[:, HEAD]), 0.8 * sparks.radius * canvas.unit, 1.6 * sparks.heat, 1.2)
    canvas.on_progress(0.3)
    near = _sparks(canvas, embers, "near", 18 * embers.depth, 0.013)
    dots(blurred, canvas.pixels(near.path[:, -1]), near.radius * canvas.unit, 0.35 * near.heat, 0.7)
    reach = 0.03 * canvas.unit
    halo = glow(sharp, reach, 4)
    canvas.on_progress(0.6)
    colours = heat_colours(embers.colour)

    def band(band: Band) -> Field:
        heat = sharp[band.place] * np.float32(1.5) + blurred[band.place] * np.float32(0.8)
        heat += halo[band.place] * np.float32(3.2 * embers.glow)
        alpha = np.float32(1) - exp(heat * np.float32(-1.4))
        layer = np.empty((*heat.shape, 4), np.float32)
        layer[..., 3] = alpha
        layer[..., :3] = ramp(heat * np.float32(0.75), colours) * alpha[..., None]
        return layer

    return canvas.fill(band, 0.6)


KIND = Kind(
    "embers",
    "Embers",
    ("ember", "spark", "glowing ash", "fire spark", "fire particle"),
    Embers,
    paint,
    fills=True,
    light=True,
)
