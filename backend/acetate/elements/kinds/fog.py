"""Fog: a layer of mist that fills the frame, in drifting banks and wisps, thickest below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, smoothstep
from acetate.elements.params import colour, number


@dataclass(frozen=True)
class Fog:
    """What can be set."""

    density: float = number("Density", 0.5, light=0.25, thin=0.2, faint=0.15, thick=0.8, dense=0.9, heavy=0.85)
    height: float = number("Height", 0.55, low=0.25, ground=0.2, rolling=0.4, high=0.85, full=1.0)
    patches: float = number("Patches", 0.6, even=0.05, uniform=0.05, smooth=0.15, patchy=0.9, wispy=0.9)
    scale: float = number("Size of banks", 0.5, small=0.2, fine=0.2, big=0.8, large=0.85)
    stretch: float = number("Stretch", 0.5, billowing=0.1, round=0.0, streaky=0.9, layered=0.8)
    colour: str = colour("Colour", "#dfe5ea")


def paint(canvas: Canvas, fog: Fog) -> Layer:
    """Banks of mist over the whole frame, which churn in a loop."""
    numbers, phase = canvas.numbers, canvas.phase
    cell = 0.16 + 0.5 * fog.scale
    bend_x = Noise(numbers, "bend.x", cell * canvas.unit, phase=phase, octaves=3)
    bend_y = Noise(numbers, "bend.y", cell * canvas.unit, phase=phase, octaves=3)
    bank = Noise(numbers, "bank", cell * canvas.unit, phase=phase, gain=0.5)
    wisp = Noise(numbers, "wisp", cell / 2.5 * canvas.unit, phase=phase, gain=0.55)
    wide, tall = 1 / (cell * (1 + 1.6 * fog.stretch)), 1 / (cell * (1 - 0.35 * fog.stretch))
    thickness = np.float32(0.12 + 3.4 * fog.density * fog.density + 0.7 * fog.density)
    level = 0.05 + 1.25 * fog.height
    tint = np.asarray(rgb(fog.colour), np.float32)

    def band(band: Band) -> Field:
        x, y = band.x * np.float32(wide), band.y * np.float32(tall)
        dx, dy = bend_x(x, y), bend_y(x + 5.2, y + 1.3)
        mass = bank(x + dx * 0.38, y + dy * 0.30)
        thin = wisp(x * 2.5 + dx * 0.8, y * 2.5 + dy * 0.6)
        shape = smoothstep(-0.95, 1.0, mass + 0.30 * thin)
        up = band.y / np.float32(canvas.down) + np.float32(0.5)
        top = np.float32(level) + 0.16 * mass
        profile = smoothstep(0.30, -0.32, up - top) * np.float32(0.96) + np.float32(0.04)
        share = np.float32(1 - fog.patches) * 0.55 + np.float32(fog.patches) * shape * (0.25 + shape)
        alpha = np.float32(1) - exp(-thickness * profile * share)
        tone = np.float32(0.93) + 0.10 * shape + 0.05 * thin
        return layer_of(alpha, np.minimum(tint * tone[..., None], 1))

    return canvas.fill(band)


KIND = Kind(
    "fog",
    "Fog",
    ("fog", "mist", "fog bank", "ground fog", "haze", "fog layer", "morning mist", "sea of fog", "miasma"),
    Fog,
    paint,
    fills=True,
)
