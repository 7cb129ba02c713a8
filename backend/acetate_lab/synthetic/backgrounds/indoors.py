"""Backgrounds with walls, floors and table tops."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Noise, hsv, mix, pick_hue, smoothstep


def plain_wall(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """One colour, lit from a side."""
    word, hue = pick_hue(rng)
    saturation = rng.uniform(0.3, 0.75)
    angle = rng.uniform(0, 2 * np.pi)
    light = (canvas.x * np.cos(angle) + canvas.y * np.sin(angle) + 1.4) / 2.8
    dark, bright = hsv(hue, saturation, rng.uniform(0.55, 0.75)), hsv(hue, 0.8 * saturation, 1.0)
    canvas.over(np.ones_like(canvas.x), mix(dark, bright, light))
    return (word,)


def room(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """A coloured wall, a skirting board and a floor."""
    words = plain_wall(rng, canvas)
    line = rng.uniform(-0.55, -0.25)
    hue = rng.uniform(0.06, 0.1)
    floor = mix(hsv(hue, 0.55, 0.5), hsv(hue, 0.4, 0.75), (line - canvas.y) / 0.8)
    canvas.over(canvas.inside(line - canvas.y), floor)
    seams = np.abs((canvas.x / (line - canvas.y + 0.5)) % 0.4 - 0.2) < 0.012
    canvas.over(0.4 * seams * (canvas.y < line - 0.02), hsv(hue, 0.6, 0.3))
    canvas.over(canvas.inside(0.035 - np.abs(canvas.y - line)), (0.95, 0.94, 0.9))
    return words


def wooden_table(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Planks with grain."""
    hue, noise = rng.uniform(0.05, 0.09), Noise(rng)
    wide = rng.uniform(0.25, 0.5)
    plank = np.floor((canvas.y + 1) / wide)
    tone = 0.5 + 0.5 * np.sin(plank * 12.9898 + rng.uniform(0, 6))
    grain = noise.fbm(canvas.x * 1.5 + plank * 7.7, canvas.y * 16, 4)
    canvas.over(np.ones_like(canvas.x), mix(hsv(hue, 0.65, 0.42), hsv(hue, 0.5, 0.78), 0.5 * tone + 0.45 * grain))
    seam = np.minimum((canvas.y + 1) % wide, wide - (canvas.y + 1) % wide)
    canvas.over(0.7 * smoothstep(0.02, 0.0, seam), hsv(hue, 0.7, 0.18))
    return ()


def brick_wall(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Rows of bricks, every second one shifted by half."""
    high = rng.uniform(0.14, 0.22)
    wide = 2.3 * high
    row = np.floor((canvas.y + 1) / high)
    x = canvas.x + 1 + (row % 2) * wide / 2
    column = np.floor(x / wide)
    tone = np.sin(row * 78.233 + column * 12.9898 + rng.uniform(0, 6)) * 43758.5453 % 1.0
    rough = Noise(rng).fbm(canvas.x * 9, canvas.y * 9, 3)
    hue = rng.uniform(0.0, 0.05)
    canvas.over(np.ones_like(canvas.x), (0.78, 0.75, 0.7))
    gap = np.minimum(
        np.minimum((canvas.y + 1) % high, high - (canvas.y + 1) % high), np.minimum(x % wide, wide - x % wide)
    )
    canvas.over(smoothstep(0.008, 0.02, gap), mix(hsv(hue, 0.7, 0.45), hsv(hue, 0.55, 0.75), tone + 0.25 * rough))
    return ()
