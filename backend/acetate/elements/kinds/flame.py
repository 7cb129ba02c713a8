"""A flame that stands by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.fire import Blaze, burning, heat_colours
from acetate.elements.kinds.fire_along import heat_along
from acetate.elements.numbers import Field, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.style import style


@dataclass(frozen=True)
class Flame:
    """What can be set."""

    intensity: float = number(
        "Intensity", 0.6, faint=0.25, weak=0.3, dying=0.25, strong=0.85, bright=0.85, intense=0.95, hot=0.9
    )
    width: float = number("Width", 0.42, narrow=0.25, slim=0.25, thin=0.25, wide=0.85, broad=0.85)
    height: float = number(
        "Height", 0.9, 0.3, 1.0, short=0.5, low=0.45, small=0.5, tall=1.0, high=1.0, big=1.0, huge=1.0
    )
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, strong_wind=0.9)
    turbulence: float = number("Turbulence", 0.5, calm=0.15, smooth=0.1, turbulent=0.9, wild=0.9, raging=0.8)
    style: str = style()
    colour: str = colour("Colour", "#ff8a1e", red="#ff5a1c", orange="#ff8a1e", yellow="#ffb52e")


def paint(canvas: Canvas, flame: Flame) -> Layer:
    """A flame on the lower border of its box, or tongues along an outline."""
    colours = heat_colours(flame.colour)
    strength = np.float32(0.45 + 1.0 * flame.intensity)
    if canvas.outline is not None:
        tall = (0.12 + 0.30 * flame.height * (0.4 + 1.4 * flame.width)) * canvas.outline.size
        along = heat_along(canvas, canvas.outline, tall, 0.8 * flame.wind, flame.turbulence)
        return canvas.fill(lambda band: burning(along(band) * strength, colours), 0.1)
    box = canvas.box(0.3, 1.0)
    half = box.width * (0.12 + 0.22 * flame.width)
    tall = min(box.height * flame.height, half * 7.0)
    lean = 0.35 * flame.wind * min(box.width, tall)
    blaze = Blaze("flame", box.middle - lean / 2, box.bottom, half, tall, lean / tall / 0.45, flame.turbulence)
    heat, side = blaze.heat(canvas), box.width / 2

    def band(band: Band) -> Field:
        # Strong wind and turbulence drive no tongue over the border.
        inside = smoothstep(side, side * 0.9, np.abs(band.x - np.float32(box.middle)))
        return burning(heat(band) * inside * strength, colours)

    return canvas.fill(band, 0.1, Box(box.left, box.bottom, box.width, tall * 1.02))


KIND = Kind(
    "flame",
    "Flame",
    ("flame", "fire", "blaze", "flame tongue", "tongue of flame", "inferno"),
    Flame,
    paint,
    outlined=True,
)
