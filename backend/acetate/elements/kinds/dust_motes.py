"""Dust motes: specks that drift in a beam of light, most of them a little out of focus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import scattered
from acetate.elements.light import rgb, shining
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, sine, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.strokes import dots


@dataclass(frozen=True)
class DustMotes:
    """What can be set."""

    density: float = number("Density", 0.5, few=0.2, sparse=0.2, many=0.8, dense=0.9, thick=0.9)
    size: float = number("Size", 0.5, fine=0.2, small=0.2, tiny=0.1, big=0.8, large=0.85)
    depth: float = number("Depth of field", 0.5, sharp=0.1, flat=0.0, deep=0.9, blurred=0.9, blurry=0.9)
    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.2, soft=0.35, bright=0.8, strong=0.85)
    patches: float = number("Patches", 0.4, even=0.0, uniform=0.0, patchy=0.8)
    drift: float = number("Drift", 0.4, still=0.0, calm=0.15, swirling=0.9)
    colour: str = colour("Colour", "#ffeccb")


@dataclass(frozen=True)
class _Distance:
    """Motes for each square unit, their radius in units, softness, brightness, and how much depth blurs them."""

    name: str
    count: float
    radius: float
    soft: float
    bright: float
    blur: float


_DISTANCES = (
    _Distance("far", 1500, 0.0010, 1.0, 0.40, 0.0),
    _Distance("sharp", 260, 0.0020, 1.0, 0.85, 0.3),
    _Distance("near", 75, 0.0034, 1.1, 0.75, 2.2),
    _Distance("close", 16, 0.0050, 0.9, 0.60, 5.5),
)


def paint(canvas: Canvas, dust: DustMotes) -> Layer:
    """Motes all over the frame; where light falls between shadows they are brighter."""
    bright = np.zeros((canvas.height, canvas.width), np.float32)
    for done, distance in enumerate(_DISTANCES, 1):
        _motes(canvas, dust, distance, bright)
        canvas.on_progress(0.15 * done)
    beam = Noise(canvas.numbers, "beam", canvas.unit * 0.5, phase=canvas.phase, octaves=3)
    strength = np.float32(0.4 + 4.2 * dust.brightness)
    tint = rgb(dust.colour)

    def band(band: Band) -> Field:
        share = smoothstep(-0.55, 0.6, beam(band.x * 2 + band.y * 0.8, band.y * 1.4 - band.x * 0.5))
        light = np.float32(1 - dust.patches) + np.float32(1.5 * dust.patches) * share
        return shining(bright[band.place] * light * strength, tint, 0.4)

    return canvas.fill(band, 0.6)


def _motes(canvas: Canvas, dust: DustMotes, distance: _Distance, bright: Field) -> None:
    numbers, name = canvas.numbers, distance.name
    most = int(distance.count * 2 * canvas.across * canvas.down)
    count = int(most * dust.density)
    turn = numbers.uniform(f"{name}.turn", most)[:count]
    sway = 0.05 * dust.drift * numbers.uniform(f"{name}.sway", most, 0.3, 1.0)[:count]
    x, y = scattered(canvas, name, most)
    x = x[:count] + sway * sine((turn + canvas.phase).astype(np.float32))
    y = y[:count] + sway * sine((turn * 5 + canvas.phase).astype(np.float32))
    scale = numbers.uniform(f"{name}.size", most, 0.35, 1.0)[:count]
    spread = 1 + distance.blur * dust.depth * numbers.uniform(f"{name}.blur", most, 0.4, 1.0)[:count]
    radius = distance.radius * (0.5 + scale * scale) * (0.35 + 1.3 * dust.size) * spread
    glimmer = 0.75 + 0.25 * sine((turn * 11 + canvas.phase).astype(np.float32))
    weight = numbers.uniform(f"{name}.weight", most, 0.2, 1.0)[:count] * distance.bright * glimmer / spread
    # Two overlapping dots: no mote is a perfect disc.
    places = np.stack([x, y], axis=-1)
    shift = np.stack([numbers.normal(f"{name}.{axis}", most, 0.28)[:count] for axis in "xy"], axis=-1)
    for lobe, part in ((0.0, 1.0), (1.0, 0.75)):
        spots = canvas.pixels(places + lobe * shift * (radius / spread)[:, None])
        dots(bright, spots, part * radius * canvas.unit, 0.6 * weight, distance.soft)


KIND = Kind(
    "dust_motes",
    "Dust motes",
    ("dust mote", "dust", "dust particle", "floating dust", "mote", "floating particle", "dust speck"),
    DustMotes,
    paint,
    fills=True,
    light=True,
)
