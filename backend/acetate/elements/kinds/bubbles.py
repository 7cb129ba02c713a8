"""Bubbles: thin films of soap with a bright rim, swirling colours and the mirrored light of a window."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.kinds.shared import scattered
from acetate.elements.light import rgb
from acetate.elements.noise import Noise
from acetate.elements.numbers import Field, cosine, gaussian, sine, smoothstep, turns_of
from acetate.elements.params import colour, number


@dataclass(frozen=True)
class Bubbles:
    """What can be set."""

    density: float = number("Density", 0.5, few=0.2, sparse=0.2, many=0.85, dense=0.9)
    size: float = number("Size", 0.5, small=0.2, tiny=0.1, big=0.8, large=0.85, huge=1.0)
    film: float = number("Film", 0.6, clear=0.15, thin=0.2, thick=0.9, opaque=1.0)
    iridescence: float = number("Iridescence", 0.6, soap=0.75, iridescent=0.9, rainbow=1.0, underwater=0.1, water=0.1)
    shine: float = number("Shine", 0.6, matte=0.1, shiny=0.9, glossy=0.9)
    wind: float = number("Wind", 0.0, -1.0, 1.0, windy=0.6, blowing=0.6)
    colour: str = colour("Colour", "#bfe2f7")


@dataclass(frozen=True)
class _Bubble:
    """Its centre and radius in units, and which part of the film's swirls it shows."""

    x: float
    y: float
    radius: float
    swirl: float


def paint(canvas: Canvas, bubbles: Bubbles) -> Layer:
    """Bubbles all over the frame, which rise and sway in a loop."""
    layer = np.zeros((canvas.height, canvas.width, 4), np.float32)
    film = Noise(canvas.numbers, "film", 0.08 * canvas.unit, phase=canvas.phase, octaves=5, gain=0.55)
    placed = _placed(canvas, bubbles)
    for done, bubble in enumerate(placed):
        reach = bubble.radius + 2 / canvas.unit
        area = Box(bubble.x - reach, bubble.y - reach, 2 * reach, 2 * reach)
        canvas.lay(layer, _film(canvas, bubbles, bubble, film), done / len(placed), area)
    return layer


def _placed(canvas: Canvas, bubbles: Bubbles) -> list[_Bubble]:
    """The bubbles, the small ones behind."""
    numbers = canvas.numbers
    most = max(int(64 * canvas.across * canvas.down), 4)
    count = max(int(most * bubbles.density), 4)
    x, y = scattered(canvas, "bubble", most)
    scale = numbers.uniform("scale", most)
    radius = (0.008 + 0.022 * scale + 0.085 * scale**2 * scale**2 * scale) * (0.35 + 1.3 * bubbles.size)
    turn = numbers.uniform("turn", most)
    # In a loop a bubble rises through the whole frame and begins again below it.
    tall = canvas.down + 2 * radius
    rise = (y / tall + 0.5 + canvas.phase) % 1.0
    x = x + 0.02 * sine((turn + canvas.phase).astype(np.float32)) + 0.35 * bubbles.wind * (rise - 0.5) * canvas.down
    y = (rise - 0.5) * tall
    placed = [_Bubble(float(x[i]), float(y[i]), float(radius[i]), float(turn[i])) for i in range(count)]
    return sorted(placed, key=lambda bubble: bubble.radius)


def _film(canvas: Canvas, bubbles: Bubbles, bubble: _Bubble, film: Noise) -> Callable[[Band], Field]:
    """The premultiplied bubble at a band's pixels."""
    tint = np.asarray(rgb(bubbles.colour), np.float32)
    pixel = 1 / (bubble.radius * canvas.unit)
    lift = 23 * bubble.swirl

    def band(band: Band) -> Field:
        x, y = (band.x - bubble.x) / bubble.radius, (band.y - bubble.y) / bubble.radius
        far: Field = np.sqrt(x * x + y * y)
        cover = np.clip((1 - far) / np.float32(pixel) + 0.5, 0, 1)
        held = np.minimum(far, 1)
        facing = np.sqrt(np.maximum(1 - held * held, 0))
        # Seen at a slant the film is thicker and mirrors more.
        slant = 1 - facing
        rim = slant * slant * slant
        swirl = film(x * 1.6 + lift, y * 1.3 - lift + 0.5 * x * x) + 0.4 * film(x * 3.7 - lift, y * 3.1 + facing)
        thickness = 0.55 * swirl + 0.9 * slant - 0.45 * y + lift
        hues = np.stack([0.5 + 0.5 * cosine(thickness + shift) for shift in (0.0, 0.33, 0.67)], axis=-1)
        spectrum = np.float32(0.12) + np.float32(0.80) * hues
        colours = tint + (spectrum * (0.35 + 0.65 * tint) - tint) * np.float32(0.9 * bubbles.iridescence)
        # Its outermost edge mirrors what is dark beside it, and shows on white.
        colours = colours * (1 - 0.45 * smoothstep(0.93, 0.995, held))[..., None]
        turn = turns_of(np.broadcast_to(x, far.shape), np.broadcast_to(y, far.shape))
        sheen = 0.10 + 0.10 * smoothstep(-0.2, 0.7, swirl) * np.float32(bubbles.iridescence)
        veil = (0.02 + sheen * (0.35 + slant) + 0.85 * rim) * np.float32(0.35 + 1.6 * bubbles.film)
        # Brighter above, towards the sky, and below, by what lies there.
        veil = np.clip(veil * (0.78 + 0.22 * np.abs(y)) + 0.25 * smoothstep(0.90, 1.0, held) * np.abs(y), 0, 0.92)
        window = _window(far, turn, 0.375, 0.105, 0.68, 0.13) + 0.55 * _window(far, turn, -0.125, 0.085, 0.80, 0.07)
        spot = gaussian(np.sqrt((x + 0.38) ** 2 + (y - 0.40) ** 2), 0.035 + pixel / 2) * 0.6
        gleam = np.clip((window + spot) * np.float32(1.25 * bubbles.shine), 0, 0.97)
        colours = colours + (1 - colours) * (gleam / np.maximum(gleam + veil * 0.6, 1e-6))[..., None]
        alpha = (veil + gleam * (1 - veil)) * cover
        layer = np.empty((*alpha.shape, 4), np.float32)
        layer[..., 3] = alpha
        layer[..., :3] = np.clip(colours, 0, 1) * alpha[..., None]
        return layer

    return band


def _window(far: Field, turn: Field, at: float, wide: float, radius: float, thick: float) -> Field:
    """A bent pane of mirrored light, brightest at its outer edge."""
    aside = np.abs(turn - np.float32(at))
    aside = np.minimum(aside, 1 - aside)
    side = smoothstep(wide, wide * 0.72, aside)
    pane: Field = side * smoothstep(radius - thick, radius - 0.2 * thick, far)
    return pane * smoothstep(radius + thick, radius + 0.72 * thick, far)


KIND = Kind("bubbles", "Bubbles", ("bubble", "soap bubble", "air bubble", "water bubble"), Bubbles, paint, fills=True)
