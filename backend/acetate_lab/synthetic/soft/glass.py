"""Clear solids without a ray tracer: turned glass with Fresnel walls, and faceted ice and crystal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from acetate_lab.synthetic.soft.liquid import fresnel
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

SQUASH = 0.16
"""Height over width of a turned circle: the viewer looks down at about nine degrees."""


def _profile(keys: Sequence[tuple[float, float]], y: Field, soft: float) -> Field:
    """The radius at each height of `y` from (height, radius) keys, corners rounded over about `soft`."""
    heights = np.array([height for height, _ in keys])
    radii = np.array([radius for _, radius in keys])
    fine = np.linspace(heights[0], heights[-1], 400)
    width = max(int(soft / (heights[-1] - heights[0]) * 400), 1)
    padded = np.pad(np.interp(fine, heights, radii), (width, width), mode="edge")
    smooth = np.convolve(padded, np.hanning(2 * width + 3)[1:-1] / np.hanning(2 * width + 3).sum(), mode="valid")
    radius: Field = np.interp(y, fine, smooth)
    return radius


def _ring(canvas: Canvas, y: float, radius: float) -> Field:
    """Distance to the ellipse that a circle of `radius` at height `y` shows, negative inside."""
    bent = np.hypot(canvas.x / radius, (canvas.y - y) / (radius * SQUASH))
    slope = np.hypot(canvas.x / radius**2, (canvas.y - y) / (radius * SQUASH) ** 2) / np.maximum(bent, 1e-6)
    distance: Field = (bent - 1) / np.maximum(slope, 1e-6)
    return distance


def _turned(canvas: Canvas, keys: Sequence[tuple[float, float]], soft: float) -> tuple[Field, Field, Field]:
    """Coverage, side (-1 left edge, 1 right edge) and radius of a turned body."""
    low, high = keys[0][0], keys[-1][0]
    radius = _profile(keys, canvas.y, soft)
    wall = np.minimum(radius - np.abs(canvas.x), np.minimum(canvas.y - low, high - canvas.y))
    ends = np.maximum(-_ring(canvas, low, keys[0][1]), -_ring(canvas, high, keys[-1][1]))
    return canvas.inside(np.maximum(wall, ends)), canvas.x / np.maximum(radius, 1e-3), radius


def _walls(canvas: Canvas, cover: Field, side: Field, tint: Colour, clear: float) -> None:
    """Paint glass: nearly clear in the middle, tinted and dense where the wall is seen along its surface."""
    normal_z = np.sqrt(np.clip(1 - side**2, 0, 1))
    rim = fresnel(normal_z, 0.0, 2.0)
    tone = np.asarray(tint)
    inner = np.exp(-(((np.abs(side) - 0.86) / 0.05) ** 2))
    shade = mix(tone, tone * 0.42, rim)
    canvas.over(cover * np.clip(clear + 0.62 * rim + 0.16 * inner, 0, 0.9), mix(shade, (1, 1, 1), 0.75 * inner))


def _shine(canvas: Canvas, cover: Field, side: Field, low: float, high: float, strength: float) -> None:
    """Paint the reflections of a window: a broad strip on the left, a thin one on the right."""
    fade = smoothstep(low, low + 0.12, canvas.y) * smoothstep(high, high - 0.10, canvas.y)
    strips = np.exp(-(((side + 0.60) / 0.11) ** 4)) + 0.65 * np.exp(-(((side - 0.72) / 0.05) ** 4))
    canvas.over(cover * strength * fade * np.clip(strips, 0, 1), (1, 1, 1))


def _edge(canvas: Canvas, y: float, radius: float, thickness: float) -> None:
    """Paint the rim of an opening as a bright ring with a dark lower line."""
    distance = np.abs(_ring(canvas, y, radius))
    canvas.over(0.80 * canvas.inside(thickness - distance), (0.93, 0.96, 0.98))
    low = canvas.inside(thickness * 0.5 - distance) * (canvas.y < y)
    canvas.over(0.35 * low, (0.50, 0.58, 0.64))


DRINKS: tuple[tuple[Colour, Colour, float], ...] = (
    ((0.62, 0.84, 0.97), (0.80, 0.93, 1.0), 0.40),
    ((0.42, 0.03, 0.09), (0.62, 0.12, 0.18), 0.92),
    ((0.98, 0.60, 0.10), (1.0, 0.75, 0.30), 0.93),
    ((0.95, 0.82, 0.42), (1.0, 0.92, 0.62), 0.70),
    ((0.36, 0.17, 0.07), (0.52, 0.28, 0.14), 0.90),
)
"""Body colour, surface colour and alpha of what a glass may hold: water, wine, juice, white wine, cola."""


def drinking_glass(rng: np.random.Generator, size: int) -> Rendered:
    """A tumbler, wine glass or flute, empty or partly filled."""
    canvas = Canvas(size)
    kind = str(rng.choice(["tumbler", "wine", "flute"], p=[0.45, 0.35, 0.2]))
    top = rng.uniform(0.68, 0.76)
    if kind == "tumbler":
        wide, narrow, floor = rng.uniform(0.46, 0.56), rng.uniform(0.34, 0.44), -0.62
        keys = [(-0.76, narrow), (floor, narrow + 0.01), (top, wide)]
        soft = 0.02
    else:
        wide = rng.uniform(0.40, 0.48) if kind == "wine" else rng.uniform(0.22, 0.27)
        foot, floor = rng.uniform(0.30, 0.38), rng.uniform(-0.12, 0.0) if kind == "wine" else -0.22
        keys = [
            (-0.78, foot),
            (-0.75, foot * 0.8),
            (-0.70, 0.05),
            (floor - 0.12, 0.032),
            (floor, wide * 0.62),
            (floor + 0.22, wide),
            (top, wide * rng.uniform(0.76, 0.9)),
        ]
        soft = 0.05
    cover, side, radius = _turned(canvas, keys, soft)
    tint = mix((0.76, 0.86, 0.92), (0.86, 0.90, 0.90), rng.random())
    _walls(canvas, cover, side, (float(tint[0]), float(tint[1]), float(tint[2])), 0.10)
    if rng.random() < 0.5:
        body, surface, strength = DRINKS[int(rng.integers(len(DRINKS)))]
        level = floor + (top - floor) * rng.uniform(0.35, 0.8)
        inner = radius - 0.035
        at_level = float(_profile(keys, np.array([level]), soft)[0]) - 0.035
        filled = np.minimum(inner - np.abs(canvas.x), np.minimum(level - canvas.y, canvas.y - floor))
        filled = np.maximum(filled, np.where(canvas.y < level, -_ring(canvas, level, at_level), -1))
        round_light = 0.95 - 0.35 * np.clip(side, -1, 1) ** 2
        canvas.over(strength * canvas.inside(filled), np.asarray(body) * round_light[..., None])
        canvas.over(strength * canvas.inside(-_ring(canvas, level, at_level)), surface)
    if kind == "tumbler":
        base = canvas.inside(
            np.minimum(radius - 0.02 - np.abs(canvas.x), np.minimum(canvas.y + 0.78, floor - canvas.y))
        )
        canvas.over(0.38 * base, mix((0.62, 0.74, 0.82), (1, 1, 1), np.exp(-(((side + 0.3) / 0.3) ** 2))))
    else:
        stem = cover * (canvas.y < floor - 0.04) * (canvas.y > -0.74)
        canvas.over(0.38 * stem * np.exp(-((side / 0.45) ** 2)), (1, 1, 1))
    _shine(canvas, cover * (canvas.y > floor), side, floor + 0.02, top - 0.05, rng.uniform(0.6, 0.85))
    _edge(canvas, top, keys[-1][1], 0.012)
    _edge(canvas, keys[0][0], keys[0][1], 0.010)
    return canvas.finished()


def glass_bottle(rng: np.random.Generator, size: int) -> Rendered:
    """An empty bottle of clear, green, brown or blue glass."""
    canvas = Canvas(size)
    tints: dict[str, Colour] = {
        "clear": (0.80, 0.88, 0.91),
        "green": (0.35, 0.68, 0.40),
        "brown": (0.62, 0.38, 0.15),
        "blue": (0.35, 0.60, 0.88),
    }
    word = str(rng.choice(list(tints)))
    wide, neck = rng.uniform(0.27, 0.36), rng.uniform(0.095, 0.125)
    shoulder, throat = rng.uniform(-0.05, 0.15), rng.uniform(0.3, 0.45)
    keys = [
        (-0.82, wide * 0.96),
        (-0.76, wide),
        (shoulder, wide),
        (throat, neck),
        (0.74, neck * 0.92),
        (0.75, neck * 1.25),
        (0.83, neck * 1.25),
    ]
    cover, side, radius = _turned(canvas, keys, rng.uniform(0.04, 0.09))
    coloured = word != "clear"
    _walls(canvas, cover, side, tints[word], 0.42 if coloured else 0.12)
    base = np.minimum(radius - 0.025 - np.abs(canvas.x), np.minimum(canvas.y + 0.86, -0.72 - canvas.y))
    canvas.over(0.35 * canvas.inside(base), np.asarray(tints[word]) * 0.6)
    _shine(canvas, cover, side, -0.72, shoulder + 0.05, rng.uniform(0.65, 0.9))
    _shine(canvas, cover, side * 1.15, throat, 0.72, 0.6)
    collar = cover * smoothstep(0.735, 0.755, canvas.y)
    canvas.over(0.35 * collar, np.asarray(tints[word]) * 0.75)
    _edge(canvas, 0.83, neck * 1.25, 0.010)
    return canvas.finished(words=(word,) if coloured else ())


def clear_flask(canvas: Canvas, rng: np.random.Generator, body: Colour, surface: Colour) -> None:
    """Paint a corked flask of clear glass, partly filled with a liquid of the colour `body`."""
    kind = int(rng.integers(3))
    wide, neck, throat = rng.uniform(0.52, 0.62), rng.uniform(0.10, 0.14), rng.uniform(0.22, 0.34)
    round_flask = [(-0.82 + 0.06 * step, wide * np.sin(np.pi * (0.16 + 0.78 * step / 16))) for step in range(17)]
    shapes = (
        [(h, r) for h, r in round_flask if r > neck and h < throat] + [(throat, neck)],
        [(-0.82, wide), (-0.74, wide * 1.02), (throat, neck)],
        [(-0.82, wide * 0.66), (-0.76, wide * 0.7), (throat - 0.2, wide * 0.66), (throat, neck)],
    )
    keys = [*shapes[kind], (0.52, neck), (0.54, neck * 1.35), (0.62, neck * 1.35)]
    cork = np.minimum(neck * 0.95 - np.abs(canvas.x), np.minimum(canvas.y - 0.50, 0.80 - canvas.y))
    canvas.over(canvas.inside(cork), mix((0.66, 0.45, 0.26), (0.82, 0.62, 0.40), 0.5 - canvas.x / neck * 0.5))
    cover, side, radius = _turned(canvas, keys, 0.05)
    _walls(canvas, cover, side, (0.78, 0.88, 0.93), 0.12)
    level = -0.8 + (throat + 0.75) * rng.uniform(0.55, 0.85)
    at_level = max(float(_profile(keys, np.array([level]), 0.05)[0]) - 0.04, 0.05)
    filled = np.minimum(radius - 0.04 - np.abs(canvas.x), np.minimum(level - canvas.y, canvas.y + 0.86))
    filled = np.minimum(filled, -_ring(canvas, -0.82, keys[0][1]) + 0.2) if kind == 0 else filled
    glow = 0.72 + 0.4 * np.exp(-(((side + 0.1) / 0.5) ** 2) - ((canvas.y + 0.35) / 0.4) ** 2)
    canvas.over(0.88 * canvas.inside(filled), np.clip(np.asarray(body) * glow[..., None], 0, 1))
    canvas.over(0.88 * canvas.inside(-_ring(canvas, level, at_level)), surface)
    count = int(rng.integers(4, 14))
    spots = np.stack([rng.normal(0, 0.16, count), rng.uniform(-0.72, level - 0.04, count)], axis=-1)
    canvas.sprinkle(spots, rng.uniform(0.008, 0.022, count), surface, 0.8)
    _shine(canvas, cover, side, -0.72, throat, rng.uniform(0.6, 0.8))
    _edge(canvas, 0.62, neck * 1.35, 0.010)


def _facet(canvas: Canvas, corners: Field, bevel: float) -> Field:
    """Signed distance, positive inside, of a convex polygon (n, 2), its corners rounded by `bevel`."""
    centre = corners.mean(axis=0)
    total = np.zeros_like(canvas.x)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        way = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
        normal = np.array([-way[1], way[0]])
        if float((centre - start) @ normal) < 0:
            normal = -normal
        distance = (canvas.x - start[0]) * normal[0] + (canvas.y - start[1]) * normal[1]
        total += np.exp(-np.clip(distance, -1, 4) / bevel)
    inside: Field = -bevel * np.log(np.maximum(total, 1e-30))
    return inside


def _ridge(canvas: Canvas, lines: Sequence[Field], width: float, alpha: float) -> None:
    """Paint bright soft edges along `lines` of two points each."""
    t = np.linspace(0, 1, 8)[:, None]
    paths = np.stack([line[0] + (line[1] - line[0]) * t for line in lines])
    canvas.splat(Strands(paths, width * 2.6, (0.86, 0.95, 1.0), alpha * 0.5))
    canvas.splat(Strands(paths, width, (1, 1, 1), alpha))


def ice_cube(rng: np.random.Generator, size: int) -> Rendered:
    """A rounded cube of ice: frosty core, three faces of their own brightness, white edges, small bubbles."""
    canvas, noise = Canvas(size), Noise(rng)
    turn, lift = np.pi / 4 + rng.uniform(-0.3, 0.3), rng.uniform(0.42, 0.58)
    half = rng.uniform(0.54, 0.60)
    signs = np.array([(a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]) * half
    ground = signs[:, :2] @ np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    flat = np.stack([ground[:, 0], ground[:, 1] * np.sin(lift) + signs[:, 2] * np.cos(lift)], axis=-1)
    flat = flat + rng.normal(0, 0.025, flat.shape)
    canvas.x = canvas.x + 0.012 * noise.fbm(canvas.x * 3, canvas.y * 3, 2)
    a, b = divmod(int(np.argmin(ground[::2, 1])), 2)
    corner = {(i, j, k): flat[4 * i + 2 * j + k] for i in (0, 1) for j in (0, 1) for k in (0, 1)}
    top = np.array([corner[0, 0, 1], corner[0, 1, 1], corner[1, 1, 1], corner[1, 0, 1]])
    first = np.array([corner[a, b, 0], corner[a, b, 1], corner[1 - a, b, 1], corner[1 - a, b, 0]])
    second = np.array([corner[a, b, 0], corner[a, b, 1], corner[a, 1 - b, 1], corner[a, 1 - b, 0]])
    frost = noise.fbm(canvas.x * 2.6, canvas.y * 2.6, 4)
    faces = sorted((first, second), key=lambda face: float(face[:, 0].mean()))
    for face, tone in zip((*faces, top), (0.55, 0.25, 0.85), strict=True):
        distance = _facet(canvas, face, 0.018)
        depth = smoothstep(0.0, 0.24, distance)
        colour = mix((0.42, 0.68, 0.88), (0.93, 0.98, 1.0), tone + 0.28 * frost - 0.15 * depth)
        canvas.over(canvas.inside(distance + 0.012) * np.clip(0.66 - 0.26 * depth + 0.16 * frost, 0.1, 0.9), colour)
    near = corner[a, b, 1]
    inner = [
        np.stack([near, corner[1 - a, b, 1]]),
        np.stack([near, corner[a, 1 - b, 1]]),
        np.stack([near, corner[a, b, 0]]),
    ]
    _ridge(canvas, [line * 0.97 for line in inner], 0.022, 0.85)
    back = corner[1 - a, 1 - b, 0]
    _ridge(
        canvas,
        [np.stack([back, corner[i, j, k]]) * 0.93 for i, j, k in ((a, 1 - b, 0), (1 - a, b, 0), (1 - a, 1 - b, 1))],
        0.012,
        0.3,
    )
    bubbles = rng.normal(0, 0.17, (int(rng.integers(8, 24)), 2))
    canvas.sprinkle(bubbles, rng.uniform(0.008, 0.02, len(bubbles)), (1, 1, 1), 0.7)
    glint = np.exp(-(((canvas.x + 0.22) / 0.16) ** 2) - ((canvas.y - float(top[:, 1].mean())) / 0.05) ** 2)
    canvas.over(0.75 * smoothstep(0.3, 0.8, glint), (1, 1, 1))
    return canvas.finished()


def crystal(rng: np.random.Generator, size: int) -> Rendered:
    """One to three six-sided quartz points, each facet of its own brightness."""
    canvas, noise = Canvas(size), Noise(rng)
    word, hue, saturation = "clear", 0.56, 0.12
    if rng.random() < 0.75:
        word, hue = pick_hue(rng, "purple", "pink", "blue", "green", "red", "yellow")
        saturation = 0.7
    deep, pale = hsv(hue, saturation, 0.55 if word != "yellow" else 0.8), hsv(hue, saturation * 0.28, 1.0)
    sparkle = noise.fbm(canvas.x * 3, canvas.y * 3, 4)
    main = (rng.uniform(-0.15, 0.15), rng.uniform(0.22, 0.28), rng.uniform(1.55, 1.7))
    others = [
        (main[0] + side * rng.uniform(0.42, 0.62), rng.uniform(0.14, 0.19), rng.uniform(0.8, 1.15))
        for side in (-1, 1)
        if rng.random() < 0.65
    ]
    for lean, half, tall in (*others, main):
        up = np.array([np.sin(lean), np.cos(lean)])
        out = np.array([up[1], -up[0]])
        foot = np.array([0.22 * np.sign(lean) if tall < 1.3 else -0.35 * lean, -0.82 + 0.1 * abs(lean)])
        turn = rng.uniform(-0.35, 0.35)
        ribs = half * np.sin(np.array([-np.pi / 2, -np.pi / 6 + turn * 0.6, np.pi / 6 + turn * 0.6, np.pi / 2]))
        base = [foot + out * rib * 0.86 for rib in ribs]
        level = tall * rng.uniform(0.66, 0.76)
        shoulder = [foot + out * rib + up * (level + rng.uniform(-0.06, 0.06)) for rib in ribs]
        tip = foot + up * tall + out * rng.uniform(-0.3, 0.3) * half
        for index in range(3):
            body = np.array([base[index], base[index + 1], shoulder[index + 1], shoulder[index]])
            cap = np.array([shoulder[index], shoulder[index + 1], tip])
            for face, lift in ((body, 0.0), (cap, 0.18)):
                distance = _facet(canvas, face, 0.004)
                tone = (0.55, 0.78, 0.22)[index] + lift + 0.2 * sparkle + rng.uniform(-0.12, 0.12)
                cover = canvas.inside(distance + 0.006)
                alpha = 0.62 + 0.20 * (index == 2) + 0.14 * sparkle - 0.15 * smoothstep(0.0, 0.2, distance)
                canvas.over(cover * np.clip(alpha, 0.2, 0.92), mix(deep, pale, tone))
        lines = [np.stack([base[i], shoulder[i]]) for i in (1, 2)] + [np.stack([shoulder[i], tip]) for i in (1, 2)]
        lines += [np.stack([shoulder[i], shoulder[i + 1]]) for i in range(3)]
        _ridge(canvas, lines, 0.013, 0.75)
    return canvas.finished(words=(word,) if word != "clear" else ())
