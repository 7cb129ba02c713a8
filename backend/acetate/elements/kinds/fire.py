"""Fire: flamelets that rise, narrow and cool, drawn out by a rising flow; what the kinds with flames share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Grid
from acetate.elements.light import Rgb, ramp, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, smoothstep

PERIODS = 3
"""Flamelets repeat so many times from foot to tip: in a loop the fire rises by one of these periods."""
FLAMELETS = 60
"""Flamelets in one period."""
TONGUES = 5
"""Tongues of a fire."""


@dataclass(frozen=True)
class Blaze:
    """Where a fire burns, in units: the middle of its foot, half its width, its height; and how it moves."""

    name: str
    x: float
    foot: float
    half: float
    height: float
    wind: float = 0.0
    turbulence: float = 0.5

    def heat(self, canvas: Canvas) -> Callable[[Band], Field]:
        """The heat at a band's pixels: 0 where nothing burns, about 1 in a flame, 2 in its heart."""
        numbers, phase = canvas.numbers, canvas.phase
        grid = self._flamelets(canvas)
        size = min(self.half * 0.85, self.height * 0.22)
        scale = np.float32(1 / size)
        cell = size * canvas.unit
        sway = Noise(numbers, f"{self.name}.sway", cell, phase=phase, rows=4, octaves=5, gain=0.5)
        lift = Noise(numbers, f"{self.name}.lift", cell, phase=phase, rows=4, octaves=4)
        thread = Noise(numbers, f"{self.name}.thread", cell / 2, phase=phase, rows=4, gain=0.5)
        rise = np.float32(4 * max(round(self.height / PERIODS * float(scale) * 0.7 / 4 + 0.4), 1) * phase)

        def band(band: Band) -> Field:
            v = (band.y - np.float32(self.foot)) / np.float32(self.height)
            held = np.clip(v, 0, 1)
            x = (band.x - np.float32(self.x)) * scale
            y = band.y * scale * np.float32(0.55) - rise
            strength = np.float32(self.half * (0.12 + 0.85 * self.turbulence)) * (np.float32(0.12) + held)
            dx = sway(x, y) * strength
            dy = lift(x * np.float32(1.3), y) * strength * np.float32(1.4)
            px, py = band.x + dx, band.y + dy
            body = grid.read(px, py)
            streaks = thread(px * scale * np.float32(2.6) + dx * scale * 2, py * scale * np.float32(0.5) - rise)
            streaks = np.float32(1) - np.abs(streaks) * np.float32(1.6)
            body = (
                body * (np.float32(0.5) + np.float32(0.7) * streaks)
                - np.float32(0.12) * (1 - streaks)
                - np.float32(0.03)
            )
            body = np.maximum(body, 0) * smoothstep(1.04, 0.9, v) * smoothstep(0.0, 0.03, v)
            heat: Field = body * np.float32(1.6) / (np.float32(1) + body * np.float32(0.55))
            return heat

        return band

    def _flamelets(self, canvas: Canvas) -> Grid:
        numbers, name = canvas.numbers, self.name
        start = np.tile(numbers.uniform(f"{name}.age", FLAMELETS), PERIODS) + canvas.phase
        age = (start - np.floor(start) + np.repeat(np.arange(PERIODS), FLAMELETS)) / PERIODS
        # Each flamelet belongs to one of the tongues that stand side by side, the middle ones tallest.
        tongue = np.minimum((numbers.uniform(f"{name}.tongue", FLAMELETS) * TONGUES).astype(np.intp), TONGUES - 1)
        middle = (np.arange(TONGUES) + 0.5) * 2 / TONGUES - 1 + numbers.uniform(f"{name}.middle", TONGUES, -0.12, 0.12)
        reach = numbers.uniform(f"{name}.reach", TONGUES, 0.82, 1.0) * (1 - 0.55 * np.abs(middle))
        spread = np.clip(middle[tongue] + numbers.normal(f"{name}.spread", FLAMELETS, 0.11), -1, 1)
        across = np.tile(spread, PERIODS)
        tall = np.tile(numbers.uniform(f"{name}.tall", FLAMELETS, 0.65, 1.0) * reach[tongue], PERIODS)
        size = np.tile(numbers.uniform(f"{name}.size", FLAMELETS, 0.7, 1.2), PERIODS)
        x = self.x + across * self.half * 0.8 * (1 - 0.8 * age) + self.wind * self.height * 0.45 * age * age
        y = self.foot + 0.24 * self.half * (1 + across * across * 1.2) + age * tall * self.height
        radius = self.half * size * (0.27 * np.sqrt(1 - age) + 0.07)
        amount = np.clip(age / 0.06, 0, 1) * np.sqrt(np.clip(1.02 - age, 0, 1))
        grid = Grid(canvas, 224, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
        stretch = 1.0 + 1.1 * np.clip(age * 3, 0, 1)
        for cx, cy, reach, long, heat in zip(x, y, radius, stretch, amount, strict=True):
            window, dx, dy = grid.window(cx, cy, reach * long)
            dx = dx * np.float32(long)
            # A drop: round below, drawn out to a tip above.
            dx = dx * (np.float32(1) + np.float32(0.9) * np.clip(dy, -0.4, 1))
            g = np.maximum(np.float32(1) - dx * dx - dy * dy, 0)
            grid.values[window] += g * g * np.float32(0.27 * heat)
        return grid


def heat_colours(colour: str) -> tuple[tuple[float, Rgb], ...]:
    """The ramp from heat to colour: deep and saturated where cool, the colour itself, then towards white."""
    base = rgb(colour)

    def raised(exponent: float) -> Rgb:
        red, green, blue = (max(part, 0.02) ** exponent for part in base)
        return red, green, blue

    return (0.0, raised(2.2)), (0.35, raised(1.35)), (0.8, raised(0.85)), (1.4, raised(0.36)), (2.5, raised(0.1))


def burning(heat: Field, colours: tuple[tuple[float, Rgb], ...]) -> Field:
    """The premultiplied layer of flames: translucent where cool, opaque where hot."""
    alpha = np.float32(1) - exp(heat * np.float32(-2.6))
    layer = np.empty((*heat.shape, 4), np.float32)
    layer[..., 3] = alpha
    layer[..., :3] = ramp(heat, colours) * alpha[..., None]
    return layer
