"""Leaves: falling or blown, each folded along its midrib, with veins, spots and its own turn in the air."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import direction, scattered, turned
from acetate.elements.light import Rgb, layer_of, mix, over
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, gaussian, sine, smoothstep
from acetate.elements.params import choice, colour, number


@dataclass(frozen=True)
class Leaves:
    """What can be set."""

    density: float = number("Density", 0.4, few=0.15, sparse=0.15, many=0.8, dense=0.9)
    size: float = number("Size", 0.5, small=0.2, big=0.85, large=0.85)
    tumble: float = number("Tumble", 0.6, flat=0.0, tumbling=0.9, whirling=1.0)
    wind: float = number("Wind", 0.2, -1.0, 1.0, windy=0.7, blowing=0.7, wind=0.6)
    variety: float = number("Colour variety", 0.5, colourful=0.9, colorful=0.9, mixed=0.8)
    age: float = number("Age", 0.4, fresh=0.0, young=0.1, old=0.9, withered=1.0, dry=0.85)
    shape: str = choice(
        "Shape",
        {"oval": "Oval", "oak": "Oak", "willow": "Willow"},
        {"oak": "oak", "willow": "willow", "narrow": "willow", "beech": "oval"},
    )
    colour: str = colour("Colour", "#c8641c", green="#5f8f2e", autumn="#c8641c")


@dataclass(frozen=True)
class _Leaf:
    """Its middle, length and turn, how narrow it is seen, the bend of its midrib, its colour and own number."""

    x: float
    y: float
    long: float
    turn: float
    seen: float
    bend: float
    tone: Rgb
    spin: float


def paint(canvas: Canvas, leaves: Leaves) -> Layer:
    """Leaves all over the frame, which fall and tumble in a loop."""
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)
    skin = Noise(canvas.numbers, "skin", 0.03 * canvas.unit, octaves=5, gain=0.6)
    placed = _placed(canvas, leaves)
    for done, leaf in enumerate(placed):
        reach = leaf.long * 0.72
        area = Box(leaf.x - reach, leaf.y - reach, 2 * reach, 2 * reach)
        canvas.lay(layer, _blade(canvas, leaves, leaf, skin), done / len(placed), area)
    return layer


def _placed(canvas: Canvas, leaves: Leaves) -> list[_Leaf]:
    """The leaves, the small ones behind."""
    numbers = canvas.numbers
    most = max(int(80 * canvas.across * canvas.down), 4)
    count = max(int(most * leaves.density), 4)
    x, y = scattered(canvas, "leaf", most)
    scale = numbers.uniform("scale", most)
    long = (0.035 + 0.035 * scale + 0.075 * scale**2 * scale**2) * (0.4 + 1.2 * leaves.size)
    tall = canvas.down + 1.5 * long
    fall = (y / tall + 0.5 - canvas.phase) % 1.0
    sway = numbers.uniform("sway", most)
    wave = sine((sway + canvas.phase).astype(np.float32))
    x = x + 0.03 * wave * leaves.tumble + 0.5 * leaves.wind * (0.5 - fall)
    y = (fall - 0.5) * tall
    turn = numbers.uniform("turn", most) + 0.06 * wave
    flip = sine((numbers.uniform("flip", most) + canvas.phase).astype(np.float32))
    seen = 1 - leaves.tumble * 0.78 * np.abs(flip)
    bend = numbers.normal("bend", most, 0.10) * (0.4 + leaves.tumble)
    hue, dark = numbers.normal("hue", most, 0.07) * leaves.variety, numbers.uniform("dark", most, 0.0, 0.35)
    placed = [
        _Leaf(
            float(x[i]),
            float(y[i]),
            float(long[i]),
            float(turn[i]),
            float(seen[i]),
            float(bend[i]),
            mix(turned(leaves.colour, float(hue[i])), (0.16, 0.07, 0.03), float(dark[i])),
            float(sway[i]),
        )
        for i in range(count)
    ]
    return sorted(placed, key=lambda leaf: leaf.long)


def _blade(canvas: Canvas, leaves: Leaves, leaf: _Leaf, skin: Noise) -> Callable[[Band], Field]:
    """The premultiplied leaf at a band's pixels."""
    c, s = direction(leaf.turn)
    girth = {"oval": 0.29, "oak": 0.27, "willow": 0.12}[leaves.shape]
    pixel = 1 / (leaf.long * canvas.unit)
    pale = mix(leaf.tone, (1.0, 0.92, 0.55), 0.45)
    brown = (0.22, 0.12, 0.05)
    tone, vein_tone = np.asarray(leaf.tone, np.float32), np.asarray(pale, np.float32)
    spot_tone = np.asarray(mix(leaf.tone, brown, 0.75), np.float32)
    shift = 31 * leaf.spin

    def band(band: Band) -> Field:
        x, y = (band.x - leaf.x) / leaf.long, (band.y - leaf.y) / leaf.long
        u: Field = x * c + y * s + np.float32(0.5)
        v: Field = (y * c - x * s) / leaf.seen - leaf.bend * (1 - (2 * u - 1) * (2 * u - 1))
        held: Field = np.clip(u, 0, 1)
        # Half its width: broadest before the middle, drawn out to the tip.
        wide: Field = np.sqrt(held) * (1 - held) * (1 + 0.9 * held) * np.float32(1.9)
        side: Field = np.abs(v)
        if leaves.shape == "oak":
            place: Field = held * 4.6 - side * 1.6
            lobes = sine(place + np.float32(0.1))
            wide = wide * (0.86 + 0.30 * lobes)
        else:
            teeth = (held * 23 - side * 9) % 1.0
            wide = wide * (1 - 0.055 * teeth)
        wide = wide * np.float32(girth) * (1 + 0.05 * skin(u * 2 + shift, np.full_like(u, shift)))
        inside = (wide - side) * np.float32(leaf.seen)
        cover: Field = (
            np.clip(inside / np.float32(pixel) + 0.5, 0, 1) * smoothstep(-0.5 * pixel, 0.5 * pixel, u) * (u < 1)
        )
        stalk: Field = np.clip((0.010 + 0.5 * pixel - side * leaf.seen) / pixel, 0, 1)
        stalk = stalk * smoothstep(-0.19, -0.185, u) * (u < 0.05)
        # Side veins leave the midrib slanting forwards.
        way = (held * 8.5 - side * 6.0 + 0.15 * (v > 0)) % 1.0 - 0.5
        veins = gaussian(way, 0.07 + 2.5 * pixel) * smoothstep(0.005, 0.03, side) * smoothstep(0.0, 0.05, wide - side)
        rib = gaussian(side, 0.006 + 0.5 * pixel)
        fold = np.where(v > 0, np.float32(0.10), np.float32(-0.12)) * smoothstep(0.0, 0.02, side)
        bulge = 0.10 * sine(held * 8.5 - side * 6.0 + 0.15 * (v > 0) + 0.25)
        grain = skin(u * 9 + shift, v * 9 - shift)
        light = np.clip(0.96 + fold + bulge * 0.5 + 0.10 * grain - 0.25 * np.abs(leaf.bend) * (v > 0), 0.3, 1.35)
        colours = tone * light[..., None]
        blotch = skin(u * 3 - shift, v * 3 + shift) + 0.35 * grain
        spots = smoothstep(0.62 - 0.62 * leaves.age, 1.05 - 0.5 * leaves.age, blotch)
        rim = smoothstep(0.05 + 0.05 * leaves.age, 0.0, wide - side) * np.float32(0.75 * leaves.age)
        worn = np.clip(spots * np.float32(1.1 * leaves.age) + rim, 0, 1)
        colours = colours + (spot_tone * light[..., None] - colours) * worn[..., None]
        drawn = np.clip(0.75 * rib + 0.40 * veins, 0, 1)[..., None]
        colours = colours + (vein_tone * light[..., None] - colours) * drawn
        blade = layer_of(cover, np.clip(colours, 0, 1))
        stem = layer_of(stalk, np.clip(vein_tone * 0.72, 0, 1))
        return over(blade, stem)

    return band


KIND = Kind(
    "leaves",
    "Leaves",
    ("leaf", "leaves", "falling leaf", "falling leaves", "autumn leaf", "autumn leaves", "foliage"),
    Leaves,
    paint,
    fills=True,
)
