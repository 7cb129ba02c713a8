"""Thin and clear liquids: Fresnel alpha (Schlick 1994) from analytic normals, highlights over it."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Field, Noise, Rendered, Strands, mix, smoothstep

WATER_DEEP, WATER_PALE = (0.10, 0.42, 0.80), (0.80, 0.94, 1.0)


def fresnel(normal_z: Field, base: float = 0.02, power: float = 3.0) -> Field:
    """Reflectance by the angle to the viewer: `base` face on, 1 at the rim."""
    shine: Field = base + (1 - base) * (1 - np.clip(normal_z, 0, 1)) ** power
    return shine


def _bubble(canvas: Canvas, rng: np.random.Generator, noise: Noise, x0: float, y0: float, radius: float) -> None:
    x, y = (canvas.x - x0) / radius, (canvas.y - y0) / radius
    squared = x * x + y * y
    normal_z = np.sqrt(np.clip(1 - squared, 0, 1))
    body = canvas.inside((1 - np.sqrt(squared)) * radius)
    swirl = noise.fbm(x * 1.1 + x0, y * 1.6 + y0, 3)
    thickness = rng.uniform(1.0, 1.6) + 0.55 * y + 0.9 * swirl + 0.8 * (1 - normal_z)
    waves = np.stack([np.cos(2 * np.pi * thickness * ratio) for ratio in (0.82, 1.0, 1.22)], axis=-1)
    film = np.clip(0.70 + 0.36 * waves + 0.1 * (1 - normal_z)[..., None], 0, 1)
    alpha = fresnel(normal_z) * 0.85 + 0.10 * np.clip(swirl + 0.3, 0, 1) + 0.04
    canvas.over(body * alpha, film)
    lights = ((-0.42, 0.48, 0.20, 0.11, 0.95), (0.50, -0.50, 0.20, 0.06, 0.6), (-0.60, 0.20, 0.05, 0.05, 0.7))
    for lx, ly, long, short, strength in lights:
        turn = np.arctan2(ly, lx)
        along = (x - lx) * -np.sin(turn) + (y - ly) * np.cos(turn)
        across = (x - lx) * np.cos(turn) + (y - ly) * np.sin(turn) + 0.5 * along**2
        spot = np.exp(-((along / long) ** 2) - (across / short) ** 2)
        canvas.over(body * strength * smoothstep(0.15, 0.75, spot), (1, 1, 1))


def soap_bubble(rng: np.random.Generator, size: int) -> Rendered:
    """One large iridescent bubble, or a few of different sizes."""
    canvas, noise = Canvas(size), Noise(rng)
    if rng.random() < 0.65:
        _bubble(canvas, rng, noise, 0, 0, rng.uniform(0.72, 0.88))
        return canvas.finished()
    placed: list[tuple[float, float, float]] = []
    for radius in (
        rng.uniform(0.42, 0.5),
        rng.uniform(0.25, 0.36),
        rng.uniform(0.18, 0.28),
        rng.uniform(0.1, 0.18),
    ):
        for _ in range(60):
            x0, y0 = rng.uniform(radius - 0.9, 0.9 - radius, 2)
            if all(np.hypot(x0 - px, y0 - py) > radius + pr for px, py, pr in placed):
                placed.append((float(x0), float(y0), float(radius)))
                break
    for x0, y0, radius in placed:
        _bubble(canvas, rng, noise, x0, y0, radius)
    return canvas.finished()


def water_drop(rng: np.random.Generator, size: int) -> Rendered:
    """A teardrop of clear water: dark rim, light gathered low inside, a highlight at the upper left."""
    canvas = Canvas(size)
    tilt = rng.uniform(-0.25, 0.25)
    x = canvas.x * np.cos(tilt) + canvas.y * np.sin(tilt)
    y = canvas.y * np.cos(tilt) - canvas.x * np.sin(tilt)
    girth, tall = rng.uniform(0.50, 0.60), rng.uniform(1.58, 1.72)
    v = np.clip((y + tall / 2) / tall, 0, 1)
    taper = rng.uniform(1.15, 1.5)
    shape = np.sqrt(v) * (1 - v) ** taper
    peak = 0.5 / (0.5 + taper)
    profile = girth * shape / (np.sqrt(peak) * (1 - peak) ** taper)
    across = x / np.maximum(profile, 1e-3)
    distance = np.minimum(profile - np.abs(x), np.minimum(y + tall / 2, tall / 2 - y))
    body = canvas.inside(distance * 0.8)
    slope = np.gradient(profile, canvas.pixel, axis=0)
    normal_z = np.sqrt(np.clip(1 - across**2, 0, 1)) / np.sqrt(1 + np.clip(slope, -4, 4) ** 2)
    rim = fresnel(normal_z, 0.0, 2.2)
    blue = np.array(WATER_DEEP) * rng.uniform(0.85, 1.1)
    gathered = np.exp(-((x - 0.10) ** 2 + (y + 0.30 * tall) ** 2) / (0.42 * girth) ** 2)
    colour = mix(mix(blue, (0.35, 0.70, 0.97), smoothstep(0.7, 0.05, v)), WATER_PALE, 0.9 * gathered)
    canvas.over(body * (0.30 + 0.62 * rim + 0.22 * gathered), mix(colour, blue * 0.8, 0.5 * rim))
    level = peak * tall - tall / 2
    lx, ly = -0.48 * girth, level + 0.18
    bend = (x - lx) - 0.4 * (y - ly)
    window = np.exp(-((bend / 0.085) ** 2) - ((y - ly) / 0.2) ** 2)
    canvas.over(body * 0.95 * smoothstep(0.25, 0.65, window), (1, 1, 1))
    spot = np.exp(-((x - 0.42 * girth) ** 2 + (y - level + 0.26) ** 2) / 0.05**2)
    canvas.over(body * 0.8 * smoothstep(0.3, 0.7, spot), (1, 1, 1))
    return canvas.finished()


def _crown(rng: np.random.Generator) -> tuple[Strands, Field, Field]:
    """The splash's jets as tapering strands from a small ring to a wide one, and its free drops."""
    count = int(rng.integers(11, 18))
    angle = (np.arange(count) + rng.uniform(-0.3, 0.3, count)) * 2 * np.pi / count
    low, wide = rng.uniform(0.24, 0.32), rng.uniform(0.55, 0.68)
    rise = rng.uniform(0.75, 1.05, count) * (0.85 - 0.1 * np.sin(angle))
    t = np.linspace(0, 1, 14)
    radius = low + (wide - low) * (0.35 * t + 0.65 * t**2)
    points = np.stack(
        [np.cos(angle)[:, None] * radius, -0.62 + 0.3 * np.sin(angle)[:, None] * radius + rise[:, None] * t],
        axis=-1,
    )
    widths = (0.13 * (1 - t) ** 0.8 + 0.035)[None] * rng.uniform(0.7, 1.2, (count, 1))
    tips = points[:, -1]
    loose = tips[rng.random(count) < 0.7]
    loose = loose + rng.normal(0, 0.05, loose.shape) + np.array([0, 0.13]) + loose * [0.12, 0]
    drops = np.concatenate([tips, loose])
    radii = np.concatenate([rng.uniform(0.04, 0.06, len(tips)), rng.uniform(0.02, 0.05, len(loose))])
    return Strands(points, widths, (1.0, 1.0, 1.0)), np.clip(drops, -0.86, 0.86), radii


def water_splash(rng: np.random.Generator, size: int) -> Rendered:
    """A crown splash: jets on a ring with a sheet between them, and drops that fly off."""
    canvas, noise = Canvas(size), Noise(rng)
    jets, drops, radii = _crown(rng)
    # The water's thickness: metaballs of jets and drops, the sheet between the jets, and the pool below.
    thick = np.zeros_like(canvas.x)
    for line, widths in zip(jets.points, np.asarray(jets.widths), strict=True):
        for (px, py), width in zip(line, widths, strict=True):
            thick += 0.75 * np.exp(-((canvas.x - px) ** 2 + (canvas.y - py) ** 2) / (0.62 * width) ** 2)
    for (px, py), radius in zip(drops, radii, strict=True):
        thick += 1.6 * np.exp(-((canvas.x - px) ** 2 + (canvas.y - py) ** 2) / radius**2)
    ripple = noise.fbm(canvas.x * 3, canvas.y * 3, 3)
    flat = np.hypot(canvas.x / 0.80, (canvas.y + 0.64) / 0.20) + 0.08 * ripple
    pool = smoothstep(1.0, 0.75, flat) * (0.7 + 0.35 * np.cos(flat * 14))
    thick = np.minimum(thick, 1.6) + 0.8 * pool + 0.12 * ripple * (thick > 0.3)
    cover = smoothstep(0.28, 0.5, thick)
    height = np.sqrt(np.clip(thick - 0.28, 0, None)) * 0.16
    slope_y, slope_x = np.gradient(height, canvas.pixel)
    normal_z = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    rim = fresnel(normal_z, 0.0, 1.3)
    shine = np.clip((-0.5 * slope_x + 0.65 * slope_y + 0.57) * normal_z, 0, 1) ** 14
    shade = np.clip(0.5 + 0.5 * (-slope_x + slope_y * 1.2) * normal_z, 0, 1)
    colour = mix((0.16, 0.50, 0.84), (0.82, 0.95, 1.0), shade)
    canvas.over(cover * (0.34 + 0.6 * rim), colour)
    canvas.over(cover * shine, (1, 1, 1))
    return canvas.finished()
