"""A campfire: logs that lean together, flames behind and before them, embers below, sparks above."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.fire import Blaze, burning, heat_colours
from acetate.elements.kinds.wick import halo
from acetate.elements.kinds.wood import Bark, Beam, log
from acetate.elements.light import glow
from acetate.elements.numbers import Field, sine
from acetate.elements.params import colour, number
from acetate.elements.strokes import dots
from acetate.elements.style import style


@dataclass(frozen=True)
class Campfire:
    """What can be set."""

    intensity: float = number(
        "Intensity", 0.55, faint=0.2, weak=0.25, dying=0.15, low=0.25, strong=0.85, bright=0.85, hot=0.9
    )
    height: float = number(
        "Height", 0.7, 0.2, 1.0, short=0.35, small=0.4, tall=1.0, high=1.0, big=0.9, large=0.9, huge=1.0
    )
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, strong_wind=0.9)
    turbulence: float = number("Turbulence", 0.5, calm=0.15, turbulent=0.9, wild=0.9, raging=0.9)
    sparks: float = number("Sparks", 0.5, smokeless=0.5, sparkling=0.9)
    charred: float = number("Charred", 0.5, fresh=0.1, charred=0.9, burnt=0.9)
    glow: float = number("Glow", 0.5, glowing=0.75, intense=0.9)
    style: str = style()
    colour: str = colour("Colour", "#ff8a1e", red="#ff5a1c", orange="#ff8a1e", yellow="#ffb52e")


def paint(canvas: Canvas, fire: Campfire) -> Layer:
    """A campfire on the lower border of its box."""
    box = canvas.box(0.62, 1.15)
    size = min(box.width, box.height * 1.1)
    ground, x = box.bottom + size * 0.075, box.middle
    heart = (x, ground + size * 0.16)
    colours = heat_colours(fire.colour)
    strength = np.float32(0.5 + 0.9 * fire.intensity)
    tall = min(box.height - size * 0.12, size * 1.15) * (0.35 + 0.6 * fire.height)
    heart_y = ground + size * 0.36
    reach = min(size * 0.6, canvas.down / 2 + heart_y, canvas.across / 2, canvas.down / 2 - heart_y) - 0.005
    lights = halo(x, heart_y, reach, 0.05 + 0.9 * fire.glow, fire.colour)
    layer = canvas.fill(lights, 0.05, Box(x - reach, heart_y - reach, 2 * reach, 2 * reach))
    bark = Bark.of(canvas, size * 0.046)
    back, front = _logs(canvas, x, ground, size)

    def blaze(name: str, foot: float, half: float, height: float, share: float) -> None:
        lean = fire.wind * 0.5 * (1 - abs(fire.wind) * 0.25)
        heat = Blaze(name, x, foot, half, height, lean, fire.turbulence).heat(canvas)
        area = Box(box.left, foot - 0.01, box.width, height * 1.06)
        canvas.lay(layer, lambda band: burning(heat(band) * strength * np.float32(share), colours), 0.4, area)

    for beam in back:
        canvas.lay(layer, log(canvas, beam, bark, heart, size * 0.3, fire.charred), 0.1, beam.area)
    blaze("back", ground + size * 0.04, size * 0.27, tall, 1.0)
    for beam in front:
        canvas.lay(layer, log(canvas, beam, bark, heart, size * 0.3, fire.charred), 0.6, beam.area)
    blaze("front", ground + size * 0.07, size * 0.19, tall * 0.66, 0.8)
    _sparks(canvas, fire, layer, box, ground + size * 0.2, colours)
    return layer


def _logs(canvas: Canvas, x: float, ground: float, size: float) -> tuple[list[Beam], list[Beam]]:
    """The logs behind the flames and those before them."""
    numbers, half = canvas.numbers, size * 0.046
    jitter = numbers.uniform("logs", 12, -0.03, 0.03) * size

    def beam(index: int, start: tuple[float, float], end: tuple[float, float], thick: float = 1.0) -> Beam:
        shift = jitter[index]
        return Beam(
            f"log{index}",
            (x + start[0] * size + shift, ground + start[1] * size),
            (x + end[0] * size + shift, ground + end[1] * size),
            half * thick,
        )

    back = [beam(0, (0.10, 0.40), (-0.27, 0.07), 0.85), beam(1, (-0.10, 0.41), (0.28, 0.08), 0.9)]
    front = [
        beam(2, (0.08, 0.22), (-0.37, 0.02)),
        beam(3, (-0.08, 0.23), (0.38, 0.03), 1.05),
        beam(4, (0.05, 0.20), (-0.10, -0.005), 0.95),
        beam(5, (-0.01, 0.19), (0.16, -0.015), 1.05),
    ]
    return back, front


def _sparks(
    canvas: Canvas,
    fire: Campfire,
    layer: Layer,
    box: Box,
    foot: float,
    colours: tuple[tuple[float, tuple[float, float, float]], ...],
) -> None:
    """Sparks that rise from the fire, over the layer."""
    numbers, most = canvas.numbers, 90
    count = round(most * fire.sparks)
    start = numbers.uniform("sparks.age", most)[:count] + canvas.phase
    age = start - np.floor(start)
    turn = numbers.uniform("sparks.turn", most)[:count]
    room = box.bottom + box.height - foot
    sway = sine((age * 1.5 + turn).astype(np.float32)) * 0.05 * (0.4 + fire.turbulence)
    x = box.middle + numbers.normal("sparks.x", most, 0.11)[:count] * box.width * (0.5 + 0.8 * age) + sway
    x = np.clip(x + 0.3 * fire.wind * age * box.width, box.left + 0.02, box.left + box.width - 0.02)
    points = canvas.pixels(np.stack([x, foot + age * room * 0.97], axis=-1))
    radius = numbers.uniform("sparks.size", most, 0.0012, 0.0036)[:count] * canvas.unit
    bright = np.clip((1 - age) / 0.6, 0, 1) * np.clip(age / 0.1, 0, 1) * 1.6
    picture = np.zeros((canvas.height, canvas.width), np.float32)
    dots(picture, points, radius, bright, 0.8)
    picture += glow(picture, 0.02 * canvas.unit, 4) * np.float32(2.5)

    def band(band: Band) -> Field:
        return burning(picture[band.place], colours)

    canvas.lay(layer, band, 0.9, box)


KIND = Kind(
    "campfire",
    "Campfire",
    ("campfire", "camp fire", "bonfire", "burning log", "log fire", "fire pit", "burning wood"),
    Campfire,
    paint,
)
