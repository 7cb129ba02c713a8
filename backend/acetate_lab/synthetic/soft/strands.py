"""Hair, fur and feathers: thousands of tapering strands, each with its own shade."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Rendered, Strands, mix, smoothstep

HAIR: dict[str, tuple[Colour, Colour]] = {
    "black": ((0.05, 0.04, 0.05), (0.36, 0.35, 0.40)),
    "brown": ((0.20, 0.11, 0.06), (0.60, 0.40, 0.25)),
    "blonde": ((0.58, 0.41, 0.18), (0.98, 0.87, 0.58)),
    "red": ((0.38, 0.11, 0.04), (0.90, 0.44, 0.20)),
    "grey": ((0.38, 0.38, 0.40), (0.82, 0.82, 0.84)),
    "white": ((0.66, 0.65, 0.64), (1.0, 1.0, 0.99)),
}
"""Root shade and shine of the hair that each colour word names."""

FUR: dict[str, tuple[Colour, Colour]] = {
    **HAIR,
    "pink": ((0.75, 0.28, 0.45), (1.0, 0.78, 0.88)),
    "blue": ((0.12, 0.30, 0.62), (0.56, 0.78, 1.0)),
    "purple": ((0.34, 0.16, 0.55), (0.78, 0.62, 0.98)),
    "yellow": ((0.80, 0.56, 0.05), (1.0, 0.93, 0.45)),
    "green": ((0.13, 0.42, 0.14), (0.62, 0.90, 0.48)),
}


def fitted(points: Field, reach: float = 0.86) -> Field:
    """The points moved and scaled together so that their longer side fills -reach..reach."""
    low, high = points.reshape(-1, 2).min(axis=0), points.reshape(-1, 2).max(axis=0)
    placed: Field = (points - (low + high) / 2) * (2 * reach / (high - low).max())
    return placed


def hair_tuft(rng: np.random.Generator, size: int) -> Rendered:
    """A lock of hair: strands that leave one root together, bend, curl and part at their tips."""
    canvas = Canvas(size, 3)
    word = str(rng.choice(list(HAIR), p=[0.2, 0.25, 0.2, 0.15, 0.1, 0.1]))
    dark, light = HAIR[word]
    count, length = int(rng.integers(240, 420)), 26
    t = np.linspace(0, 1, length)
    clumps = int(rng.integers(4, 9))
    clump = rng.integers(0, clumps, count)
    fan = rng.normal(0, 0.20, clumps)
    aim = fan[clump] + rng.normal(0, 0.06, count) + rng.uniform(-0.3, 0.3)
    bend = rng.uniform(-1.1, 1.1) + rng.normal(0, 0.16, clumps)[clump] + rng.normal(0, 0.10, count)
    reach = rng.uniform(0.72, 1.0, clumps)[clump] * rng.uniform(0.8, 1.05, count)
    heading = aim[:, None] + bend[:, None] * t**1.3
    curl, turns = rng.uniform(0.0, 0.5), rng.uniform(1.0, 2.2)
    phase = rng.uniform(0, 6.28) + rng.normal(0, 0.6, clumps)[clump] + rng.normal(0, 0.2, count)
    heading = heading + curl * t * np.sin(2 * np.pi * turns * t + phase[:, None])
    steps = np.stack([np.sin(heading), -np.cos(heading)], axis=-1) * (reach / length)[:, None, None] * 1.7
    root = np.stack([rng.normal(0, 0.09, count), rng.normal(0, 0.04, count)], axis=-1)
    # Hairs of one clump draw together towards their tips.
    pull = 1 - 0.45 * smoothstep(0.2, 0.9, t)
    points = fitted(root[:, None] * pull[:, None] + np.cumsum(steps, axis=1))
    shade = rng.uniform(0.1, 0.62, count)[:, None] * (0.55 + 0.45 * t)
    band = rng.uniform(0.28, 0.5) + 0.05 * rng.normal(size=count)
    shade = shade + rng.uniform(0.25, 0.5) * np.exp(-(((t - band[:, None]) / 0.14) ** 2))
    order = np.argsort(shade.mean(axis=1) + rng.normal(0, 0.12, count))
    width = 0.017 * rng.uniform(0.7, 1.3, count)[:, None] * (1 - t) ** 0.6 * smoothstep(-0.15, 0.12, t)
    canvas.draw(Strands(points[order], width[order], mix(dark, light, shade[order])))
    return canvas.finished(words=(word,))


def fur_ball(rng: np.random.Generator, size: int) -> Rendered:
    """A round pompom of fine fur, lit from the upper left."""
    canvas = Canvas(size, 3)
    word = str(rng.choice(list(FUR)))
    dark, light = FUR[word]
    count, length = 2400, 6
    # Roots spread evenly over the half sphere that faces the viewer, rim first.
    depth = np.sort(rng.uniform(-0.12, 1.0, count))
    angle = rng.uniform(0, 2 * np.pi, count)
    out = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    rim = np.sqrt(1 - depth**2)
    ball, fluff = rng.uniform(0.56, 0.66), rng.uniform(0.2, 0.34)
    t = np.linspace(0, 1, length)
    comb = rng.normal(0, 0.25, 2) + np.array([0, -0.25])
    way = out * rim[:, None] + 0.28 * rng.normal(size=(count, 2)) + 0.25 * comb
    reach = fluff * rng.uniform(0.5, 1.1, count)
    points = (out * (rim * ball)[:, None])[:, None] + way[:, None] * (reach[:, None] * t)[..., None]
    points = points + comb * (0.25 * fluff * t**2)[:, None]
    points = fitted(points, rng.uniform(0.78, 0.88))
    facing = depth * 0.55 + rim * (out @ np.array([-0.42, 0.62]))
    shade = 0.30 + 0.42 * facing + rng.normal(0, 0.13, count)
    shade = shade[:, None] + 0.22 * (t - 0.5)
    width = 0.020 * (1 - 0.85 * t)
    skin = 0.62 * np.abs(points).max() - np.hypot(canvas.x, canvas.y)
    canvas.over(canvas.inside(skin), mix(dark, light, 0.35))
    canvas.draw(Strands(points, width, mix(dark, light, shade)))
    return canvas.finished(words=(word,))


FEATHERS: dict[str, tuple[Colour, Colour]] = {
    "white": ((0.80, 0.80, 0.81), (1.0, 1.0, 1.0)),
    "grey": ((0.40, 0.41, 0.44), (0.75, 0.76, 0.79)),
    "brown": ((0.36, 0.22, 0.12), (0.72, 0.54, 0.36)),
    "black": ((0.05, 0.05, 0.07), (0.28, 0.28, 0.34)),
    "blue": ((0.06, 0.24, 0.58), (0.30, 0.62, 0.95)),
    "green": ((0.06, 0.36, 0.18), (0.35, 0.76, 0.36)),
    "red": ((0.58, 0.06, 0.05), (0.95, 0.30, 0.22)),
    "pink": ((0.85, 0.45, 0.60), (1.0, 0.80, 0.88)),
}


def feather(rng: np.random.Generator, size: int) -> Rendered:
    """A quill with combed barbs, a few splits in its vane, and down at its base."""
    canvas = Canvas(size, 3)
    word = str(rng.choice(list(FEATHERS)))
    dark, light = FEATHERS[word]
    turn = float(rng.choice([-1, 1])) * rng.uniform(0.35, 0.95)
    bend = rng.uniform(-0.5, 0.5)
    along = np.linspace(0, 1, 60)
    heading = turn + bend * (along - 0.5)
    spine = np.cumsum(np.stack([np.sin(heading), np.cos(heading)], axis=-1), axis=0) / 60 * 1.9
    per_side, length = 280, 12
    t = np.linspace(0, 1, length)
    groups: list[Field] = []
    colours: list[Field] = []
    breadth = rng.uniform(0.34, 0.46)
    for side in (-1.0, 1.0):
        place = np.sort(rng.uniform(0.2, 0.995, per_side))
        vane = np.clip((place - 0.2) / 0.8, 0, 1)
        profile = np.sin(np.pi * np.clip(vane, 0, 1) ** 0.75) ** 0.6 * (0.85 if side < 0 else 1.0)
        reach = breadth * profile * rng.uniform(0.93, 1.03, per_side) + 0.05 * vane
        slant = 0.95 - 0.35 * vane + rng.normal(0, 0.015, per_side)
        for gap in rng.uniform(0.3, 0.95, int(rng.integers(0, 3))):
            # Barbs lean away from a split on both of its sides: a wedge of the vane opens.
            away = place - gap
            slant = slant + 0.11 * np.sign(away) * np.exp(-((away / 0.03) ** 2))
        base = np.stack([np.interp(place, along, spine[:, k]) for k in (0, 1)], axis=-1)
        aim = np.interp(place, along, heading)
        angle = aim[:, None] + side * (slant[:, None] - 0.35 * t)
        step = np.stack([np.sin(angle), np.cos(angle)], axis=-1) * (reach / length)[:, None, None]
        groups.append(base[:, None] + np.cumsum(step, axis=1) - step[:, :1])
        shade = 0.5 + 0.25 * side * np.sign(turn) + rng.normal(0, 0.10, per_side)[:, None] - 0.35 * (t - 0.4)
        colours.append(mix(dark, light, shade))
    downy = 70
    start = np.interp(rng.uniform(0.13, 0.27, downy), along, np.arange(60)).astype(int)
    aim = heading[start] + rng.choice([-1, 1], downy) * rng.uniform(0.7, 1.9, downy)
    angle = aim[:, None] + rng.normal(0, 0.5, (downy, 1)) * t + 0.3 * rng.normal(size=(downy, length))
    step = np.stack([np.sin(angle), np.cos(angle)], axis=-1) * rng.uniform(0.08, 0.2, (downy, 1, 1)) / length
    down = spine[start][:, None] + np.cumsum(step, axis=1)
    placed = fitted(np.concatenate([*groups, down, np.resize(spine, (5, length, 2))]))
    spine = fitted(np.concatenate([np.concatenate([*groups, down]).reshape(-1, 2), spine]))[-60:]
    quill = mix(light, (0.93, 0.89, 0.80), 0.6)
    canvas.splat(Strands(placed[2 * per_side : 2 * per_side + downy], 0.016, mix(dark, light, 0.85), 0.5))
    vane_width = 0.019 * (1 - 0.7 * t)
    canvas.draw(Strands(placed[: 2 * per_side], vane_width, np.concatenate(colours)))
    canvas.draw(Strands(spine[None], np.linspace(0.034, 0.008, 60), quill * np.array([0.9, 0.9, 0.9])))
    return canvas.finished(words=(word,))
