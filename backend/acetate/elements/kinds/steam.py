"""Steam: thin sheets of vapour that rise from a hot cup, and fold and curl until they are gone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import glow, layer_of, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, exp, power, smoothstep
from acetate.elements.params import colour, number, whole
from acetate.elements.strokes import Strokes, fine

THREADS = 420
"""A sheet is drawn as so many lines side by side, which run together where it folds."""
POINTS = 90
RISE = 4
"""Noise repeats after so many cells upwards: in a loop the steam rises by them."""


@dataclass(frozen=True)
class Steam:
    """What can be set."""

    density: float = number("Density", 0.5, thin=0.2, faint=0.15, light=0.25, thick=0.85, dense=0.9, heavy=0.9)
    wisps: int = whole("Wisps", 3, 1, 6)
    width: float = number("Width", 0.5, narrow=0.2, slim=0.2, wide=0.85, broad=0.85)
    height: float = number("Height", 0.9, 0.3, 1.0, short=0.5, low=0.45, tall=1.0, high=1.0)
    turbulence: float = number("Turbulence", 0.5, calm=0.15, gentle=0.25, turbulent=0.9, curling=0.8, swirling=0.85)
    softness: float = number("Softness", 0.4, crisp=0.05, silky=0.15, soft=0.75, hazy=0.95)
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, strong_wind=0.9)
    colour: str = colour("Colour", "#f2f5f8", white="#fbfcfd", grey="#b9bec4", gray="#b9bec4")


def paint(canvas: Canvas, steam: Steam) -> Layer:
    """Wisps on the lower border of their box."""
    box = canvas.box(0.5, 1.0)
    depth = np.zeros((canvas.height, canvas.width), np.float32)
    for index in range(steam.wisps):
        points, weights = _sheet(canvas, steam, box, index)
        radius = np.array((0.0011 + 0.0035 * steam.softness) * box.height * canvas.unit)
        fine(depth, Strokes(canvas.pixels(points), radius, weights, soft=1.0))
        canvas.on_progress(0.7 * (index + 1) / steam.wisps)
    haze = glow(depth, (0.02 + 0.03 * steam.softness) * box.height * canvas.unit, 3)
    strength = np.float32(0.10 + 1.5 * steam.density**1.5)
    sharp = np.float32(1 - 0.65 * steam.softness)
    tint = np.asarray(rgb(steam.colour), np.float32)

    def band(band: Band) -> Field:
        place = band.place
        thick = (depth[place] * sharp + haze[place] * (np.float32(1.25) - sharp)) * strength
        thick = thick * clear(canvas, band, 0.04)
        # Where a sheet is folded it shades itself a little, and its rims catch light.
        shade = np.float32(0.86) + np.float32(0.14) * smoothstep(0.0, 0.7, thick)
        return layer_of(np.float32(1) - exp(-thick), tint * shade[..., None])

    return canvas.fill(band, 0.8, box.grown(0.05))


def _sheet(canvas: Canvas, steam: Steam, box: Box, index: int) -> tuple[Reals, Reals]:
    """The lines of one sheet, (n, k, 2) in units, and the opacity along each."""
    numbers, name, phase = canvas.numbers, f"wisp{index}", canvas.phase
    u = ((np.arange(THREADS) + 0.5) / THREADS)[:, None].astype(np.float32)
    # The lines have their points at different heights, so that no bend shows where all of them have one.
    shift = numbers.uniform(f"{name}.shift", THREADS)[:, None]
    t = np.clip((np.arange(POINTS)[None] - shift) / (POINTS - 2), 0, 1).astype(np.float32)
    slow, quick, lift = (
        Noise(numbers, f"{name}.{part}", 64.0, octaves=octaves, rows=RISE, phase=phase, gain=0.45)
        for part, octaves in (("slow", 2), ("quick", 3), ("lift", 2))
    )
    rise = np.float32(RISE * phase)
    grown = power(t, 0.8) * np.float32(0.25 + 0.75 * steam.turbulence)
    side = slow(u * np.float32(0.9), t * np.float32(2.2) - rise) * np.float32(1.5)
    side = side + quick(u * np.float32(1.7) + np.float32(3), t * np.float32(4.5) - rise) * t * np.float32(0.9)
    up = lift(u * np.float32(1.4) + np.float32(5), t * np.float32(3.0) - rise) * np.float32(0.30)
    own = numbers.one(f"{name}.place", -1.0, 1.0) * 0.5 + (index + 0.5) / steam.wisps - 0.5
    half = box.width / 2
    spread = half * (0.16 + 0.80 * steam.width)
    x = (u - np.float32(0.5)) * (np.float32(0.35) + np.float32(0.55) * t) + np.float32(0.9 * own) * (
        np.float32(0.7) + np.float32(0.5) * t
    )
    x = x + side * grown * np.float32(0.85)
    x = x * np.float32(spread)
    bent = np.float32(0.75 * half * steam.wind) * (power(t, 1.5) * 2 - 1)
    # What would reach beyond the box is held back more and more.
    x = x + bent
    x = x / np.sqrt(1 + (x / np.float32(0.92 * half)) ** 4) ** np.float32(0.5)
    tall = box.height * steam.height * numbers.one(f"{name}.tall", 0.8, 1.0) * 1.05
    y = (t + up * grown * smoothstep(1.0, 0.75, t)) * np.float32(tall)
    points = np.stack([box.middle + x, box.bottom + 0.01 * box.height + y], axis=-1).astype(np.float64)
    for _ in range(5):
        points[:, 1:-1] = (points[:, :-2] + 2 * points[:, 1:-1] + points[:, 2:]) / 4
    # Its rims are thin, it begins softly and dies away in patches.
    rim = smoothstep(0.0, 0.25, u) * smoothstep(1.0, 0.75, u)
    gaps = smoothstep(-0.7, 0.5, slow(u * np.float32(1.3) + np.float32(9), t * np.float32(2.5) - rise))
    fade = smoothstep(0.0, 0.2, t) * smoothstep(1.0, 0.5, t) * (np.float32(0.25) + np.float32(0.75) * t)
    spacing = spread / THREADS
    weight = 0.05 * spacing / (0.0011 + 0.0035 * steam.softness) * 22 * rim * fade * gaps
    return points, np.clip(weight, 0, 0.9).astype(np.float64)


KIND = Kind(
    "steam",
    "Steam",
    ("steam", "steam wisp", "wisp of steam", "hot steam", "water vapour", "water vapor"),
    Steam,
    paint,
)
