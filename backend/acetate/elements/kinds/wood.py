"""Wood that burns: round logs with bark and a cut end, and the square stick of a match."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas
from acetate.elements.light import layer_of
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, gaussian, power, sine, smoothstep

EMBER = np.asarray((1.0, 0.36, 0.05), np.float32)


@dataclass(frozen=True)
class Beam:
    """A piece of wood from `start` to `end`, both (x, y), of half a thickness, in units."""

    name: str
    start: tuple[float, float]
    end: tuple[float, float]
    half: float

    @property
    def length(self) -> float:
        """From end to end."""
        return float(np.sqrt((self.end[0] - self.start[0]) ** 2 + (self.end[1] - self.start[1]) ** 2))

    @property
    def area(self) -> Box:
        """What it may cover."""
        left, right = sorted((self.start[0], self.end[0]))
        bottom, top = sorted((self.start[1], self.end[1]))
        return Box(left, bottom, right - left, top - bottom).grown(self.half * 1.3)

    def coordinates(self, band: Band) -> tuple[Field, Field]:
        """Along the beam from its start, and across it to the left, in units."""
        way = np.asarray(self.end) - np.asarray(self.start)
        along, across = way / self.length, np.array([-way[1], way[0]]) / self.length
        x, y = band.x - np.float32(self.start[0]), band.y - np.float32(self.start[1])
        return (
            x * np.float32(along[0]) + y * np.float32(along[1]),
            x * np.float32(across[0]) + y * np.float32(across[1]),
        )


@dataclass(frozen=True)
class Bark:
    """The surface of all logs of a fire: its ridges and its cracks."""

    ridges: Noise
    cracks: Noise

    @classmethod
    def of(cls, canvas: Canvas, half: float) -> Bark:
        """The bark of logs of half a thickness, in units."""
        cell = half * canvas.unit
        ridges = Noise(canvas.numbers, "ridges", cell * 1.2, gain=0.5, rows=8)
        return cls(ridges, Noise(canvas.numbers, "cracks", cell * 0.8, gain=0.6, phase=canvas.phase, octaves=5, rows=8))


def log(
    canvas: Canvas, beam: Beam, bark: Bark, fire: tuple[float, float], reach: float, charred: float
) -> Callable[[Band], Field]:
    """The premultiplied log at a band's pixels, lit by a fire at a point, glowing where it is charred near it."""
    place = np.float32(canvas.numbers.one(f"{beam.name}.place", 0, 16))
    edge = np.float32(canvas.unit)
    half, long = np.float32(beam.half), np.float32(beam.length)
    upward = 1.0 if beam.end[0] > beam.start[0] else -1.0
    tint = np.asarray((0.40, 0.27, 0.17), np.float32) * np.float32(canvas.numbers.one(f"{beam.name}.tint", 0.8, 1.15))

    def band(band: Band) -> Field:
        along, across = beam.coordinates(band)
        rough = bark.ridges(along / half * np.float32(0.9) + place, np.full_like(along, 0.3) + np.sign(across))
        s = across / (half * (np.float32(1) + rough * np.float32(0.06)))
        arc = np.sqrt(np.clip(np.float32(1) - s * s, 0, 1))
        # The end towards the viewer is an ellipse, the other one is cut round.
        face = np.float32(0.42) * half
        body = np.clip((np.float32(1) - np.abs(s)) * half * edge + np.float32(0.5), 0, 1)
        body = body * np.clip((along - face * (1 - arc)) * edge + np.float32(0.5), 0, 1)
        body = body * np.clip((long - along) * edge + np.float32(0.5), 0, 1)
        ring_along = (along - long) / face
        ring = np.sqrt(s * s + ring_along * ring_along)
        cap = np.clip((np.float32(1) - ring) * face * edge + np.float32(0.5), 0, 1)
        # Bark: long ridges with dark cracks between them.
        turn = s * (np.float32(1) + np.float32(0.35) * s * s)
        ridges = bark.ridges(along / half * np.float32(0.55) + place, turn * np.float32(1.9) + rough * np.float32(0.2))
        cracks = bark.cracks(along / half * np.float32(0.7) + place, turn * np.float32(1.5))
        lines = smoothstep(0.30, 0.02, np.abs(ridges)) * np.float32(0.6)
        tone = np.float32(0.62) + ridges * np.float32(0.38) - lines
        dx, dy = band.x - np.float32(fire[0]), band.y - np.float32(fire[1])
        near = exp(-np.sqrt(dx * dx + dy * dy) * np.float32(1.7 / reach))
        lit = np.float32(0.28) + np.float32(0.40) * arc + np.float32(0.25 * upward) * s
        colours = tint * (np.maximum(tone, np.float32(0.08)) * lit)[..., None]
        warmth = near * (np.float32(0.30) + np.float32(0.7) * arc) * np.maximum(tone, np.float32(0.1))
        colours = colours + np.asarray((0.62, 0.27, 0.07), np.float32) * (warmth * np.float32(0.9))[..., None]
        burnt = np.clip(near * np.float32(2.2 * charred) + ridges * np.float32(0.3), 0, 1)
        colours = colours * (np.float32(1) - np.float32(0.72) * burnt)[..., None]
        glow = burnt * smoothstep(0.16, 0.0, np.abs(cracks)) * near * np.float32(2.0)
        colours = np.minimum(colours + EMBER * np.clip(glow, 0, 1)[..., None], 1)
        # The cut end: pale wood with year rings and a dark rim.
        years = sine(ring * np.float32(4.2) + ridges * np.float32(0.25))
        wood = np.asarray((0.62, 0.45, 0.28), np.float32) * (np.float32(0.68) + np.float32(0.10) * years)[..., None]
        wood = wood * (np.float32(1) - np.float32(0.55) * smoothstep(0.80, 0.97, ring))[..., None]
        wood = wood * (np.float32(0.75) + np.float32(0.6) * near)[..., None]
        colours = colours + (wood - colours) * cap[..., None]
        return layer_of(np.maximum(body, cap), np.clip(colours, 0, 1))

    return band


def stick(canvas: Canvas, beam: Beam, burnt: float, colour: tuple[float, float, float]) -> Callable[[Band], Field]:
    """The premultiplied stick of a match: its head is at the end, `burnt` of its length is charred."""
    grain = Noise(canvas.numbers, f"{beam.name}.grain", beam.half * 2 * canvas.unit, gain=0.6, rows=8)
    edge = np.float32(canvas.unit)
    half, long = np.float32(beam.half), np.float32(beam.length)
    tint = np.asarray((0.90, 0.72, 0.47), np.float32)
    tip = np.asarray(colour, np.float32)

    def band(band: Band) -> Field:
        along, across = beam.coordinates(band)
        s = across / half
        share = along / long
        body = np.clip((half - np.abs(across)) * edge + np.float32(0.5), 0, 1)
        body = (
            body
            * np.clip(along * edge + np.float32(0.5), 0, 1)
            * np.clip((long - along) * edge + np.float32(0.5), 0, 1)
        )
        fibres = grain(share * np.float32(2.2), s * np.float32(2.6)) * np.float32(0.12)
        # Two faces of the square stick are seen; the edge between them catches the light.
        ridge = np.float32(0.22)
        tone = (
            np.where(s < ridge, np.float32(0.94), np.float32(0.66))
            + gaussian(s - ridge, 0.06) * np.float32(0.12)
            + fibres
        )
        wood = tint * np.clip(tone, 0, 1.1)[..., None]
        fade = grain(share * 3, s * np.float32(0.6)) * np.float32(0.03)
        dark = smoothstep(1.0 - burnt * 1.5, 1.0 - burnt * 0.5, share + fade)
        brown = smoothstep(1.0 - burnt * 2.6, 1.0 - burnt * 1.0, share + fade)
        wood = wood * (np.float32(1) - brown[..., None] * np.asarray((0.35, 0.52, 0.66), np.float32))
        wood = wood + (np.asarray((0.055, 0.045, 0.04), np.float32) - wood) * dark[..., None]
        warm = smoothstep(0.55, 1.0, share) * (np.float32(1) - dark)
        wood = wood * (np.float32(1) + np.float32(0.12) * warm)[..., None]
        # The head: a round drop of burning matter.
        v = (along - (long + half * np.float32(0.9))) / (half * np.float32(2.5))
        wide = (
            np.float32(1.45)
            * power(np.clip(np.float32(1) - v * v, 0, 1), 0.55)
            * (np.float32(1) - np.float32(0.16) * v)
        )
        bumps = grain(share * 9 + 2, s * np.float32(0.9))
        head = np.clip((wide * half - np.abs(across)) * edge + np.float32(0.5), 0, 1) * (np.abs(v) < 1)
        u = s / np.maximum(wide, np.float32(1e-3))
        round_ = np.sqrt(np.clip(np.float32(1) - u * u, 0, 1))
        coal = np.asarray((0.075, 0.05, 0.045), np.float32) + tip * (np.float32(0.20) * round_)[..., None]
        lit = np.clip(np.float32(0.55) + v * np.float32(0.5) + bumps * np.float32(0.6), 0, 1) * smoothstep(-0.2, 0.9, v)
        coal = coal + EMBER * (lit * (np.float32(0.25) + np.float32(0.55) * round_))[..., None]
        coal = coal + (gaussian(u + np.float32(0.42), 0.22) * np.float32(0.10))[..., None]
        colours = wood + (coal - wood) * head[..., None]
        return layer_of(np.maximum(body, head).astype(np.float32), np.clip(colours, 0, 1))

    return band
