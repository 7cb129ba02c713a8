"""A burning match."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.wick import Drop, halo
from acetate.elements.kinds.wood import Beam, stick
from acetate.elements.light import rgb
from acetate.elements.numbers import cosine, sine
from acetate.elements.params import colour, number


@dataclass(frozen=True)
class Match:
    """What can be set."""

    tilt: float = number("Tilt", 0.25, -1.0, 1.0, upright=0.0, straight=0.0, vertical=0.0, tilted=0.6, slanted=0.6)
    length: float = number("Length", 0.6, 0.1, 1.0, short=0.25, long=0.95)
    burnt: float = number("Burnt", 0.3, fresh=0.1, new=0.1, burnt=0.8, charred=0.9)
    flame: float = number("Flame size", 0.55, small=0.3, dying=0.1, big=0.85, large=0.85, bright=0.75)
    flicker: float = number("Flicker", 0.4, calm=0.05, steady=0.05, flickering=0.8, wild=1.0)
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, strong_wind=0.9)
    glow: float = number("Glow", 0.5, faint=0.2, glowing=0.75, intense=0.95)
    head_colour: str = colour("Head colour", "#9a2a1c")
    colour: str = colour("Flame colour", "#ff9126", red="#ff5a1c", orange="#ff8a1e", yellow="#ffb52e")


def paint(canvas: Canvas, match: Match) -> Layer:
    """A match that reaches up from below, its flame upright whatever its tilt."""
    box = canvas.box(0.45, 1.0)
    size = min(box.height, box.width * 1.4)
    turn = np.full(1, 0.16 * match.tilt, np.float32)
    side, up = float(sine(turn)[0]), float(cosine(turn)[0])
    tall = size * (0.30 + 0.16 * match.flame)
    half = size * 0.021
    long = (size - tall * 1.02) * (0.35 + 0.65 * match.length)
    foot = (box.middle - side * long / 2 - 0.0, box.bottom + half)
    head = (foot[0] + side * long, foot[1] + up * long)
    beam = Beam("match", foot, head, half)
    middle = (head[0] + side * half, head[1] + half * 1.0)
    lean = match.wind * max(min(0.4 * tall, box.width / 2 - abs(middle[0]) - tall * 0.4), 0.0)
    fire = Box(middle[0] - tall * 0.6, middle[1] - tall * 0.2, tall * 1.2, tall * 1.3)
    drop = Drop("match", middle[0], middle[1] - tall * 0.09, tall, tall * 0.19, lean, 0.5 + match.flicker)
    centre = middle[1] + tall * 0.4
    reach = min(tall * 1.6, canvas.down / 2 - abs(centre), canvas.across / 2 - abs(middle[0])) - 0.005
    light = halo(middle[0], centre, reach, 0.1 + 0.7 * match.glow, match.colour)
    layer = canvas.fill(light, 0.1, Box(middle[0] - reach, centre - reach, 2 * reach, 2 * reach))
    canvas.lay(
        layer, stick(canvas, beam, 0.04 + 0.34 * match.burnt, rgb(match.head_colour)), 0.4, beam.area.grown(half * 4)
    )
    canvas.lay(layer, drop.layer(canvas, match.colour), 0.7, fire)
    return layer


KIND = Kind(
    "match",
    "Burning match",
    ("burning match", "lit match", "match", "matchstick", "match stick", "burning matchstick", "match flame"),
    Match,
    paint,
)
