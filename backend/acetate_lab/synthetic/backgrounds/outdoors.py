"""Backgrounds under the open sky, and under water."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Noise, hsv, mix, ramp, smoothstep


def _sky(canvas: Canvas, low: Colour, high: Colour, horizon: float = -1.0) -> None:
    """Cover the whole canvas, from `low` at the horizon to `high` at the top."""
    canvas.over(np.ones_like(canvas.x), mix(low, high, (canvas.y - horizon) / (1 - horizon)))


def _day_sky(rng: np.random.Generator, canvas: Canvas, horizon: float = -1.0) -> None:
    hue = rng.uniform(0.54, 0.6)
    _sky(canvas, hsv(hue, 0.22, 1.0), hsv(hue, rng.uniform(0.5, 0.75), 0.95), horizon)


def _ground(canvas: Canvas, line: Field | float, near: Colour, far: Colour) -> Field:
    """Cover what lies below the line, `near` at the bottom and `far` at the line; returns its coverage."""
    cover = canvas.inside(line - canvas.y)
    depth = np.clip((canvas.y + 1) / (np.asarray(line) + 1 + 1e-6), 0, 1)
    canvas.over(cover, mix(near, far, depth))
    return cover


def _grain(rng: np.random.Generator, canvas: Canvas, cover: Field, across: float, down: float, strength: float) -> None:
    """Vary the brightness of what `cover` covers, finer towards the far end."""
    noise = Noise(rng)
    bright = noise.fbm(canvas.x * across, canvas.y * down, 3)
    shade = np.where(bright > 0, 1.0, 0.0)[..., None] * np.ones(3)
    canvas.over(cover * np.abs(bright) * strength, shade)


def _ridge(rng: np.random.Generator, canvas: Canvas, height: float, rough: float, scale: float) -> Field:
    """The height of a line of hills over x."""
    line: Field = height + rough * Noise(rng).fbm(canvas.x * scale + rng.uniform(0, 50), 0.5, 4)
    return line


def blue_sky(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """A day sky with soft clouds."""
    _day_sky(rng, canvas)
    noise = Noise(rng)
    density = noise.fbm(canvas.x * 1.6, canvas.y * 2.8, 5) + rng.uniform(-0.15, 0.15)
    light = noise.fbm(canvas.x * 1.6 + 0.1, canvas.y * 2.8 - 0.2, 4)
    canvas.over(smoothstep(0.05, 0.5, density), mix((0.86, 0.9, 0.96), (1, 1, 1), 0.5 + density - light))
    return ()


def sunset(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """An evening sky: orange at the horizon, violet above, a low sun, dark hills."""
    top = hsv(rng.uniform(0.66, 0.8), 0.55, rng.uniform(0.35, 0.6))
    stops = [(-1.0, (1.0, 0.72, 0.35)), (-0.2, (0.98, 0.5, 0.36)), (0.4, hsv(0.92, 0.45, 0.72)), (1.0, top)]
    canvas.over(np.ones_like(canvas.x), ramp(canvas.y, stops))
    x, y, radius = rng.uniform(-0.7, 0.7), rng.uniform(-0.6, -0.1), rng.uniform(0.1, 0.22)
    far = np.hypot(canvas.x - x, canvas.y - y)
    canvas.over(0.5 * np.exp(-((far / (2.4 * radius)) ** 2)), (1.0, 0.85, 0.5))
    canvas.over(canvas.inside(radius - far), (1.0, 0.93, 0.7))
    _ground(canvas, _ridge(rng, canvas, -0.68, 0.12, 1.2), (0.12, 0.07, 0.14), (0.22, 0.12, 0.2))
    return ()


def night_sky(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Stars, and faint bands of light."""
    hue = rng.uniform(0.6, 0.74)
    _sky(canvas, hsv(hue, 0.6, 0.28), hsv(hue, 0.8, 0.09))
    glow = Noise(rng).fbm(canvas.x * 1.2, canvas.y * 1.2 + canvas.x, 4)
    canvas.over(0.35 * smoothstep(0.0, 0.7, glow), hsv(hue + 0.06, 0.45, 0.6))
    count = int(rng.integers(60, 160))
    stars = rng.uniform(-1, 1, (count, 2))
    canvas.sprinkle(stars, rng.uniform(0.006, 0.016, count), (1.0, 1.0, 0.95), rng.uniform(0.4, 0.98, count))
    return ()


def sea(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Water to the horizon under a day sky."""
    horizon, hue = rng.uniform(-0.1, 0.35), rng.uniform(0.5, 0.6)
    _day_sky(rng, canvas, horizon)
    cover = _ground(canvas, horizon, hsv(hue, 0.85, 0.5), hsv(hue, 0.6, 0.8))
    depth = 1.2 / (horizon - canvas.y + 0.12)
    waves = Noise(rng).fbm(canvas.x * depth * 1.4, depth * 5, 3)
    canvas.over(cover * 0.4 * smoothstep(0.15, 0.7, waves), (0.92, 0.97, 1.0))
    return ()


def meadow(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Grass with flowers under a day sky."""
    _day_sky(rng, canvas)
    line = _ridge(rng, canvas, rng.uniform(-0.25, 0.2), 0.1, 0.8)
    hue = rng.uniform(0.24, 0.33)
    cover = _ground(canvas, line, hsv(hue, 0.75, 0.5), hsv(hue - 0.03, 0.6, 0.78))
    _grain(rng, canvas, cover, 14, 6, 0.22)
    count = int(rng.integers(0, 40))
    if count:
        places = np.stack([rng.uniform(-1, 1, count), rng.uniform(-1, -0.3, count)], axis=-1)
        canvas.sprinkle(places, 0.018, hsv(rng.choice([0.0, 0.14, 0.85]), 0.6, 1.0), 0.95)
    return ()


def desert(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Dunes in three depths."""
    _day_sky(rng, canvas)
    hue = rng.uniform(0.08, 0.12)
    for height, value in ((0.1, 0.95), (-0.2, 0.88), (-0.55, 0.8)):
        line = _ridge(rng, canvas, height, 0.18, 0.8)
        cover = _ground(canvas, line, hsv(hue, 0.5, value - 0.12), hsv(hue, 0.42, value))
        _grain(rng, canvas, cover, 3, 18, 0.08)
    return ()


def snow_field(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Snow under a pale sky, with falling flakes."""
    hue = rng.uniform(0.55, 0.62)
    _sky(canvas, hsv(hue, 0.1, 0.93), hsv(hue, 0.3, 0.78))
    for height in (0.05, -0.3):
        _ground(canvas, _ridge(rng, canvas, height, 0.12, 0.9), (0.97, 0.98, 1.0), hsv(hue, 0.1, 0.9))
    count = int(rng.integers(20, 90))
    canvas.sprinkle(rng.uniform(-1, 1, (count, 2)), rng.uniform(0.008, 0.02, count), (1, 1, 1), 0.9)
    return ()


def mountains(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Ranges that fade with distance, snow on the farthest."""
    _day_sky(rng, canvas)
    hue = rng.uniform(0.55, 0.68)
    far = _ridge(rng, canvas, rng.uniform(0.2, 0.45), 0.4, 1.4)
    _ground(canvas, far, hsv(hue, 0.25, 0.75), hsv(hue, 0.18, 0.82))
    canvas.over(canvas.inside(far - canvas.y) * smoothstep(0.25, 0.05, far - canvas.y), (0.97, 0.98, 1.0))
    _ground(canvas, _ridge(rng, canvas, -0.1, 0.3, 1.6), hsv(hue, 0.45, 0.4), hsv(hue, 0.35, 0.55))
    _ground(canvas, _ridge(rng, canvas, -0.6, 0.15, 1.5), hsv(0.33, 0.6, 0.28), hsv(0.33, 0.5, 0.4))
    return ()


def forest(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Trunks in mist, darker the nearer."""
    hue = rng.uniform(0.25, 0.4)
    _sky(canvas, hsv(hue, 0.25, 0.75), hsv(hue, 0.35, 0.6))
    for depth in (0.25, 0.55, 0.9):
        wide = 0.02 + 0.06 * depth
        for place in rng.uniform(-1.1, 1.1, 7):
            lean = place + rng.uniform(-0.06, 0.06) * canvas.y
            canvas.over(canvas.inside(wide - np.abs(canvas.x - lean)), hsv(0.08, 0.4, 0.62 - 0.48 * depth))
        leaves = Noise(rng).fbm(canvas.x * 3.2, canvas.y * 3.2, 4) + 0.9 * canvas.y - 0.35
        canvas.over(0.85 * smoothstep(0.0, 0.25, leaves), hsv(hue, 0.6, 0.72 - 0.5 * depth))
    cover = _ground(canvas, _ridge(rng, canvas, -0.7, 0.08, 1.5), hsv(hue, 0.7, 0.18), hsv(hue, 0.6, 0.32))
    _grain(rng, canvas, cover, 12, 8, 0.2)
    return ()


def underwater(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Shafts of light through blue-green water, sand below, bubbles."""
    hue = rng.uniform(0.48, 0.58)
    _sky(canvas, hsv(hue, 0.85, 0.28), hsv(hue, 0.6, 0.85))
    slant = canvas.x + 0.35 * canvas.y
    shafts = Noise(rng).fbm(slant * 3, 0.3, 3)
    canvas.over(0.35 * smoothstep(0.0, 0.6, shafts) * smoothstep(-0.9, 0.9, canvas.y), (0.85, 1.0, 1.0))
    _ground(canvas, _ridge(rng, canvas, -0.75, 0.08, 1.5), hsv(0.13, 0.3, 0.55), hsv(0.14, 0.25, 0.68))
    count = int(rng.integers(5, 30))
    canvas.sprinkle(rng.uniform(-1, 1, (count, 2)), rng.uniform(0.01, 0.025, count), (0.85, 0.97, 1.0), 0.6)
    return ()


def city_street(rng: np.random.Generator, canvas: Canvas) -> tuple[str, ...]:
    """Houses with windows along a grey street."""
    _day_sky(rng, canvas)
    edge = -1.05
    while edge < 1.0:
        wide, high = rng.uniform(0.3, 0.55), rng.uniform(0.1, 0.85)
        wall = hsv(rng.uniform(0, 1), rng.uniform(0.1, 0.4), rng.uniform(0.45, 0.85))
        inside = np.minimum(np.minimum(canvas.x - edge, edge + wide - canvas.x), high - canvas.y)
        house = canvas.inside(inside)
        canvas.over(house, wall)
        pane = ((canvas.x - edge) % 0.14 > 0.05) & ((canvas.y + 1) % 0.2 > 0.08) & (inside > 0.05)
        canvas.over(house * pane, hsv(0.58, 0.3, rng.uniform(0.3, 0.95)))
        edge += wide + 0.01
    _ground(canvas, -0.6, (0.36, 0.36, 0.38), (0.5, 0.5, 0.52))
    marks = (np.abs(canvas.y + 0.8) < 0.02) & (np.abs(canvas.x % 0.4) < 0.22)
    canvas.over(marks.astype(float), (0.95, 0.95, 0.9))
    return ()
