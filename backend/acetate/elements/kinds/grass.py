"""Grass: a tuft, a strip or turf along an outline, of blades that bend in the wind, the near ones before the far."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import covered, mean_shade
from acetate.elements.light import Rgb, layer_of, mix, ramp, rgb
from acetate.elements.numbers import Field, Reals, sine
from acetate.elements.outline import STEP, Outline
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, fine, opacity

ROWS = 9
"""Rows of blades, one behind the other."""
ALONG = np.linspace(0, 1, 14)
FACES_UP = -0.15
"""How much of its normal points up, at least, where an outline has grass."""
MOST = 700
"""Blades of one row along an outline."""


@dataclass(frozen=True)
class Grass:
    """What can be set."""

    density: float = number("Density", 0.5, sparse=0.2, thin=0.2, dense=0.85, lush=0.9, thick=0.85)
    height: float = number("Height", 0.6, short=0.25, low=0.25, mown=0.1, tall=0.95, high=0.9, long=0.9)
    width: float = number("Width", 0.8, narrow=0.3, wide=1.0)
    blade: float = number("Blade width", 0.4, fine=0.1, broad=0.85)
    wind: float = number("Wind", 0.2, -1.0, 1.0, windy=0.7, blowing=0.7, wind=0.6)
    mess: float = number("Disorder", 0.5, neat=0.15, wild=0.9, messy=0.9, unkempt=0.9)
    dryness: float = number("Dryness", 0.15, fresh=0.0, dry=0.8, withered=0.95, autumn=0.8)
    colour: str = colour("Colour", "#5d9436")


@dataclass(frozen=True)
class _Roots:
    """Where the blades of one row stand: their feet (n), how far each is from the middle of the tuft, in [-0.5, 0.5],
    how much each leans, and the height of the tallest.
    """

    x: Reals
    y: Reals
    at: Reals
    lean: Reals
    tall: float


def paint(canvas: Canvas, grass: Grass) -> Layer:
    """Blades on the lower border of their box, or on an outline where it does not face down, which sway in a loop."""
    box = canvas.box(0.35, 4.0, 0.03)
    if canvas.outline is not None:
        box = Box(-canvas.across / 2, -canvas.down / 2, canvas.across, canvas.down)
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)
    tint = rgb(grass.colour)
    straw = mix((0.80, 0.70, 0.38), tint, 0.25)
    for row in range(ROWS):
        far = 1 - row / (ROWS - 1)
        depth = np.zeros((canvas.height, canvas.width), np.float32)
        shade = np.zeros_like(depth)
        outline = canvas.outline
        roots = _tuft(canvas, grass, box, row) if outline is None else _turf(canvas, grass, outline, row)
        blades = _blades(canvas, grass, box, row, roots)
        for strokes in blades:
            fine(depth, strokes, shade)
        body = mix(tint, straw, 0.75 * grass.dryness)
        deep = mix(body, (0.03, 0.09, 0.05), 0.72 - 0.1 * far)
        pale = mix(mix(body, (0.95, 0.95, 0.55), 0.38), straw, 0.5 * grass.dryness)
        haze = (0.35, 0.45, 0.35)
        tones = tuple((at, mix(tone, haze, 0.20 * far)) for at, tone in ((0.0, deep), (0.5, body), (1.0, pale)))
        canvas.lay(layer, partial(_row, depth, shade, tones), row / ROWS, covered(canvas, blades))
    return layer


def _row(depth: Field, shade: Field, tones: tuple[tuple[float, Rgb], ...], band: Band) -> Field:
    """The premultiplied blades of one row."""
    thick = depth[band.place]
    return layer_of(opacity(thick * 1.5), ramp(mean_shade(shade[band.place], thick), tones))


def _tuft(canvas: Canvas, grass: Grass, box: Box, row: int) -> _Roots:
    """A row on the lower border of the box."""
    numbers, near = canvas.numbers, row / (ROWS - 1)
    room = min(box.width, 4.0)
    most = int(64 * room)
    count = max(int(most * grass.density), 2)
    wide = box.width * (0.14 + 0.72 * grass.width)
    at = numbers.uniform(f"row{row}.x", most)[:count] - 0.5
    foot = box.bottom + 0.004 + (0.022 + 0.05 * (1 - near)) * numbers.uniform(f"row{row}.y", most)[:count]
    tall = min(box.height, 1.0) * (0.10 + 0.85 * grass.height) * (1.0 - 0.42 * near)
    return _Roots(box.middle + at * wide, foot, at, 0.30 * at, tall)


def _turf(canvas: Canvas, grass: Grass, outline: Outline, row: int) -> _Roots:
    """A row along an outline, where grass could stand; near rows stand below the far ones, on the shape."""
    numbers, near = canvas.numbers, row / (ROWS - 1)
    ground = np.nonzero(outline.normals[:, 1] > FACES_UP)[0]
    tall = outline.size * (0.05 + 0.42 * grass.height) * (1.0 - 0.35 * near)
    spaced = max(0.05 * tall, 0.003)
    most = min(int(len(ground) * STEP / spaced) + 2, MOST) if len(ground) else 0
    count = max(int(most * (0.25 + 0.75 * grass.density)), min(most, 2))
    chosen = ground[(numbers.uniform(f"row{row}.x", most)[:count] * len(ground)).astype(np.intp)]
    down = (0.02 + 0.22 * near * (0.4 + 0.6 * numbers.uniform(f"row{row}.y", most)[:count])) * tall
    foot, out = outline.points[chosen], outline.normals[chosen]
    upright = np.clip(out[:, 1], 0, 1)
    at = np.zeros(count)
    return _Roots(foot[:, 0] - out[:, 0] * down, foot[:, 1] - upright * down, at, 0.85 * out[:, 0], tall)


def _blades(canvas: Canvas, grass: Grass, box: Box, row: int, roots: _Roots) -> list[Strokes]:
    """The two halves of each blade of a row, one lit and one in shade."""
    numbers, name = canvas.numbers, f"row{row}"
    near, count = row / (ROWS - 1), len(roots.x)
    at, root, foot = roots.at, roots.x, roots.y
    size = numbers.uniform(f"{name}.size", count, 0.42, 1.0) * roots.tall
    size = size * (1 - 0.75 * (2 * at) * (2 * at) * (2 * at) * (2 * at) * 0.6)
    gust = sine((numbers.uniform(f"{name}.gust", count, 0.0, 0.3) + canvas.phase + at * 0.5).astype(np.float32))
    lean = numbers.normal(f"{name}.lean", count, 0.10 + 0.26 * grass.mess) + roots.lean
    lean = lean + 0.50 * grass.wind + 0.05 * gust * (0.4 + abs(grass.wind))
    # How far a tip reaches sideways ends at the border.
    reach = lean * size
    limit = np.maximum(np.where(reach > 0, box.left + box.width - root, root - box.left) * 0.96, 1e-6)
    reach = np.copysign(np.abs(reach) * limit / (np.abs(reach) + limit), reach)
    size = np.minimum(size, np.maximum(box.bottom + box.height - 0.02 - foot, 0))
    droop = np.minimum(np.abs(reach) / np.maximum(size, 1e-6), 1.2)
    t = ALONG[None]
    x = root[:, None] + reach[:, None] * t * t * (0.75 + 0.25 * t)
    y = foot[:, None] + size[:, None] * (t - 0.34 * droop[:, None] * t * t * t)
    # Where they are short, along a small outline, they are thin too.
    finer = min(roots.tall / 0.35, 1.0)
    half = (
        (0.0014 + 0.0062 * grass.blade) * finer * (0.65 + 0.5 * near) * numbers.uniform(f"{name}.wide", count, 0.6, 1.1)
    )
    swell = (0.85 - 0.5 * np.maximum(1 - ALONG * 5, 0) - 0.15 * ALONG) * np.sqrt(
        np.clip(1 - ALONG * ALONG * ALONG, 0, 1)
    )
    radius = half[:, None] * swell[None]
    tone = numbers.normal(f"{name}.tone", count, 0.10)[:, None]
    light = np.clip(0.10 + 0.62 * t - 0.10 * t * t + tone + 0.10 * near, 0, 1)
    halves = []
    for side, shine in ((-1, 0.13), (1, -0.10)):
        points = np.stack([x + side * 0.45 * radius, y], axis=-1)
        shades = np.clip(light + shine, 0, 1)
        halves.append(Strokes(canvas.pixels(points), radius * 0.62 * canvas.unit, np.array(0.96), shades))
    return halves


KIND = Kind(
    "grass",
    "Grass",
    ("grass", "grass tuft", "grass blade", "blade of grass", "meadow grass"),
    Grass,
    paint,
    outlined=True,
)
