"""A lens flare: the glare of a light in the frame, its star, and the ghosts that a lens mirrors across the middle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction, lit, turned
from acetate.elements.light import Rgb, mix, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, gaussian, smoothstep, turns_of
from acetate.elements.params import colour, number, whole

GHOSTS = 14
"""Ghosts of the strongest lens."""


@dataclass(frozen=True)
class LensFlare:
    """What can be set."""

    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.2, soft=0.35, bright=0.8, strong=0.85, intense=0.95)
    across: float = number("Across", -0.5, -1.0, 1.0, left=-0.6, right=0.6)
    height: float = number("Height", 0.5, -1.0, 1.0, high=0.7, low=-0.6)
    spikes: int = whole("Spikes", 6, 0, 16)
    length: float = number("Spike length", 0.5, short=0.2, long=0.9)
    ghosts: float = number("Ghosts", 0.5, simple=0.15, clean=0.1)
    halo: float = number("Halo", 0.4)
    streak: float = number("Streak", 0.35, anamorphic=1.0, cinematic=0.8)
    colour: str = colour("Colour", "#ffd9a0")


@dataclass(frozen=True)
class _Ghost:
    """A mirrored aperture: its centre, radius, brightness, hollowness in [0, 1] and colour."""

    x: float
    y: float
    radius: float
    bright: float
    hollow: float
    tone: Rgb


def paint(canvas: Canvas, flare: LensFlare) -> Layer:
    """The flare of a light at (`across`, `height`), from -1 to 1 over the frame."""
    x0, y0 = flare.across * canvas.across * 0.46, flare.height * canvas.down * 0.46
    rays = Noise(canvas.numbers, "rays", 64.0, phase=canvas.phase, gain=0.8, octaves=4)
    ghosts = list(_ghosts(canvas, flare, x0, y0))
    strength = 0.25 + 1.5 * flare.brightness
    warm = rgb(flare.colour)
    cool = mix(turned(flare.colour, 0.5), (0.35, 0.55, 1.0), 0.6)
    rainbow = ((1.0, 0.25, 0.15), (0.2, 1.0, 0.35), (0.25, 0.35, 1.0))
    spikes = [direction(0.03 + spike / flare.spikes) for spike in range(flare.spikes)]
    reach = 0.05 + 0.30 * flare.length
    pixel = 0.6 / canvas.unit

    def band(band: Band) -> Field:
        x, y = band.x - x0, band.y - y0
        far: Field = np.sqrt(x * x + y * y)
        turn = turns_of(x, y)
        star = np.zeros_like(far)
        for c, s in spikes:
            along: Field = np.maximum(x * c + y * s, 0)
            off: Field = np.abs(y * c - x * s)
            wide = 0.0035 + pixel + 0.006 * exp(along * (-6 / reach))
            star += exp(-off / wide) * exp(along * (-1 / reach)) * (along > 0)
        comb = rays(turn * 16, np.full_like(turn, 0.5))
        comb = np.maximum(comb + 0.35, 0)
        glare = exp(far * (-3.2 / (0.12 + 0.3 * flare.length))) * comb * comb * 1.1
        core = gaussian(far, 0.022) * 6 + 0.9 / (1 + (far * 15) ** 2) + 0.30 / (1 + (far * 4.2) ** 2)
        bright = (core + glare + star * 2.2) * np.float32(strength)
        coloured = bright[..., None] * np.asarray(warm, np.float32)

        def add(light: Field, tone: Rgb) -> None:
            nonlocal bright
            bright = bright + light
            for channel in range(3):
                coloured[..., channel] += light * np.float32(tone[channel])

        width = 0.0045 + pixel
        line = (exp(np.abs(y) * (-1 / width)) + 0.12 * exp(np.abs(y) * (-0.12 / width))) / (1 + (x * 2.2) ** 2)
        add(line * np.float32(1.6 * flare.streak * strength), cool)
        if flare.halo:
            fade = (0.45 + 0.55 * smoothstep(-0.2, 0.9, comb)) * np.float32(0.075 * flare.halo * strength)
            for channel, tone in enumerate(rainbow):
                add(gaussian(far - (0.47 - 0.016 * channel), 0.013) * fade, tone)
        for ghost in ghosts:
            add(_ghost(band, ghost) * np.float32(strength), ghost.tone)
        return lit(bright, coloured)

    return canvas.fill(band)


def _ghosts(canvas: Canvas, flare: LensFlare, x0: float, y0: float) -> Iterator[_Ghost]:
    """Ghosts on the line from the light through the frame's middle."""
    numbers = canvas.numbers
    place = numbers.uniform("place", GHOSTS)
    size, bright = numbers.uniform("size", GHOSTS), numbers.uniform("bright", GHOSTS, 0.35, 1.0)
    hollow, hue = numbers.uniform("hollow", GHOSTS), numbers.uniform("hue", GHOSTS, -0.5, 0.5)
    for i in range(GHOSTS):
        # The last ones fade in as the slider rises.
        share = min(max(flare.ghosts * GHOSTS - i, 0.0), 1.0)
        along = 0.72 - 2.1 * (i + 0.8 * float(place[i])) / GHOSTS * (1 if i % 2 else 0.6)
        radius = 0.012 + 0.115 * float(size[i]) ** 3 + 0.02 * float(size[i])
        tone = mix(turned(flare.colour, float(hue[i])), (0.4, 0.75, 1.0), 0.25)
        light = share * 0.17 * float(bright[i]) * (1.1 - 4.5 * radius)
        if light > 0:
            yield _Ghost(x0 * along, y0 * along, radius, light, float(hollow[i]), tone)


def _ghost(band: Band, ghost: _Ghost) -> Field:
    x, y = (band.x - ghost.x) / ghost.radius, (band.y - ghost.y) / ghost.radius
    flat = np.maximum(np.abs(x), np.abs(x * 0.5) + np.abs(y * 0.8660254))
    far = flat * 0.8 + np.sqrt(x * x + y * y) * 0.2
    inside = smoothstep(1.05, 0.90, far)
    return inside * (1 - 0.75 * ghost.hollow * smoothstep(1.0, 0.2, far)) * np.float32(ghost.bright)


KIND = Kind(
    "lens_flare",
    "Lens flare",
    ("lens flare", "sun flare", "solar flare", "anamorphic flare", "camera flare"),
    LensFlare,
    paint,
    fills=True,
    light=True,
)
