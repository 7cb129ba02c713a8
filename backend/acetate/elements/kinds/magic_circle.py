"""A magic circle: rings, a star, runes and small circles drawn in light, which turn in a loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import glow, layer_of, mix, over, rgb, shining
from acetate.elements.numbers import Field, Numbers, Reals, cosine, sine
from acetate.elements.params import colour, number, whole
from acetate.elements.strokes import Strokes, capsules

RUNES, VERSES = 9, 3
"""Runes of the inscription, and how often it repeats around the circle."""


@dataclass(frozen=True)
class MagicCircle:
    """What can be set."""

    points: int = whole("Points", 6, 3, 12)
    detail: float = number("Detail", 0.7, simple=0.15, plain=0.1, intricate=1.0, complex=0.95, ornate=1.0)
    thickness: float = number("Thickness", 0.4, thin=0.1, fine=0.1, thick=0.85, bold=0.9)
    glow: float = number("Glow", 0.5, faint=0.15, soft=0.4, bright=0.85, glowing=0.75, intense=0.95)
    tilt: float = number("Tilt", 0.0, ground=0.7, floor=0.7, lying=0.75, flat=0.75, tilted=0.5)
    colour: str = colour("Colour", "#8a5cff")


class _Strokes:
    """Lines in a circle of radius 1, laid into a picture of brightness."""

    def __init__(self, canvas: Canvas, circle: MagicCircle) -> None:
        self._canvas = canvas
        self._squash = 1 - 0.82 * circle.tilt
        self.room = min(canvas.across / 2, canvas.down / 2 / self._squash) * 0.86
        self._radius = (0.0009 + 0.0030 * circle.thickness) * canvas.unit
        self.core = np.zeros((canvas.height, canvas.width), np.float32)

    def lines(self, points: Reals, weight: float, thick: float = 1.0) -> None:
        """Polylines (n, k, 2)."""
        if weight > 0:
            placed = points * [self.room, self.room * self._squash]
            capsules(self.core, Strokes(self._canvas.pixels(placed), np.array(self._radius * thick), np.array(weight)))

    def ring(self, radius: float, weight: float, thick: float = 1.0, centre: tuple[float, float] = (0.0, 0.0)) -> None:
        """A circle."""
        turns = np.linspace(0, 1, 361 if radius > 0.2 else 91)
        self.lines((_around(turns, radius) + centre)[None], weight, thick)


def paint(canvas: Canvas, circle: MagicCircle) -> Layer:
    """A circle in the middle of the frame; `tilt` lays it on the floor."""
    drawing = _Strokes(canvas, circle)
    _draw(drawing, canvas.numbers, canvas.phase, circle)
    canvas.on_progress(0.3)
    core = drawing.core
    near = glow(core, 0.018 * canvas.unit, 4)
    far = glow(core, 0.12 * canvas.unit, 5)
    canvas.on_progress(0.7)
    beat = 1 + 0.15 * float(sine(np.full(1, canvas.phase, np.float32))[0])
    tint = rgb(circle.colour)
    white = mix(tint, (1.0, 1.0, 1.0), 0.8)

    def band(band: Band) -> Field:
        light = near[band.place] * np.float32(0.6 + 2.6 * circle.glow) + far[band.place] * np.float32(3.4 * circle.glow)
        line = layer_of(core[band.place] * np.float32(0.96), white)
        spread: Field = light * np.float32(beat) * clear(canvas, band, 0.05)
        return over(line, shining(spread, tint))

    return canvas.fill(band, 0.7)


def _draw(drawing: _Strokes, numbers: Numbers, phase: float, circle: MagicCircle) -> None:
    points = circle.points
    seen = [min(max(circle.detail * 6 - layer, 0.0), 1.0) for layer in range(6)]
    drawing.ring(1.0, 0.95, 1.5)
    drawing.ring(0.965, 0.8)
    drawing.ring(0.80, 0.9, 1.2)
    turn = phase / points
    _star(drawing, points, 0.80, turn, 0.9)
    drawing.ring(0.335, 0.85)
    _runes(drawing, numbers, 0.845, 0.925, phase / VERSES, seen[0] * 0.95)
    _ticks(drawing, 72, 0.967, 0.985, -phase / 6, seen[1] * 0.7)
    _polygons(drawing, points, 0.78, -turn, seen[2] * 0.55)
    for point in range(points):
        place = _around(np.array([0.25 + turn + point / points]), 0.80)[0]
        centre = (float(place[0]), float(place[1]))
        drawing.ring(0.055, seen[3] * 0.9, 1.0, centre)
        drawing.ring(0.038, seen[3] * 0.6, 0.8, centre)
        _rune(drawing, numbers, f"point{point}", place, 0.25 + turn + point / points, 0.026, seen[3])
    drawing.ring(0.315, seen[4] * 0.6, 0.8)
    _star(drawing, 3 if points % 3 == 0 else 4, 0.315, -turn, seen[4] * 0.8)
    drawing.ring(0.125, seen[4] * 0.8)
    _ticks(drawing, 36, 0.338, 0.352, phase / 6, seen[4] * 0.7)
    _ticks(drawing, 12, 0.80, 0.845, phase / 12, seen[5] * 0.7)
    _rune(drawing, numbers, "heart", np.zeros(2), 0.25, 0.075, seen[5])


def _around(turns: Reals, radius: float) -> Reals:
    """Points (n, 2) on a circle."""
    angle = turns.astype(np.float32)
    return np.stack([cosine(angle), sine(angle)], axis=-1).astype(np.float64) * radius


def _star(drawing: _Strokes, points: int, radius: float, turn: float, weight: float) -> None:
    """A star polygon in as few strokes as its chords."""
    skip = 1 if points < 5 else 2 if points < 8 else 3
    corners = _around(0.25 + turn + np.arange(points) / points, radius)
    drawing.lines(np.stack([corners, np.roll(corners, -skip, axis=0)], axis=1), weight, 1.1)
    if points == 3:
        drawing.lines(np.stack([-corners, -np.roll(corners, -1, axis=0)], axis=1), weight, 1.1)
    if points == 4:
        turned = _around(0.375 + turn + np.arange(4) / 4, radius)
        drawing.lines(np.stack([turned, np.roll(turned, -1, axis=0)], axis=1), weight, 1.1)


def _polygons(drawing: _Strokes, points: int, radius: float, turn: float, weight: float) -> None:
    """Two thin polygons and the rays between them."""
    inner = 0.335
    first = _around(0.25 + turn + np.arange(points) / points, radius)
    drawing.lines(np.stack([first, np.roll(first, -1, axis=0)], axis=1), weight, 0.7)
    rays = 0.25 + turn + (np.arange(points) + 0.5) / points
    ends = _around(rays, inner), _around(rays, radius * float(cosine(np.full(1, 0.5 / points, np.float32))[0]))
    drawing.lines(np.stack(ends, axis=1), weight, 0.7)


def _ticks(drawing: _Strokes, count: int, inner: float, outer: float, turn: float, weight: float) -> None:
    turns = turn + np.arange(count) / count
    drawing.lines(np.stack([_around(turns, inner), _around(turns, outer)], axis=1), weight, 0.8)


def _runes(drawing: _Strokes, numbers: Numbers, inner: float, outer: float, turn: float, weight: float) -> None:
    """An inscription around the circle."""
    middle, size = (inner + outer) / 2, (outer - inner) / 2
    for place in range(RUNES * VERSES):
        angle = turn + place / (RUNES * VERSES)
        at = _around(np.array([angle]), middle)[0]
        _rune(drawing, numbers, f"rune{place % RUNES}", at, angle, size, weight)


def _rune(drawing: _Strokes, numbers: Numbers, name: str, at: Reals, turn: float, size: float, weight: float) -> None:
    """A rune that stands upright on the circle: one or two staves, and twigs that meet them."""
    up = _around(np.array([turn]), 1.0)[0]
    right = np.array([up[1], -up[0]])
    pick = numbers.uniform(name, 9)
    staves = [-0.45, 0.45] if pick[0] < 0.3 else [0.0] if pick[0] < 0.65 else [-0.35]
    marks = [[(stave, -1.0), (stave, 1.0)] for stave in staves]
    for twig in range(2 + int(pick[1] * 1.99)):
        stave = staves[int(pick[2 + twig] * len(staves))]
        height = (-0.6, -0.1, 0.4, 1.0)[int(pick[5 + twig] * 3.99)]
        side = 0.55 if stave < 0 or (stave == 0 and pick[2 + twig] < 0.5) else -0.55
        marks.append([(stave, height), (stave + side, height - (0.5 if twig % 2 == 0 else -0.35))])
    strokes = np.array(marks) * size
    drawing.lines(at + strokes[..., :1] * right + strokes[..., 1:] * up, weight, 0.9)


KIND = Kind(
    "magic_circle",
    "Magic circle",
    (
        "magic circle",
        "summoning circle",
        "magic sigil",
        "magic seal",
        "rune circle",
        "spell circle",
        "arcane circle",
        "alchemy circle",
        "transmutation circle",
        "magical circle",
        "sigil",
    ),
    MagicCircle,
    paint,
    light=True,
)
