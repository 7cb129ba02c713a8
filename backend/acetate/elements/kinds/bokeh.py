"""Bokeh: lights far out of focus, each a disc in the shape of the lens's aperture, with a brighter rim."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction, lit, scattered, turned
from acetate.elements.light import Rgb, mix
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, sine, smoothstep
from acetate.elements.params import choice, colour, number

DISCS = 46
"""Discs for each square unit at half the density."""
SIDES = {"round": 0, "hexagon": 6, "octagon": 8}


@dataclass(frozen=True)
class Bokeh:
    """What can be set."""

    density: float = number("Density", 0.5, few=0.2, sparse=0.2, many=0.8, dense=0.9)
    size: float = number("Size", 0.5, small=0.2, tiny=0.1, big=0.8, large=0.85, huge=1.0)
    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.2, soft=0.35, bright=0.8, strong=0.85)
    softness: float = number("Softness", 0.3, crisp=0.05, sharp=0.05, blurred=0.7, blurry=0.75, dreamy=0.8)
    rim: float = number("Rim", 0.5, flat=0.0, ringed=0.9)
    variety: float = number("Colour variety", 0.35, colourful=0.8, colorful=0.8, multicoloured=1.0, rainbow=1.0)
    shape: str = choice(
        "Shape",
        {"round": "Round", "hexagon": "Hexagon", "octagon": "Octagon"},
        {"hexagonal": "hexagon", "octagonal": "octagon", "round": "round", "circular": "round"},
    )
    colour: str = colour("Colour", "#ffb45c")


@dataclass(frozen=True)
class _Disc:
    """A light: its centre and radius in units, its brightness and colour."""

    x: float
    y: float
    radius: float
    bright: float
    tone: Rgb


def paint(canvas: Canvas, bokeh: Bokeh) -> Layer:
    """Discs of light over the whole frame, which drift and breathe in a loop."""
    dust = Noise(canvas.numbers, "dust", 0.03 * canvas.unit, octaves=3)
    bright = np.zeros((canvas.height, canvas.width), np.float32)
    coloured = np.zeros((canvas.height, canvas.width, 3), np.float32)
    discs = _discs(canvas, bokeh)
    for done, disc in enumerate(discs, 1):
        reach = disc.radius * 1.35
        for band in canvas.bands(Box(disc.x - reach, disc.y - reach, 2 * reach, 2 * reach)):
            light = _disc(canvas, bokeh, band, disc) * (1 + 0.10 * dust(band.x * 34, band.y * 34))
            bright[band.place] += light
            coloured[band.place] += light[..., None] * np.asarray(disc.tone, np.float32)
        canvas.on_progress(0.7 * done / len(discs))
    return canvas.fill(lambda band: lit(bright[band.place], coloured[band.place], 0.6), 0.7)


def _discs(canvas: Canvas, bokeh: Bokeh) -> list[_Disc]:
    numbers = canvas.numbers
    most = max(int(DISCS * 2 * canvas.across * canvas.down), 4)
    count = max(int(most * bokeh.density), 4)
    x, y = scattered(canvas, "disc", most)
    turn = numbers.uniform("turn", most)
    x = x + 0.012 * sine((turn + canvas.phase).astype(np.float32))
    y = y + 0.018 * sine((turn * 3 + canvas.phase).astype(np.float32))
    scale = numbers.uniform("scale", most)
    radius = (0.016 + 0.075 * scale * scale + 0.012 * scale) * (0.4 + 1.3 * bokeh.size)
    pulse = 1 + 0.25 * sine((turn * 7 + canvas.phase).astype(np.float32))
    # The larger the disc, the thinner its light is spread.
    weight = numbers.uniform("weight", most, 0.25, 1.0) * (1.15 - 0.5 * scale) * pulse * (0.2 + 1.6 * bokeh.brightness)
    spin, pale = numbers.normal("hue", most, 0.16), numbers.uniform("pale", most, 0.0, 0.45)
    tones = [
        mix(turned(bokeh.colour, float(spin[i]) * bokeh.variety), (1.0, 1.0, 1.0), float(pale[i])) for i in range(count)
    ]
    return [_Disc(float(x[i]), float(y[i]), float(radius[i]), float(weight[i]), tones[i]) for i in range(count)]


def _disc(canvas: Canvas, bokeh: Bokeh, band: Band, disc: _Disc) -> Field:
    x, y = (band.x - disc.x) / disc.radius, (band.y - disc.y) / disc.radius
    far: Field = np.sqrt(x * x + y * y)
    sides = SIDES[bokeh.shape]
    if sides:
        flat = np.zeros_like(far)
        for side in range(sides):
            c, s = direction(side / sides + 0.04)
            flat = np.maximum(flat, x * c + y * s)
        far = flat * 0.94 + far * 0.06
    # Towards the corners the lens's barrel cuts the discs: cat's eyes.
    cut_x, cut_y = x + 0.55 * disc.x / canvas.across, y + 0.55 * disc.y / canvas.down
    far = np.maximum(far, np.sqrt(cut_x * cut_x + cut_y * cut_y) * 0.9)
    soft = 0.03 + 0.55 * bokeh.softness + 0.7 / (disc.radius * canvas.unit)
    inside = smoothstep(1 + min(soft, 1.0) * 0.32, 1 - min(soft, 1.0) * 0.68, far)
    ring = smoothstep(0.55, 0.97, far)
    return inside * (1 - 0.35 * bokeh.rim + 0.95 * bokeh.rim * ring * ring) * np.float32(disc.bright)


KIND = Kind(
    "bokeh",
    "Bokeh",
    ("bokeh", "bokeh light", "blurred light", "light circle", "fairy light"),
    Bokeh,
    paint,
    fills=True,
    light=True,
)
