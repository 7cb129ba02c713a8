"""An energy beam: a white-hot core in a sheath of writhing filaments, with a burst where it begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction
from acetate.elements.light import rgb, shining
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, gaussian, smoothstep
from acetate.elements.params import colour, number

STRANDS = 7


@dataclass(frozen=True)
class EnergyBeam:
    """What can be set."""

    width: float = number("Width", 0.5, thin=0.15, narrow=0.2, wide=0.85, thick=0.85, massive=1.0)
    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.25, bright=0.8, strong=0.85, intense=0.95)
    turbulence: float = number("Turbulence", 0.5, smooth=0.1, clean=0.05, wild=0.9, unstable=0.95, crackling=0.85)
    strands: float = number("Strands", 0.5, simple=0.1, plain=0.0, twisted=0.85, spiralling=0.9)
    burst: float = number("Burst", 0.5, charged=0.85)
    glow: float = number("Glow", 0.5, soft=0.4, glowing=0.75)
    direction: float = number("Direction", 0.0, -1.0, 1.0, vertical=1.0, diagonal=0.5, upward=1.0, downward=-1.0)
    colour: str = colour("Colour", "#3a8cff")


def paint(canvas: Canvas, beam: EnergyBeam) -> Layer:
    """A beam through the middle of the frame; `direction` 1 points upwards, 0 to the right."""
    numbers, phase = canvas.numbers, canvas.phase
    c, s = direction(0.25 * beam.direction)
    margin = 0.10
    reach = min((canvas.across / 2 - margin) / max(abs(c), 1e-6), (canvas.down / 2 - margin) / max(abs(s), 1e-6))
    long, wide = 2 * reach, 0.006 + 0.030 * beam.width
    sway = Noise(numbers, "sway", 0.35 * canvas.unit, phase=phase, columns=4, octaves=3)
    strand = [
        Noise(numbers, f"strand{i}", 0.16 * canvas.unit, phase=phase, columns=8, octaves=4, gain=0.45)
        for i in range(STRANDS)
    ]
    plasma = Noise(numbers, "plasma", 0.11 * canvas.unit, phase=phase, columns=8, gain=0.6)
    amount = 0.3 + 1.5 * beam.brightness
    tint, pixel = rgb(beam.colour), 0.5 / canvas.unit

    def band(band: Band) -> Field:
        along = (band.x * c + band.y * s) + np.float32(reach)
        across = band.y * c - band.x * s
        share = along / np.float32(long)
        # Thick where it begins, drawn to a point where it ends.
        held = np.clip(share, 0, 1)
        taper = np.sqrt(np.maximum(1 - held * held * held * held, 0)) * smoothstep(-0.01, 0.10, share)
        inside = smoothstep(-0.005, 0.03, share) * smoothstep(1.0, 0.80, share)
        flow = along * np.float32(2.2) - np.float32(4 * phase)
        off = across - sway(flow, np.full_like(flow, 0.5)) * taper * np.float32(wide * 1.1 * beam.turbulence)
        ripple = plasma(along * 7 - np.float32(8 * phase), across * np.float32(0.16 / wide))
        edge = np.float32(wide) * taper * (1 + ripple * np.float32(0.55 * beam.turbulence))
        edge = np.sqrt(edge * edge + np.float32(pixel * pixel))
        near = np.abs(off) / edge
        bright = gaussian(near, 0.55) * 4.5 + exp(near * -1.1) * (0.9 + 0.7 * ripple)
        for i in range(STRANDS):
            seen = min(max(beam.strands * STRANDS - i, 0.0), 1.0)
            if seen:
                wave = strand[i](
                    along * np.float32(3.6 + 0.5 * i) - np.float32(8 * phase), np.full_like(along, i + 0.3)
                )
                line = np.abs(off - wave * taper * np.float32(wide * (2.0 + 3.2 * beam.turbulence)))
                fine = np.float32(0.0016 + 0.045 * wide) * (0.35 + taper)
                thin = np.sqrt(fine * fine + np.float32(pixel * pixel))
                spread = gaussian(line / thin, 0.7) * (fine / thin) * 2.2 + exp(line / fine * -0.30) * 0.30
                bright += spread * np.float32(seen)
        far = np.abs(off) / np.float32(0.02 + 3.2 * wide)
        haze = 1 / (1 + far * far * 3) * (0.75 + 0.45 * ripple)
        bright = (bright + haze * np.float32(1.1 * beam.glow)) * inside
        # The burst at its beginning, and a small star at its end.
        dx, dy = along - np.float32(0.012 + wide), across
        ball: Field = np.sqrt(dx * dx + dy * dy) / np.float32(wide * 1.6 + 0.012)
        flash = gaussian(ball, 0.65) * 4 + 1.1 / (1 + ball * ball * 1.2)
        bright = bright + flash * np.float32(1.5 * beam.burst) * smoothstep(9.0, 0.5, ball)
        return shining(np.maximum(bright, 0) * np.float32(amount) * clear(canvas, band, 0.09), tint)

    return canvas.fill(band)


KIND = Kind(
    "energy_beam",
    "Energy beam",
    (
        "energy beam",
        "beam of energy",
        "laser",
        "laser beam",
        "plasma beam",
        "energy blast",
        "death ray",
        "magic beam",
    ),
    EnergyBeam,
    paint,
    light=True,
)
