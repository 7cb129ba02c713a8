"""A glow: an orb of light with a white heart, or a line of light along an outline, which falls off to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import glow as scattered
from acetate.elements.light import rgb, shining
from acetate.elements.numbers import Field, cosine, gaussian, smoothstep
from acetate.elements.outline import STEP, Outline
from acetate.elements.params import colour, number
from acetate.elements.strokes import Strokes, capsules


@dataclass(frozen=True)
class Glow:
    """What can be set."""

    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.2, soft=0.35, bright=0.8, strong=0.85, intense=0.95)
    core: float = number("Core", 0.4, diffuse=0.1, hot=0.8)
    size: float = number("Size", 0.7, small=0.35, large=0.9, big=0.9)
    colour: str = colour("Colour", "#ffb84a")


def paint(canvas: Canvas, glow: Glow) -> Layer:
    """A round glow in the middle of the frame, or a line of light along an outline, pulsing gently in a loop."""
    pulse = 1 - 0.12 * float(1 - cosine(np.float32(canvas.phase) + np.zeros(1, np.float32))[0]) / 2
    if canvas.outline is not None:
        return _along(canvas, glow, canvas.outline, pulse)
    box = canvas.box(1.0, 1.0, 0.0)
    reach = box.width / 2 * (0.2 + 0.8 * glow.size)
    strength = (0.25 + 1.7 * glow.brightness) * pulse
    heart = 0.03 + 0.16 * glow.core

    def band(band: Band) -> Field:
        far = np.sqrt(band.x * band.x + band.y * band.y) * np.float32(1 / reach)
        halo = np.float32(1) / (np.float32(1) + (far * np.float32(5.2)) ** 2) - np.float32(1 / 28.04)
        bright = halo * np.float32(1.0 * strength) + gaussian(far, 0.27) * np.float32(0.55 * strength)
        bright += gaussian(far, heart) * np.float32((1.2 + 4 * glow.core) * strength)
        return shining(np.maximum(bright, np.float32(0)) * smoothstep(1.0, 0.55, far), rgb(glow.colour))

    return canvas.fill(band)


def _along(canvas: Canvas, glow: Glow, outline: Outline, pulse: float) -> Layer:
    """A tube of light that follows the outline, its heart white."""
    thick = (0.006 + 0.022 * glow.core) * outline.size
    line = np.zeros((canvas.height, canvas.width), np.float32)
    for loop in outline.loops:
        walked = outline.points[loop]
        closed = np.abs(walked[0] - walked[-1]).max() < 4 * STEP
        walked = np.concatenate([walked[::2], walked[:1] if closed else walked[-1:]])
        capsules(line, Strokes(canvas.pixels(walked[None]), np.array(thick / 2 * canvas.unit), np.array(1.0)))
    canvas.on_progress(0.2)
    near = scattered(line, 3 * thick * canvas.unit, 4)
    far = scattered(line, (0.08 + 0.5 * glow.size) * outline.size * canvas.unit, 6)
    canvas.on_progress(0.6)
    strength = np.float32((0.3 + 1.7 * glow.brightness) * pulse)

    def band(band: Band) -> Field:
        place = band.place
        bright = line[place] * np.float32(2.6) + near[place] * np.float32(1.6) + far[place] * np.float32(3.2)
        return shining(bright * strength * clear(canvas, band, 0.05), rgb(glow.colour))

    return canvas.fill(band, 0.6)


KIND = Kind(
    "glow",
    "Glow",
    ("glow", "light orb", "orb of light", "glowing orb", "glowing light", "light glow", "halo of light"),
    Glow,
    paint,
    light=True,
    outlined=True,
)
