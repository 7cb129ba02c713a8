"""Fur: a patch that spreads from a crown, or a rim along an outline, of tufts of thousands of hairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from acetate.elements.frame import Band, Canvas, Grid, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import covered, mean_shade
from acetate.elements.light import Rgb, layer_of, mix, ramp, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, cosine, gaussian, power, sine, smoothstep, turns_of
from acetate.elements.outline import Outline
from acetate.elements.params import choice, colour, number
from acetate.elements.strokes import Strokes, fine, opacity

LAYERS = 9
"""Hairs lie in so many layers, each over the one before."""
ALONG = np.linspace(0, 1, 13)
MOST = 26000
"""Hairs of the densest patch; a rim has as many as its length asks for, up to this."""
TIP = 8
"""The point of a hair where a dark tip begins."""
TUFTS = 1 << 12
CELLS = 96
"""Cells along the shorter side in which roots are counted."""


@dataclass(frozen=True)
class Fur:
    """What can be set."""

    density: float = number("Density", 0.6, sparse=0.15, thin=0.2, dense=0.9, thick=0.9, lush=0.95)
    length: float = number("Length", 0.45, short=0.15, long=0.85, shaggy=0.9, cropped=0.05, fluffy=0.7)
    thickness: float = number("Hair width", 0.35, fine=0.1, silky=0.1, soft=0.15, coarse=0.85, bristly=0.95)
    curl: float = number("Curl", 0.1, straight=0.0, wavy=0.4, curly=0.85, woolly=1.0)
    tufts: float = number("Tufts", 0.5, smooth=0.1, combed=0.1, tufted=0.85, wet=1.0)
    mess: float = number("Disorder", 0.35, neat=0.05, groomed=0.05, messy=0.85, wild=0.9, tousled=0.8)
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6)
    shine: float = number("Shine", 0.45, matte=0.0, dull=0.1, glossy=0.95, shiny=0.9)
    pattern: str = choice(
        "Pattern",
        {"plain": "Plain", "striped": "Striped", "spotted": "Spotted", "tipped": "Dark tips"},
        {"tiger": "striped", "striped": "striped", "zebra": "striped", "leopard": "spotted", "spotted": "spotted"}
        | {"dark_tipped": "tipped"},
    )
    marks: str = colour("Second colour", "#2b1c14")
    colour: str = colour(
        "Colour", "#a3744a", black="#2a2725", white="#efebe4", grey="#8d8a88", gray="#8d8a88", brown="#6f4a2e"
    )


@dataclass(frozen=True)
class _Coat:
    """Where hairs grow: roots (n, 2), the unit vector that each is combed along (n, 2), lengths (n) in units, the
    light that falls on each (n), about in [-1, 1], which lie over which (n), from 0 below to 1, and where they are in
    the pattern (n, 2), about in [-1, 1].
    """

    roots: Reals
    ways: Reals
    long: Reals
    light: Reals
    order: Reals
    at: Reals


def paint(canvas: Canvas, fur: Fur) -> Layer:
    """Hairs in layers, those that lie above over those below, which sway in a loop."""
    outline = canvas.outline
    coat = _patch(canvas, fur) if outline is None else _rim(canvas, fur, outline)
    points, shades = _hairs(canvas, fur, coat)
    finer = 1.0 if outline is None else min(outline.size / 0.6, 1.0)
    t = ALONG[None]
    radii = (0.00055 + 0.0017 * fur.thickness) * finer * np.clip((1 - t) / 0.75, 0.10, 1) * canvas.unit
    radii = radii * np.clip(t / 0.3 + 0.35, 0, 1)
    # A rim begins softly, on what the artist has there.
    weights = 0.88 * np.clip((1 - t) / 0.15, 0.2, 1) * np.clip(t / (0.08 if outline is None else 0.45) + 0.02, 0, 1)
    inks = _shades(rgb(fur.colour), fur.shine), _shades(rgb(fur.marks), fur.shine)
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)

    def lay(which: NDArray[np.bool_], ink: int, part: slice, done: float) -> None:
        if not which.any():
            return
        depth = np.zeros((canvas.height, canvas.width), np.float32)
        shade = np.zeros_like(depth)
        placed = canvas.pixels(points[which][:, part])
        strokes = Strokes(placed, radii[:, part], weights[:, part], shades[which][:, part], soft=0.3)
        fine(depth, strokes, shade)
        canvas.lay(layer, partial(_band, depth, shade, inks[ink]), done, covered(canvas, [strokes]))

    place = np.minimum((coat.order * LAYERS).astype(np.intp), LAYERS - 1)
    marked = _marked(canvas, fur, coat)
    if outline is None:
        canvas.lay(layer, _wool(canvas, fur, coat, marked), 0.0)
    for index in range(LAYERS):
        here = place == index
        lay(here & ~marked, 0, slice(None), (index + 0.3) / LAYERS)
        lay(here & marked, 1, slice(None), (index + 0.6) / LAYERS)
        if fur.pattern == "tipped":
            lay(here, 1, slice(TIP, None), (index + 0.9) / LAYERS)
    return layer


def _wool(canvas: Canvas, fur: Fur, coat: _Coat, marked: NDArray[np.bool_]) -> Callable[[Band], Field]:
    """Dark wool below all hairs, where their roots are close, so that nothing shines through."""

    def roots(which: NDArray[np.bool_], x: Field, y: Field) -> Field:
        step = 1.0 / CELLS
        column = np.clip(np.rint((coat.roots[which, 0] - float(x[0, 0])) / step), 0, x.shape[1] - 1).astype(np.intp)
        row = np.clip(np.rint((float(y[0, 0]) - coat.roots[which, 1]) / step), 0, y.shape[0] - 1).astype(np.intp)
        counted = np.bincount(row * x.shape[1] + column, minlength=x.shape[1] * y.shape[0])
        counts: Field = counted.reshape(y.shape[0], x.shape[1]).astype(np.float32)
        for axis in (0, 1, 0, 1):
            counts = (np.roll(counts, 1, axis) + 2 * counts + np.roll(counts, -1, axis)) / np.float32(4)
        return counts

    everywhere, there = (Grid(canvas, CELLS, partial(roots, which)) for which in (np.ones_like(marked), marked))
    usual = np.float32(everywhere.values[everywhere.values > 0].mean())
    shade = np.full(1, 0.24, np.float32)
    under = mix(rgb(fur.colour), rgb(fur.marks), 0.3)
    plain, dark = (ramp(shade, _shades(ink, 0.0))[0] for ink in (under, rgb(fur.marks)))

    def band(band: Band) -> Field:
        amount = everywhere.at(band)
        share = np.clip(there.at(band) / np.maximum(amount, usual * np.float32(0.05)), 0, 1)
        alpha = smoothstep(0.15, 0.75, amount / usual) * np.float32(min(0.1 + 1.6 * fur.density, 1.0))
        return layer_of(alpha, plain + (dark - plain) * share[..., None])

    return band


def _band(depth: Field, shade: Field, stops: tuple[tuple[float, Rgb], ...], band: Band) -> Field:
    """The premultiplied hairs of one layer."""
    thick = depth[band.place]
    return layer_of(opacity(thick * 1.2), ramp(mean_shade(shade[band.place], thick), stops))


def _shades(tint: Rgb, shine: float) -> tuple[tuple[float, Rgb], ...]:
    """The ramp from a hair's shade to its colour."""
    black, white = (0.03, 0.02, 0.02), (1.0, 0.97, 0.92)
    return (
        (0.0, mix(black, tint, 0.18)),
        (0.28, mix(black, tint, 0.55)),
        (0.55, tint),
        (0.80, mix(tint, white, 0.30)),
        (1.2, mix(tint, white, 0.45 + 0.35 * shine)),
    )


def _patch(canvas: Canvas, fur: Fur) -> _Coat:
    """Hairs all over a rounded shape, combed away from a crown near its top."""
    numbers, box = canvas.numbers, canvas.box(0.5, 2.0, 0.03)
    room = min(box.width, box.height)
    long = (0.035 + 0.20 * fur.length) * room
    wide, tall = box.width / 2 - 1.15 * long, box.height / 2 - 1.15 * long
    count = int(MOST * (0.12 + 0.88 * fur.density))
    turn = numbers.uniform("turn", MOST)[:count].astype(np.float32)
    far = np.sqrt(numbers.uniform("far", MOST)[:count])
    lumps = numbers.uniform("lumps", 3)
    edge = 1.0 - 0.05 * (1.5 + sine(turn * 2 + np.float32(lumps[0])) + 0.5 * sine(turn * 3 + np.float32(lumps[1])))
    x, y = far * edge * cosine(turn), far * edge * sine(turn)
    crown = numbers.one("crown", -0.25, 0.25), 0.62
    away_x, away_y = x - crown[0], y - crown[1]
    # At the crown itself they point every way, and cover it.
    away_x = away_x + numbers.normal("stir.x", MOST, 0.10)[:count]
    away_y = away_y + numbers.normal("stir.y", MOST, 0.10)[:count]
    gone = np.sqrt(away_x * away_x + away_y * away_y) + 1e-6
    # A whorl around the crown, and more and more straight down further off.
    spin = 0.13 * numbers.sign("whorl") * np.asarray(smoothstep(0.7, 0.0, gone), np.float64)
    angle = turns_of((away_x / gone * 1.0).astype(np.float32), (away_y / gone - 0.55).astype(np.float32))
    angle = (angle + spin).astype(np.float32)
    ways = np.stack([cosine(angle), sine(angle)], axis=-1).astype(np.float64)
    roots = np.stack([box.middle + x * wide, box.bottom + box.height / 2 + y * tall], axis=-1)
    standing = 0.6 + 0.4 * np.asarray(smoothstep(0.0, 0.5, gone), np.float64)
    light = 0.75 * y - 0.45 * x - 0.35 * far * far
    order = np.clip(0.86 * (1 - gone / 1.75) + 0.28 * numbers.uniform("over", MOST)[:count], 0, 1)
    return _Coat(roots, ways, long * standing, light, order, np.stack([x, y], axis=-1))


def _rim(canvas: Canvas, fur: Fur, outline: Outline) -> _Coat:
    """Hairs along an outline, rooted a little inside, that stand out from it and hang a little."""
    numbers = canvas.numbers
    long = (0.04 + 0.26 * fur.length) * outline.size
    most = int(np.clip(outline.length / outline.size * 4200, 200, MOST))
    count = int(most * (0.12 + 0.88 * fur.density))
    chosen = (numbers.uniform("place", most)[:count] * len(outline.points)).astype(np.intp)
    inside = np.abs(numbers.normal("inside", most, 0.42)[:count])
    out = outline.normals[chosen]
    roots = (
        outline.points[chosen]
        - out * (inside * long)[:, None]
        + numbers.normal("jitter", 2 * most, 0.002).reshape(-1, 2)[:count]
    )
    # Combed along the outline to one side, and down.
    aside = np.stack([out[:, 1], -out[:, 0]], axis=-1) * np.where(out[:, :1] < 0, -1.0, 1.0)
    ways = out + 0.55 * aside + np.array([0.0, -0.25])
    ways /= np.sqrt((ways * ways).sum(axis=1, keepdims=True)) + 1e-6
    light = 0.6 * out[:, 1] - 0.35 * out[:, 0]
    order = np.clip(inside / 1.3, 0, 0.85) + 0.15 * numbers.uniform("over", most)[:count]
    return _Coat(roots, ways, np.full(count, long), light, order, roots / (0.5 * outline.size))


def _hairs(canvas: Canvas, fur: Fur, coat: _Coat) -> tuple[Reals, Reals]:
    """The points (n, k, 2) of hairs in units, and their shades (n, k)."""
    numbers, count = canvas.numbers, len(coat.roots)
    size = float(coat.long.max()) * 0.34
    loose = numbers.normal("loose", 2 * MOST, 0.22).reshape(-1, 2)[:count]
    cell = np.floor(coat.roots / size + loose)
    own = ((cell[:, 0].astype(np.int64) * 97 + cell[:, 1].astype(np.int64) * 5741) & (TUFTS - 1)).astype(np.intp)
    centre = (
        cell + 0.5 + np.stack([numbers.uniform(f"tuft.{axis}", TUFTS, -0.3, 0.3)[own] for axis in "xy"], -1)
    ) * size
    turned = numbers.normal("tuft.turn", TUFTS, 0.018 + 0.05 * fur.mess)[own]
    turned = turned + numbers.normal("turn.own", MOST, 0.012 + 0.05 * fur.mess)[:count]
    flies = numbers.uniform("flies", MOST)[:count] < 0.02 + 0.06 * fur.mess
    angle: Field = np.where(flies, turned * 2.4, turned).astype(np.float32)
    c, s = cosine(angle).astype(np.float64), sine(angle).astype(np.float64)
    way = np.stack([coat.ways[:, 0] * c - coat.ways[:, 1] * s, coat.ways[:, 0] * s + coat.ways[:, 1] * c], axis=-1)
    long = (
        coat.long
        * numbers.uniform("long", MOST, 0.62, 1.0)[:count]
        * numbers.uniform("tuft.long", TUFTS, 0.8, 1.0)[own]
    )
    t = ALONG[None]
    beside = np.stack([way[:, 1], -way[:, 0]], axis=-1)
    gathered = (0.25 + 0.7 * fur.tufts) * np.asarray(power(t.astype(np.float32), 1.3), np.float64)
    points = coat.roots[:, None] + way[:, None] * (long[:, None] * t)[..., None]
    points = (
        points + (centre - coat.roots)[:, None] * np.where(flies, 0.2, 1.0)[:, None, None] * gathered[..., None] * 0.8
    )
    start = numbers.uniform("tuft.wave", TUFTS)[own] + numbers.normal("wave.own", MOST, 0.06)[:count]
    bow = numbers.normal("bow", MOST, 0.10)[:count]
    wave = sine((start[:, None] + (0.35 + 1.6 * fur.curl) * t).astype(np.float32))
    bend = (bow[:, None] * t * t + (0.03 + 0.17 * fur.curl) * wave * t) * long[:, None]
    points = points + beside[:, None] * bend[..., None]
    gust = sine((canvas.phase + start[:, None] * 0.15 + coat.roots[:, :1] * 0.8 + 0.25 * t).astype(np.float32))
    blown = (0.45 * fur.wind + (0.035 + 0.06 * abs(fur.wind)) * gust) * t * t * long[:, None]
    points[..., 0] += blown
    return points, _lit(canvas, fur, coat, own)


def _lit(canvas: Canvas, fur: Fur, coat: _Coat, own: NDArray[np.intp]) -> Reals:
    """The shades (n, k) of hairs, each of a tuft of its own."""
    numbers, t = canvas.numbers, ALONG[None]
    tone = numbers.normal("tuft.tone", TUFTS, 0.07)[own] + numbers.normal("tone", MOST, 0.08)[: len(own)]
    gleam = gaussian((t - 0.52 - 0.8 * numbers.normal("gleam", TUFTS, 0.09)[own][:, None]), 0.14) * fur.shine * 0.45
    lit = 0.30 + 0.34 * t + 0.20 * coat.light[:, None] + tone[:, None]
    return np.asarray(np.clip(lit + gleam * (0.7 + 0.5 * coat.light[:, None]), 0, 1.2))


def _marked(canvas: Canvas, fur: Fur, coat: _Coat) -> NDArray[np.bool_]:
    """Which hairs have the pattern's colour."""
    numbers, count = canvas.numbers, len(coat.roots)
    if fur.pattern not in ("striped", "spotted"):
        return np.zeros(count, np.bool_)
    warp = Noise(numbers, "warp", 64.0, octaves=3)
    # Where hairs of both colours meet they mingle.
    mingled = coat.at + numbers.normal("mingle", 2 * MOST, 0.012).reshape(-1, 2)[:count]
    x, y = mingled.astype(np.float32).T
    bend = warp(x * 1.6, y * 1.6)
    if fur.pattern == "striped":
        breaks = warp(x * 2.2 + 7, y * 1.1)
        return np.asarray(sine(y * 3.1 + 0.42 * bend + 0.25 * x * x) > 0.35 + 1.1 * np.maximum(breaks, 0))
    u, v = x * 3.4 + 0.45 * bend, y * 3.4 + 0.45 * warp(x * 1.6 + 5, y * 1.6)
    row = np.floor(v)
    column = np.floor(u + 0.5 * (row % 2))
    own = ((column.astype(np.int64) * 97 + row.astype(np.int64) * 5741) & (TUFTS - 1)).astype(np.intp)
    aside = u + 0.5 * (row % 2) - column - 0.5 - numbers.uniform("spot.x", TUFTS, -0.12, 0.12)[own]
    above = v - row - 0.5 - numbers.uniform("spot.y", TUFTS, -0.12, 0.12)[own]
    far = np.sqrt(aside * aside + above * above) / numbers.uniform("spot.size", TUFTS, 0.8, 1.15)[own]
    gap = sine(
        turns_of(aside.astype(np.float32), above.astype(np.float32))
        + numbers.uniform("spot.gap", TUFTS)[own].astype(np.float32)
    )
    return np.asarray((far < 0.40) & (far > 0.17) & (gap < 0.80))


KIND = Kind(
    "fur",
    "Fur",
    ("fur", "animal fur", "fur patch", "patch of fur", "pelt", "fur trim"),
    Fur,
    paint,
    outlined=True,
)
