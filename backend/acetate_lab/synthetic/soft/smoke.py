"""Smoke, steam, fog, clouds, dust and ink: noise-warped densities with Beer-Lambert alpha (1 - exp(-k d))."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.paint import Canvas, Colour, Field, Noise, Rendered, hsv, mix, pick_hue, smoothstep

SMOKES: dict[str, tuple[Colour, Colour]] = {
    "white": ((0.74, 0.76, 0.79), (0.99, 0.99, 1.0)),
    "grey": ((0.33, 0.34, 0.36), (0.72, 0.73, 0.75)),
    "black": ((0.03, 0.03, 0.035), (0.26, 0.25, 0.25)),
    "blue": ((0.20, 0.34, 0.66), (0.68, 0.82, 1.0)),
}
"""Shadow and light colour of the smoke that each colour word names."""


def _lit(density: Field, noise_scale: float) -> Field:
    """Light in [0, 1] from the upper left: how much thinner the density gets towards the light."""
    step = max(len(density) // 24, 1)
    towards = np.roll(np.roll(density, step, axis=0), step, axis=1)
    light: Field = np.clip(0.5 + noise_scale * (density - towards), 0, 1)
    return light


def smoke_plume(rng: np.random.Generator, size: int) -> Rendered:
    """A meandering column that widens as it rises and breaks up into billows."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    word = str(rng.choice(list(SMOKES), p=[0.3, 0.35, 0.2, 0.15]))
    v = (canvas.y + 0.88) / 1.72
    held = np.clip(v, 0, 1)
    coarse = noise.fbm(canvas.x * 1.3 + 3, canvas.y * 1.3, 2)
    fine = noise.fbm(canvas.x * 2.8 + 20, canvas.y * 2.8 + 0.4 * coarse, 3)
    bend = rng.uniform(-0.35, 0.35) * held**1.5 + rng.uniform(0.06, 0.18) * held * np.sin(
        held * rng.uniform(3.5, 6.5) + rng.uniform(0, 6.28)
    )
    x = canvas.x - bend + held * (0.16 * coarse + 0.10 * fine)
    width = 0.07 + rng.uniform(0.40, 0.54) * held ** rng.uniform(0.7, 1.0)
    section = np.clip(1 - (x / width) ** 2, 0, 1)
    # Ridged noise, 1 - |n|, has the round lobes and narrow creases of billowing smoke.
    billow = 1 - np.abs(noise.fbm(canvas.x * 2.6 + 0.25 * fine + 40, canvas.y * 2.6 + 0.25 * coarse, 4))
    density = section * np.clip(0.35 + 0.85 * billow, 0.05, None) * (1.3 - 0.6 * held)
    density *= smoothstep(0, 0.12, v) * smoothstep(1.0, 0.62, v + 0.12 * coarse)
    alpha = 1 - np.exp(-rng.uniform(1.6, 3.4) * density)
    shade, light = SMOKES[word]
    canvas.over(alpha, mix(shade, light, _lit(density, 0.9) + 0.45 * (billow - 0.55) - 0.25 * x / width))
    return canvas.finished(words=(word,))


def steam(rng: np.random.Generator, size: int) -> Rendered:
    """Two to four thin white wisps that sway side by side."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    count = int(rng.integers(2, 5))
    wander = noise.fbm(canvas.x * 1.2, canvas.y * 1.2, 2)
    total = np.zeros_like(canvas.x)
    phase, turns, gap = rng.uniform(0, 6.28), rng.uniform(4.6, 6.6), 1.15 / max(count, 3)
    for index in range(count):
        place = (index - (count - 1) / 2) * gap
        low, high = rng.uniform(-0.88, -0.75), rng.uniform(0.6, 0.88)
        v = np.clip((canvas.y - low) / (high - low), 0, 1)
        sway = rng.uniform(0.1, 0.15) * np.sin(v * turns + phase + rng.uniform(-0.4, 0.4)) * (0.5 + 0.5 * v)
        x = canvas.x - place - sway + 0.07 * v * wander
        width = rng.uniform(0.065, 0.09) * (0.8 + 0.7 * v)
        ribbon = np.exp(-((x / width) ** 2)) * (v > 0) * (v < 1)
        total += ribbon * smoothstep(0, 0.25, v) * smoothstep(1, 0.5, v)
    streaks = noise.fbm(canvas.x * 4 + 0.4 * wander, canvas.y * 1.5 + 11, 3)
    alpha = rng.uniform(0.55, 0.72) * (1 - np.exp(-2.4 * total * np.clip(0.95 + 0.5 * streaks, 0.1, None)))
    canvas.over(alpha, mix((0.86, 0.89, 0.93), (1, 1, 1), 0.6 + 0.6 * streaks))
    return canvas.finished(words=("white",))


def fog_bank(rng: np.random.Generator, size: int) -> Rendered:
    """A wide low bank of mist in horizontal layers."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    drift = noise.fbm(canvas.x * 1.3, canvas.y * 2.0, 2)
    layers = noise.fbm(canvas.x * 1.2 + 0.2 * drift, canvas.y * 5 + 0.35 * drift + 7, 4)
    lift = canvas.y - rng.uniform(-0.14, 0.02) + 0.10 * drift
    envelope = np.clip(1 - (canvas.x / 0.95) ** 2, 0, 1) ** 1.5
    reach = np.where(lift > 0, rng.uniform(0.30, 0.42), rng.uniform(0.22, 0.30))
    envelope *= np.exp(-((lift / (reach * (0.55 + 0.45 * envelope))) ** 2))
    density = envelope * np.clip(0.8 + 0.7 * layers, 0.08, None)
    alpha = rng.uniform(0.68, 0.85) * (1 - np.exp(-2.4 * density)) * smoothstep(0.01, 0.1, envelope)
    tint = np.array([0.80, 0.86, 0.92]) - rng.uniform(0, 0.1)
    canvas.over(alpha, mix(tint, (0.97, 0.98, 1.0), 0.5 + 0.6 * layers + 0.5 * lift))
    return canvas.finished()


def fluffy_cloud(rng: np.random.Generator, size: int) -> Rendered:
    """A cumulus of round puffs over a flatter base, lit from the upper left."""
    canvas, noise = Canvas(size), Noise(rng)
    warp = noise.fbm(canvas.x * 3, canvas.y * 3, 4)
    other = noise.fbm(canvas.x * 3 + 50, canvas.y * 3 + 9, 4)
    x, y = canvas.x + 0.05 * warp, canvas.y + 0.05 * other
    count = int(rng.integers(16, 30))
    half = rng.uniform(0.60, 0.66)
    centres = np.sort(rng.uniform(-half, half, count))
    crest = rng.uniform(0.5, 0.75) * np.exp(-(((centres - rng.uniform(-0.2, 0.2)) / 0.40) ** 2))
    heights = -0.34 + rng.random(count) * crest
    radii = rng.uniform(0.19, 0.27, count) * (0.75 + 0.6 * crest)
    bulge = np.zeros_like(x)
    field = np.zeros_like(x)
    for cx, cy, radius in zip(centres, heights, radii, strict=True):
        squared = ((x - cx) ** 2 + ((y - cy) * np.where(y < cy, 1.5, 1.0)) ** 2) / radius**2
        bulge = np.maximum(bulge, radius * np.sqrt(np.clip(1 - squared * 0.8, 0, 1)) + 0.25 * (cy + 0.3))
        field += np.exp(-1.6 * squared)
    slope_y, slope_x = np.gradient(bulge + 0.03 * warp, canvas.pixel)
    normal_z = 1 / np.sqrt(1 + 0.5 * (slope_x**2 + slope_y**2))
    light = 0.55 + 0.40 * np.clip((-0.35 * slope_x + 0.75 * slope_y) * 0.5 * normal_z, -1, 1)
    light += 0.55 * (canvas.y + 0.12) + 0.10 * warp
    alpha = smoothstep(0.14, 0.62, field * (1 + 0.5 * warp)) * 0.97
    shade = mix((0.66, 0.72, 0.82), (0.80, 0.80, 0.84), rng.random())
    canvas.over(alpha, mix(shade, (1.0, 1.0, 1.0), light))
    return canvas.finished(words=("white",))


def dust_cloud(rng: np.random.Generator, size: int) -> Rendered:
    """A low puff of sandy dust that billows outwards from the ground, with flying grains."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    warp = noise.fbm(canvas.x * 2.4, canvas.y * 2.4, 3)
    other = noise.fbm(canvas.x * 2.4 + 30, canvas.y * 2.4, 3)
    x, y = canvas.x + 0.07 * warp, canvas.y + 0.07 * other
    density: Field = np.zeros_like(x)
    light: Field = np.zeros_like(x)
    lean = float(rng.uniform(-0.25, 0.25))
    for _ in range(int(rng.integers(12, 20))):
        angle, reach = rng.uniform(0, np.pi), rng.uniform(0.1, 0.62)
        cx, cy = 1.0 * reach * np.cos(angle) + lean * reach, -0.42 + 0.95 * reach * np.sin(angle)
        radius = rng.uniform(0.18, 0.32) * (1.15 - 0.5 * reach)
        puff = np.exp(-2.2 * ((x - cx) ** 2 + (y - cy) ** 2) / radius**2) * (1.15 - 0.8 * reach)
        density += puff
        light += puff * ((y - cy) * 0.9 - (x - cx) * 0.4) / radius
    texture = noise.fbm(x * 3 + 9, y * 3 + 0.2 * warp, 4)
    density = density * np.clip(0.9 + 0.6 * texture, 0.1, None) * smoothstep(-0.85, -0.5, y)
    alpha = 0.94 * (1 - np.exp(-rng.uniform(0.9, 1.5) * density))
    tint = np.array(hsv(rng.uniform(0.07, 0.115), rng.uniform(0.28, 0.5), rng.uniform(0.72, 0.88)))
    bright = 0.5 + 0.5 * light / np.maximum(density, 0.3) + 0.35 * texture
    canvas.over(alpha, mix(tint * 0.68, np.minimum(tint * 1.18, 1), bright))
    count = int(rng.integers(25, 70))
    angles, reaches = rng.uniform(0.1, np.pi - 0.1, count), rng.uniform(0.3, 1.0, count)
    grains = np.stack([0.85 * reaches * np.cos(angles), -0.4 + 0.85 * reaches * np.sin(angles)], axis=-1)
    canvas.sprinkle(grains, rng.uniform(0.006, 0.013, count), tint * 0.75, rng.uniform(0.3, 0.8, count))
    return canvas.finished()


def ink_in_water(rng: np.random.Generator, size: int) -> Rendered:
    """Ink that sinks from above in a column and rolls up into billowing heads."""
    canvas, noise = Canvas(size, 1), Noise(rng)
    if rng.random() < 0.2:
        word, deep, thin = "black", (0.02, 0.02, 0.04), (0.22, 0.23, 0.30)
    else:
        word, hue = pick_hue(rng)
        deep = hsv(hue, 1.0, 0.62 if word not in ("yellow", "orange") else 0.9)
        thin = hsv(hue + 0.02, 0.72, 1.0)
    x, y = canvas.x.copy(), canvas.y.copy()
    # Advecting the sampling points backwards through a divergence-free flow rolls the ink up.
    for turn in range(9):
        flow_x, flow_y = noise.curl(x * 1.9 + 5, y * 1.9 + 0.02 * turn, 2)
        strength = 0.017 * smoothstep(0.9, 0.2, canvas.y)
        x, y = x - strength * flow_x, y - strength * flow_y
    v = np.clip((0.86 - y) / 1.3, 0, 1)
    column = np.exp(-((x / (0.07 + 0.16 * v)) ** 2)) * smoothstep(0.92, 0.8, canvas.y) * smoothstep(1.0, 0.75, v)
    density = 0.9 * column
    for _ in range(int(rng.integers(4, 8))):
        cx, cy, radius = rng.uniform(-0.42, 0.42), rng.uniform(-0.52, 0.1), rng.uniform(0.15, 0.27)
        squared = ((x - cx) ** 2 + (y - cy) ** 2) / radius**2
        density += np.exp(-(squared**1.5)) * rng.uniform(0.5, 1.0)
    strands = noise.fbm(x * 5, y * 5, 4)
    folds = 1 - np.abs(noise.fbm(x * 3.5 + 60, y * 3.5, 3))
    density *= smoothstep(0.95, 0.7, np.hypot(canvas.x, np.minimum(canvas.y, 0)))
    density = density * np.clip(0.25 + 0.9 * folds**3 + 0.5 * strands, 0.0, None)
    alpha = 1 - np.exp(-rng.uniform(1.8, 3.0) * density)
    light = _lit(density, 0.7)
    canvas.over(alpha, mix(thin, deep, 0.25 + 0.45 * density + 0.5 * (0.5 - light)))
    return canvas.finished(words=(word,))
