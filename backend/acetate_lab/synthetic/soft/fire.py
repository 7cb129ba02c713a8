"""Flames: teardrop tongues whose heat picks the colour (red, orange, yellow, white)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Noise, Rendered, mix, ramp, smoothstep

HEAT: tuple[tuple[float, Colour], ...] = (
    (0.0, (0.88, 0.16, 0.03)),
    (0.25, (0.97, 0.38, 0.04)),
    (0.5, (1.0, 0.64, 0.10)),
    (0.75, (1.0, 0.88, 0.36)),
    (1.0, (1.0, 0.98, 0.84)),
)


@dataclass(frozen=True)
class Tongue:
    """One teardrop of fire: its foot, its size, and how its tip leans and sways."""

    x: float
    y: float
    height: float
    width: float
    lean: float = 0.0
    sway: float = 0.0
    phase: float = 0.0

    def climb(self, y: Field) -> Field:
        """Height on the tongue: 0 at the foot, 1 at the tip."""
        return (y - self.y) / self.height

    def depth(self, x: Field, y: Field) -> Field:
        """1 on the tongue's spine, 0 on its outline, negative outside."""
        v = self.climb(y)
        held = np.clip(v, 0.0, 1.0)
        bend = self.lean * held**1.6 + self.sway * held * np.sin(2 * np.pi * held * 1.1 + self.phase)
        # sqrt(v) rounds the foot; (1 - v) draws the tip out. 0.385 is the product's maximum.
        profile = self.width * np.sqrt(held) * (1 - held) / 0.385
        depth: Field = 1 - np.abs(x - self.x - bend) / np.maximum(profile, 1e-4)
        return np.where((v > 0) & (v < 1), depth, -1.0)


def paint_tongue(canvas: Canvas, tongue: Tongue, noise: Noise, *, flicker: float, blue: float) -> None:
    """Paint a calm tongue: bright core low in the middle, soft outline, blue root of strength `blue`."""
    v = np.clip(tongue.climb(canvas.y), 0, 1)
    x = canvas.x + flicker * v * noise.fbm(canvas.x * 2.5, canvas.y * 1.8, 2)
    depth = tongue.depth(x, canvas.y)
    heat = np.clip(depth, 0, 1) ** 0.7 * (1.15 - 0.55 * v) + 0.12 * (1 - v)
    root = blue * smoothstep(0.26, 0.0, v)
    colour = mix(ramp(heat, HEAT), (0.25, 0.42, 0.98), root)
    alpha = smoothstep(0.0, 0.42, depth) * (1 - 0.55 * root) * (0.86 + 0.14 * smoothstep(0.1, 0.5, depth))
    canvas.over(alpha, colour)


def paint_halo(canvas: Canvas, x: float, y: float, radius: float, strength: float) -> None:
    """Paint a warm round glow that ends at 2.2 times `radius`."""
    squared = ((canvas.x - x) ** 2 + (canvas.y - y) ** 2) / radius**2
    canvas.over(strength * np.exp(-squared) * smoothstep(4.8, 1.5, squared), (1.0, 0.68, 0.26))


def paint_blaze(canvas: Canvas, tongues: list[Tongue], noise: Noise, torn: float) -> None:
    """Paint several tongues as one fire whose upper part is torn into licks by noise."""
    low = min(t.y for t in tongues)
    top = max(t.y + t.height for t in tongues)
    v = np.clip((canvas.y - low) / (top - low), 0, 1)
    shift = noise.fbm(canvas.x * 2.2, canvas.y * 1.6 + 5, 3)
    x = canvas.x + 0.20 * torn * v * shift
    field = np.full_like(v, -1.0)
    for tongue in tongues:
        field = np.maximum(field, tongue.depth(x, canvas.y))
    licks = noise.fbm(canvas.x * 4.0 + 31, canvas.y * 1.7 + shift * 0.5, 4)
    depth = field - torn * (0.15 + 0.7 * v) * np.clip(licks + 0.15, 0, 1)
    heat = np.clip(depth, 0, 1) ** 0.75 * (1.12 - 0.6 * v) + 0.25 * licks * v + 0.10 * (1 - v)
    alpha = smoothstep(0.0, 0.34, depth) * (0.82 + 0.18 * smoothstep(0.2, 0.6, depth))
    canvas.over(alpha, ramp(heat, HEAT))


def flame(rng: np.random.Generator, size: int) -> Rendered:
    """A free flame of one to five tongues."""
    canvas, noise = Canvas(size), Noise(rng)
    count = int(rng.integers(1, 6))
    tongues = [
        Tongue(
            0,
            -0.84,
            rng.uniform(1.5, 1.68),
            0.40 if count > 1 else 0.5,
            rng.uniform(-0.15, 0.15),
            rng.uniform(0.06, 0.16),
            rng.uniform(0, 6.28),
        )
    ]
    for index in range(1, count):
        side = -1 if index % 2 else 1
        offset = side * rng.uniform(0.16, 0.24) * (1 + (index - 1) // 2)
        height = rng.uniform(0.7, 1.15) * (1 - 0.18 * ((index - 1) // 2))
        tongues.append(
            Tongue(
                offset,
                -0.84 + 0.2 * abs(offset),
                height,
                rng.uniform(0.2, 0.3),
                side * rng.uniform(0.0, 0.16),
                rng.uniform(0.03, 0.12),
                rng.uniform(0, 6.28),
            )
        )
    if rng.random() < 0.4:
        paint_halo(canvas, 0, -0.2, 0.55, rng.uniform(0.1, 0.25))
    paint_blaze(canvas, tongues, noise, rng.uniform(0.35, 0.75))
    return canvas.finished()


def candle_flame(rng: np.random.Generator, size: int) -> Rendered:
    """A calm single flame on a dark wick, with a blue root and a round glow."""
    canvas, noise = Canvas(size), Noise(rng)
    width, height = rng.uniform(0.19, 0.27), rng.uniform(1.2, 1.42)
    lean, foot = rng.uniform(-0.14, 0.14), rng.uniform(-0.70, -0.64)
    paint_halo(canvas, lean * 0.3, foot + 0.45 * height, rng.uniform(0.45, 0.6), rng.uniform(0.25, 0.42))
    bend = rng.uniform(-0.05, 0.05)
    along = np.clip((canvas.y + 0.86) / (foot + 0.18 + 0.86), 0, 1)
    wick = 0.026 - np.abs(canvas.x - bend * along**2)
    wick = np.minimum(wick, np.minimum(canvas.y + 0.86, foot + 0.18 - canvas.y))
    canvas.over(canvas.inside(wick), mix((0.16, 0.12, 0.10), (0.75, 0.30, 0.08), smoothstep(0.8, 1.0, along)))
    tongue = Tongue(0, foot, height, width, lean, rng.uniform(0, 0.05), rng.uniform(0, 6.28))
    paint_tongue(canvas, tongue, noise, flicker=rng.uniform(0, 0.08), blue=rng.uniform(0.7, 1.0))
    canvas.over(0.75 * canvas.inside(wick) * smoothstep(foot + 0.2, foot + 0.1, canvas.y), (0.2, 0.12, 0.08))
    return canvas.finished()


def paint_stick(
    canvas: Canvas,
    noise: Noise,
    foot: tuple[float, float],
    tip: tuple[float, float],
    width: float,
    tint: Colour,
) -> Field:
    """Paint a square wooden stick with grain, charred towards the tip; returns the height along it."""
    dx, dy = tip[0] - foot[0], tip[1] - foot[1]
    length = float(np.hypot(dx, dy))
    along = ((canvas.x - foot[0]) * dx + (canvas.y - foot[1]) * dy) / length
    across = ((canvas.x - foot[0]) * dy - (canvas.y - foot[1]) * dx) / length
    shape = np.minimum(width / 2 - np.abs(across), np.minimum(along, length - along))
    grain = 0.10 * noise.fbm(along * 5, across * 45, 3)
    # Two visible faces of the square stick: the right one lies in shade.
    face = np.where(across < 0.12 * width, 1.0, 0.76)
    wood = np.asarray(tint) * (face + grain)[..., None]
    charred = smoothstep(0.62 * length, 0.94 * length, along + 0.1 * noise.fbm(across * 9, along * 9, 2))
    canvas.over(canvas.inside(shape), mix(wood, (0.13, 0.09, 0.07), charred * 0.92))
    share: Field = along / length
    return share


def burning_stick(
    canvas: Canvas, noise: Noise, rng: np.random.Generator, head: tuple[float, float], tilt: float, height: float | None
) -> None:
    """Paint a match that reaches down from its burning `head` at an angle of `tilt`; `height` is its flame's, the
    most that fits without one.
    """
    reach = (0.87 + head[1]) / np.cos(tilt)
    foot = (float(head[0] - reach * np.sin(tilt)), float(head[1] - reach * np.cos(tilt)))
    width = rng.uniform(0.11, 0.15)
    height = min(rng.uniform(0.82, 1.02), 1.0 - head[1]) if height is None else height
    paint_halo(canvas, head[0], head[1] + 0.3, rng.uniform(0.3, 0.42), rng.uniform(0.2, 0.4))
    shade = rng.uniform(0.85, 1.0)
    paint_stick(canvas, noise, foot, head, width, (0.93 * shade, 0.76 * shade, 0.52 * shade))
    tongue = Tongue(
        head[0],
        head[1] - 0.16,
        height,
        rng.uniform(0.20, 0.27),
        rng.uniform(-0.12, 0.12),
        rng.uniform(0, 0.08),
        rng.uniform(0, 6.28),
    )
    paint_tongue(canvas, tongue, noise, flicker=rng.uniform(0.03, 0.14), blue=rng.uniform(0.2, 0.6))
    along = (canvas.x - head[0]) * np.sin(tilt) + (canvas.y - head[1]) * np.cos(tilt)
    across = (canvas.x - head[0]) * np.cos(tilt) - (canvas.y - head[1]) * np.sin(tilt)
    distance = 1 - np.hypot(along / (1.05 * width), across / (0.72 * width))
    ember = (0.62, 0.16, 0.08) if rng.random() < 0.5 else (0.30, 0.15, 0.11)
    lit = mix((0.14, 0.07, 0.06), ember, smoothstep(0.1, -0.9, across / width) * 0.9)
    canvas.over(canvas.inside(distance * 0.72 * width), lit)


def burning_match(rng: np.random.Generator, size: int) -> Rendered:
    """A wooden match with a dark head and a flame that rises from it, at any tilt a hand would hold it."""
    canvas, noise = Canvas(size), Noise(rng)
    tilt = rng.uniform(-0.85, 0.85)
    head = (float(0.30 * np.sin(tilt)), float(rng.uniform(-0.06, 0.08) - 0.16 * abs(tilt)))
    burning_stick(canvas, noise, rng, head, tilt, None)
    return canvas.finished()


def torch_fire(rng: np.random.Generator, size: int) -> Rendered:
    """A hand torch: wrapped wooden handle, a wild fire on its head, and sparks."""
    canvas, noise = Canvas(size), Noise(rng)
    tilt = rng.uniform(-0.35, 0.35)
    top = (float(0.25 * np.sin(tilt)), rng.uniform(-0.30, -0.18))
    foot = (float(top[0] - 0.65 * np.sin(tilt)), -0.88)
    paint_halo(canvas, top[0], 0.2, 0.42, rng.uniform(0.1, 0.25))
    dx, dy = top[0] - foot[0], top[1] - foot[1]
    length = float(np.hypot(dx, dy))
    along = ((canvas.x - foot[0]) * dx + (canvas.y - foot[1]) * dy) / length
    across = ((canvas.x - foot[0]) * dy - (canvas.y - foot[1]) * dx) / length
    wrapped = smoothstep(0.66 * length, 0.70 * length, along)
    girth = 0.055 + 0.045 * along / length + 0.07 * wrapped
    shape = np.minimum(girth - np.abs(across), np.minimum(along, length - along))
    round_light = 0.55 + 0.55 * np.sqrt(np.clip(1 - (across / girth + 0.25) ** 2, 0, 1))
    grain = 1 + 0.25 * noise.fbm(across * 25, along * 4, 3)
    bands = 1 - 0.35 * wrapped * (np.sin((along + 0.5 * across) * 70) > 0.3)
    tint = mix(np.array([0.55, 0.34, 0.18]) * rng.uniform(0.8, 1.1), (0.62, 0.50, 0.36), wrapped)
    canvas.over(canvas.inside(shape), tint * (round_light * grain * bands)[..., None])
    tongues = [
        Tongue(
            top[0],
            top[1] - 0.12,
            rng.uniform(1.0, 1.12),
            0.30,
            rng.uniform(-0.1, 0.1),
            0.1,
            rng.uniform(0, 6.28),
        )
    ]
    for _ in range(int(rng.integers(4, 9))):
        offset = rng.uniform(-0.24, 0.24)
        tongues.append(
            Tongue(
                top[0] + offset,
                top[1] - 0.1 + 0.3 * abs(offset),
                rng.uniform(0.5, 0.95),
                rng.uniform(0.12, 0.22),
                offset * rng.uniform(0, 0.8),
                rng.uniform(0.05, 0.14),
                rng.uniform(0, 6.28),
            )
        )
    paint_blaze(canvas, tongues, noise, rng.uniform(0.5, 0.9))
    count = int(rng.integers(6, 22))
    age = rng.random(count)
    sparks = np.stack([top[0] + rng.normal(0, 0.16, count) * (0.6 + age), top[1] + 0.25 + age * 0.85], axis=-1)
    glow = mix((1.0, 0.9, 0.5), (1.0, 0.45, 0.1), age)
    canvas.sprinkle(sparks, rng.uniform(0.010, 0.018, count), glow, 1 - 0.6 * age)
    return canvas.finished()
