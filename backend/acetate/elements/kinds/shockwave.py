"""A shockwave: a bright front that races outwards from a blast and drags streaks of light behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import rgb, shining
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, gaussian, smoothstep, turns_of
from acetate.elements.params import colour, number


@dataclass(frozen=True)
class Shockwave:
    """What can be set."""

    age: float = number("Age", 0.65, early=0.25, small=0.3, late=0.9, expanding=0.6, large=0.9, big=0.9)
    brightness: float = number("Brightness", 0.5, faint=0.2, dim=0.25, bright=0.8, strong=0.85, intense=0.95)
    thickness: float = number("Thickness", 0.4, thin=0.15, thick=0.85, wide=0.85)
    turbulence: float = number("Turbulence", 0.45, smooth=0.05, clean=0.05, round=0.0, wild=0.9, jagged=0.85)
    streaks: float = number("Streaks", 0.5, plain=0.0, streaky=0.9)
    tilt: float = number("Tilt", 0.0, ground=0.75, flat=0.8, tilted=0.6)
    colour: str = colour("Colour", "#4f9dff")


def paint(canvas: Canvas, wave: Shockwave) -> Layer:
    """A ring around the middle of the frame; in a loop it grows from nothing and fades away."""
    numbers, phase = canvas.numbers, canvas.phase
    squash = 1 - 0.8 * wave.tilt
    age = (0.04 + 0.92 * wave.age + phase) % 1.0
    room = min(canvas.across / 2, canvas.down / 2 / squash) * 0.86
    front = room * (0.12 + 0.88 * age * (2 - age))
    wide = (0.004 + 0.020 * wave.thickness) * (0.5 + 0.6 * age)
    fade = min(age / 0.12, 1.0) * min((1 - age) / 0.30, 1.0)
    amount = (0.3 + 1.6 * wave.brightness) * fade * (3 - 2 * fade)
    # Around the ring the noise closes after its period.
    bump = Noise(numbers, "bump", 0.3 * canvas.unit, phase=phase, columns=16, octaves=4, gain=0.55)
    comb = Noise(numbers, "comb", 0.05 * canvas.unit, phase=phase, columns=64, rows=4, octaves=2, gain=0.6)
    mist = Noise(numbers, "mist", 0.16 * canvas.unit, phase=phase, gain=0.55)
    tint, pixel = rgb(wave.colour), 0.7 / canvas.unit

    jagged = np.float32(0.055 * wave.turbulence * (0.6 + 0.9 * wave.turbulence))

    def band(band: Band) -> Field:
        x, y = band.x, band.y / np.float32(squash)
        far: Field = np.sqrt(x * x + y * y)
        turn = turns_of(np.broadcast_to(x, far.shape), np.broadcast_to(y, far.shape))
        rough = bump(turn * 16, far * np.float32(1.2) - np.float32(age))
        edge = np.float32(front) * (1 + rough * jagged)
        gap = far - edge
        behind = np.maximum(-gap, 0)
        outside = np.maximum(gap, 0)
        hair = comb(turn * 128, far * np.float32(1.1) - np.float32(age))
        bright = gaussian(gap, wide * 0.42) * (4.2 + 2.0 * rough)
        beyond = exp(outside * np.float32(-1 / (wide * 2.2))) * 0.9 + exp(outside * np.float32(-1 / (wide * 7))) * 0.28
        ahead = smoothstep(-pixel, pixel, gap)
        bright += beyond * ahead
        trail = exp(behind * np.float32(-1 / (wide * 2.0 + 0.012))) * 1.18
        tail = exp(behind * np.float32(-1 / (0.05 + 0.20 * front))) * smoothstep(0.0, 0.35 * front, far)
        cloud = 0.5 + 0.7 * mist(x * 6, y * 6)
        bright += trail * (1 - ahead) + tail * np.maximum(cloud, 0) * 0.28 * (1 - ahead)
        rays = np.maximum(hair + 0.12, 0)
        bright += tail * rays * rays * np.float32(3.2 * wave.streaks) * (1 - ahead)
        # A second, fainter front follows.
        bright += gaussian(far - edge * np.float32(0.80), wide * 0.5) * (0.35 + 0.5 * rough)
        bright += exp(outside * np.float32(-1 / (0.02 + 2.2 * wide))) * rays * np.float32(1.4 * wave.streaks) * ahead
        return shining(np.maximum(bright, 0) * np.float32(amount) * clear(canvas, band, 0.06), tint)

    return canvas.fill(band)


KIND = Kind(
    "shockwave",
    "Shockwave",
    (
        "shockwave",
        "shock wave",
        "blast wave",
        "energy ring",
        "blast ring",
        "energy wave",
        "pulse wave",
        "ring of energy",
    ),
    Shockwave,
    paint,
    light=True,
)
