"""A dandelion clock: seeds on a ball, each under its parasol of hairs; the wind carries some away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import mean_shade
from acetate.elements.light import layer_of, mix, over, ramp, rgb
from acetate.elements.numbers import Field, Reals, cosine, sine
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, capsules, fine, opacity

SEEDS, HAIRS = 190, 24


@dataclass(frozen=True)
class Dandelion:
    """What can be set."""

    size: float = number("Size", 0.6, small=0.3, big=0.85, large=0.9)
    blown: float = number("Blown away", 0.15, whole=0.0, full=0.0, blowing=0.5, blown=0.6, wind=0.5, bare=0.95)
    fluff: float = number("Fluff", 0.5, thin=0.2, fluffy=0.85, thick=0.8)
    stem: float = number("Stem", 0.8, stemless=0.0)
    wind: float = number("Wind", 0.4, -1.0, 1.0)
    colour: str = colour("Colour", "#f6f4ee")


@dataclass(frozen=True)
class _Seeds:
    """Seeds in units: their feet and crowns (n, 3), z towards the viewer, and how bright each is (n)."""

    foot: Reals
    crown: Reals
    bright: Reals


def paint(canvas: Canvas, dandelion: Dandelion) -> Layer:
    """A clock on its stem; in a loop it sways, and the seeds that flew bob in the air."""
    box = canvas.box(0.55, 1.0, 0.04)
    radius = min(box.width * 0.40, box.height * 0.30) * (0.5 + 0.5 * dandelion.size)
    sway = 0.012 * float(sine(np.full(1, canvas.phase, np.float32))[0])
    x, y = box.middle - 0.14 * dandelion.wind * box.width + sway, box.bottom + box.height - radius * 1.08
    centre = np.array([x, y, 0.0])
    seeds = _seeds(canvas, dandelion, radius)
    light = np.zeros((canvas.height, canvas.width), np.float32)
    shade = np.zeros_like(light)
    away = canvas.numbers.uniform("away", SEEDS) < 0.92 * dandelion.blown
    flown = _flown(canvas, dandelion, radius, away)
    kept = _Seeds(centre + seeds.foot[~away], centre + seeds.crown[~away], seeds.bright[~away])
    for group in (kept, flown):
        _lay(canvas, dandelion, group, radius, light, shade)
        canvas.on_progress(0.35)
    wood = np.zeros_like(light)
    _stalk(canvas, dandelion, wood, (x, y), box.bottom, radius, sway)
    core = np.zeros_like(light)
    heart = canvas.pixels(centre[None, None, :2].repeat(2, axis=1))
    capsules(core, Strokes(heart, np.array(radius * 0.10 * canvas.unit), np.array(1.0)))
    tint = rgb(dandelion.colour)
    tones = (
        (0.0, mix(tint, (0.22, 0.16, 0.10), 0.85)),
        (0.55, mix(tint, (0.5, 0.48, 0.45), 0.2)),
        (1.0, mix(tint, (1.0, 1.0, 1.0), 0.5)),
    )

    def band(band: Band) -> Field:
        place = band.place
        stalk = np.asarray((0.47, 0.55, 0.30), np.float32) * (0.75 + 0.45 * wood[place])[..., None]
        layer = layer_of(np.minimum(wood[place] * 3, 1), stalk)
        seed = layer_of(core[place], (0.43, 0.33, 0.21))
        layer = over(seed, layer)
        depth = light[place]
        hairs = layer_of(opacity(depth), ramp(mean_shade(shade[place], depth), tones))
        return over(hairs, layer)

    return canvas.fill(band, 0.7)


def _seeds(canvas: Canvas, dandelion: Dandelion, radius: float) -> _Seeds:
    """Seeds evenly spread over a ball by the golden angle."""
    numbers = canvas.numbers
    up = 1 - 2 * (np.arange(SEEDS) + 0.5) / SEEDS
    angle = (np.arange(SEEDS) * 0.3819660113 + numbers.normal("aside", SEEDS, 0.012)).astype(np.float32)
    flat = np.sqrt(1 - up * up)
    way = np.stack([flat * cosine(angle), up, flat * sine(angle)], axis=-1).astype(np.float64)
    reach = numbers.uniform("reach", SEEDS, 0.60, 0.70)[:, None] * radius
    return _Seeds(way * 0.13 * radius, way * reach, 0.55 + 0.40 * way[:, 2])


def _flown(canvas: Canvas, dandelion: Dandelion, radius: float, away: NDArray[np.bool_]) -> _Seeds:
    """The seeds that left the head, spread downwind."""
    numbers = canvas.numbers
    count = int(away.sum())
    side = 1.0 if dandelion.wind >= 0 else -1.0
    most = SEEDS
    turn = numbers.uniform("fly.turn", most)[away]
    bob = 0.012 * sine((turn + canvas.phase).astype(np.float32))
    edge_x, edge_y = canvas.across / 2 - 0.85 * radius - 0.03, canvas.down / 2 - 0.85 * radius - 0.03
    x = side * edge_x * (0.05 + 0.95 * np.sqrt(numbers.uniform("fly.x", most)[away]))
    y = edge_y * numbers.uniform("fly.y", most, -0.45, 1.0)[away] + bob * 0.8
    tilt = (numbers.normal("fly.tilt", most, 0.07)[away] + 0.25 - 0.06 * side).astype(np.float32)
    way = np.stack([cosine(tilt), sine(tilt), np.zeros(count)], axis=-1)
    shrink = numbers.uniform("fly.size", most, 0.55, 0.95)[away][:, None]
    foot = np.stack([x, y, np.zeros(count)], axis=-1)
    return _Seeds(foot, foot + way * 0.42 * radius * shrink, np.full(count, 0.85))


def _lay(canvas: Canvas, dandelion: Dandelion, seeds: _Seeds, radius: float, light: Field, shade: Field) -> None:
    """Lay the beaks, the seeds below them, and the hairs above."""
    count = len(seeds.foot)
    if not count:
        return
    along = seeds.crown - seeds.foot
    long = np.sqrt((along**2).sum(axis=1, keepdims=True))
    way = along / long
    unit = canvas.unit
    beak = np.stack([seeds.foot, seeds.crown], axis=1)[..., :2]
    thin = radius * 0.0035 * unit
    fine(light, Strokes(canvas.pixels(beak), np.array(thin), (0.7 * seeds.bright)[:, None], np.array(0.35)), shade)
    grain = np.stack(
        [seeds.foot - way * 0.015 * radius, seeds.foot + way * 0.055 * radius, seeds.foot + way * 0.10 * radius], axis=1
    )
    wide = np.array([0.008, 0.012, 0.003]) * radius * unit
    fine(light, Strokes(canvas.pixels(grain[..., :2]), wide[None], np.array(0.95), np.array(0.0)), shade)
    # A parasol: hairs all around the axis, bent a little upwards.
    numbers, hairs = canvas.numbers, HAIRS
    spin = (np.arange(hairs)[None] / hairs + numbers.uniform("spin", SEEDS)[:count, None]).astype(np.float32)
    helper = np.where(np.abs(way[:, :1]) < 0.8, np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))
    right = np.cross(way, helper)
    right /= np.sqrt((right**2).sum(axis=1, keepdims=True))
    front = np.cross(way, right)
    out = right[:, None] * cosine(spin)[..., None] + front[:, None] * sine(spin)[..., None]
    reach = numbers.uniform("hair", SEEDS * hairs, 0.30, 0.40).reshape(SEEDS, hairs)[:count, :, None] * radius
    lift = numbers.uniform("lift", SEEDS * hairs, 0.25, 0.55).reshape(SEEDS, hairs)[:count, :, None]
    tips = [
        seeds.crown[:, None] + out * reach * t + way[:, None] * reach * lift * t * (0.6 + 0.5 * t)
        for t in (0.0, 0.5, 1.0)
    ]
    strokes = np.stack(tips, axis=2)[..., :2].reshape(count * hairs, 3, 2)
    toward = 0.62 + 0.38 * (out[..., 2] * 0.5 + way[:, None, 2] * 0.5) + 0.12 * out[..., 1]
    weight = (0.10 + 0.75 * dandelion.fluff) * (0.55 + 0.45 * seeds.bright[:, None]) * np.ones((1, hairs))
    fine(
        light,
        Strokes(
            canvas.pixels(strokes),
            np.array([1.0, 0.8, 0.35])[None] * radius * 0.0026 * unit,
            weight.reshape(-1, 1) * np.array([1.0, 0.9, 0.5]),
            np.clip(toward, 0.05, 1).reshape(-1, 1),
        ),
        shade,
    )


def _stalk(
    canvas: Canvas,
    dandelion: Dandelion,
    wood: Field,
    head: tuple[float, float],
    bottom: float,
    radius: float,
    sway: float,
) -> None:
    """The bent stem below the head."""
    if dandelion.stem <= 0:
        return
    t = np.linspace(0, 1, 24)
    low = head[1] - (head[1] - bottom) * dandelion.stem
    bend = (head[0] + 0.10 * dandelion.wind) * 0.9 - head[0] - sway
    x = head[0] + bend * t * t
    points = np.stack([x, head[1] + (low - head[1]) * t], axis=-1)
    wide = radius * (0.026 + 0.014 * t) * canvas.unit
    capsules(wood, Strokes(canvas.pixels(points)[None], wide[None], np.array(0.4)))
    lit = points + np.array([-radius * 0.009, 0.0])
    capsules(wood, Strokes(canvas.pixels(lit)[None], wide[None] * 0.45, np.array(0.75)))


KIND = Kind("dandelion", "Dandelion", ("dandelion", "dandelion clock", "dandelion seed", "blowball"), Dandelion, paint)
