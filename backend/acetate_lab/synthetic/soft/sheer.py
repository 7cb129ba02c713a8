"""Sheer bodies and cloths: jellyfish, ghosts, veils and lace."""

from __future__ import annotations

import numpy as np

from acetate_lab.synthetic.soft.liquid import fresnel
from acetate_lab.synthetic.soft.paint import Canvas, Field, Noise, Rendered, Strands, hsv, mix, pick_hue, smoothstep


def _tentacles(rng: np.random.Generator, roots: Field, length: Field, wave: float) -> Field:
    """Wavy lines (n, 40, 2) that hang from `roots` (n, 2), swaying more towards their ends."""
    count, t = len(roots), np.linspace(0, 1, 40)
    phase = rng.uniform(0, 6.28) + rng.normal(0, 0.5, (count, 1))
    sway = wave * t * np.sin(2 * np.pi * rng.uniform(0.9, 1.5) * t * (1 + 0.2 * rng.normal(size=(count, 1))) + phase)
    drift = rng.uniform(-0.12, 0.12) * t**2
    x = roots[:, :1] * (1 - 0.15 * t) + sway + drift
    return np.stack([x, roots[:, 1:] - length[:, None] * t], axis=-1)


def jellyfish(rng: np.random.Generator, size: int) -> Rendered:
    """A translucent bell with radial canals, frilly arms and thin trailing tentacles."""
    canvas, noise = Canvas(size), Noise(rng)
    word, hue = pick_hue(rng, "blue", "blue", "pink", "purple", "orange")
    deep, pale = hsv(hue, 0.75, 0.85), hsv(hue, 0.18, 1.0)
    wide, tall, base = rng.uniform(0.58, 0.68), rng.uniform(0.52, 0.64), rng.uniform(0.14, 0.22)
    halo = np.exp(-((canvas.x / 0.6) ** 2 + ((canvas.y - base - 0.2) / 0.5) ** 2) * 1.6)
    canvas.over(0.16 * halo, hsv(hue, 0.6, 1.0))
    count = int(rng.integers(18, 30))
    roots = np.stack([np.linspace(-0.88, 0.88, count) * wide, np.full(count, base)], axis=-1)
    lines = _tentacles(rng, roots, rng.uniform(0.6, 1.0, count), rng.uniform(0.06, 0.12))
    fade = np.linspace(0.75, 0.2, 40)
    canvas.splat(Strands(lines, np.linspace(0.018, 0.008, 40), mix(deep, pale, 0.4), fade))
    arms = int(rng.integers(4, 7))
    roots = np.stack([np.linspace(-0.32, 0.32, arms) * wide, np.full(arms, base + 0.05)], axis=-1)
    lines = _tentacles(rng, roots, rng.uniform(0.5, 0.75, arms), rng.uniform(0.06, 0.1))
    frill = 0.085 * (1 + 0.45 * np.sin(np.linspace(0, 40, 40)[None] + rng.uniform(0, 6, (arms, 1))))
    canvas.splat(Strands(lines, frill * np.linspace(1, 0.25, 40), mix(deep, pale, 0.65), fade * 0.7))
    # The bell is a half ellipsoid with a scalloped hem.
    u, v = canvas.x / wide, (canvas.y - base) / tall
    hem = 0.05 * np.abs(np.sin(np.arcsin(np.clip(u, -1, 1)) * rng.integers(6, 10)))
    squared = u**2 + np.clip(v, 0, None) ** 2
    body = canvas.inside((1 - np.sqrt(squared)) * min(wide, tall)) * canvas.inside(canvas.y - base + hem)
    normal_z = np.sqrt(np.clip(1 - squared, 0, 1))
    rim = fresnel(normal_z, 0.0, 1.8)
    canals = np.cos(np.arctan2(u, np.clip(1.05 - v, 0.05, None)) * rng.integers(14, 22)) * smoothstep(1.0, 0.3, v)
    light = 0.35 + 0.4 * v + 0.25 * rim + 0.12 * noise.fbm(u * 2, v * 2, 3)
    canvas.over(body * (0.30 + 0.55 * rim + 0.10 * canals * (1 - rim)), mix(deep, pale, light + 0.12 * canals))
    glint = np.exp(-(((u + 0.36) / 0.16) ** 2) - ((v - 0.60) / 0.11) ** 2)
    canvas.over(body * 0.75 * smoothstep(0.2, 0.8, glint), (1, 1, 1))
    return canvas.finished(words=(word,))


def ghost_spirit(rng: np.random.Generator, size: int) -> Rendered:
    """A wispy ghost: bright rim, clear inside, dark eyes, and a tail that fades away."""
    canvas, noise = Canvas(size), Noise(rng)
    word, hue, saturation = "white", 0.58, 0.10
    if rng.random() < 0.35:
        word, hue = pick_hue(rng, "blue", "green", "purple")
        saturation = 0.55
    low, high = -0.86, 0.82
    v = np.clip((high - canvas.y) / (high - low), 0, 1)
    sway = rng.uniform(-0.35, 0.35) * smoothstep(0.35, 1.0, v) * v
    warp = noise.fbm(canvas.x * 2, canvas.y * 2, 3) * smoothstep(0.3, 1.0, v)
    x = canvas.x - sway + 0.09 * warp
    girth = rng.uniform(0.44, 0.52)
    brow = high - girth
    sides = girth * (1 + 0.22 * smoothstep(0.3, 0.8, v))
    skull = np.where(canvas.y > brow, girth - np.hypot(x, canvas.y - brow), sides - np.abs(x))
    hem = 0.94 - 0.10 * np.abs(np.sin(x / girth * 4.2 + rng.uniform(0, 6.28))) + 0.06 * warp
    distance = np.minimum(skull, (hem - v) * (high - low))
    body = smoothstep(-0.01, 0.05, distance)
    rim = np.exp(-np.clip(distance, 0, None) / 0.085)
    folds = 0.5 + 0.5 * np.sin(x / girth * 9 + 2 * warp) * smoothstep(0.45, 0.8, v)
    fade = smoothstep(1.02, 0.55, v)
    halo = np.exp(-((np.clip(-distance, 0, None) / 0.10) ** 2)) * (distance < 0.03) * smoothstep(0.9, 0.5, v)
    tint, bright = hsv(hue, saturation, 0.86), hsv(hue, saturation * 0.35, 1.0)
    canvas.over(0.28 * halo, bright)
    alpha = body * (0.48 + 0.42 * rim + 0.10 * (folds - 0.5)) * (0.2 + 0.8 * fade)
    canvas.over(alpha, mix(tint, bright, 0.25 + 0.75 * rim + 0.35 * (folds - 0.5) + 0.3 * (0.5 - v)))
    look, gap = rng.uniform(-0.06, 0.06), rng.uniform(0.15, 0.2)
    for side in (-1, 1):
        eye = np.hypot((canvas.x - look - side * gap) / 0.075, (canvas.y - 0.44) / rng.uniform(0.10, 0.14))
        canvas.over(0.92 * smoothstep(1.1, 0.85, eye), (0.07, 0.08, 0.13))
    if rng.random() < 0.7:
        mouth = np.hypot((canvas.x - look) / 0.085, (canvas.y - 0.13) / rng.uniform(0.06, 0.13))
        canvas.over(0.85 * smoothstep(1.1, 0.85, mouth), (0.07, 0.08, 0.13))
    return canvas.finished(words=(word,))


def ghostly_veil(rng: np.random.Generator, size: int) -> Rendered:
    """A sheer cloth that hangs in folds: the steeper the fold, the more cloth lies in the view."""
    canvas, noise = Canvas(size), Noise(rng)
    word, hue, saturation = "white", 0.1, 0.03
    if rng.random() < 0.5:
        word, hue = pick_hue(rng)
        saturation = rng.uniform(0.35, 0.65)
    v = np.clip((0.84 - canvas.y) / 1.68, 0, 1)
    flow = rng.uniform(-0.3, 0.3) * (v**1.5 - 0.5) + 0.10 * np.sin(v * rng.uniform(3, 5) + rng.uniform(0, 6.28)) * v
    wide = 0.48 + rng.uniform(0.08, 0.26) * v + 0.04 * noise(v * 3, 0.5)
    s = (canvas.x - flow) / wide
    gather = rng.uniform(2.6, 3.8)
    phase = s * gather + 0.55 * noise.fbm(s * 1.4, v * 1.3, 2)
    height = noise(phase, v * 0.8 + 3) + 0.35 * noise(phase * 2.1 + 20, v * 1.1)
    slope = np.gradient(height, axis=1) / canvas.pixel / gather * wide
    hem = 1 - 0.045 * (1 + np.sin(phase * 4.5)) - 0.02 * (height + 1)
    distance = np.minimum((1 - np.abs(s)) * wide, np.minimum((hem - v) * 1.68, 0.84 - canvas.y))
    cover = canvas.inside(distance)
    edge = np.exp(-np.clip(distance, 0, None) / 0.018) * smoothstep(0, 0.05, v)
    alpha = cover * np.clip(0.20 + 0.30 * np.abs(slope) + 0.30 * edge + 0.12 * v, 0, 0.88)
    light = 0.55 + 0.35 * np.clip(-slope, -1, 1) + 0.15 * height
    canvas.over(alpha, mix(hsv(hue, saturation * 1.25, 0.72), hsv(hue, saturation * 0.55, 1.0), light))
    return canvas.finished(words=(word,))


def stained_lace_cloth(rng: np.random.Generator, size: int) -> Rendered:
    """A round lace doily: rings, petals and eyelets that repeat around its centre, in fine thread."""
    canvas = Canvas(size, 3)
    word = str(rng.choice(["white", "white", "black", "blue", "pink", "red"]))
    threads = {"white": (0.97, 0.96, 0.93), "black": (0.08, 0.08, 0.10)}
    tint = threads.get(word) or hsv(pick_hue(rng, word)[1], 0.7 if word != "pink" else 0.35, 0.85)
    fold = int(rng.choice([8, 10, 12, 14, 16]))
    radius = np.hypot(canvas.x, canvas.y) / 0.88
    angle = np.arctan2(canvas.y, canvas.x) + rng.uniform(0, 6.28)
    wave = np.cos(fold * angle)
    outer = 0.93 + 0.07 * np.abs(np.cos(fold * angle / 2))
    thread = 0.016
    lines = [np.abs(radius - r) - thread * 0.8 for r in (0.10, 0.30, 0.34, 0.62, 0.66)]
    lines.append(np.abs(radius - outer + 0.02) - thread * 1.4)
    # Petals: two sine curves in opposite phase cross each other between every two rings.
    for low, high in ((0.12, 0.30), (0.36, 0.62), (0.68, 0.90)):
        middle, swing = (low + high) / 2, (high - low) / 2
        lines += [np.abs(radius - middle - swing * sign * wave) - thread * 0.9 for sign in (-1, 1)]
    # The net fills some of the bands with a fine diagonal mesh.
    u, w = angle * fold * 3 / (2 * np.pi), radius * rng.uniform(13, 17)
    mesh = np.minimum(np.abs((u + w) % 1 - 0.5), np.abs((u - w) % 1 - 0.5)) * 0.07 - thread * 0.35
    bands = [(0.12, 0.30), (0.36, 0.62), (0.68, 0.90)]
    for low, high in bands:
        if rng.random() < 0.6:
            inside = np.maximum(low - radius, radius - high)
            lines.append(np.maximum(mesh, inside))
    dense = np.minimum.reduce(lines)
    petal = np.maximum(np.abs(radius - 0.49) - 0.11 * np.clip(wave, 0, 1), 0.36 - radius)
    lobe = np.maximum(np.abs(radius - 0.79) - 0.09 * np.clip(-wave, 0, 1), 0.68 - radius)
    solid = canvas.inside(-np.minimum(petal, lobe))
    eyelets = canvas.inside(0.022 - np.hypot(radius - 0.82, ((angle * fold / (2 * np.pi)) % 1 - 0.5) * 0.4))
    cover = np.maximum(canvas.inside(-dense), 0.62 * solid) * (1 - eyelets) * (radius < outer)
    weave = 0.94 + 0.06 * np.sin(canvas.x * 150) * np.sin(canvas.y * 150)
    canvas.over(0.95 * cover, np.asarray(tint) * (weave - 0.10 * (1 - solid) * (np.cos(radius * 60) > 0.6))[..., None])
    return canvas.finished(words=(word,))
