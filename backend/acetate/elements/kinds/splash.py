"""A splash: a crown of water thrown up from a surface, with jets, the beads at their tips and drops in the air."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.liquid import Drop, Surface
from acetate.elements.kinds.shared import direction
from acetate.elements.light import layer_of, mix, over, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, gaussian, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.style import REALISTIC, style

JETS = 40
WALL = 64
"""Short jets side by side, which run together into the wall of the crown."""
STEPS = 6
"""Straight pieces of a jet's path."""


@dataclass(frozen=True)
class Splash:
    """What can be set."""

    height: float = number("Height", 0.6, low=0.25, small=0.25, short=0.25, high=0.9, tall=0.9, big=0.9)
    width: float = number("Width", 0.6, narrow=0.2, slim=0.2, wide=0.9, broad=0.9)
    crown: float = number("Crown", 0.5, open=0.1, closed=0.85)
    jets: float = number("Jets", 0.5, few=0.15, calm=0.15, many=0.85, wild=0.95, splashing=0.85)
    drops: float = number("Drops", 0.5, clean=0.05, spraying=0.9)
    thickness: float = number("Thickness", 0.4, thin=0.1, fine=0.1, thick=0.85, heavy=0.85)
    opacity: float = number("Opacity", 0.1, clear=0.0, transparent=0.0, milky=0.85, milk=0.95, opaque=1.0)
    shine: float = number("Shine", 0.6, matte=0.05, dull=0.15, glossy=0.9, shiny=0.9)
    style: str = style()
    colour: str = colour("Colour", "#a9cde6", blue="#5aa0e0", white="#f4f1ea", milk="#f4f1ea")


@dataclass(frozen=True)
class _Shape:
    """Where the crown stands, in units: the middle of its foot, the half axes of its ring, how high it reaches, and the
    room beside its ring.
    """

    x: float
    y: float
    wide: float
    deep: float
    tall: float
    scale: float
    room: float


def paint(canvas: Canvas, splash: Splash) -> Layer:
    """A crown splash on the lower part of its box: the far wall, then the near one."""
    box = canvas.box(0.5, 1.6, 0.03)
    scale = min(box.width / 1.1, box.height)
    wide = box.width * (0.08 + 0.20 * splash.width)
    deep = wide * 0.26
    tall = min((box.height - 2 * deep - 0.06) * (0.18 + 0.66 * splash.height), box.height * 0.85)
    shape = _Shape(
        box.middle, box.bottom + deep + 0.03 * scale, wide, deep, tall, scale, box.width / 2 - wide - 0.05 * scale
    )
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)
    for index, far in enumerate((True, False)):
        drops = list(_thrown(canvas, splash, shape, box, far))
        surface = Surface.of(canvas, drops, partial(_done, canvas, index), 0.10)
        canvas.lay(layer, _water(canvas, splash, surface, far), 0.35 + index / 2)
    return layer


def _done(canvas: Canvas, half: int, share: float) -> None:
    canvas.on_progress(half / 2 + 0.35 * share)


def _thrown(canvas: Canvas, splash: Splash, shape: _Shape, box: Box, far: bool) -> Iterator[Drop]:
    """The water of one half of the crown."""
    numbers, scale = canvas.numbers, shape.scale
    girth = (0.004 + 0.016 * splash.thickness) * scale
    # The ring where it leaves the surface.
    ring = [direction((0.0 if far else 0.5) + 0.5 * step / 24) for step in range(25)]
    foot = tuple((shape.x + c * shape.wide, shape.y + s * shape.deep) for c, s in ring)
    yield Drop(foot, (girth * 0.8,) * len(foot))
    names = ("turn", "high", "wide", "flare", "bead", "drop")
    wall = {name: numbers.uniform(f"wall.{name}", WALL) for name in names}
    for i in range(WALL):
        turn = (i + 0.6 * float(wall["turn"][i])) / WALL
        if (turn % 1 < 0.5) == far:
            high = shape.tall * (0.10 + 0.34 * splash.crown) * (0.55 + 0.45 * float(wall["high"][i]))
            path = _path(shape, turn, high, 0.25 + 0.2 * float(wall["flare"][i]))
            thick = girth * (1.5 - 0.9 * np.linspace(0, 1, STEPS))
            yield Drop(path, tuple(thick.tolist()))
    jets = {name: numbers.uniform(f"jet.{name}", JETS) for name in names}
    for i in range(round(JETS * (0.1 + 0.9 * splash.jets))):
        turn = (0.381966 * i + 0.05 * float(jets["turn"][i])) % 1
        if (turn < 0.5) != far:
            continue
        high = shape.tall * (0.42 + 0.58 * float(jets["high"][i]) ** 1.5)
        flare = 0.45 + 0.75 * float(jets["flare"][i])
        path = _path(shape, turn, high, flare)
        slim = girth * (0.55 + 0.7 * float(jets["wide"][i]))
        thick = slim * (1.5 - 1.25 * np.linspace(0, 1, STEPS) ** 0.6)
        yield Drop(path, tuple(thick.tolist()))
        bead = slim * (0.75 + 0.8 * float(jets["bead"][i]))
        yield Drop(path[-1:] * 2, (bead, bead))
        yield from _flown(canvas, splash, shape, box, (i, turn, high, flare, bead))


def _flown(
    canvas: Canvas, splash: Splash, shape: _Shape, box: Box, jet: tuple[int, float, float, float, float]
) -> Iterator[Drop]:
    """The drops that have left a jet: further along its path, and ever smaller."""
    index, turn, high, flare, bead = jet
    most = 9
    there, ahead, small, aside = canvas.numbers.uniform(f"flown{index}", 4 * most).reshape(4, most)
    way = direction(turn)[0]
    for i in range(most):
        if there[i] >= splash.drops:
            continue
        t = 1.16 + 0.66 * float(ahead[i])
        size = bead * (0.25 + 0.75 * float(small[i]) ** 2) * (1.5 - 0.6 * (t - 1))
        x, y = _at(shape, turn, high, flare, t)
        x += (float(aside[i]) - 0.5) * 0.10 * shape.scale * (t - 0.6)
        x = min(max(x, box.left + 2 * size), box.left + box.width - 2 * size)
        y = min(y - 0.35 * high * float(aside[i]) * (t - 1), box.bottom + box.height - 2 * size)
        lean = size * (0.5 + 0.8 * float(ahead[i]))
        yield Drop(((x - 0.5 * way * lean, y - lean), (x, y)), (size * 0.45, size))


def _at(shape: _Shape, turn: float, high: float, flare: float, t: float) -> tuple[float, float]:
    """Where water that left the ring at a turn is at a time, 1 at the tip of its jet."""
    c, s = direction(turn)
    out = 0.42 * flare * high * t
    x = shape.x + c * (shape.wide + out * shape.room / (out + shape.room))
    y = shape.y + s * (shape.deep + 0.10 * flare * high * t) + high * (1.45 * t - 0.45 * t * t)
    return x, y


def _path(shape: _Shape, turn: float, high: float, flare: float) -> tuple[tuple[float, float], ...]:
    return tuple(_at(shape, turn, high, flare, step / (STEPS - 1)) for step in range(STEPS))


def _water(canvas: Canvas, splash: Splash, surface: Surface, far: bool) -> Callable[[Band], Field]:
    """Water lit from the upper left: clear seen straight on, dark towards the light, bright away."""
    tint = rgb(splash.colour)
    # What is drawn in flat tones or brush strokes is not clear.
    opaque = splash.opacity if splash.style == REALISTIC else max(splash.opacity, 0.85)
    deep = np.asarray(mix(mix((0.02, 0.04, 0.07), tint, 0.22), tint, 0.62 * opaque), np.float32)
    white = np.asarray(mix((1.0, 1.0, 1.0), tint, 0.08), np.float32)
    flow = Noise(canvas.numbers, f"flow.{far}", 0.02 * canvas.unit, octaves=3, gain=0.4)

    def band(band: Band) -> Field:
        place = band.place
        cover = surface.cover(canvas, place)
        sx = surface.slope_x[place] * np.float32(1.35) + flow(band.x * 52 + band.y * 5, band.y * 9) * np.float32(0.22)
        sy = surface.slope_y[place] * np.float32(1.35) + flow(band.x * 30 + 9, band.y * 15) * np.float32(0.16)
        steep = np.sqrt(sx * sx + sy * sy + 1)
        slant = 1 - 1 / steep
        toward = (np.float32(0.58) * sx + np.float32(0.78) * sy) / steep
        aside = (np.float32(0.78) * sx - np.float32(0.58) * sy) / steep
        dark = np.float32(0.75) * smoothstep(0.05, 0.60, toward) + np.float32(0.75) * smoothstep(0.20, 0.45, slant)
        bright = smoothstep(0.15, 0.60, -toward) * np.float32(0.78) + smoothstep(0.30, 0.7, aside) * np.float32(0.35)
        gleam = gaussian(toward - np.float32(0.40), 0.085) * smoothstep(0.75, 0.2, np.abs(aside))
        gleam = gleam + np.float32(0.7) * gaussian(toward + np.float32(0.52), 0.05)
        gleam = np.clip(gleam * np.float32(1.6 * splash.shine), 0, 1).astype(np.float32)
        laid = layer_of(np.full_like(cover, 0.07 + 0.90 * opaque) * cover, tint)
        laid = over(layer_of(np.clip(dark * np.float32(1 - 0.25 * opaque), 0, 0.9) * cover, deep), laid)
        laid = over(layer_of(np.clip(bright, 0, 0.92) * cover, white), laid)
        laid = over(layer_of(gleam * cover, (1.0, 1.0, 1.0)), laid)
        return laid * np.float32(0.85) if far else laid

    return band


KIND = Kind(
    "splash",
    "Splash",
    ("splash", "water splash", "splash of water", "crown splash", "milk splash"),
    Splash,
    paint,
    loops=False,
    brush=0.55,
)
