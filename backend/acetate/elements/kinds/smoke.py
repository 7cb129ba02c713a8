"""Smoke: a plume that widens and breaks up into billows as it rises, lit from one side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Grid, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, exp, power, sine, smoothstep
from acetate.elements.params import colour, number
from acetate.elements.style import style


@dataclass(frozen=True)
class Smoke:
    """What can be set."""

    density: float = number(
        "Density", 0.6, thin=0.25, faint=0.15, light=0.25, wispy=0.3, thick=0.9, dense=0.9, heavy=0.9
    )
    width: float = number("Width", 0.5, narrow=0.2, slim=0.2, wide=0.85, broad=0.85)
    height: float = number("Height", 0.9, 0.3, 1.0, short=0.5, low=0.45, tall=1.0, high=1.0)
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, strong_wind=0.9)
    turbulence: float = number("Turbulence", 0.5, calm=0.15, gentle=0.25, smooth=0.1, turbulent=0.9, billowing=0.8)
    light: float = number("Light from", -0.6, -1.0, 1.0)
    contrast: float = number("Contrast", 0.6, soft=0.35, dramatic=0.9, lit=0.8)
    style: str = style()
    colour: str = colour("Colour", "#c9ccd1", black="#3a3836", white="#f4f5f7", grey="#94979c", gray="#94979c")


@dataclass(frozen=True)
class _Plume:
    """The axis and the half width of a plume, by the height v in [0, 1] above its foot."""

    box: Box
    foot: float
    slender: float
    broad: float
    bend: float
    sway: float
    turn: float

    @classmethod
    def of(cls, canvas: Canvas, smoke: Smoke) -> _Plume:
        box = canvas.box(0.28, 1.15)
        broad = box.width * (0.12 + 0.15 * smoke.width)
        room = box.width / 2 - broad * 1.05
        return cls(
            box=box,
            foot=box.middle - 0.75 * room * smoke.wind,
            slender=broad * 0.2,
            broad=broad,
            bend=1.5 * room * smoke.wind,
            sway=room * 0.28 * (1 - 0.6 * abs(smoke.wind)),
            turn=canvas.numbers.one("sway"),
        )

    def axis(self, v: Field) -> Field:
        """The x of the axis at heights in [0, 1]."""
        return (
            self.foot + self.bend * power(v, 1.35) + self.sway * v * sine(v * np.float32(0.8) + np.float32(self.turn))
        )

    def width(self, v: Field) -> Field:
        """The half width at heights in [0, 1]."""
        return np.float32(self.slender) + np.float32(self.broad - self.slender) * power(v, 0.8)


_PERIODS = 2
"""Puffs repeat so many times along a plume: in a loop it rises by one of these periods."""
_PUFFS = 90
"""Puffs in one period."""


def paint(canvas: Canvas, smoke: Smoke) -> Layer:
    """A plume of smoke on the lower border of its box."""
    plume = _Plume.of(canvas, smoke)
    puffs = _puffs(canvas, smoke, plume)
    mass, lit = _texture(canvas, puffs, smoke)
    cell = plume.broad * 0.9 * canvas.unit
    numbers, phase = canvas.numbers, canvas.phase
    swirl_x = Noise(numbers, "swirl.x", cell, phase=phase, rows=4, gain=0.55)
    swirl_y = Noise(numbers, "swirl.y", cell, phase=phase, rows=4, gain=0.55)
    fine = Noise(numbers, "fine", cell / 1.5, phase=phase, rows=4, gain=0.6, billow=True)
    tint = np.asarray(rgb(smoke.colour), np.float32)
    dark = tint * np.float32(1 - 0.75 * smoke.contrast)
    bright = np.minimum(tint * np.float32(1 + 0.3 * smoke.contrast) + np.float32(0.08 * smoke.contrast), 1)
    half = plume.box.width / 2
    scale = np.float32(1 / (plume.broad * 0.9))
    rise = np.float32(round(plume.box.height * smoke.height / _PERIODS * float(scale) / 4 + 0.5) * 4 * phase)

    def band(band: Band) -> Field:
        v = (band.y - np.float32(plume.box.bottom)) / np.float32(plume.box.height * smoke.height)
        held = np.clip(v, 0, 1)
        x, y = band.x * scale, band.y * scale - rise
        grown = np.float32((0.12 + 0.5 * smoke.turbulence) * plume.broad) * (np.float32(0.25) + held)
        dx, dy = swirl_x(x, y) * grown, swirl_y(x, y) * grown
        px, py = band.x + dx, band.y + dy
        amount = mass.read(px, py)
        light = lit.read(band.x + dx * np.float32(0.6), band.y + dy * np.float32(0.6))
        lobes = fine(px * scale * np.float32(1.5), py * scale * np.float32(1.5) - rise)
        thick = np.maximum(
            amount * (np.float32(1) + np.float32(0.5) * lobes)
            - np.float32(0.10) * np.maximum(1 - lobes, np.float32(0.2)),
            0,
        )
        thick = thick * np.float32(0.15 + 3.3 * smoke.density**1.7) * smoothstep(0.0, 0.09, v) * smoothstep(1.0, 0.8, v)
        thick = thick * smoothstep(half, half * 0.86, np.abs(band.x - np.float32(plume.box.middle)))
        alpha = np.float32(1) - exp(-thick)
        light = light + np.float32(0.20) * lobes
        return layer_of(alpha, dark + (bright - dark) * smoothstep(0.05, 1.0, light)[..., None])

    return canvas.fill(band, 0.1, plume.box)


def _puffs(canvas: Canvas, smoke: Smoke, plume: _Plume) -> Reals:
    """Puffs as (n, 5): x, y, radius, amount, and brightness."""
    numbers = canvas.numbers
    start = np.tile(numbers.uniform("age", _PUFFS), _PERIODS) + canvas.phase
    age = (start - np.floor(start) + np.repeat(np.arange(_PERIODS), _PUFFS)) / _PERIODS
    across = np.tile(np.clip(numbers.normal("across", _PUFFS, 0.42), -0.9, 0.9), _PERIODS)
    size = np.tile(numbers.uniform("size", _PUFFS, 0.38, 0.8), _PERIODS)
    tone = np.tile(numbers.normal("tone", _PUFFS, 0.10), _PERIODS)
    held = age.astype(np.float32)
    axis, width = plume.axis(held), plume.width(held)
    x = axis + across * width
    y = plume.box.bottom + age * plume.box.height * smoke.height * 0.93
    fading = np.clip((1 - age) / 0.75, 0, 1)
    amount = np.clip(age / 0.05, 0, 1) * fading * np.sqrt(fading)
    return np.stack([x, y, size * width, amount, tone], axis=-1).astype(np.float64)


def _texture(canvas: Canvas, puffs: Reals, smoke: Smoke) -> tuple[Grid, Grid]:
    """The mass of the puffs, and their mass times their light."""
    mass = Grid(canvas, 224, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    lit = Grid(canvas, 224, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    across, up = np.float32(0.62 * smoke.light), np.float32(0.55)
    for x, y, radius, amount, tone in puffs:
        window, dx, dy = mass.window(x, y, radius)
        g = np.maximum(np.float32(1) - (dx * dx + dy * dy), 0)
        g = g * g * np.float32(amount)
        mass.values[window] += g
        lit.values[window] += g * (np.float32(0.55 + tone) + np.float32(0.6) * (across * dx + up * dy))
    lit.values /= np.maximum(mass.values, np.float32(1e-3))
    # What lies between a point and the light shades it.
    shadow = np.zeros_like(mass.values)
    for step in range(1, 9):
        shadow += np.roll(mass.values, (2 * step, round(2.2 * step * smoke.light * -1)), axis=(0, 1)) * np.float32(
            1 / 8
        )
    lit.values *= np.float32(0.45) + np.float32(0.75) * exp(shadow * np.float32(-0.55))
    return mass, lit


KIND = Kind(
    "smoke",
    "Smoke",
    ("smoke", "smoke plume", "plume of smoke", "smoke column", "fume", "vapour", "vapor"),
    Smoke,
    paint,
)
