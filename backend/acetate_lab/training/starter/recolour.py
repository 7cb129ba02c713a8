"""A thing in another colour or condition: only its body changes, leaves, stems and highlights stay.

Pictures are uint8 straight RGBA (h, w, 4); alpha is never changed.
"""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.typing import NDArray

from acetate_lab.synthetic.soft.paint import Field, smoothstep
from acetate_lab.training.starter.colours import hue_saturation_value

Picture = NDArray[np.uint8]

TARGETS: dict[str, tuple[float, float, float]] = {
    "red": (358, 0.86, 0.86),
    "orange": (28, 0.90, 0.97),
    "yellow": (52, 0.86, 0.98),
    "green": (120, 0.66, 0.70),
    "blue": (215, 0.78, 0.88),
    "purple": (276, 0.62, 0.76),
    "pink": (335, 0.46, 0.98),
    "brown": (24, 0.62, 0.48),
    "black": (230, 0.10, 0.17),
    "white": (220, 0.02, 0.96),
    "grey": (220, 0.04, 0.56),
    "gold": (44, 0.72, 0.88),
    "silver": (215, 0.07, 0.78),
    "copper": (20, 0.62, 0.74),
}
"""Hue in degrees, saturation and value of a body in each colour."""

TINTABLE = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "grey", "brown")
"""What `pale` and `dark` go before."""
METALS = frozenset({"gold", "silver", "copper"})
LEAST_BODY = 0.4
"""The least share of what is visible that one colour must have to be a thing's body."""
HUE_NEAR, HUE_FAR = 20.0, 36.0
"""Degrees off the body's hue at which a pixel is still all of the body, and none of it."""


def body(picture: Picture) -> Field | None:
    """How much each pixel (h, w) belongs to the thing's body, 0 to 1; None where no colour leads."""
    rgb, alpha = picture[..., :3] / 255.0, picture[..., 3] / 255.0
    hue, saturation, value = hue_saturation_value(rgb)
    visible = float(alpha.sum())
    if visible == 0:
        return None
    vivid = smoothstep(0.16, 0.34, saturation) * smoothstep(0.08, 0.2, value)
    weights = np.bincount((hue // 6).astype(int).ravel() % 60, (vivid * alpha).ravel(), 60)
    around = sum(np.roll(weights, shift) * (1 - abs(shift) / 5) for shift in range(-4, 5))
    lead = int(np.argmax(around)) * 6.0 + 3
    off = np.abs((hue - lead + 180) % 360 - 180)
    coloured = vivid * smoothstep(HUE_FAR, HUE_NEAR, off)
    if _share(coloured, alpha) >= LEAST_BODY:
        bright = np.quantile(value[(coloured > 0.5) & (alpha > 0.5)], 0.5)
        # Stems and outlines: much darker than the body and a little off its hue.
        stem = smoothstep(8, 14, off) * smoothstep(0.68 * bright, 0.5 * bright, value)
        inside: Field = coloured * (1 - stem)
        return inside if _share(inside, alpha) >= LEAST_BODY else None
    plain = smoothstep(0.28, 0.14, saturation)
    return plain if _share(plain, alpha) >= 0.55 else None


def _share(weight: Field, alpha: Field) -> float:
    return float((weight * alpha).sum() / alpha.sum())


def recoloured(picture: Picture, word: str) -> Picture | None:
    """The picture with its body in the colour of `word` (a key of `TARGETS`, "pale" or "dark" before it, or not).

    The body's light and shade stay. None where the picture has no body of one colour.
    """
    inside = body(picture)
    if inside is None:
        return None
    rgb = picture[..., :3] / 255.0
    _, saturation, value = hue_saturation_value(rgb)
    core = (inside > 0.5) & (picture[..., 3] > 127)
    if not core.any():
        return None
    middle, rich = float(np.median(value[core])), float(np.median(saturation[core]))
    made = _painted(word, np.maximum(value, 0.01) / max(middle, 0.05), saturation / max(rich, 0.25), rich > 0.25)
    mixed = rgb * (1 - inside[..., None]) + made * inside[..., None]
    return np.concatenate([_bytes(mixed), picture[..., 3:]], axis=-1)


def _painted(word: str, light: Field, richness: Field, vivid: bool) -> Field:
    """Colours (h, w, 3) of a body whose pixels are `light` times as bright as its middle."""
    tint, _, base = word.rpartition(" ")
    hue, saturation, value = TARGETS[base]
    if tint == "pale":
        saturation, value = saturation * 0.42, 0.5 + value * 0.5
    elif tint == "dark":
        saturation, value = min(saturation * 1.1, 1.0), value * 0.5
    contrast = 1.7 if base in METALS else (0.7 if value > 0.9 else 1.0)
    bright = value * light**contrast
    lit = np.clip(bright, 0, 1)
    # What is brighter than the colour can be turns towards white, as a highlight does.
    glare = np.clip((bright - 1) * 0.8, 0, 0.7) + (0.45 * np.clip(light - 1.15, 0, 1) if base == "black" else 0)
    strength = np.clip(saturation * (np.clip(richness, 0.3, 1.3) ** 0.7 if vivid else 1.0), 0, 1) * (1 - glare)
    full = np.array(colorsys.hsv_to_rgb(hue / 360, 1.0, 1.0))
    colour: Field = lit[..., None] * (1 - strength[..., None] * (1 - full))
    return np.clip(colour + glare[..., None] * 0.6 * (base == "black"), 0, 1)


def aged(picture: Picture, rng: np.random.Generator) -> Picture:
    """An old thing: faded, darker, browned, with specks and scratches."""
    rgb = picture[..., :3] / 255.0
    grey = rgb @ np.array([0.299, 0.587, 0.114])
    faded = 0.45 * rgb + 0.55 * grey[..., None] * np.array([1.0, 0.93, 0.80])
    height, width = grey.shape
    coarse = rng.random((9, 9))
    rows, columns = np.linspace(0, 8, height), np.linspace(0, 8, width)
    across = np.stack([np.interp(columns, np.arange(9), row) for row in coarse])
    stains = np.stack([np.interp(rows, np.arange(9), column) for column in across.T], axis=1)
    specks = _discs(rng, (height, width), 70, 0.004, 0.014)
    dark = (0.88 - 0.38 * smoothstep(0.45, 0.8, stains)) * (1 - 0.5 * specks)
    return np.concatenate([_bytes(faded * dark[..., None]), picture[..., 3:]], axis=-1)


def polished(picture: Picture, rng: np.random.Generator) -> Picture:
    """A shiny thing: more contrast, a bright window and a streak of light on the body's upper left."""
    rgb, alpha = picture[..., :3] / 255.0, picture[..., 3] / 255.0
    rows, columns = np.nonzero(alpha > 0.5)
    if len(rows) == 0:
        return picture
    y, x = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    u = (x - columns.min()) / max(int(np.ptp(columns)), 1) * 2 - 1
    v = (y - rows.min()) / max(int(np.ptp(rows)), 1) * 2 - 1
    left, up = rng.uniform(-0.45, -0.25), rng.uniform(-0.5, -0.3)
    blob = np.exp(-((((u - left) / 0.2) ** 2 + ((v - up) / 0.26) ** 2) ** 2))
    streak = np.exp(-((((u + 0.8 * v - 0.55) / 0.09) ** 2) ** 2)) * smoothstep(-0.2, 0.3, v + u)
    deep = np.clip((rgb - 0.5) * 1.25 + 0.5, 0, 1)
    light = np.clip(0.9 * blob + 0.4 * streak, 0, 1)[..., None]
    return np.concatenate([_bytes(deep * (1 - light) + light), picture[..., 3:]], axis=-1)


def patterned(picture: Picture, kind: str, rng: np.random.Generator) -> Picture | None:
    """The picture with spots or stripes (`kind` "spotted" or "striped") on its body, shaded as the body is."""
    inside = body(picture)
    if inside is None:
        return None
    rgb, size = picture[..., :3] / 255.0, picture.shape[:2]
    value = rgb.max(axis=-1)
    core = (inside > 0.5) & (picture[..., 3] > 127)
    middle = float(np.median(value[core])) if core.any() else 0.5
    if kind == "spotted":
        marks = _discs(rng, size, 34, 0.028, 0.052)
    else:
        y, x = np.mgrid[: size[0], : size[1]] / size[0]
        turn, bands = rng.uniform(-0.6, 0.6) + (np.pi / 2) * (rng.random() < 0.5), rng.uniform(6, 10)
        wave = np.sin(2 * np.pi * bands * (x * np.cos(turn) + y * np.sin(turn)) + rng.uniform(0, 6.28))
        marks = smoothstep(-0.12, 0.12, wave)
    light = 0.97 if middle < 0.6 or (rng.random() < 0.6 and float(rgb[core].min(axis=-1).mean()) < 0.5) else 0.18
    paint = np.clip(value / max(middle, 0.05), 0.4, 1.1)[..., None] * light
    share = (marks * smoothstep(0.2, 0.6, inside) * 0.95)[..., None]
    return np.concatenate([_bytes(rgb * (1 - share) + np.clip(paint, 0, 1) * share), picture[..., 3:]], axis=-1)


def _discs(rng: np.random.Generator, size: tuple[int, int], count: int, small: float, large: float) -> Field:
    """Discs on a jittered grid, so that none lie on each other: coverage (h, w)."""
    side = int(np.ceil(np.sqrt(count)))
    y, x = np.mgrid[: size[0], : size[1]] / size[0]
    covered = np.zeros(size)
    for cell in range(side * side):
        at_y, at_x = (np.array(divmod(cell, side)) + rng.uniform(0.2, 0.8, 2)) / side
        at_x += 0.5 / side * (int(cell // side) % 2)
        radius = rng.uniform(small, large)
        covered = np.maximum(covered, smoothstep(radius + 0.006, radius - 0.006, np.hypot(x - at_x, y - at_y)))
    return covered


def _bytes(rgb: Field) -> Picture:
    return np.rint(np.clip(rgb, 0, 1) * 255).astype(np.uint8)
