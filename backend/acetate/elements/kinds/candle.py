"""A candle that burns: its wax glows from within below the flame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.wick import Drop, halo
from acetate.elements.light import layer_of, rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, exp, gaussian, power, smoothstep
from acetate.elements.params import choice, colour, number


@dataclass(frozen=True)
class Candle:
    """What can be set."""

    show: str = choice("Show", {"candle": "Whole candle", "flame": "Flame only"}, {"candle_flame": "flame"})
    height: float = number("Height", 0.6, 0.1, 1.0, short=0.25, small=0.3, low=0.2, tall=0.9, long=0.95, melted=0.25)
    width: float = number("Width", 0.5, thin=0.15, slim=0.15, narrow=0.2, thick=0.85, wide=0.9, fat=0.95)
    flame: float = number("Flame size", 0.5, dim=0.25, bright=0.75, big=0.85, large=0.85, dying=0.1)
    flicker: float = number("Flicker", 0.3, calm=0.05, steady=0.05, still=0.0, flickering=0.8)
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, draught=0.4)
    glow: float = number("Glow", 0.5, faint=0.2, glowing=0.75, bright=0.75, intense=0.95)
    flame_colour: str = colour("Flame colour", "#ff9a2a")
    colour: str = colour("Wax", "#f1e6d0", red="#b02a22", green="#3f8a4a", blue="#3a5fae", black="#2b292c")


def paint(canvas: Canvas, candle: Candle) -> Layer:
    """A candle that stands on the lower border of its box, or its flame alone."""
    whole = candle.show == "candle"
    box = canvas.box(0.34, 0.8, 0.045)
    room = box.height if whole else box.height * 0.8
    tall = room * (0.22 + 0.16 * candle.flame) if whole else room * 0.9
    half = min(tall * 0.17, box.width * 0.14)
    tall = half / 0.17
    girth = min(box.width * 0.32, tall * (0.24 + 0.75 * candle.width))
    wax = min((box.height - tall * 1.4) * (0.25 + 0.75 * candle.height), girth * 9) if whole else 0.0
    top = box.bottom + wax
    foot = top + tall * 0.12 if whole else box.bottom + box.height * 0.08
    lean = candle.wind * max(min(0.42 * tall, box.width / 2 - half * 2.6), 0.0)
    drop = Drop("candle", box.middle, foot, tall, half, lean, candle.flicker).layer(canvas, candle.flame_colour)
    reach = min(tall * 1.9, canvas.down / 2 - abs(foot + tall * 0.45) - 0.005, canvas.across / 2 - 0.005)
    light = halo(box.middle, foot + tall * 0.45, reach, 0.15 + 0.75 * candle.glow, candle.flame_colour)
    pixel = np.float32(1 / canvas.unit)

    def wick(band: Band) -> Field:
        # A thin dark curve that glows at its tip.
        v = (band.y - np.float32(top - tall * 0.02 if whole else foot - tall * 0.1)) / np.float32(tall * 0.26)
        x = band.x - np.float32(box.middle) - np.float32(0.05 * half) * np.clip(v, 0, 1) ** 2
        cover = np.clip((np.float32(half * 0.075) - np.abs(x)) / pixel + np.float32(0.5), 0, 1)
        cover = cover * smoothstep(0.0, 0.06, v) * smoothstep(1.0, 0.93, v)
        glowing = smoothstep(0.7, 1.0, v)[..., None] * np.asarray((0.85, 0.30, 0.05), np.float32)
        return layer_of(cover, np.asarray((0.09, 0.06, 0.05), np.float32) + glowing)

    layer = canvas.fill(light, 0.2, Box(box.middle - reach, foot + tall * 0.45 - reach, 2 * reach, 2 * reach))
    if whole:
        body = _wax(canvas, candle, box.middle, box.bottom, top, girth)
        canvas.lay(layer, body, 0.4, Box(box.middle - girth, box.bottom, 2 * girth, wax + 0.3 * girth).grown(0.01))
    fire = Box(box.middle - half * 5, foot - tall * 0.2, half * 10, tall * 1.4)
    canvas.lay(layer, wick, 0.7, fire)
    canvas.lay(layer, drop, 0.8, fire)
    return layer


def _wax(canvas: Canvas, candle: Candle, x0: float, bottom: float, top: float, girth: float) -> Callable[[Band], Field]:
    """The premultiplied wax at a band's pixels: a cylinder with a molten hollow, and drops that ran down."""
    numbers = canvas.numbers
    flow = Noise(numbers, "drip", girth * 0.45 * canvas.unit, octaves=3)
    skin = Noise(numbers, "skin", girth * canvas.unit, octaves=3)
    tint = np.asarray(rgb(candle.colour), np.float32)
    fire = np.asarray(rgb(candle.flame_colour), np.float32)
    pixel, flat = np.float32(1 / canvas.unit), np.float32(0.2)

    def band(band: Band) -> Field:
        x = (band.x - np.float32(x0)) / np.float32(girth)
        inside = np.clip(np.float32(1) - x * x, 0, 1)
        arc = np.sqrt(inside)
        drips = np.maximum(flow(x * np.float32(2.2), np.full_like(x, 0.4)), 0)
        y = (band.y - np.float32(top)) / np.float32(girth)
        low = (band.y - np.float32(bottom)) / np.float32(girth)
        # The upper rim is an ellipse, a little uneven; the lower one is its like.
        uneven = skin(x * 2, np.full_like(x, 3.3)) * np.float32(0.05)
        far_rim = flat * arc + uneven
        edge = np.float32(girth) / pixel
        side = np.clip((np.float32(1) - np.abs(x)) * edge + np.float32(0.5), 0, 1)
        cover = side * np.clip((far_rim - y) * edge + np.float32(0.5), 0, 1)
        cover = cover * np.clip((low - flat * (1 - arc)) * edge + np.float32(0.5), 0, 1)
        wavy = skin(x * np.float32(1.5), y * np.float32(0.35))
        ridge = smoothstep(-0.2, 0.5, y * np.float32(0.45) + drips * np.float32(1.7)) * drips
        lit = (
            np.float32(0.52)
            + np.float32(0.40) * arc
            - np.float32(0.13) * x
            + wavy * np.float32(0.05)
            + ridge * np.float32(0.35)
        )
        depth = np.maximum(-y, 0)
        inner = exp(depth * np.float32(-0.85)) * (np.float32(0.45) + np.float32(0.55) * arc)
        base = tint * np.clip(lit, 0.1, 1.1)[..., None]
        warm = np.minimum(power(tint, 0.5) * np.asarray((1.0, 0.84, 0.64), np.float32) + fire * np.float32(0.10), 1)
        colours = base + (warm - base) * np.clip(inner * np.float32(0.55 + 0.5 * candle.glow), 0, 0.95)[..., None]
        # The molten hollow within the rim.
        pool_y = (y - uneven) / flat
        around: Field = np.sqrt(x * x + pool_y * pool_y)
        hollow = smoothstep(0.98, 0.80, around)
        melt = (
            np.minimum(warm * np.asarray((1.03, 0.97, 0.92), np.float32), 1)
            * (np.float32(0.74) + np.float32(0.26) * gaussian(x, 0.55))[..., None]
        )
        colours = colours + (melt - colours) * hollow[..., None]
        lip = gaussian(around - np.float32(0.93), 0.05) * smoothstep(1.1, 0.8, np.abs(x))
        colours = np.minimum(colours + lip[..., None] * np.float32(0.16), 1)
        return layer_of(cover, colours)

    return band


KIND = Kind(
    "candle", "Candle", ("candle", "candle flame", "candlelight", "burning candle", "lit candle"), Candle, paint
)
