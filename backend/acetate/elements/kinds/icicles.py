"""Icicles: cones of clear ice that hang from an edge of frost, at the top of the frame or along an outline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, mix, over, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, gaussian, sine, smoothstep
from acetate.elements.outline import STEP, Outline
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, capsules

FACES_DOWN = -0.2
"""How much of its normal points up, at most, where an outline has icicles."""
MOST = 260


@dataclass(frozen=True)
class Icicles:
    """What can be set."""

    density: float = number("Density", 0.5, sparse=0.2, few=0.15, dense=0.85, many=0.85)
    length: float = number("Length", 0.6, short=0.25, long=0.95, small=0.3, big=0.9)
    width: float = number("Width", 0.4, thin=0.15, slender=0.15, thick=0.8, wide=0.8)
    ripples: float = number("Ripples", 0.4, smooth=0.0, rippled=0.85, bumpy=0.9)
    frost: float = number("Frost", 0.4, clear=0.05, frosted=0.9, frosty=0.9, snowy=0.95)
    shine: float = number("Shine", 0.6, dull=0.15, matte=0.1, shiny=0.9, sparkling=0.95)
    colour: str = colour("Colour", "#a9d6f2", blue="#6fb4ee", white="#e4eef5")


@dataclass(frozen=True)
class _Row:
    """The edge that icicles hang from, in units: points (n, 2) at even steps, the length of the longest icicle, and the
    strip of frost's half thickness.
    """

    edge: Reals
    longest: float
    thick: float


def paint(canvas: Canvas, icicles: Icicles) -> Layer:
    """A row at the top of its box, or below the edges of an outline that face down."""
    row = _top(canvas, icicles) if canvas.outline is None else _below(canvas.outline, icicles)
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)
    grain = Noise(canvas.numbers, "grain", 0.03 * canvas.unit, gain=0.6)
    if len(row.edge):
        for number, cone in enumerate(_cones(canvas, icicles, row)):
            _hang(canvas, icicles, layer, grain, cone, number)
        canvas.on_progress(0.7)
        _frost(canvas, icicles, layer, grain, row)
    for band in canvas.bands():
        layer[band.place] *= clear(canvas, band, 0.012)[..., None]
    canvas.on_progress(1.0)
    return layer


def _top(canvas: Canvas, icicles: Icicles) -> _Row:
    box = canvas.box(0.3, 4.0, 0.03)
    thick = 0.008 + 0.012 * icicles.frost
    across = np.arange(box.left + 0.03, box.left + box.width - 0.03, STEP)
    sag = 0.004 * sine((across * 2.3 + canvas.numbers.one("sag")).astype(np.float32))
    edge = np.stack([across, box.bottom + box.height - thick - 0.012 + sag], axis=-1)
    return _Row(edge, min(box.height, 1.2) * (0.12 + 0.78 * icicles.length), thick)


def _below(outline: Outline, icicles: Icicles) -> _Row:
    edge = outline.points[outline.normals[:, 1] < FACES_DOWN]
    return _Row(edge, outline.size * (0.06 + 0.5 * icicles.length), outline.size * (0.006 + 0.014 * icicles.frost))


def _cones(canvas: Canvas, icicles: Icicles, row: _Row) -> Reals:
    """The icicles as (n, 5), the far ones first: x and y of the root, length, radius at the root, a random number."""
    numbers = canvas.numbers
    girth = row.longest * (0.022 + 0.05 * icicles.width)
    count = int(np.clip(len(row.edge) * STEP / (0.042 * row.longest) * (0.25 + 0.9 * icicles.density), 1, MOST))
    place = (np.arange(count) + numbers.uniform("place", count)) / count
    roots = row.edge[(place * len(row.edge)).astype(np.intp)]
    pick = numbers.uniform("long", count)
    long = row.longest * (0.10 + 0.25 * pick + 0.65 * pick * pick * pick)
    long = np.minimum(long, np.maximum(roots[:, 1] + canvas.down / 2 - 0.03, 0.01))
    wide = girth * (0.45 + 0.75 * long / row.longest) * numbers.uniform("wide", count, 0.8, 1.15)
    cones = np.stack([roots[:, 0], roots[:, 1], long, wide, numbers.uniform("own", count)], axis=-1)
    return cones[np.argsort(numbers.uniform("near", count), kind="stable")]


def _hang(canvas: Canvas, icicles: Icicles, layer: Layer, grain: Noise, cone: Reals, number: int) -> None:
    """Lay one icicle over what is behind it."""
    root_x, root_y, long, wide, own = cone
    unit = canvas.unit
    left, top = canvas.pixels(np.array([root_x - 1.4 * wide, root_y]))
    right, bottom = canvas.pixels(np.array([root_x + 1.4 * wide, root_y - 1.02 * long]))
    rows = slice(max(int(top), 0), min(int(bottom) + 2, canvas.height))
    columns = slice(max(int(left) - 1, 0), min(int(right) + 2, canvas.width))
    x = ((np.arange(columns.start, columns.stop) + 0.5 - canvas.width / 2) / unit - root_x).astype(np.float32)[None]
    y = (root_y - (canvas.height / 2 - np.arange(rows.start, rows.stop) - 0.5) / unit).astype(np.float32)[:, None]
    if not x.size or not y.size:
        return
    v = np.clip(y / np.float32(long), 0, 1)
    turns = y * np.float32(9 / long) + np.float32(own * 7)
    bulge = 1 + np.float32(0.16 * icicles.ripples) * (sine(turns) + 0.6 * sine(turns * np.float32(2.3)))
    drift = np.float32(0.22 * wide) * sine(v * np.float32(0.8) + np.float32(own)) * v
    slim = (1 - v) * (np.float32(0.72) + np.float32(0.28) * (1 - v)) + np.float32(0.05) * np.sqrt(1 - v)
    radius = np.maximum(np.float32(wide) * slim * (1 + 0.6 * smoothstep(0.12, 0.0, v)) * bulge, np.float32(1e-6))
    aside = x - drift
    # A tip thinner than a pixel covers only a part of it.
    cover = np.clip((radius - np.abs(aside)) * unit + np.float32(0.5), 0, np.minimum(2 * radius * unit, 1))
    cover = cover * smoothstep(1.0, float(1.0 - 0.6 / max(long * unit, 1.0)), y / np.float32(long))
    u = np.clip(aside / radius, -1, 1)
    rim = 1 - np.sqrt(np.maximum(1 - u * u, 0))
    flaws = grain(x * 90 + np.float32(number * 3.7), y * np.float32(14))
    milky = np.float32(icicles.frost) * (0.30 + 0.55 * flaws + 0.6 * smoothstep(0.45, 0.0, v))
    milky = np.clip(milky * (1 - 0.5 * rim), 0, 1)
    streak = gaussian(u + 0.38, 0.10) + 0.45 * gaussian(u - 0.52, 0.07) + 0.35 * gaussian(u - 0.05, 0.20) * flaws
    glint = np.clip(streak * np.float32(1.25 * icicles.shine) * (0.65 + 0.35 * sine(turns * np.float32(0.7))), 0, 1)
    # Light bends away just inside the edge, so that ice is dark there and bright at the very edge.
    dark = gaussian(np.abs(u) - 0.80, 0.13) * np.float32(0.55)
    bright = smoothstep(0.88, 1.0, np.abs(u)) * np.float32(0.6)
    alpha = 0.26 + 0.20 * np.abs(u) + 0.42 * dark + 0.5 * bright + 0.5 * milky + 0.75 * glint
    tint = np.asarray(rgb(icicles.colour), np.float32)
    deep, white = tint * np.float32(0.38), np.asarray(mix(rgb(icicles.colour), (1.0, 1.0, 1.0), 0.85), np.float32)
    tone = tint + (deep - tint) * np.clip(dark * 1.5, 0, 1)[..., None]
    tone = tone + (white - tone) * np.clip(milky + bright + 1.2 * glint, 0, 1)[..., None]
    window = layer[rows, columns]
    window[...] = over(layer_of((np.clip(alpha, 0, 0.97) * cover).astype(np.float32), tone), window)


def _frost(canvas: Canvas, icicles: Icicles, layer: Layer, grain: Noise, row: _Row) -> None:
    """Lay the strip of frost along the edge, lit from above."""
    strip, upper = np.zeros(layer.shape[:2], np.float32), np.zeros(layer.shape[:2], np.float32)
    parts = np.nonzero(np.abs(np.diff(row.edge, axis=0)).max(axis=1) > 3 * STEP)[0] + 1
    for part in np.split(row.edge, parts):
        points = part[::2] if len(part) > 2 else part
        ends = np.minimum(np.arange(len(points)), np.arange(len(points))[::-1]) / max(6.0 * row.thick / STEP / 8, 1.0)
        lumps = 0.75 + 0.5 * grain((points[:, 0] * 18).astype(np.float32), (points[:, 1] * 18).astype(np.float32))
        wide = (np.clip(ends, 0.15, 1) * lumps * row.thick * canvas.unit)[None]
        capsules(strip, Strokes(canvas.pixels(points[None]), wide, np.array(1.0)))
        raised = points + np.array([0.0, 0.45 * row.thick])
        capsules(upper, Strokes(canvas.pixels(raised[None]), wide * 0.6, np.array(1.0)))
    white = np.asarray(mix(rgb(icicles.colour), (1.0, 1.0, 1.0), 0.9), np.float32)
    shaded = np.asarray(mix(rgb(icicles.colour), (1.0, 1.0, 1.0), 0.25), np.float32)

    def band(band: Band) -> Field:
        flakes = grain(band.x * 110, band.y * 110)
        light = np.clip(0.45 + 0.5 * upper[band.place] + 0.55 * flakes, 0, 1)
        alpha = strip[band.place] * np.clip(0.72 + 0.3 * np.float32(icicles.frost) + 0.4 * flakes, 0, 1)
        return layer_of(alpha, shaded + (white - shaded) * light[..., None])

    canvas.lay(layer, band, 0.7)


KIND = Kind(
    "icicles",
    "Icicles",
    ("icicle", "hanging ice", "ice spike", "row of icicles", "ice stalactite"),
    Icicles,
    paint,
    loops=False,
    outlined=True,
)
