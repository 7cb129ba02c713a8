"""A cloud: heaps of round lobes on a flat base, bright towards the light and grey below."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Grid, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, mix, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, exp, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.style import style

HEAPS, LOBES = 7, 26
"""Heaps of a cloud, and lobes of each."""


@dataclass(frozen=True)
class Cloud:
    """What can be set."""

    size: float = number("Size", 0.75, small=0.35, big=0.95, large=0.95, huge=1.0)
    height: float = number("Height", 0.6, low=0.15, towering=1.0, tall=0.9)
    density: float = number("Density", 0.6, thin=0.2, wispy=0.15, thick=0.85, dense=0.95, light=0.3, heavy=0.95)
    fluff: float = number("Fluffiness", 0.5, soft=0.2, smooth=0.1, fluffy=0.8, puffy=0.85)
    shadow: float = number("Shadow", 0.45, bright=0.15, dark=0.85, storm=0.95, stormy=0.95, rain=0.85)
    light: float = number("Light", -0.4, -1.0, 1.0)
    style: str = style()
    colour: str = colour("Colour", "#ffffff", black="#5c6068")


def paint(canvas: Canvas, cloud: Cloud) -> Layer:
    """One cloud in the middle of the frame, which churns slowly in a loop; `light` is from left to right."""
    numbers, phase = canvas.numbers, canvas.phase
    box = canvas.box(1.0, 3.0, 0.05)
    half = box.width / 2 * (0.30 + 0.62 * cloud.size)
    base = -0.16 * half
    lobes = _lobes(canvas, cloud, half, base)
    mass, light = _texture(canvas, cloud, lobes)
    cell = half * 0.42
    warp_x = Noise(numbers, "warp.x", cell * canvas.unit, phase=phase, gain=0.55)
    warp_y = Noise(numbers, "warp.y", cell * canvas.unit, phase=phase, gain=0.55)
    curd = Noise(numbers, "curd", cell / 2 * canvas.unit, phase=phase, gain=0.58, billow=True)
    scale, grown = np.float32(1 / cell), np.float32(half * (0.05 + 0.10 * cloud.fluff))
    thickness = np.float32(0.5 + 6.5 * cloud.density * cloud.density)
    white = np.asarray(rgb(cloud.colour), np.float32)
    grey = np.asarray(mix(rgb(cloud.colour), (0.30, 0.35, 0.43), 0.30 + 0.62 * cloud.shadow), np.float32)

    def band(band: Band) -> Field:
        x, y = band.x * scale, band.y * scale
        dx, dy = warp_x(x, y) * grown, warp_y(x, y) * grown
        px, py = band.x + dx, band.y + dy
        fold = curd(px * scale * 2, py * scale * 2)
        amount = mass.read(px, py)
        edge = amount + (fold - np.float32(0.15)) * np.float32(0.30 + 0.45 * cloud.fluff) * smoothstep(0.0, 0.5, amount)
        thick = np.maximum(edge - np.float32(0.16), 0) * thickness
        # The base is flat, and dissolves.
        thick = thick * smoothstep(base - 0.16 * half, base + 0.10 * half, py + fold * np.float32(0.05 * half))
        alpha = (np.float32(1) - exp(-thick * (0.6 + thick))) * clear(canvas, band, 0.05)
        lit = light.read(band.x + dx * 0.7, band.y + dy * 0.7) + np.float32(0.20) * fold
        return layer_of(alpha, grey + (white - grey) * smoothstep(0.05, 0.85, lit)[..., None])

    return canvas.fill(band, 0.2)


def _lobes(canvas: Canvas, cloud: Cloud, half: float, base: float) -> Reals:
    """Lobes as (n, 4): x, y, radius, and how much each turns towards the viewer."""
    numbers = canvas.numbers
    rise = half * (0.16 + 0.62 * cloud.height)
    rows = []
    for heap in range(HEAPS):
        name = f"heap{heap}"
        x = (heap + numbers.one(f"{name}.x", 0.2, 0.8)) / HEAPS * 2 - 1
        top = rise * (1 - 0.8 * x * x) * numbers.one(f"{name}.top", 0.45, 1.0)
        across = numbers.normal(f"{name}.across", LOBES, 0.11) * half
        up = numbers.uniform(f"{name}.up", LOBES)
        size = numbers.uniform(f"{name}.size", LOBES, 0.5, 1.0) * half * 0.19 * (1.15 - 0.55 * up) * (1 - 0.35 * x * x)
        place = x * half * 0.80 + across * (1.2 - 0.7 * up)
        rows.append(
            np.stack([place, base + up * top + 0.3 * size, size, numbers.uniform(f"{name}.near", LOBES)], axis=-1)
        )
    return np.concatenate(rows)


def _texture(canvas: Canvas, cloud: Cloud, lobes: Reals) -> tuple[Grid, Grid]:
    """The mass of the lobes and how the light falls on them."""
    mass = Grid(canvas, 256, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    light = Grid(canvas, 256, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    weight = np.full_like(mass.values, 1e-3)
    across, up = np.float32(0.6 * cloud.light), np.float32(0.62)
    order = np.argsort(lobes[:, 3], kind="stable")
    for x, y, radius, near in lobes[order]:
        window, dx, dy = mass.window(float(x), float(y), float(radius) * 1.25)
        ball = np.maximum(np.float32(1) - (dx * dx + dy * dy), 0)
        mass.values[window] = np.maximum(mass.values[window], 0) + ball * ball * np.float32(0.9)
        # Near lobes stand before far ones.
        share = ball * np.float32(0.15 + float(near) ** 2 * 3)
        tone = np.float32(0.52) + np.float32(0.75) * (across * dx + up * dy)
        light.values[window] += share * tone
        weight[window] += share
    light.values /= weight
    shade = np.zeros_like(mass.values)
    for step in range(1, 11):
        drift = round(2.0 * step * -cloud.light)
        shade += np.roll(mass.values, (3 * step, drift), axis=(0, 1)) * np.float32(0.1)
    light.values *= np.float32(0.30) + np.float32(0.85) * exp(shade * np.float32(-0.25 - 0.55 * cloud.shadow))
    light.values += np.float32(0.12)
    return mass, light


KIND = Kind(
    "cloud", "Cloud", ("cloud", "cumulus", "cumulus cloud", "storm cloud", "rain cloud", "cloudscape"), Cloud, paint
)
