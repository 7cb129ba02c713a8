"""A splatter: a burst of paint, ink or blood, with fingers, droplets and a wet shine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.liquid import Drop, Surface
from acetate.elements.kinds.shared import direction
from acetate.elements.light import layer_of, rgb
from acetate.elements.numbers import Field, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.style import style


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


def paint(canvas: Canvas, splatter: Splatter) -> Layer:
    """A splatter around the middle of the frame."""
    surface = Surface.of(canvas, _drops(canvas, splatter), lambda share: canvas.on_progress(0.75 * share))
    tint = np.asarray(rgb(splatter.colour), np.float32)

    def band(band: Band) -> Field:
        place = band.place
        cover = surface.cover(canvas, place)
        sx, sy = surface.slope_x[place], surface.slope_y[place]
        steep = np.sqrt(sx * sx + sy * sy + 1)
        lean = (sx * 0.5 + sy * 0.65) / steep
        shade = np.clip(0.94 + 0.42 * lean * (0.25 + splatter.shine) - 0.10 * (1 - 1 / steep), 0.45, 1.3)
        facing = (sx * 0.42 + sy * 0.62 + 0.66) / steep
        gleam = smoothstep(0.955, 0.995, facing) * smoothstep(0.18, 0.45, np.sqrt(sx * sx + sy * sy))
        colours = np.clip(tint * shade[..., None], 0, 1)
        colours = colours + (1 - colours) * (gleam * np.float32(0.95 * splatter.shine))[..., None]
        return layer_of(cover, colours)

    return canvas.fill(band, 0.75)


def _drops(canvas: Canvas, splatter: Splatter) -> list[Drop]:
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
        drops.append(Drop((at, at), (body * float(size[i]), body * float(size[i]))))
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
        line = (c * root * 0.6, s * root * 0.6), (c * knee, s * knee), (c * long, s * long)
        drops.append(Drop(line, (body * 0.30 * float(wide[i]), neck, bulb * 0.45)))
        drops.append(Drop((line[2], line[2]), (bulb, bulb)))
    many = 260
    spin, reach = numbers.uniform("drop.turn", many), numbers.uniform("drop.reach", many)
    size = numbers.uniform("drop.size", many)
    for i in range(round(many * splatter.droplets)):
        c, s = direction(float(spin[i]))
        radius = (0.0012 + 0.021 * float(size[i]) ** 6) * (0.6 + 0.9 * splatter.size)
        out = body * 1.05 + (limit - body) * float(reach[i]) * (0.25 + 0.75 * splatter.spread)
        out = min(out, limit - 2 * radius)
        tail = min(radius * (0.4 + 7 * splatter.stretch * float(reach[i])), 0.05)
        drops.append(Drop(((c * (out - tail), s * (out - tail)), (c * out, s * out)), (radius * 0.35, radius)))
    return drops


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
    brush=0.55,
)
