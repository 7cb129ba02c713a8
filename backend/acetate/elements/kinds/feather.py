"""A feather: a bent quill, a vane of fine barbs that split here and there, and down at its foot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction, mean_shade
from acetate.elements.light import layer_of, mix, over, ramp, rgb
from acetate.elements.numbers import Field, Reals, cosine, sine
from acetate.elements.params import choice, colour, number
from acetate.elements.strokes import Strokes, capsules, fine, opacity

BARBS, DOWN = 430, 150
"""Barbs on each side of the vane, and of the down."""
ALONG = np.linspace(0, 1, 9)


@dataclass(frozen=True)
class Feather:
    """What can be set."""

    width: float = number("Width", 0.5, thin=0.15, slender=0.15, narrow=0.2, wide=0.85, broad=0.9)
    curve: float = number("Curve", 0.35, -1.0, 1.0, straight=0.0, curved=0.7, bent=0.8)
    splits: float = number("Splits", 0.4, perfect=0.0, neat=0.05, ragged=0.9, tattered=1.0)
    down: float = number("Down", 0.5, downy=0.9, fluffy=0.95)
    turn: float = number("Turn", 0.25, -1.0, 1.0, upright=0.0, lying=1.0)
    pattern: str = choice(
        "Pattern",
        {"plain": "Plain", "banded": "Banded", "tipped": "Dark tip"},
        {"banded": "banded", "striped": "banded", "barred": "banded", "tipped": "tipped"},
    )
    colour: str = colour("Colour", "#e9e4da", black="#26262c")


def paint(canvas: Canvas, feather: Feather) -> Layer:
    """One feather across the frame."""
    place = _Placed(canvas, feather)
    depth = np.zeros((canvas.height, canvas.width), np.float32)
    shade = np.zeros_like(depth)
    for side in (-1, 1):
        _down(canvas, feather, place, side, depth, shade)
        _vane(canvas, feather, place, side, depth, shade)
        canvas.on_progress(0.3 + 0.15 * side)
    quill, edge = np.zeros_like(depth), np.zeros_like(depth)
    s = np.linspace(-0.24, 0.985, 60)
    points = canvas.pixels(place.at(s, np.zeros_like(s)))[None]
    wide = (
        place.long
        * canvas.unit
        * 0.0085
        * np.clip(1.02 - np.maximum(s, 0), 0.08, 1)
        * np.clip((s + 0.26) / 0.1, 0.35, 1)
    )
    capsules(quill, Strokes(points, wide[None], np.array(1.0)))
    for shift in (0.15, 0.40, 0.65):
        dark = np.zeros_like(depth)
        capsules(dark, Strokes(points + shift * wide[None, :, None], wide[None] * (1 - shift), np.array(1.0)))
        edge += dark
    tint = rgb(feather.colour)
    deep, pale = mix(tint, (0.05, 0.04, 0.05), 0.62), mix(tint, (1.0, 1.0, 1.0), 0.42)
    tones = ((0.0, deep), (0.55, tint), (1.0, pale))
    horn = np.asarray(mix(mix(tint, (0.93, 0.88, 0.78), 0.65), (0.0, 0.0, 0.0), 0.06), np.float32)

    def band(band: Band) -> Field:
        at = band.place
        thick = depth[at]
        vane = layer_of(opacity(thick * 1.7), ramp(mean_shade(shade[at], thick), tones))
        stem = layer_of(quill[at], horn * (1 - 0.13 * edge[at])[..., None])
        return over(stem, vane)

    return canvas.fill(band, 0.6)


class _Placed:
    """Where the feather lies: `s` along its shaft, 0 where the vane begins and 1 at the tip, and across it."""

    def __init__(self, canvas: Canvas, feather: Feather) -> None:
        sway = 0.02 * float(sine(np.full(1, canvas.phase, np.float32))[0])
        self._c, self._s = direction(0.25 - 0.25 * feather.turn + 0.2 * sway)
        self.half = 0.07 + 0.15 * feather.width
        self._bend = 0.32 * feather.curve + sway
        # The longest that fits the frame with its vane and bend.
        across, down = canvas.across / 2 - 0.03, canvas.down / 2 - 0.03
        corners = [self._local(s, v) for s in np.linspace(-0.26, 1.0, 12) for v in (-1.25, 1.25)]
        extent = np.abs(np.array([self._turned(*corner) for corner in corners])).max(axis=0)
        self.long = float(min(across / extent[0], down / extent[1], 1.6))

    def _local(self, s: float, v: float) -> tuple[float, float]:
        return s - 0.40, v * self.half + self._bend * (s - 0.4) * (s - 0.4) - 0.12 * self._bend

    def _turned(self, along: Reals | float, across: Reals | float) -> tuple[Reals | float, Reals | float]:
        return along * self._c - across * self._s, along * self._s + across * self._c

    def at(self, s: Reals, across: Reals) -> Reals:
        """Points (..., 2) in units; `across` is in lengths of the vane."""
        bent = self._bend * (s - 0.4) * (s - 0.4) - 0.12 * self._bend
        x, y = self._turned(s - 0.40, across + bent)
        return np.stack([np.asarray(x), np.asarray(y)], axis=-1) * self.long


def _vane(canvas: Canvas, feather: Feather, place: _Placed, side: int, depth: Field, shade: Field) -> None:
    numbers, name = canvas.numbers, f"vane{side}"
    s = (np.arange(BARBS) + numbers.uniform(f"{name}.s", BARBS)) / BARBS
    # A barb ends further along than it begins, on the outline: soon broad, slowly narrowing, round at the tip.
    share = 1.0 if side > 0 else 0.68
    end = s + 0.25 * np.sqrt(1 - s) * (1 - 0.15 * s)
    narrow = np.maximum((end - 0.42) / 0.58, 0)
    outline = np.minimum(end / 0.40, 1.0)
    outline = np.sqrt(outline * (2 - outline) * np.clip(1 - narrow * narrow * narrow, 0, 1)) * (1 - 0.16 * narrow)
    length = outline * place.half * share * numbers.uniform(f"{name}.length", BARBS, 0.97, 1.0) + 0.004
    # Barbs cling to each other but where the vane has split; there a lock of them swings aside.
    gaps = 9
    where = numbers.uniform(f"{name}.gap", gaps, 0.08, 0.92)
    swing = numbers.uniform(f"{name}.swing", gaps, 0.25, 1.0) * feather.splits
    lean = np.zeros(BARBS)
    for gap in range(gaps):
        behind = where[gap] - s
        lean = lean + np.where(behind > 0, swing[gap] * np.maximum(1 - behind / 0.05, 0) ** 2, 0.0)
    lean = np.minimum(lean, 1.2)
    t = ALONG[None]
    across = side * length[:, None] * (1 - 0.30 * lean[:, None]) * (1.45 * t - 0.45 * t * t)
    ahead = (end - s) * (1 + 0.10 * lean * (1 - s)) + numbers.normal(f"{name}.ahead", BARBS, 0.0018)
    along = s[:, None] + ahead[:, None] * (0.72 * t + 0.28 * t * t)
    points = place.at(along, across)
    tone = 0.58 + numbers.normal(f"{name}.tone", BARBS, 0.05)[:, None] + 0.16 * t - 0.12 * (1 - t) * (1 - t)
    tone = tone + (0.05 if side < 0 else -0.05) - 0.10 * lean[:, None]
    if feather.pattern == "banded":
        wave = sine((along * 6.2 + 0.25 * t).astype(np.float32))
        tone = tone - 0.42 * np.clip(wave * 3 - 0.6, 0, 1)
    elif feather.pattern == "tipped":
        tone = tone - 0.5 * np.clip((along - 0.70 + 0.05 * t) / 0.10, 0, 1)
    width = place.long * canvas.unit * (1.25 / BARBS) * np.array([0.62, 0.6, 0.58, 0.56, 0.54, 0.5, 0.45, 0.35, 0.16])
    fade = np.array([0.95, 0.95, 0.95, 0.94, 0.93, 0.9, 0.85, 0.75, 0.35])
    strokes = Strokes(canvas.pixels(points), width[None], fade[None] * 0.93, np.clip(tone, 0, 1), soft=0.5)
    fine(depth, strokes, shade)


def _down(canvas: Canvas, feather: Feather, place: _Placed, side: int, depth: Field, shade: Field) -> None:
    """Loose curling barbs at the foot of the vane."""
    numbers, name = canvas.numbers, f"down{side}"
    count = int(DOWN * feather.down)
    if not count:
        return
    s = numbers.uniform(f"{name}.s", DOWN, -0.07, 0.16)[:count]
    reach = numbers.uniform(f"{name}.reach", DOWN, 0.35, 1.0)[:count] * place.half * 1.05
    angle = numbers.uniform(f"{name}.angle", DOWN, 0.14, 0.29)[:count, None].astype(np.float32)
    curl = numbers.normal(f"{name}.curl", DOWN, 0.06)[:count, None].astype(np.float32)
    wave = numbers.uniform(f"{name}.wave", DOWN)[:count, None].astype(np.float32)
    t = ALONG[None].astype(np.float32)
    heading = angle + curl * t + 0.05 * sine(wave + t * 1.5)
    step = reach[:, None] / (len(ALONG) - 1)
    across = side * np.cumsum(sine(heading) * step, axis=1)
    along = s[:, None] + np.cumsum(cosine(heading) * step, axis=1)
    across, along = across - across[:, :1], along - along[:, :1] + s[:, None]
    tone = 0.72 + numbers.normal(f"{name}.tone", DOWN, 0.08)[:count, None] + 0.1 * t
    width = np.array(0.0011 * place.long * canvas.unit)
    fade = np.linspace(0.7, 0.1, len(ALONG))[None]
    fine(depth, Strokes(canvas.pixels(place.at(along, across)), width, fade, np.clip(tone, 0, 1)), shade)


KIND = Kind("feather", "Feather", ("feather", "quill", "bird feather"), Feather, paint)
