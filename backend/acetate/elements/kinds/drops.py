"""Water drops: beads on glass or a leaf, which bend the light behind them, and a few that have run down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import scattered
from acetate.elements.light import layer_of, mix, over, rgb
from acetate.elements.numbers import Field, Reals, cosine, gaussian, smoothstep, turns_of
from acetate.elements.params import colour, number

MOST = 460
"""Beads of the densest square frame, before those that touch a larger one are left out."""
TRAIL = 8
"""Small beads that a drop leaves behind where it has run."""


@dataclass(frozen=True)
class Drops:
    """What can be set."""

    density: float = number("Density", 0.5, few=0.12, sparse=0.2, many=0.85, dense=0.9, covered=0.95)
    size: float = number("Size", 0.4, small=0.15, tiny=0.03, fine=0.08, large=0.8, big=0.8)
    variety: float = number("Size variety", 0.6, even=0.1, uniform=0.1, mixed=0.9)
    runs: float = number("Running", 0.25, beaded=0.0, running=0.7, dripping=0.8, trickling=0.8)
    roundness: float = number("Roundness", 0.7, irregular=0.2, round=1.0)
    refraction: float = number("Refraction", 0.5, flat=0.1, strong=0.85)
    shine: float = number("Shine", 0.6, dull=0.15, matte=0.05, shiny=0.9, sparkling=0.95)
    shadow: float = number("Shadow", 0.4)
    colour: str = colour("Colour", "#dfeaf2", blue="#7fb6ee", white="#f4f7fa")


def paint(canvas: Canvas, drops: Drops) -> Layer:
    """Beads all over the frame, lit from the upper left."""
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)
    beads = _beads(canvas, drops)
    for done, bead in enumerate(beads):
        reach = bead[2] * 1.5
        area = Box(bead[0] - reach, bead[1] - 1.15 * reach, 2 * reach, 2.15 * reach + 2.5 * bead[2] * bead[4])
        for band in canvas.bands(area):
            layer[band.place] = over(_bead(canvas, drops, bead, band), layer[band.place])
        canvas.on_progress((done + 1) / len(beads))
    return layer


def _beads(canvas: Canvas, drops: Drops) -> Reals:
    """The beads as (n, 5): x, y, radius, a random number, and how long a tail each draws."""
    numbers = canvas.numbers
    most = max(int(MOST * canvas.across * canvas.down), 8)
    x, y = scattered(canvas, "bead", most)
    spin = numbers.uniform("bead.size", most)
    grown = 0.42 + 0.70 * spin * drops.variety + 2.6 * drops.variety * spin**8
    radius = (0.005 + 0.030 * drops.size) * grown * np.where(np.arange(most) < 4, 1.6, 1.0)
    own = numbers.uniform("bead.own", most)
    # A bead that touches a larger one has run into it.
    left = np.zeros(most, np.bool_)
    for index in np.argsort(-radius, kind="stable"):
        apart = (x[left] - x[index]) ** 2 + (y[left] - y[index]) ** 2 > (1.06 * (radius[left] + radius[index])) ** 2
        left[index] = apart.all()
    there = left & ((numbers.uniform("bead.there", most) < drops.density) | (np.arange(most) < 4))
    runs = there & (numbers.uniform("bead.runs", most) < 0.5 * drops.runs) & (spin > 0.55)
    tail = np.where(runs, 0.6 + 0.5 * own, 0.0)
    beads = np.stack([x, y, radius, own, tail], axis=-1)
    trails = [beads[there]]
    step = np.arange(1, TRAIL + 1)
    for index in np.nonzero(runs)[0]:
        bead = beads[index]
        jitter = numbers.uniform(f"trail{index}", 3 * TRAIL).reshape(3, TRAIL)
        up = bead[2] * (1.6 + step * (1.3 + 0.7 * jitter[0]))
        sway = cosine((step * 0.11 + bead[3]).astype(np.float32)).astype(np.float64)
        aside = bead[2] * (0.25 * (jitter[1] - 0.5) + 0.35 * sway)
        small = bead[2] * (0.12 + 0.24 * jitter[2]) * (1 - 0.06 * step)
        zero = np.zeros(TRAIL)
        trails.append(np.stack([bead[0] + aside, bead[1] + up, small, jitter[0], zero], axis=-1))
    return np.concatenate(trails)


def _bead(canvas: Canvas, drops: Drops, bead: Reals, band: Band) -> Field:
    """One bead with its shadow, premultiplied."""
    at_x, at_y, radius, own, tail = (float(value) for value in bead)
    x, y = (band.x - np.float32(at_x)) / np.float32(radius), (band.y - np.float32(at_y)) / np.float32(radius)
    # A bead that runs is drawn out upwards and narrows there.
    up = np.maximum(y, 0)
    y = y - up + up / np.float32(1 + 1.4 * tail)
    x = x * (1 + np.float32(0.45 * tail) * up)
    angle = turns_of(np.broadcast_to(x, (y.shape[0], x.shape[1])), np.broadcast_to(y, (y.shape[0], x.shape[1])))
    uneven = np.float32(0.16 * (1.15 - drops.roundness))
    edge = 1 - uneven * (
        1.2 + cosine(angle * 2 + np.float32(own)) + np.float32(0.7) * cosine(angle * 3 + np.float32(own * 7))
    )
    far = np.sqrt(x * x + y * y) / edge
    pixel = np.float32(1 / (radius * canvas.unit))
    cover = np.clip((1 - far) / pixel + np.float32(0.5), 0, np.minimum(1 / pixel, 1))
    held = np.minimum(far, 1)
    facing = np.sqrt(np.maximum(1 - held * held, 0))
    # The bead turns what is behind it upside down: dark towards the light, bright away from it.
    toward = (np.float32(0.72) * y - np.float32(0.55) * x) / edge
    dark = smoothstep(-0.25, 0.95, toward) * np.float32(0.60) + smoothstep(0.80, 1.0, held) * np.float32(0.40)
    bright = smoothstep(0.05, 0.95, -toward) * smoothstep(1.02, 0.78, held) * np.float32(0.80)
    thin = smoothstep(0.86, 0.97, held) * smoothstep(1.02, 0.97, held) * smoothstep(0.1, 0.9, -toward)
    strength = np.float32(0.25 + 1.1 * drops.refraction)
    dark = np.clip(dark * strength, 0, 0.85)
    bright = np.clip((bright + np.float32(0.5) * thin) * strength, 0, 0.9)
    spot_x, spot_y = x + np.float32(0.34), (y - np.float32(0.40)) * np.float32(1.25)
    spot = gaussian(np.sqrt(spot_x * spot_x + spot_y * spot_y), 0.13)
    gleam = smoothstep(0.35, 0.75, spot) + np.float32(0.35) * spot
    gleam = gleam + np.float32(0.5) * smoothstep(0.5, 0.9, gaussian(np.sqrt((x - 0.42) ** 2 + (y + 0.50) ** 2), 0.10))
    gleam = np.clip(gleam * np.float32(1.5 * drops.shine), 0, 1)
    tint = rgb(drops.colour)
    deep = np.asarray(mix((0.03, 0.04, 0.06), tint, 0.18), np.float32)
    white = np.asarray(mix((1.0, 1.0, 1.0), tint, 0.12), np.float32)
    veil = np.full_like(far, 0.10) + np.float32(0.08) * (1 - facing)
    body = layer_of(veil * cover, tint)
    body = over(layer_of(dark * cover, deep), body)
    body = over(layer_of(bright * cover, white), body)
    body = over(layer_of(gleam * cover, (1.0, 1.0, 1.0)), body)
    # Its shadow falls to the lower right, and the light that it gathers into the middle of that.
    off_x, off_y = x - np.float32(0.16), y + np.float32(0.24)
    away = np.sqrt(off_x * off_x + off_y * off_y) / edge
    cast = np.float32(0.75 * drops.shadow) * smoothstep(1.18, 0.80, away) * (1 - cover)
    cast = cast * min(1.0, float(1 / pixel) / 3)
    return over(body, layer_of(cast.astype(np.float32), (0.02, 0.03, 0.05)))


KIND = Kind(
    "drops",
    "Water drops",
    (
        "water drop",
        "water droplet",
        "drop of water",
        "droplet of water",
        "droplet",
        "water bead",
        "dew",
        "dew drop",
        "dewdrop",
        "condensation",
    ),
    Drops,
    paint,
    fills=True,
    loops=False,
)
