"""God rays: shafts of light that fan out from a place beyond the frame, through drifting haze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import rgb, shining
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, smoothstep, turns_of
from acetate.elements.params import colour, number


@dataclass(frozen=True)
class GodRays:
    """What can be set."""

    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.25, soft=0.35, bright=0.8, strong=0.85, intense=0.95)
    source: float = number("Source", -0.5, -1.0, 1.0, left=-0.8, right=0.8)
    spread: float = number("Spread", 0.5, narrow=0.2, parallel=0.05, wide=0.85, broad=0.85)
    count: float = number("Rays", 0.5, few=0.2, many=0.9)
    contrast: float = number("Contrast", 0.6, diffuse=0.25, hazy=0.3, sharp=0.9, crisp=0.9)
    haze: float = number("Haze", 0.4, clear=0.0, misty=0.8, foggy=0.9, dusty=0.8, smoky=0.8)
    length: float = number("Length", 0.6, short=0.25, long=0.95)
    colour: str = colour("Colour", "#ffe9b8")


def paint(canvas: Canvas, rays: GodRays) -> Layer:
    """Shafts of light from above the frame; `source` is the place of the light from left to right."""
    numbers, phase = canvas.numbers, canvas.phase
    away = 0.18 + 2.2 * (1 - rays.spread) ** 2
    source_x = rays.source * canvas.across * (0.55 + 0.5 * away)
    source_y = canvas.down / 2 + away * 0.8
    far = np.sqrt(canvas.across**2 + canvas.down**2) + away
    rate = (22 + 60 * rays.count) * (0.6 + away)
    # The angle alone drives the rays; the second coordinate only moves in a loop.
    shaft = Noise(numbers, "shaft", 220.0, phase=phase, gain=0.62, octaves=5)
    broad = Noise(numbers, "broad", 220.0, phase=phase, octaves=2)
    dust = Noise(numbers, "dust", canvas.unit * 0.5, phase=phase, gain=0.55)
    tint = rgb(rays.colour)
    low = 0.55 * rays.contrast - 0.36
    strength = np.float32(0.25 + 1.5 * rays.brightness)
    span = np.float32(1 / (0.25 + 1.05 * rays.length) / max(canvas.down, 0.6 * canvas.across))

    def band(band: Band) -> Field:
        x, y = band.x - np.float32(source_x), np.float32(source_y) - band.y
        angle = turns_of(y, x)
        distance = np.sqrt(x * x + y * y)
        turn = angle * np.float32(rate)
        ray = shaft(turn, np.float32(0.37) + distance * np.float32(0.12 / far))
        fan = broad(turn * np.float32(0.16), np.float32(0.71) + np.zeros_like(turn))
        lit = smoothstep(low - 0.25, low + 0.85, ray + fan * np.float32(0.4))
        lit = lit * (np.float32(0.25) + lit)
        reach = distance - np.float32(away * 0.8)
        fade = exp(-np.maximum(reach, 0) * span * np.float32(1.5)) * smoothstep(1.55, 0.5, reach * span)
        motes = np.float32(1) + np.float32(rays.haze) * dust(band.x * 2, band.y * 2) * np.float32(0.9)
        return shining(lit * fade * np.maximum(motes, np.float32(0.1)) * strength, tint, 0.5)

    return canvas.fill(band)


KIND = Kind(
    "god_rays",
    "God rays",
    (
        "god ray",
        "light ray",
        "light shaft",
        "sunbeam",
        "sun beam",
        "sunray",
        "sun ray",
        "light beam",
        "ray of light",
        "shaft of light",
        "beam of light",
        "crepuscular ray",
        "volumetric light",
        "ray of sunlight",
    ),
    GodRays,
    paint,
    fills=True,
    light=True,
)
