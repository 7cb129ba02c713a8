"""The calm flame on a wick or a match: a drop with a dark root, a blue foot and a bright heart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas
from acetate.elements.kinds.fire import heat_colours
from acetate.elements.light import ramp, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, cosine, exp, gaussian, power, smoothstep


@dataclass(frozen=True)
class Drop:
    """A flame whose foot is at (x, foot), of a height and half a width, in units; `lean` moves its tip."""

    name: str
    x: float
    foot: float
    height: float
    half: float
    lean: float
    flicker: float

    def layer(self, canvas: Canvas, colour: str) -> Callable[[Band], Field]:
        """The premultiplied flame at a band's pixels."""
        numbers, phase = canvas.numbers, canvas.phase
        scale = np.float32(1 / self.height)
        size = self.height * canvas.unit
        sway = Noise(numbers, f"{self.name}.sway", size, phase=phase, rows=4, octaves=2)
        edge = Noise(numbers, f"{self.name}.edge", size / 2, phase=phase, rows=4, octaves=5)
        colours = heat_colours(colour)
        blue = np.asarray((0.16, 0.30, 1.0), np.float32)
        breath = 1 + 0.05 * self.flicker * (float(cosine(np.full(1, phase, np.float32))[0]) - 1)
        rise = np.float32(4 * phase)
        tint = rgb(colour)

        def band(band: Band) -> Field:
            v = (band.y - np.float32(self.foot)) * scale / np.float32(breath)
            held = np.clip(v, 0, 1)
            x = (band.x - np.float32(self.x)) * scale
            bend = np.float32(self.lean / self.height) * held * held
            bend = bend + sway(np.zeros_like(x), v * np.float32(0.9) - rise) * held * np.float32(0.16 * self.flicker)
            bend = bend + edge(x * 2, v * 2 - rise * 2) * held * held * np.float32(0.11 * self.flicker)
            u = np.abs(x - bend) * np.float32(self.height / self.half)
            # The outline of a drop: round below, drawn out above; 1 at its widest.
            wide = (
                power(np.clip(v + np.float32(0.03), 0, 1), 0.55) * power(np.float32(1) - held, 0.85) * np.float32(1.72)
            )
            inside = (wide - u) / np.float32(0.5)
            depth = np.clip(inside / np.maximum(wide * 2, np.float32(1e-3)), 0, 1)
            shape = smoothstep(0.0, 0.22, inside) * smoothstep(-0.03, 0.05, v)
            # Around the wick the gas does not burn yet; the foot burns blue.
            root = gaussian(
                np.sqrt((u * np.float32(1.4)) ** 2 + ((held - np.float32(0.13)) * np.float32(5.5)) ** 2), 0.55
            )
            heat = (
                np.float32(0.45) + depth * np.float32(1.9) * smoothstep(0.0, 0.4, held) + np.float32(0.25) * (1 - held)
            )
            heat = heat * (np.float32(1) - np.float32(0.45) * root)
            foot = smoothstep(0.30, 0.02, v + depth * np.float32(0.10))
            tones = ramp(heat, colours)
            tones = tones + (blue - tones) * (foot * np.float32(0.85))[..., None]
            alpha = shape * (np.float32(0.97) - np.float32(0.5) * foot - np.float32(0.35) * root)
            layer = np.empty((*alpha.shape, 4), np.float32)
            layer[..., 3] = alpha
            layer[..., :3] = tones * alpha[..., None]
            # A soft light close around the flame.
            near = (
                exp(-np.maximum(u - wide, 0) * np.float32(2.6)) * smoothstep(-0.12, 0.2, v) * smoothstep(1.12, 0.6, v)
            )
            rim = near * smoothstep(2.0, 0.9, u - wide) * np.float32(0.30) * (np.float32(1) - alpha)
            layer[..., 3] += rim
            layer[..., :3] += np.asarray(tint, np.float32) * rim[..., None]
            return layer

        return band


def halo(x: float, y: float, reach: float, strength: float, colour: str) -> Callable[[Band], Field]:
    """The premultiplied light around a flame, which ends at `reach` units."""
    tint = np.asarray(rgb(colour), np.float32)

    def band(band: Band) -> Field:
        dx, dy = band.x - np.float32(x), band.y - np.float32(y)
        far = np.sqrt(dx * dx + dy * dy) * np.float32(1 / reach)
        bright = (np.float32(1) / (np.float32(1) + (far * 4) ** 2) - np.float32(1 / 17)) * smoothstep(1.0, 0.5, far)
        alpha = np.maximum(bright, 0) * np.float32(strength)
        layer = np.empty((*alpha.shape, 4), np.float32)
        layer[..., 3] = alpha
        layer[..., :3] = tint * alpha[..., None]
        return layer

    return band
