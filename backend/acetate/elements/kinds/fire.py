"""Fire: flamelets that rise, narrow and cool, drawn out by a rising flow; what the kinds with flames share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Grid
from acetate.elements.light import Rgb, ramp, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, Reals, exp, smoothstep

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
        foot, height = np.float32(self.foot), np.float32(self.height)

        def risen(band: Band) -> Field:
            return (band.y - foot) / height

        stirred = stir(canvas, self, self._flamelets(canvas), lambda band: np.clip(risen(band), 0, 1))

        def band(band: Band) -> Field:
            v = risen(band)
            return heated(stirred(band) * smoothstep(1.01, 0.88, v) * smoothstep(0.0, 0.03, v))

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
        stretch = 1.0 + 1.1 * np.clip(age * 3, 0, 1)
        return flamelets(canvas, np.stack([x, y, radius, stretch, 0.27 * amount, age], axis=-1))[0]


def stir(canvas: Canvas, fire: Blaze, body: Grid, held: Callable[[Band], Field]) -> Callable[[Band], Field]:
    """What burns at a band's pixels: the body of a fire, drawn out by a rising flow that is the stronger the higher its
    share of the way from foot to tip, `held`, is.
    """
    numbers, phase = canvas.numbers, canvas.phase
    size = min(fire.half * 0.85, fire.height * 0.22)
    scale = np.float32(1 / size)
    cell = size * canvas.unit
    sway = Noise(numbers, f"{fire.name}.sway", cell, phase=phase, rows=4, octaves=5, gain=0.5)
    lift = Noise(numbers, f"{fire.name}.lift", cell, phase=phase, rows=4, octaves=4)
    thread = Noise(numbers, f"{fire.name}.thread", cell / 2, phase=phase, rows=4, gain=0.5)
    rise = np.float32(4 * max(round(fire.height / PERIODS * float(scale) * 0.7 / 4 + 0.4), 1) * phase)

    def band(band: Band) -> Field:
        x = (band.x - np.float32(fire.x)) * scale
        y = band.y * scale * np.float32(0.55) - rise
        strength = np.float32(fire.half * (0.12 + 0.85 * fire.turbulence)) * (np.float32(0.12) + held(band))
        dx = sway(x, y) * strength
        dy = lift(x * np.float32(1.3), y) * strength * np.float32(1.4)
        px, py = band.x + dx, band.y + dy
        burns = body.read(px, py)
        streaks = thread(px * scale * np.float32(2.6) + dx * scale * 2, py * scale * np.float32(0.5) - rise)
        streaks = np.float32(1) - np.abs(streaks) * np.float32(1.6)
        burns = burns * (np.float32(0.5) + np.float32(0.7) * streaks) - np.float32(0.12) * (1 - streaks)
        drawn: Field = np.maximum(burns - np.float32(0.03), 0)
        return drawn

    return band


def heated(burns: Field) -> Field:
    """The heat of what burns."""
    heat: Field = burns * np.float32(1.6) / (np.float32(1) + burns * np.float32(0.55))
    return heat


def flamelets(canvas: Canvas, drops: Reals) -> tuple[Grid, Grid]:
    """The bodies of drops of fire, and their mean age at each place.

    A row of `drops` (n, 6) is x, y and radius in units, how long it is drawn out, its heat and its age.
    """
    body = Grid(canvas, 224, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    ages = Grid(canvas, 224, lambda x, y: np.zeros((y.shape[0], x.shape[1]), np.float32))
    for x, y, radius, long, heat, age in drops:
        window, dx, dy = body.window(x, y, radius * long)
        dx = dx * np.float32(long)
        # A drop: round below, drawn out to a tip above.
        dx = dx * (np.float32(1) + np.float32(0.9) * np.clip(dy, -0.4, 1))
        g = np.maximum(np.float32(1) - dx * dx - dy * dy, 0)
        g = g * g * np.float32(heat)
        body.values[window] += g
        ages.values[window] += g * np.float32(age)
    ages.values /= np.maximum(body.values, np.float32(1e-3))
    return body, ages


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
