"""What several kinds draw with: colours beside a colour, directions, and edges that nothing is cut at."""

from __future__ import annotations

import colorsys

import numpy as np

from acetate.elements.frame import Box, Canvas
from acetate.elements.light import Rgb, rgb
from acetate.elements.numbers import Field, Reals, cosine, exp, sine, smoothstep
from acetate.elements.strokes import Strokes


def turned(colour: str, turns: float) -> Rgb:
    """A colour whose hue is turned by a share of the colour circle; grey stays grey."""
    hue, light, strength = colorsys.rgb_to_hls(*rgb(colour))
    return colorsys.hls_to_rgb((hue + turns) % 1, light, strength)


def direction(turns: float) -> tuple[float, float]:
    """The unit vector (x, y) at an angle in turns, counter-clockwise from the x axis."""
    angle = np.full(1, turns, np.float32)
    return float(cosine(angle)[0]), float(sine(angle)[0])


def scattered(canvas: Canvas, name: str, count: int) -> tuple[Reals, Reals]:
    """Places (x, y) of a feature all over the frame; the first four lie on its four sides, so that it is full."""
    x, y = canvas.numbers.uniform(f"{name}.x", count, -0.5, 0.5), canvas.numbers.uniform(f"{name}.y", count, -0.5, 0.5)
    x[:2], y[2:4] = (-0.5, 0.5)[: len(x[:2])], (-0.5, 0.5)[: len(y[2:4])]
    return x * canvas.across, y * canvas.down


def mean_shade(shaded: Field, depth: Field) -> Field:
    """The mean shade of fine strokes at each pixel, by the pictures that `strokes.fine` makes."""
    held: Field = np.maximum(depth, np.float32(1e-6))
    return shaded / held


def lit(bright: Field, coloured: Field, white: float = 1.0) -> Field:
    """The premultiplied layer of light of several colours.

    `bright` (h, w) is its brightness, 0 and more, and `coloured` (h, w, 3) the sum of brightness times colour. Alpha
    follows from the brightness alone; what is strong turns white.
    """
    layer = np.empty((*bright.shape, 4), np.float32)
    layer[..., 3] = np.float32(1) - exp(-bright)
    tone = coloured / np.maximum(bright, np.float32(1e-9))[..., None]
    core = (smoothstep(0.9, 3.2, bright) * np.float32(white))[..., None]
    layer[..., :3] = (tone + core * (np.float32(1) - tone)) * layer[..., 3:]
    return layer


def covered(canvas: Canvas, laid: list[Strokes]) -> Box:
    """The box around strokes, whose points are in pixels."""
    points = np.concatenate([strokes.points.reshape(-1, 2) for strokes in laid])
    if not len(points):
        return Box(0.0, 0.0, 0.0, 0.0)
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    unit = canvas.unit
    corner = (left - canvas.width / 2) / unit, (canvas.height / 2 - bottom) / unit
    return Box(*corner, (right - left) / unit, (bottom - top) / unit).grown(0.02)
