"""Sparkles: pointed glints of light among fine glitter, which twinkle in a loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction, lit, scattered, turned
from acetate.elements.light import mix
from acetate.elements.numbers import Field, exp, gaussian, sine, smoothstep
from acetate.elements.params import choice, colour, number
from acetate.elements.strokes import dots

ARMS = {"four": 4, "six": 6, "eight": 8}


@dataclass(frozen=True)
class Sparkles:
    """What can be set."""

    density: float = number("Density", 0.5, few=0.2, sparse=0.2, many=0.85, dense=0.9)
    size: float = number("Size", 0.5, small=0.2, tiny=0.1, big=0.85, large=0.85)
    length: float = number("Point length", 0.6, round=0.0, short=0.25, long=0.9, pointed=0.8)
    glitter: float = number("Glitter", 0.5, clean=0.0, dusty=0.9, glittering=0.9)
    glow: float = number("Glow", 0.5, faint=0.2, soft=0.6, bright=0.85, glowing=0.8, intense=0.95)
    twinkle: float = number("Twinkle", 0.7, steady=0.0, twinkling=0.9)
    variety: float = number("Colour variety", 0.1, colourful=0.7, colorful=0.7, rainbow=1.0)
    points: str = choice(
        "Points",
        {"four": "Four", "six": "Six", "eight": "Eight"},
        {"four_pointed": "four", "six_pointed": "six", "eight_pointed": "eight"},
    )
    colour: str = colour("Colour", "#ffd873")


def paint(canvas: Canvas, sparkles: Sparkles) -> Layer:
    """Glints all over the frame, few of them large."""
    numbers, arms = canvas.numbers, ARMS[sparkles.points]
    bright = np.zeros((canvas.height, canvas.width), np.float32)
    _glitter(canvas, sparkles, bright)
    coloured = bright[..., None] * np.asarray(turned(sparkles.colour, 0.0), np.float32)
    most = max(int(110 * canvas.across * canvas.down), 4)
    count = max(int(most * sparkles.density), 4)
    x, y = scattered(canvas, "glint", most)
    scale = numbers.uniform("scale", most)[:count]
    radius = (0.016 + 0.04 * scale + 0.12 * scale**2 * scale**2 * scale**2) * (0.35 + 1.3 * sparkles.size)
    weight = numbers.uniform("weight", most, 0.5, 1.0)[:count] * _twinkle(canvas, sparkles, "twinkle", most)[:count]
    hue, tilt = numbers.uniform("hue", most, -0.5, 0.5)[:count], numbers.normal("tilt", most, 0.012)[:count]
    for i in range(count):
        reach = float(radius[i])
        tone = np.asarray(mix(turned(sparkles.colour, float(hue[i]) * sparkles.variety), (1.0, 1.0, 1.0), 0.1))
        for band in canvas.bands(Box(float(x[i]) - reach, float(y[i]) - reach, 2 * reach, 2 * reach)):
            near = (band.x - float(x[i])) / reach, (band.y - float(y[i])) / reach
            light = _star(near, arms, float(tilt[i]), sparkles, 0.5 / (reach * canvas.unit)) * float(weight[i])
            bright[band.place] += light
            coloured[band.place] += light[..., None] * tone.astype(np.float32)
        canvas.on_progress(0.1 + 0.6 * (i + 1) / count)
    return canvas.fill(lambda band: lit(bright[band.place], coloured[band.place]), 0.7)


def _star(near: tuple[Field, Field], arms: int, tilt: float, sparkles: Sparkles, pixel: float) -> Field:
    """The brightness of one glint of radius 1; `pixel` is half a pixel."""
    x, y = near
    far: Field = np.sqrt(x * x + y * y)
    light = gaussian(far, 0.035 + pixel) * 3.5
    light += (1 / (1 + (far * 9) ** 2) - np.float32(1 / 82)) * np.float32(0.15 + 1.1 * sparkles.glow)
    for arm in range(arms):
        # Every other pair of points is shorter.
        length = (0.08 + 0.9 * sparkles.length) * (1.0 if arm % 2 == 0 or arms == 4 else 0.6)
        c, s = direction(tilt + arm / arms)
        along, off = x * c + y * s, np.abs(y * c - x * s)
        left: Field = np.clip(1 - along / length, 0, 1)
        left = left * (along > 0)
        wide: Field = 0.028 * left * left + pixel
        aside: Field = np.divide(off, wide)
        light += exp(-aside * aside) * left * left * np.float32(2.6) * (0.028 * left + pixel) / wide * left
    rim: Field = light * smoothstep(1.0, 0.6, far)
    return np.maximum(rim, 0)


def _glitter(canvas: Canvas, sparkles: Sparkles, bright: Field) -> None:
    numbers = canvas.numbers
    most = int(1500 * canvas.across * canvas.down)
    count = int(most * sparkles.glitter * sparkles.density)
    places = np.stack(scattered(canvas, "dust", most), axis=-1)[:count]
    size = numbers.uniform("dust.size", most)[:count]
    radius = (0.0009 + 0.0032 * size * size * size) * (0.4 + 1.2 * sparkles.size)
    weight = numbers.uniform("dust.weight", most, 0.15, 1.2)[:count] * _twinkle(canvas, sparkles, "dust", most)[:count]
    dots(bright, canvas.pixels(places), radius * canvas.unit, weight, 1.4)


def _twinkle(canvas: Canvas, sparkles: Sparkles, name: str, count: int) -> Field:
    """How bright each glint is at this moment, in [0, 1]."""
    turn = canvas.numbers.uniform(f"{name}.turn", count)
    often = 1 + (canvas.numbers.uniform(f"{name}.often", count) < 0.4)
    wave = 0.5 + 0.5 * sine((turn + often * canvas.phase).astype(np.float32))
    share: Field = 1 - np.float32(sparkles.twinkle) * (1 - wave * wave)
    return share


KIND = Kind(
    "sparkles",
    "Sparkles",
    ("sparkle", "glitter", "glint", "twinkle", "pixie dust", "fairy dust", "star dust", "stardust", "magic dust"),
    Sparkles,
    paint,
    fills=True,
    light=True,
)
