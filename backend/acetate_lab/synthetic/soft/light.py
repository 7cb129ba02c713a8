"""Light itself: glows, beams, sparkles and lightning, whose alpha is their brightness."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Field, Noise, Rendered, Strands, hsv, mix, pick_hue, smoothstep


def _light_hue(rng: np.random.Generator, white: float = 0.15) -> tuple[str, float, float]:
    """Colour word, hue and saturation of a light; white with chance `white`."""
    if rng.random() < white:
        return "white", 0.12, 0.06
    word, hue = pick_hue(rng)
    return word, hue, 1.0


def glow(rng: np.random.Generator, size: int) -> Rendered:
    """A soft round orb of light: white-hot centre, coloured falloff."""
    canvas = Canvas(size, 1)
    word, hue, saturation = _light_hue(rng)
    spread = rng.uniform(0.32, 0.46)
    radius = np.hypot(canvas.x - rng.uniform(-0.04, 0.04), canvas.y - rng.uniform(-0.04, 0.04))
    bright = 0.85 * np.exp(-((radius / spread) ** 2)) + 0.32 / (1 + (radius / spread) ** 2)
    alpha = np.minimum(bright, 1) * smoothstep(0.93, 0.45, radius)
    core = smoothstep(rng.uniform(0.55, 0.8) * spread, 0.1 * spread, radius)
    colour = mix(hsv(hue, 0.92 * saturation, 1.0), hsv(hue, 0.08 * saturation, 1.0), core)
    canvas.over(alpha, colour)
    return canvas.finished(words=(word,))


def light_beam(rng: np.random.Generator, size: int) -> Rendered:
    """A cone of light from a lamp near the top, fading with distance, with drifting dust."""
    canvas, noise = Canvas(size), Noise(rng)
    word, hue, saturation = ("yellow", 0.135, 0.55) if rng.random() < 0.5 else _light_hue(rng, 0.4)
    tilt = rng.uniform(-0.4, 0.4)
    source = (-0.8 * np.sin(tilt) * 0.9, 0.86)
    x, y = canvas.x - source[0], source[1] - canvas.y
    along = x * np.sin(tilt) + y * np.cos(tilt)
    across = x * np.cos(tilt) - y * np.sin(tilt)
    half = 0.05 + rng.uniform(0.28, 0.42) * np.clip(along, 0, None)
    edge = np.abs(across) / half
    dust = noise.fbm(across * 2.5 / half * 0.3, along * 1.5, 4)
    alpha = smoothstep(1.0, rng.uniform(0.35, 0.7), edge) * smoothstep(-0.01, 0.03, along)
    alpha *= rng.uniform(0.85, 0.95) / (1 + 0.55 * along) * smoothstep(1.74, 0.9, along) * (1 + 0.22 * dust)
    colour = mix(hsv(hue, 0.6 * saturation, 1.0), (1, 1, 0.98), smoothstep(0.9, 0.0, edge) / (1 + 1.2 * along))
    canvas.over(alpha, colour)
    count = int(rng.integers(0, 40))
    if count:
        deep, side = rng.uniform(0.2, 1.35, count), rng.uniform(-0.8, 0.8, count)
        side = side * (0.05 + 0.26 * deep)
        motes = np.stack(
            [
                source[0] + deep * np.sin(tilt) + side * np.cos(tilt),
                source[1] - deep * np.cos(tilt) + side * np.sin(tilt),
            ],
            axis=-1,
        )
        canvas.sprinkle(motes, rng.uniform(0.007, 0.012, count), (1, 1, 0.95), rng.uniform(0.15, 0.5, count))
    return canvas.finished(words=(word,))


def _star(canvas: Canvas, at: tuple[float, float], reach: float, points: int, turn: float, thin: float) -> Field:
    """Brightness of a star with `points` (even) spikes, a core, and a faint glow; about 1 at its centre."""
    x, y = canvas.x - at[0], canvas.y - at[1]
    total: Field = 0.9 * np.exp(-(x**2 + y**2) / (0.11 * reach) ** 2) + 0.30 * np.exp(
        -(x**2 + y**2) / (0.36 * reach) ** 2
    )
    for index in range(points // 2):
        angle = turn + index * 2 * np.pi / points
        length = reach * (1.0 if index % 2 == 0 or points == 4 else 0.6)
        along = np.abs(x * np.cos(angle) + y * np.sin(angle)) / length
        across = -x * np.sin(angle) + y * np.cos(angle)
        width = thin * reach * np.clip(1 - along, 0.02, 1)
        total += np.exp(-((across / width) ** 2)) * np.clip(1 - along, 0, 1) ** 0.7
    return total


def lens_flare_sparkle(rng: np.random.Generator, size: int) -> Rendered:
    """A twinkling star of four to eight thin spikes, sometimes with small companions."""
    canvas = Canvas(size)
    word, hue, saturation = ("yellow", 0.14, 0.75) if rng.random() < 0.3 else _light_hue(rng, 0.3)
    points = int(rng.choice([4, 4, 6, 8]))
    turn = 0.5 * np.pi + rng.uniform(-0.12, 0.12)
    bright = _star(canvas, (0, 0), rng.uniform(0.82, 0.9), points, turn, rng.uniform(0.045, 0.075))
    for _ in range(int(rng.integers(0, 3))):
        angle, reach = rng.uniform(0, 6.28), rng.uniform(0.55, 0.68)
        at = (float(reach * np.cos(angle)), float(reach * np.sin(angle)))
        bright += 0.9 * _star(canvas, at, rng.uniform(0.16, 0.25), 4, turn, 0.09)
    alpha = 1 - np.exp(-1.9 * bright)
    canvas.over(alpha, mix(hsv(hue, 0.75 * saturation, 1.0), (1, 1, 1), smoothstep(0.35, 1.3, bright)))
    return canvas.finished(words=(word,))


def _bolt(rng: np.random.Generator, start: Field, end: Field, rough: float, levels: int) -> Field:
    """A jagged path (2**levels + 1, 2) by midpoint displacement."""
    path = np.stack([start, end])
    for _ in range(levels):
        step = np.diff(path, axis=0)
        length = np.hypot(step[:, 0], step[:, 1])[:, None]
        away = step[:, ::-1] * [1, -1] / np.maximum(length, 1e-9)
        middle = (path[:-1] + path[1:]) / 2 + away * length * rng.normal(0, rough, (len(step), 1))
        joined = np.empty((len(path) + len(middle), 2))
        joined[0::2], joined[1::2] = path, middle
        path = joined
    return path


def lightning(rng: np.random.Generator, size: int) -> Rendered:
    """A branching bolt from above with a white core and a coloured halo."""
    canvas = Canvas(size)
    word, hue = pick_hue(rng, "blue", "blue", "blue", "purple", "yellow", "pink")
    top = np.array([rng.uniform(-0.35, 0.35), 0.80])
    bottom = np.array([-top[0] * rng.uniform(0.0, 1.0) + rng.uniform(-0.2, 0.2), -0.84])
    main = _bolt(rng, top, bottom, 0.15, 5)
    main[:, 0] = np.clip(main[:, 0], -0.8, 0.8)
    paths, widths = [main], [np.linspace(0.055, 0.03, 33)]
    for _ in range(int(rng.integers(3, 7))):
        at = int(rng.integers(3, 25))
        side = rng.choice([-1, 1])
        reach = rng.uniform(0.25, 0.65) * (1.1 - at / 33)
        tip = main[at] + reach * np.array([side * rng.uniform(0.6, 1.1), -rng.uniform(0.5, 1.1)])
        branch = _bolt(rng, main[at], np.clip(tip, -0.85, 0.85), 0.17, 5)
        paths.append(branch)
        widths.append(np.linspace(0.03, 0.008, 33))
    points, thick = np.stack(paths), np.stack(widths)
    hot = hsv(hue, 0.85, 1.0)
    dots, weight = points.reshape(-1, 2), thick.ravel()
    canvas.sprinkle(dots, 1.5 * weight + 0.035, hot, 0.15 * weight / weight.max())
    canvas.sprinkle(dots, 0.9 * weight + 0.004, hot, 0.5)
    canvas.splat(Strands(points, thick, mix(hsv(hue, 0.12, 1.0), (1, 1, 1), 0.5), 0.97))
    return canvas.finished(words=(word,))


def magic_sparkles(rng: np.random.Generator, size: int) -> Rendered:
    """A swirling trail of glittering dust with a few bright stars."""
    canvas = Canvas(size)
    word, hue, _ = ("yellow", 0.13, 1.0) if rng.random() < 0.4 else _light_hue(rng, 0.0)
    count = 420
    age = rng.random(count) ** 0.8
    turns, spin = rng.uniform(0.8, 1.25) * 2 * np.pi, rng.choice([-1, 1])
    start = rng.uniform(0, 2 * np.pi)
    # `age` 0 is the bright head of the trail on the outer rim; the tail winds into the middle.
    radius = 0.78 * (1 - age) ** 0.8 + 0.04
    angle = start + spin * age * turns
    centre = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    places = centre + rng.normal(0, 1, (count, 2)) * (0.025 + 0.08 * age)[:, None]
    places = places[np.abs(places).max(axis=1) < 0.9]
    age = age[: len(places)]
    canvas.sprinkle(places, 0.055, hsv(hue, 0.85, 1.0), 0.06)
    tint = mix(hsv(hue, 0.8, 1.0), hsv(hue, 0.15, 1.0), rng.random(len(places)))
    canvas.sprinkle(places, rng.uniform(0.007, 0.02, len(places)), tint, rng.uniform(0.35, 1.0, len(places)))
    for index in rng.integers(0, len(places), int(rng.integers(4, 9))):
        at = (float(places[index, 0]), float(places[index, 1]))
        reach = min(rng.uniform(0.12, 0.26), 0.96 - max(abs(at[0]), abs(at[1])))
        bright = _star(canvas, at, reach, 4, np.pi / 2, 0.10)
        canvas.over(1 - np.exp(-1.8 * bright), mix(hsv(hue, 0.55, 1), (1, 1, 1), smoothstep(0.3, 1.1, bright)))
    return canvas.finished(words=(word,))
