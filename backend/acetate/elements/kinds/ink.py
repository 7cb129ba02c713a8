"""Ink: a blot that bled into wet paper, with feathered edges, a dark rim and grains of pigment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, gaussian, smoothstep
from acetate.elements.params import colour, number


@dataclass(frozen=True)
class Ink:
    """What can be set."""

    size: float = number("Size", 0.6, small=0.25, big=0.85, large=0.9)
    density: float = number(
        "Density", 0.6, light=0.25, pale=0.2, thin=0.25, diluted=0.2, dense=0.9, dark=0.9, thick=0.9
    )
    wetness: float = number("Wetness", 0.5, dry=0.05, crisp=0.05, wet=0.9, bleeding=0.95, watery=0.9)
    edge: float = number("Dark edge", 0.5)
    grain: float = number("Grain", 0.25, smooth=0.05, granulated=0.9, grainy=0.9)
    raggedness: float = number("Raggedness", 0.5, round=0.05, ragged=0.9, rough=0.85)
    colour: str = colour("Colour", "#1a1d2b")


def paint(canvas: Canvas, ink: Ink) -> Layer:
    """A blot in the middle of the frame, which spreads and shrinks a little in a loop."""
    numbers, phase = canvas.numbers, canvas.phase
    unit = canvas.unit
    shape = Noise(numbers, "shape", 0.3 * unit, phase=phase, octaves=3, gain=0.5)
    ragged_x = Noise(numbers, "ragged.x", 0.11 * unit, phase=phase, gain=0.66)
    ragged_y = Noise(numbers, "ragged.y", 0.11 * unit, phase=phase, gain=0.66)
    pool = Noise(numbers, "pool", 0.22 * unit, phase=phase, octaves=5, gain=0.55)
    grain = Noise(numbers, "grain", 0.02 * unit, gain=0.8)
    room_x, room_y = canvas.across * 0.5, canvas.down * 0.5
    reach = (0.12 + 0.22 * ink.size) * (1 + min(max(canvas.across, canvas.down) - 1, 1) * 0.25)
    wide, tall = reach * (1.25 if canvas.across > 1 else 1), reach * (1.25 if canvas.down > 1 else 1)
    wide, tall = min(wide, room_x * 0.75), min(tall, room_y * 0.75)
    bleed = 0.002 + 0.035 * ink.wetness * ink.wetness
    thickness = 0.25 + 3.2 * ink.density * ink.density
    tint = np.asarray(rgb(ink.colour), np.float32)

    def band(band: Band) -> Field:
        dx, dy = ragged_x(band.x * 9, band.y * 9), ragged_y(band.x * 9, band.y * 9)
        warp = np.float32(0.012 + 0.055 * ink.raggedness)
        x: Field = band.x + dx * warp
        y: Field = band.y + dy * warp
        lobes = shape(x * 3.3, y * 3.3)
        far: Field = np.sqrt((x / np.float32(wide)) ** 2 + (y / np.float32(tall)) ** 2)
        # The way to the outline in units, positive inside.
        inside = (1 + lobes * np.float32(0.10 + 0.38 * ink.raggedness) - far) * np.float32(min(wide, tall))
        body = smoothstep(-0.6 * bleed - 0.5 / unit, 0.6 * bleed + 0.5 / unit, inside)
        feather = exp(np.minimum(inside, 0) * np.float32(1 / (0.3 * bleed + 0.011 * ink.wetness + 1e-4)))
        feather = feather * np.float32(0.30 * ink.wetness) * (1 - body)
        wash = pool(x * 4.5 + dx * 0.3, y * 4.5 + dy * 0.3)
        tone = 0.62 + 0.75 * wash + 0.30 * smoothstep(0.0, 0.12, inside)
        rim = gaussian(inside - np.float32(0.5 * bleed + 0.002), 0.0022 + 0.35 * bleed) * np.float32(1.25 * ink.edge)
        specks = 1 + grain(band.x * 50 + dx, band.y * 50 + dy) * np.float32(0.85 * ink.grain)
        depth = (body * np.maximum(tone, 0.12) + rim * body + feather) * np.maximum(specks, 0.1)
        alpha = (np.float32(1) - exp(depth * np.float32(-thickness))) * clear(canvas, band, 0.05)
        # Thick pigment is darker than a thin wash of it.
        return layer_of(alpha, np.clip(tint * (1.18 - 0.30 * alpha)[..., None] + 0.03 * (1 - alpha)[..., None], 0, 1))

    return canvas.fill(band)


KIND = Kind(
    "ink",
    "Ink",
    ("ink", "ink blot", "ink stain", "ink wash", "watercolour stain", "watercolor stain"),
    Ink,
    paint,
)
