"""A splatter: a burst of paint, ink or blood, with fingers, droplets and a wet shine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction
from acetate.elements.light import glow, layer_of, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, log, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.style import style

JOIN = 0.006
"""How far apart in units two drops begin to run together."""


@dataclass(frozen=True)
class Splatter:
    """What can be set."""

    size: float = number("Size", 0.5, small=0.2, big=0.8, large=0.85)
    fingers: float = number("Fingers", 0.5, round=0.05, spiky=0.9, splashing=0.9)
    droplets: float = number("Droplets", 0.5, few=0.15, clean=0.05, many=0.9)
    spread: float = number("Spread", 0.6, tight=0.25, wide=0.95, scattered=0.9)
    stretch: float = number("Stretch", 0.4, dripping=0.3, fast=0.9, streaked=0.9)
    shine: float = number("Shine", 0.4, matte=0.0, dry=0.0, flat=0.0, wet=0.8, glossy=0.95, shiny=0.9)
    style: str = style()
    colour: str = colour("Colour", "#8e0f14", black="#141318")


@dataclass(frozen=True)
class _Drop:
    """A capsule from one point to another, in units, with a radius at each end."""

    start: tuple[float, float]
    end: tuple[float, float]
    radii: tuple[float, float]


def paint(canvas: Canvas, splatter: Splatter) -> Layer:
    """A splatter around the middle of the frame."""
    merged = np.zeros((canvas.height, canvas.width), np.float32)
    drops = _drops(canvas, splatter)
    rough_x = Noise(canvas.numbers, "rough.x", 0.05 * canvas.unit, octaves=3)
    rough_y = Noise(canvas.numbers, "rough.y", 0.05 * canvas.unit, octaves=3)
    for done, drop in enumerate(drops, 1):
        _merge(canvas, merged, drop, (rough_x, rough_y))
        canvas.on_progress(0.5 * done / len(drops))
    # Depth below the surface, positive inside.
    inside = log(np.maximum(merged, np.float32(3e-4))) * np.float32(JOIN)
    thick = np.float32(1) - exp(np.maximum(inside, 0) * np.float32(-1 / 0.007))
    height = glow(thick * smoothstep(-0.5 / canvas.unit, 0.5 / canvas.unit, inside), 0.012 * canvas.unit, 3)
    height = 0.55 * height + 0.45 * thick
    bend = np.float32(canvas.unit * 0.018)
    slope_x = np.gradient(height, axis=1).astype(np.float32) * bend
    slope_y = np.gradient(height, axis=0).astype(np.float32) * bend
    canvas.on_progress(0.75)
    tint = np.asarray(rgb(splatter.colour), np.float32)

    def band(band: Band) -> Field:
        place = band.place
        cover = np.clip(inside[place] * np.float32(canvas.unit) + 0.5, 0, 1)
        sx, sy = slope_x[place], slope_y[place]
        steep = np.sqrt(sx * sx + sy * sy + 1)
        lean = (sx * 0.5 + sy * 0.65) / steep
        shade = np.clip(0.94 + 0.42 * lean * (0.25 + splatter.shine) - 0.10 * (1 - 1 / steep), 0.45, 1.3)
        facing = (sx * 0.42 + sy * 0.62 + 0.66) / steep
        gleam = smoothstep(0.955, 0.995, facing) * smoothstep(0.18, 0.45, np.sqrt(sx * sx + sy * sy))
        colours = np.clip(tint * shade[..., None], 0, 1)
        colours = colours + (1 - colours) * (gleam * np.float32(0.95 * splatter.shine))[..., None]
        return layer_of(cover, colours)

    return canvas.fill(band, 0.75)


def _drops(canvas: Canvas, splatter: Splatter) -> list[_Drop]:
    """The blots in the middle, the fingers that leave them, and the droplets beyond."""
    numbers = canvas.numbers
    body = 0.05 + 0.11 * splatter.size
    limit = 0.455
    drops = []
    turn, far = numbers.uniform("blot.turn", 9), numbers.uniform("blot.far", 9, 0.1, 0.75)
    size = numbers.uniform("blot.size", 9, 0.35, 0.8)
    for i in range(9):
        x, y = direction(float(turn[i]))
        at = (x * body * float(far[i]), y * body * float(far[i]))
        drops.append(_Drop(at, at, (body * float(size[i]), body * float(size[i]))))
    most = 34
    spin, reach = numbers.uniform("finger.turn", most), numbers.uniform("finger.reach", most)
    wide = numbers.uniform("finger.wide", most, 0.35, 1.0)
    for i in range(round(most * splatter.fingers)):
        c, s = direction(0.381966 * i + 0.12 * float(spin[i]))
        long = body * 0.9 + (0.03 + 0.30 * float(reach[i]) ** 2 * splatter.spread) * (0.6 + 0.6 * splatter.stretch)
        long = min(long, limit - 0.02)
        root, neck = body * 0.55, body * 0.10 * float(wide[i])
        bulb = (0.006 + 0.013 * float(wide[i])) * (0.6 + 0.9 * splatter.size)
        knee = root + (long - root) * 0.45
        drops.append(
            _Drop((c * root * 0.6, s * root * 0.6), (c * knee, s * knee), (body * 0.30 * float(wide[i]), neck))
        )
        drops.append(_Drop((c * knee, s * knee), (c * long, s * long), (neck, bulb * 0.45)))
        drops.append(_Drop((c * long, s * long), (c * long, s * long), (bulb, bulb)))
    many = 260
    spin, reach = numbers.uniform("drop.turn", many), numbers.uniform("drop.reach", many)
    size = numbers.uniform("drop.size", many)
    for i in range(round(many * splatter.droplets)):
        c, s = direction(float(spin[i]))
        radius = (0.0012 + 0.021 * float(size[i]) ** 6) * (0.6 + 0.9 * splatter.size)
        out = body * 1.05 + (limit - body) * float(reach[i]) * (0.25 + 0.75 * splatter.spread)
        out = min(out, limit - 2 * radius)
        tail = min(radius * (0.4 + 7 * splatter.stretch * float(reach[i])), 0.05)
        drops.append(_Drop((c * (out - tail), s * (out - tail)), (c * out, s * out), (radius * 0.35, radius)))
    return drops


def _merge(canvas: Canvas, merged: Field, drop: _Drop, rough: tuple[Noise, Noise]) -> None:
    """Add a drop to a picture of sums of exp(depth / JOIN), whose logarithm joins the drops smoothly."""
    (ax, ay), (bx, by), (first, last) = drop.start, drop.end, drop.radii
    most = max(first, last) + 7 * JOIN
    left, bottom = min(ax, bx) - most, min(ay, by) - most
    area = Box(left, bottom, max(ax, bx) + most - left, max(ay, by) + most - bottom)
    dx, dy = bx - ax, by - ay
    for band in canvas.bands(area):
        wobble = 0.16 * min(max(first, last), 0.03)
        x = band.x - ax + rough[0](band.x * 20, band.y * 20) * np.float32(wobble)
        y = band.y - ay + rough[1](band.x * 20, band.y * 20) * np.float32(wobble)
        share = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-9), 0, 1)
        off_x, off_y = x - share * dx, y - share * dy
        depth = first + share * (last - first) - np.sqrt(off_x * off_x + off_y * off_y)
        merged[band.place] += exp(np.clip(depth * np.float32(1 / JOIN), -8, 12)) - np.float32(0.00033546)


KIND = Kind(
    "splatter",
    "Splatter",
    (
        "splatter",
        "splat",
        "paint splatter",
        "blood splatter",
        "ink splatter",
        "paint splash",
        "blood splash",
        "blood",
        "paint splat",
        "splotch",
    ),
    Splatter,
    paint,
    loops=False,
)
