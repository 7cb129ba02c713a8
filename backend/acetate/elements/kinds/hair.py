"""Hair on a head that is not drawn: locks of thousands of strands, each with its own shade and its own gleam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import Rgb, layer_of, mix, ramp, rgb
from acetate.elements.numbers import Field, Numbers, Reals, exp, gaussian, power, sine
from acetate.elements.params import choice, colour, number
from acetate.elements.strokes import Strokes, fine

POINTS = 48
"""Points of a strand."""
LAYERS = 5
"""Strands lie in so many layers, each over the one before, so that single ones stay visible."""
CENTRE, OUTER, INNER = (0.0, 0.66), (0.225, 0.30), (0.155, 0.180)
"""The middle of the head, and the half axes of its outline with hair and of the face, in heights of the whole."""


@dataclass(frozen=True)
class Hair:
    """What can be set."""

    cut: str = choice(
        "Cut",
        {"loose": "Loose", "bangs": "With bangs", "behind": "From behind"},
        {"bangs": "bangs", "fringe": "bangs", "loose": "loose", "from_behind": "behind", "back_view": "behind"},
    )
    length: float = number("Length", 0.6, short=0.2, bob=0.3, medium=0.5, shoulder_length=0.5, long=0.85, very_long=1.0)
    curl: float = number("Curl", 0.15, straight=0.0, wavy=0.45, curly=0.85, frizzy=1.0, curled=0.8, sleek=0.0)
    mess: float = number(
        "Mess", 0.25, neat=0.05, sleek=0.0, combed=0.05, smooth=0.05, messy=0.85, tousled=0.75, wild=1.0, unkempt=0.9
    )
    strands: float = number("Strands", 0.6, 0.1, 1.0, thin=0.3, sparse=0.2, thick=0.9, full=0.9, dense=1.0)
    width: float = number("Volume", 0.5, flat=0.1, voluminous=0.95, fluffy=0.9)
    wind: float = number(
        "Wind", 0.0, -1.0, 1.0, windy=0.7, blowing=0.6, wind=0.6, windblown=0.7, blown=0.7, strong_wind=0.9
    )
    shine: float = number("Shine", 0.5, matte=0.05, dull=0.1, shiny=0.9, glossy=0.95)
    light: float = number("Light from", -0.4, -1.0, 1.0)
    colour: str = colour(
        "Colour",
        "#8a5a34",
        blonde="#d8b36c",
        blond="#d8b36c",
        golden="#dcae52",
        brown="#6b4427",
        brunette="#54341f",
        auburn="#7c3319",
        ginger="#c05f22",
        red="#a53c17",
        black="#2b2624",
        grey="#9a9896",
        gray="#9a9896",
        silver="#bcbcc0",
        white="#e6e2dc",
    )


@dataclass(frozen=True)
class _Tress:
    """Strands: points (n, k, 2) in heights of the whole, shades (n, k), layer (n)."""

    points: Reals
    shade: Reals
    layer: Reals


def paint(canvas: Canvas, hair: Hair) -> Layer:
    """Hair, seen from the front with the face left clear, or from behind."""
    box = canvas.box(0.5, 0.95)
    size = min(box.height, box.width / 0.95 * 1.0)
    tresses = [_side(canvas, hair, "left", -1.0), _side(canvas, hair, "right", 1.0)]
    if hair.cut == "bangs":
        tresses.append(_bangs(canvas, hair))
    low = min(float(tress.points[..., 1].min()) for tress in tresses)
    wide = max(float(np.abs(tress.points[..., 0]).max()) for tress in tresses)
    # The whole is moved and, where it would not fit, made smaller.
    scale = min(size, box.height / (0.985 - low), box.width / 2 / wide)
    middle = (0.985 + low) / 2
    shape = (canvas.height, canvas.width)
    stops = _shades(rgb(hair.colour), hair.shine)
    layer = np.zeros((*shape, 4), np.float32)
    for index in range(LAYERS):
        depth, shaded = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        for tress in tresses:
            chosen = tress.layer == index
            if not chosen.any():
                continue
            points = tress.points[chosen] * scale
            points[..., 0] += box.middle
            points[..., 1] += box.bottom + box.height / 2 - middle * scale
            t = np.linspace(0, 1, POINTS)
            radius = 0.00112 * scale * np.clip((1 - t) / 0.35, 0.12, 1) * canvas.unit
            weight = 0.80 * np.clip((1 - t) / 0.12, 0.05, 1) * np.clip(t / 0.02 + 0.2, 0, 1)
            fine(
                depth, Strokes(canvas.pixels(points), radius[None], weight[None], tress.shade[chosen], soft=0.3), shaded
            )

        def band(band: Band, depth: Field = depth, shaded: Field = shaded) -> Field:
            thick = depth[band.place]
            shade = (shaded[band.place] / np.maximum(thick, np.float32(1e-6))).astype(np.float32, copy=False)
            return layer_of(np.float32(1) - exp(thick * np.float32(-1.0)), ramp(shade, stops))

        canvas.lay(layer, band, (index + 0.5) / LAYERS)
    return layer


def _shades(tint: Rgb, shine: float) -> tuple[tuple[float, Rgb], ...]:
    """The ramp from a strand's shade to its colour."""
    black, white = (0.02, 0.015, 0.015), (1.0, 0.97, 0.92)
    deep = mix(black, tint, 0.45)
    bright = mix(tint, white, 0.20)
    return (
        (0.0, mix(black, tint, 0.22)),
        (0.25, deep),
        (0.55, tint),
        (0.78, bright),
        (1.15, mix(tint, white, 0.35 + 0.4 * shine)),
    )


def _bell(value: Reals) -> Reals:
    """The bell curve, half as high at 1."""
    return gaussian(value.astype(np.float32), 0.849).astype(np.float64)


def _gleam(canvas: Canvas, hair: Hair, name: str, turn: Reals, lock: Reals) -> Reals:
    """The gleam of strands (n, k) whose direction has turned by `turn` quarter turns from level."""
    numbers = canvas.numbers
    count = len(turn)
    shift = numbers.normal(f"{name}.gleam", count, 0.055) + 0.05 * lock
    first = (turn - 0.46 - shift[:, None]) / 0.15
    second = (turn - 0.80 - shift[:, None]) / 0.28
    bright = _bell(first) + 0.35 * _bell(second)
    return np.asarray(bright * (0.15 + 0.55 * hair.shine))


def _waves(canvas: Canvas, hair: Hair, name: str, points: Reals, lock: Reals, locks: int) -> tuple[Reals, Reals]:
    """Strands bent to waves or curls, stirred by the wind, and how much light their bends catch."""
    numbers = canvas.numbers
    count = len(points)
    t = np.linspace(0, 1, POINTS)[None]
    index = lock.astype(np.intp)
    along = np.diff(points, axis=1, append=points[:, -1:] * 2 - points[:, -2:-1])
    length = np.sqrt((along**2).sum(axis=-1, keepdims=True))
    way = along / np.maximum(length, 1e-9)
    away = np.stack([way[..., 1], -way[..., 0]], axis=-1)
    far = np.cumsum(length[..., 0], axis=1)
    rate = (2.0 + 6.5 * hair.curl) * (1 + numbers.normal(f"{name}.rate", locks, 0.12)[index])
    turn = numbers.uniform(f"{name}.turn", locks)[index] + numbers.normal(f"{name}.own", count, 0.05 + 0.04 * hair.mess)
    wave = (far * rate[:, None] + turn[:, None]).astype(np.float32)
    grow = np.clip((t - 0.12) / 0.45, 0, 1)
    amount = (0.004 + 0.030 * hair.curl) * grow * (0.7 + 0.6 * numbers.uniform(f"{name}.amount", locks)[index])[:, None]
    bend = amount * sine(wave)
    # Stray strands leave their lock; some stand off by far.
    stray = numbers.normal(f"{name}.stray", count, 0.0035 + 0.022 * hair.mess)
    flies = numbers.uniform(f"{name}.flies", count) < 0.03 + 0.07 * hair.mess
    stray = np.where(flies, stray * 3.2, stray)
    slow = sine((t * (0.7 + numbers.uniform(f"{name}.slow", count)[:, None]) + turn[:, None] * 3).astype(np.float32))
    bend = bend + stray[:, None] * (0.25 * grow + slow * grow)
    moved = points + away * bend[..., None]
    fall = np.clip(CENTRE[1] + 0.12 - points[..., 1], 0, None)
    sway = sine((canvas.phase + 0.25 * turn[:, None] + 0.5 * t).astype(np.float32)) * 0.012 * fall
    moved[..., 0] += hair.wind * 0.55 * fall * np.sqrt(fall) + sway * (1 + 2 * abs(hair.wind))
    moved[..., 1] += abs(hair.wind) * 0.25 * fall**2
    caught = sine(wave + np.float32(0.25)) * grow * min(hair.curl * 1.6, 1.0) * 0.20
    return moved, np.asarray(caught, np.float64)


def _side(canvas: Canvas, hair: Hair, name: str, sign: float) -> _Tress:
    """Hair that falls from a parting along one side of the face; from behind, over all of the head."""
    inner = (0.0, 0.20) if hair.cut == "behind" else INNER
    numbers: Numbers = canvas.numbers
    most, locks = 3900, 46
    count = int(most * hair.strands)
    lock = np.minimum((numbers.uniform(f"{name}.lock", most)[:count] * locks).astype(np.intp), locks - 1)
    # A strand lies between the face (0) and the outline (1); those of a lock lie together, closer at their tips.
    place = (np.arange(locks) + 0.5) / locks
    spread = numbers.normal(f"{name}.spread", most, 0.030 + 0.02 * hair.mess)[:count]
    t = np.linspace(0, 1, POINTS)[None]
    gather = 1 - (0.55 - 0.2 * hair.mess) * np.clip((t - 0.3) / 0.7, 0, 1)
    at = np.clip(place[lock][:, None] + spread[:, None] * gather, 0, 1.05)
    volume = 0.9 + 0.25 * hair.width
    ax = inner[0] + (OUTER[0] * volume - inner[0]) * at
    ay = inner[1] + (OUTER[1] - inner[1]) * at
    tall = 0.10 + 0.66 * hair.length
    reach = (1 - 0.26 * numbers.uniform(f"{name}.reach", locks)[lock]) * (
        1 - 0.2 * numbers.uniform(f"{name}.cut", most)[:count]
    )
    # First around the head from the parting, then down.
    bow = 0.42
    around = np.clip(t / bow, 0, 1)
    parting = numbers.one("parting", -0.045, 0.045)
    angle = (parting + (0.26 * sign - parting) * around).astype(np.float32) + np.zeros((count, 1), np.float32)
    x = ax * sine(angle) - sign * 0.006 * (1 - around)
    y = CENTRE[1] + ay * sine(angle + np.float32(0.25))
    fall = np.clip((t - bow) / (1 - bow), 0, 1) * (tall * reach)[:, None]
    inward = 0.020 * (at - 0.2) * np.clip(fall / 0.4, 0, 1) ** 2
    flare = 0.10 * hair.width * np.clip(fall / 0.5, 0, 1.2) * (at - 0.35)
    points = np.stack([x + sign * (flare - inward), y - fall], axis=-1)
    moved, caught = _waves(canvas, hair, name, points, lock.astype(np.float64), locks)
    tone = numbers.normal(f"{name}.tone", locks, 0.05)[lock] + numbers.normal(f"{name}.shade", most, 0.085)[:count]
    # Lit from one side, evenly at the parting.
    turned = hair.light * sine(angle) * (np.clip(at * 1.6, 0, 1) if hair.cut == "behind" else 1.0)
    shade = (
        0.5
        + 0.16 * turned
        + tone[:, None]
        - (0.0 if hair.cut == "behind" else 0.20) * (1 - np.clip(at * 2.2, 0, 1))
        - 0.16 * (1 - np.clip(around * 2.5, 0, 1))
    )
    shade = (
        shade
        + _gleam(canvas, hair, name, around * 0.62 + fall * 0.75, numbers.normal(f"{name}.lockgleam", locks)[lock])
        * (0.75 + 0.5 * turned)
        + caught
    )
    shade = shade - 0.12 * np.clip(fall / 0.5, 0, 1)
    order = numbers.uniform(f"{name}.layer", locks)[lock] * 0.75 + numbers.uniform(f"{name}.over", most)[:count] * 0.25
    layer = np.minimum((order * LAYERS).astype(np.intp), LAYERS - 1)
    # Deeper strands lie in the shadow of those above.
    shade = shade - 0.055 * (LAYERS - 1 - layer)[:, None]
    return _Tress(moved, np.clip(shade, 0, 1.15), layer)


def _bangs(canvas: Canvas, hair: Hair) -> _Tress:
    """Hair that falls over the forehead."""
    numbers, name = canvas.numbers, "bangs"
    most, locks = 2000, 22
    count = int(most * hair.strands)
    lock = np.minimum((numbers.uniform(f"{name}.lock", most)[:count] * locks).astype(np.intp), locks - 1)
    place = ((np.arange(locks) + 0.5) / locks * 2 - 1)[lock]
    spread = numbers.normal(f"{name}.spread", most, 0.045)[:count]
    t = np.linspace(0, 1, POINTS)[None]
    at = np.clip(place[:, None] + spread[:, None] * (1 - 0.5 * t), -1.05, 1.05)
    top = CENTRE[1] + OUTER[1] * (0.93 - 0.16 * at**2)
    brow = CENTRE[1] + 0.045 - 0.035 * at**2 - 0.02 * numbers.uniform(f"{name}.cut", most)[:count][:, None]
    x = at * (0.05 + (INNER[0] * 1.02 - 0.05) * power(np.clip(t * 1.6, 0, 1).astype(np.float32), 0.7))
    y = top + (brow - top) * t * (0.6 + 0.4 * t)
    points = np.stack([x, y], axis=-1)
    moved, caught = _waves(canvas, hair, name, points, lock.astype(np.float64), locks)
    tone = numbers.normal(f"{name}.tone", locks, 0.05)[lock] + numbers.normal(f"{name}.shade", most, 0.085)[:count]
    shade = 0.46 + tone[:, None] + 0.10 * hair.light * at - 0.12 * (1 - np.clip(t * 4, 0, 1)) - 0.10 * t
    shade = (
        shade
        + _gleam(canvas, hair, name, t * 0.9 + 0.05 * at**2, numbers.normal(f"{name}.lockgleam", locks)[lock])
        + caught
    )
    layer = np.minimum((numbers.uniform(f"{name}.layer", most)[:count] * 3).astype(np.intp) + 2, LAYERS - 1)
    shade = shade - 0.055 * (LAYERS - 1 - layer)[:, None]
    return _Tress(moved, np.clip(shade, 0, 1.15), layer)


KIND = Kind(
    "hair",
    "Hair",
    ("hair", "hairstyle", "hairdo", "wig", "lock of hair", "strand of hair", "bangs"),
    Hair,
    paint,
)
