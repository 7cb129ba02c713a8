"""An explosion: a ball of fire that bursts out of dark smoke, with sparks that fly ahead of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Grid, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.kinds.fire import heat_colours
from acetate.elements.light import glow, layer_of, over, ramp, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, cosine, exp, sine, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, fine
from acetate.elements.style import style

PUFFS, SPARKS = 110, 420
TRAIL = np.array([0.0, 0.3, 0.6, 0.85, 1.0])
"""Places on a spark's trail, from its end to its head; as bright as it is there."""
SWELL = np.array([0.0, 0.35, 0.75, 1.0, 0.3])
"""Its width there."""


@dataclass(frozen=True)
class Explosion:
    """What can be set."""

    age: float = number("Age", 0.45, early=0.15, young=0.15, late=0.8, old=0.9, fading=0.85)
    size: float = number("Size", 0.75, small=0.35, big=0.95, large=0.95, huge=1.0, massive=1.0)
    smoke: float = number("Smoke", 0.5, clean=0.1, smoky=0.9, dirty=0.9)
    turbulence: float = number("Turbulence", 0.5, smooth=0.1, wild=0.9, violent=0.95)
    sparks: float = number("Sparks", 0.5, sparking=0.9)
    glow: float = number("Glow", 0.5, bright=0.8, blinding=1.0)
    smoke_colour: str = colour("Smoke colour", "#2b2623")
    style: str = style()
    colour: str = colour("Colour", "#ff8a1c")


def paint(canvas: Canvas, explosion: Explosion) -> Layer:
    """A burst around the middle of the frame; in a loop it grows from nothing and thins away."""
    numbers, phase = canvas.numbers, canvas.phase
    age = (0.06 + 0.86 * explosion.age + phase) % 1.0
    fade = min(age / 0.06, 1.0) * min((1 - age) / 0.30, 1.0)
    full = 0.36 * (0.35 + 0.65 * explosion.size)
    reach = full * (0.30 + 0.70 * age * (2 - age))
    mass, lit = _texture(canvas, _puffs(canvas, reach))
    canvas.on_progress(0.2)
    sparks = np.zeros((canvas.height, canvas.width), np.float32)
    _sparks(canvas, explosion, age, reach, sparks)
    halo = glow(sparks, 0.02 * canvas.unit, 4)
    cell = full * 0.55
    warp_x = Noise(numbers, "warp.x", cell * canvas.unit, phase=phase, gain=0.5)
    warp_y = Noise(numbers, "warp.y", cell * canvas.unit, phase=phase, gain=0.5)
    curd = Noise(numbers, "curd", cell / 2 * canvas.unit, phase=phase, gain=0.5, billow=True)
    flames = Noise(numbers, "flames", cell * 0.8 * canvas.unit, phase=phase, gain=0.5)
    scale, grown = 1 / cell, full * (0.04 + 0.17 * explosion.turbulence)
    colours = heat_colours(explosion.colour)
    tint, dark = rgb(explosion.colour), np.asarray(rgb(explosion.smoke_colour), np.float32)
    hot = 1.75 - 1.25 * age - 0.75 * explosion.smoke

    def band(band: Band) -> Field:
        x, y = band.x * np.float32(scale), band.y * np.float32(scale)
        # The blast drags the folds outwards.
        dx, dy = warp_x(x, y) * np.float32(grown), warp_y(x, y) * np.float32(grown)
        px, py = band.x + dx, band.y + dy
        fold = curd(px * np.float32(2 * scale), py * np.float32(2 * scale))
        amount = mass.read(px, py)
        body = amount + (fold - 0.1) * (0.35 + 0.45 * explosion.turbulence) * smoothstep(0.0, 0.6, amount)
        thick = np.maximum(body - 0.16, 0) * np.float32(4.5 * fade)
        far: Field = np.sqrt(px * px + py * py) * np.float32(1 / reach)
        tongue = flames(px * np.float32(scale * 1.3), py * np.float32(scale * 1.3))
        heat = np.float32(hot) + 0.42 * tongue - 0.85 * fold + 0.75 * (0.55 - far)
        light = lit.read(band.x + dx * np.float32(0.7), band.y + dy * np.float32(0.7)) + 0.3 * fold
        soot = dark * (0.35 + 1.35 * np.clip(light, 0, 1.2))[..., None]
        # Fire below lights the smoke.
        warm = np.asarray(tint, np.float32) * (smoothstep(-0.6, 0.5, heat) * np.float32(0.28))[..., None]
        heated: Field = np.maximum(heat * np.float32(1.25), np.float32(0))
        burning = smoothstep(0.12, 0.62, heat)[..., None]
        tones = (soot + warm) * (1 - burning) + ramp(heated, colours) * burning
        alpha = (1 - exp(-thick * (0.7 + thick))) * clear(canvas, band, 0.05)
        ball = layer_of(alpha, np.clip(tones, 0, 1))
        near: Field = np.sqrt(band.x * band.x + band.y * band.y) * np.float32(1 / reach)
        shine = exp(-near * near * 1.1) * np.float32(0.75 * explosion.glow * fade * (1.1 - 0.8 * age))
        shine = shine * clear(canvas, band, 0.12)
        spark: Field = sparks[band.place] * 1.6 + halo[band.place] * np.float32(3.5)
        glint = (1 - exp(-spark)) * clear(canvas, band, 0.03)
        return over(layer_of(glint, ramp(spark * np.float32(0.9), colours)), over(ball, layer_of(shine, tint)))

    return canvas.fill(band, 0.3)


def _puffs(canvas: Canvas, reach: float) -> Reals:
    """Puffs as (n, 4): x, y, radius, and how near each is to the viewer."""
    numbers = canvas.numbers
    turn = numbers.uniform("turn", PUFFS).astype(np.float32)
    far = np.sqrt(numbers.uniform("far", PUFFS)) * reach * numbers.uniform("push", PUFFS, 0.65, 1.0)
    # Some directions burst further.
    lobe = (
        1
        + 0.28 * sine(3 * turn + np.float32(numbers.one("lobe")))
        + 0.10 * sine(5 * turn + np.float32(numbers.one("lobe2")))
    )
    size = numbers.uniform("size", PUFFS, 0.20, 0.42) * reach
    return np.stack([cosine(turn) * far * lobe, sine(turn) * far * lobe, size, numbers.uniform("near", PUFFS)], axis=-1)


def _texture(canvas: Canvas, puffs: Reals) -> tuple[Grid, Grid]:
    """The mass of the puffs, and the light of the sky on them."""
    mass = Grid(canvas, 256, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    lit = Grid(canvas, 256, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    weight = np.full_like(mass.values, 1e-3)
    for x, y, radius, near in puffs:
        window, dx, dy = mass.window(float(x), float(y), float(radius) * 1.3)
        ball = np.maximum(np.float32(1) - (dx * dx + dy * dy), 0)
        mass.values[window] += ball * ball * np.float32(0.75)
        share = ball * np.float32(0.1 + 3 * float(near) * float(near))
        lit.values[window] += share * (np.float32(0.45) + np.float32(0.55) * (dy - np.float32(0.4) * dx))
        weight[window] += share
    lit.values /= weight
    return mass, lit


def _sparks(canvas: Canvas, explosion: Explosion, age: float, reach: float, sparks: Field) -> None:
    """Sparks that fly outwards, with their trails."""
    numbers = canvas.numbers
    count = int(SPARKS * explosion.sparks)
    if not count:
        return
    turn = numbers.uniform("spark.turn", SPARKS)[:count].astype(np.float32)
    way = np.stack([cosine(turn), sine(turn)], axis=-1).astype(np.float64)
    speed = numbers.uniform("spark.speed", SPARKS)[:count]
    head = np.minimum(reach * (0.75 + 0.75 * speed), 0.46)
    trail = reach * (0.03 + 0.17 * numbers.uniform("spark.trail", SPARKS)[:count] * speed)
    along = head[:, None] - trail[:, None] * (1 - TRAIL)
    points = way[:, None] * along[..., None]
    points[..., 1] -= 0.10 * age * age * speed[:, None]
    points[..., 1] = np.maximum(points[..., 1], -0.46)
    size = numbers.uniform("spark.size", SPARKS, 0.0006, 0.0022)[:count] * canvas.unit
    glowing = numbers.uniform("spark.heat", SPARKS, 0.3, 0.95)[:count] * min(age / 0.05, 1) * min((1 - age) / 0.35, 1.0)
    fine(sparks, Strokes(canvas.pixels(points), size[:, None] * SWELL, glowing[:, None] * TRAIL, soft=0.6))


KIND = Kind(
    "explosion",
    "Explosion",
    ("explosion", "fireball", "blast", "bomb blast", "burst of fire", "detonation"),
    Explosion,
    paint,
)
