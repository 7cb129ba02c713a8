"""Lamps with their light, flasks of potion, leafy plants and rocks."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.glass import clear_flask
from acetate_lab.synthetic.soft.paint import (
    Canvas,
    Colour,
    Field,
    Noise,
    Rendered,
    Strands,
    hsv,
    mix,
    pick_hue,
    smoothstep,
)

WARM: Colour = (1.0, 0.83, 0.45)


def _box(canvas: Canvas, x: float, y: float, wide: float, tall: float, round_: float) -> Field:
    """Signed distance to an upright box with rounded corners, positive inside."""
    dx, dy = np.abs(canvas.x - x) - wide + round_, np.abs(canvas.y - y) - tall + round_
    out = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) + np.minimum(np.maximum(dx, dy), 0)
    distance: Field = round_ - out
    return distance


def _shine(canvas: Canvas, y: float, reach: float, strength: float, tint: Colour) -> None:
    """Paint light round a lamp: alpha is brightness, gone at the frame's edge."""
    radius = np.hypot(canvas.x, canvas.y - y)
    canvas.over(strength * np.exp(-((radius / reach) ** 2)) * smoothstep(0.92 - abs(y) * 0.6, 0.3, radius), tint)


def table_lamp(rng: np.random.Generator, size: int) -> Rendered:
    """A lamp with a shade on a turned foot, lit, in its own glow."""
    canvas = Canvas(size)
    word, hue = pick_hue(rng)
    shade, dark = hsv(hue, rng.uniform(0.35, 0.75), 0.96), hsv(hue, 0.75, 0.62)
    low, high = rng.uniform(0.0, 0.08), rng.uniform(0.60, 0.68)
    wide, narrow = rng.uniform(0.44, 0.54), rng.uniform(0.22, 0.32)
    _shine(canvas, 0.22, 0.55, rng.uniform(0.45, 0.7), WARM)
    metal = mix((0.25, 0.20, 0.17), (0.85, 0.66, 0.38), rng.random())
    light = (0.75 + 0.5 * np.exp(-(((canvas.x + 0.03) / 0.04) ** 2)))[..., None]
    bulge = rng.uniform(0.07, 0.16)
    girth = 0.032 + bulge * np.exp(-(((canvas.y + 0.36) / 0.16) ** 2))
    foot = np.minimum(girth - np.abs(canvas.x), np.minimum(low - canvas.y, canvas.y + 0.80))
    canvas.over(canvas.inside(foot), np.clip(metal * light, 0, 1))
    canvas.over(canvas.inside(_box(canvas, 0, -0.81, 0.27, 0.045, 0.04)), np.clip(metal * light * 0.9, 0, 1))
    t = (canvas.y - low) / (high - low)
    edge = wide + (narrow - wide) * t
    cone = np.minimum(edge - np.abs(canvas.x), np.minimum(canvas.y - low, high - canvas.y))
    glow = np.exp(-((canvas.x / 0.26) ** 2) - ((t - 0.4) / 0.42) ** 2)
    canvas.over(0.97 * canvas.inside(cone), mix(mix(dark, shade, 0.55), (1.0, 0.97, 0.82), 0.9 * glow))
    canvas.over(canvas.inside(0.014 - np.abs(cone)) * 0.5, dark)
    return canvas.finished(words=(word,))


def lantern(rng: np.random.Generator, size: int) -> Rendered:
    """A metal lantern with panes of glass and a flame in its middle."""
    canvas = Canvas(size)
    metal: Colour = ((0.16, 0.15, 0.17), (0.55, 0.38, 0.16), (0.45, 0.13, 0.10))[int(rng.integers(3))]
    wide, tall = rng.uniform(0.30, 0.36), rng.uniform(0.38, 0.44)
    _shine(canvas, -0.1, 0.6, rng.uniform(0.45, 0.7), WARM)
    lit = (0.8 + 0.5 * np.exp(-(((canvas.x + 0.12) / 0.08) ** 2)))[..., None]
    ink = np.clip(np.asarray(metal) * lit, 0, 1)
    glass = canvas.inside(_box(canvas, 0, -0.12, wide - 0.03, tall, 0.04))
    fire = np.exp(-((canvas.x / 0.20) ** 2) - ((canvas.y + 0.2) / 0.28) ** 2)
    canvas.over(glass * (0.32 + 0.5 * fire), mix((1.0, 0.74, 0.30), (1.0, 0.95, 0.72), fire))
    drop = (canvas.y + 0.42) / 0.42
    held = np.clip(drop, 0, 1)
    flame = 0.085 * np.sqrt(held) * (1 - held) / 0.385 - np.abs(canvas.x - 0.02 * held)
    flame = np.where((drop > 0) & (drop < 1), flame, -1.0)
    canvas.over(canvas.inside(flame), mix((1.0, 0.55, 0.1), (1.0, 0.98, 0.8), smoothstep(0, 0.06, flame)))
    canvas.over(canvas.inside(_box(canvas, 0, -0.48, 0.075, 0.07, 0.01)), (0.95, 0.92, 0.82))
    for x in (-wide, 0.0, wide) if rng.random() < 0.5 else (-wide, wide):
        canvas.over(canvas.inside(_box(canvas, x, -0.12, 0.022 if x else 0.012, tall, 0.01)), ink)
    canvas.over(canvas.inside(_box(canvas, 0, -0.12 - tall - 0.04, wide + 0.07, 0.06, 0.03)), ink)
    roof = np.minimum((0.30 - (canvas.y - tall + 0.14) * 1.25) * wide / 0.26 - np.abs(canvas.x), canvas.y - tall + 0.14)
    roof = np.minimum(roof, tall + 0.1 - canvas.y)
    canvas.over(canvas.inside(roof), ink * 0.9)
    ring = np.hypot(canvas.x, canvas.y - tall - 0.20) - 0.12
    canvas.over(canvas.inside(0.022 - np.abs(ring)), ink)
    return canvas.finished()


def potion_flask(rng: np.random.Generator, size: int) -> Rendered:
    """A round, pointed or tall flask of clear glass, corked, with a coloured liquid, bubbles and highlights."""
    canvas = Canvas(size)
    word, hue = pick_hue(rng)
    clear_flask(canvas, rng, hsv(hue, 0.88, 0.82 if word != "yellow" else 0.95), hsv(hue, 0.5, 1.0))
    return canvas.finished(words=(word,))


def leafy_plant(rng: np.random.Generator, size: int) -> Rendered:
    """A plant of many leaves that spring from one foot and bend outwards: blades, fern fronds or broad leaves."""
    canvas = Canvas(size)
    kind = int(rng.integers(3))
    hue = rng.uniform(0.22, 0.40)
    dark, light = hsv(hue, 0.75, 0.30), hsv(hue - 0.04, 0.62, 0.80)
    count = int(rng.integers(11, 19)) if kind else int(rng.integers(26, 44))
    lean = np.sort(rng.uniform(-1.05, 1.05, count))[rng.permutation(count)]
    for number, angle in enumerate(lean):
        length = rng.uniform(1.0, 1.55) * (1 - 0.28 * abs(angle))
        t = np.linspace(0, 1, 22)
        heading = angle * (0.25 + 0.95 * t) + 0.25 * np.sign(angle) * t**2
        spine = np.cumsum(np.stack([np.sin(heading), np.cos(heading)], axis=-1), axis=0) * length / 22
        spine = np.clip(spine + np.array([0.06 * angle, -0.86]), -0.9, 0.9)
        shade = mix(dark, light, 0.25 + 0.65 * number / count + rng.uniform(-0.1, 0.1))
        if kind == 0:
            canvas.draw(Strands(spine[None], 0.062 * np.sin(np.pi * (0.12 + 0.88 * t)) ** 0.7, shade))
            continue
        canvas.draw(Strands(spine[None], 0.02, shade * 0.8))
        sides = np.repeat((-1.0, 1.0), 10 if kind == 1 else 5)
        places = np.tile(np.linspace(0.25 if kind == 1 else 0.4, 0.97, len(sides) // 2), 2)
        base = np.stack([np.interp(places, t, spine[:, k]) for k in (0, 1)], axis=-1)
        turn = np.interp(places, t, heading) + sides * (1.0 if kind == 1 else 0.75)
        reach = (0.21 if kind == 1 else 0.30) * np.sin(np.pi * (0.15 + 0.8 * (1 - places))) ** 0.5
        steps = np.linspace(0, 1, 8)[None, :, None] * reach[:, None, None]
        leaves = base[:, None] + np.stack([np.sin(turn), np.cos(turn)], axis=-1)[:, None] * steps
        wide = (0.042 if kind == 1 else 0.105) * np.sin(np.pi * np.linspace(0.08, 0.97, 8)) ** 0.8
        canvas.draw(Strands(np.clip(leaves, -0.93, 0.93), wide, shade * rng.uniform(0.85, 1.1, (len(sides), 1, 1))))
    return canvas.finished()


def rock(rng: np.random.Generator, size: int) -> Rendered:
    """One to three rough boulders of facets, lit from the upper left, now and then with moss."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    tone = mix((0.46, 0.46, 0.48), (0.58, 0.49, 0.40), rng.random()) * rng.uniform(0.85, 1.15)
    mossy = rng.random() < 0.3
    count = int(rng.integers(1, 4))
    for number in range(count):
        last = number == count - 1
        wide, tall = (0.72, rng.uniform(0.44, 0.6)) if last else (rng.uniform(0.35, 0.5), rng.uniform(0.3, 0.5))
        x0 = rng.uniform(-0.08, 0.08) if last else (-1) ** number * rng.uniform(0.3, 0.42)
        y0 = -0.70 + tall if last else -0.45 + tall
        sides = int(rng.integers(8, 13))
        angle = (np.arange(sides) + rng.uniform(-0.33, 0.33, sides)) * (2 * np.pi / sides)
        reach = np.full_like(canvas.x, 9.0)
        slope = np.zeros((*canvas.x.shape, 2))
        for way in angle:
            normal = np.array([np.cos(way), np.sin(way)])
            far = rng.uniform(0.78, 1.0) - (canvas.x - x0) / wide * normal[0] - (canvas.y - y0) / tall * normal[1]
            nearer = far < reach
            reach = np.where(nearer, far, reach)
            slope[nearer] = normal
        grit = noise.fbm(canvas.x * 5 + number, canvas.y * 5, 4)
        shape = np.minimum(reach + 0.05 * grit, 2.4 * (canvas.y - y0 + tall * 0.93) / tall) * min(wide, tall)
        tilt = smoothstep(0.42, 0.0, reach)[..., None] * slope
        light = 0.86 + 0.42 * (tilt @ np.array([-0.55, 0.8])) + 0.22 * grit
        colour = np.clip(tone * light[..., None], 0, 1)
        if mossy:
            moss = smoothstep(0.0, 0.3, canvas.y - y0 - 0.1 * tall + 0.4 * grit)
            colour = mix(colour, np.array([0.36, 0.50, 0.20]) * (0.8 + 0.4 * light[..., None] - 0.2), 0.85 * moss)
        canvas.over(canvas.inside(shape), colour)
    return canvas.finished(words=("mossy",) if mossy else ())
