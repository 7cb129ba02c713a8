"""Lightning: a jagged bolt that forks again and again, white within its glow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Box, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import glow, rgb, shining
from acetate.elements.numbers import Field, Reals, sine, smoothstep
from acetate.elements.params import colour, number, whole
from acetate.elements.strokes import Strokes, capsules, fine

LEVELS = 9
"""How often the main bolt is halved; a fork is halved so often that its pieces are as long."""
FORKS = 34
"""Forks of a bolt with the most branches; half as many again leave those."""


@dataclass(frozen=True)
class Lightning:
    """What can be set."""

    count: int = whole("Bolts", 1, 1, 6)
    branches: float = number("Branches", 0.5, single=0.0, simple=0.1, branching=0.8, branched=0.8, forked=0.7)
    thickness: float = number("Thickness", 0.45, thin=0.15, fine=0.15, thick=0.9, massive=1.0)
    jaggedness: float = number("Jaggedness", 0.5, smooth=0.15, jagged=0.85, wild=0.9)
    glow: float = number("Glow", 0.5, faint=0.2, bright=0.85, intense=0.95, strong=0.85)
    lean: float = number("Lean", 0.0, -1.0, 1.0, slanted=0.6, diagonal=0.7)
    colour: str = colour("Colour", "#6f8cff")


@dataclass(frozen=True)
class _Bolt:
    """A path (n, 2) in units, and its radii (n) by the main bolt's."""

    path: Reals
    radii: Reals


def paint(canvas: Canvas, lightning: Lightning) -> Layer:
    """Bolts from the top of their box to its bottom, which writhe in a loop."""
    box = canvas.box(0.25, 1.0)
    core = np.zeros((canvas.height, canvas.width), np.float32)
    depth = np.zeros_like(core)
    radius = 0.0006 + 0.0036 * lightning.thickness
    for index in range(lightning.count):
        bolts = _tree(canvas, lightning, box, f"bolt{index}")
        for bolt in bolts:
            points = canvas.pixels(bolt.path)[None]
            strokes = Strokes(
                points, np.maximum(bolt.radii * radius * canvas.unit, 0.1), np.clip(bolt.radii + 0.25, 0, 1)
            )
            if bolt.radii[0] * radius * canvas.unit > 1.5:
                capsules(core, strokes)
            else:
                fine(depth, strokes)
        canvas.on_progress(0.3 * (index + 1) / lightning.count)
    np.maximum(core, np.float32(1) - np.float32(1) / (np.float32(1) + depth * (1 + depth)), out=core)
    near = glow(core, radius * 7 * canvas.unit, 3)
    far = glow(core, 0.16 * canvas.unit, 5)
    canvas.on_progress(0.7)
    tint = rgb(lightning.colour)
    edge_x, edge_y = canvas.across / 2, canvas.down / 2

    def band(band: Band) -> Field:
        clear = smoothstep(edge_x - 0.012, edge_x - 0.1, np.abs(band.x)) * smoothstep(
            edge_y - 0.012, edge_y - 0.1, np.abs(band.y)
        )
        bright = near[band.place] * np.float32(0.5 + 2.0 * lightning.glow) + far[band.place] * np.float32(
            1.0 + 5.0 * lightning.glow
        )
        return shining((bright + core[band.place] * np.float32(4.5)) * clear, tint)

    return canvas.fill(band, 0.7)


def _tree(canvas: Canvas, lightning: Lightning, box: Box, name: str) -> list[_Bolt]:
    numbers = canvas.numbers
    rough = 0.07 + 0.13 * lightning.jaggedness
    room = box.width * 0.4
    apart = numbers.one(f"{name}.apart", -0.7, 0.7) * room if lightning.count > 1 else 0.0
    middle, half = box.middle + apart, 0.85 * room * lightning.lean
    top = np.array([middle - half + numbers.one(f"{name}.top", -0.25, 0.25) * room, box.bottom + box.height])
    bottom = np.array([middle + half + numbers.one(f"{name}.bottom", -0.35, 0.35) * room, box.bottom])
    main = _path(canvas, name, top, bottom, rough, LEVELS)
    bolts = [_Bolt(main, np.linspace(1.0, 0.62, len(main)))]
    _fork(canvas, lightning, bolts, bolts[0], name, rough, box.height * 0.42, 0)
    return [_Bolt(_inside(bolt.path, box), bolt.radii) for bolt in bolts]


def _inside(path: Reals, box: Box) -> Reals:
    """The path drawn towards the middle where it nears the sides, so that none is cut."""
    offset = (path[:, 0] - box.middle) / (box.width / 2)
    far = np.abs(offset)
    bent = np.where(far > 0.75, 0.75 + 0.25 * (far - 0.75) / (far - 0.5), far)
    x = box.middle + np.copysign(bent, offset) * box.width / 2
    return np.stack([x, np.clip(path[:, 1], box.bottom, box.bottom + box.height)], axis=-1)


def _fork(
    canvas: Canvas,
    lightning: Lightning,
    bolts: list[_Bolt],
    parent: _Bolt,
    name: str,
    rough: float,
    reach: float,
    depth: int,
) -> None:
    """Add the forks of a bolt, and theirs."""
    numbers = canvas.numbers
    most = (FORKS, 6, 2)[depth]
    count = round(most * lightning.branches)
    at = numbers.uniform(f"{name}.at", most, 0.04, 0.92)[:count]
    side = np.where(numbers.uniform(f"{name}.side", most)[:count] < 0.5, -1.0, 1.0)
    angle = numbers.uniform(f"{name}.angle", most, 0.07, 0.19)[:count]
    share = numbers.uniform(f"{name}.reach", most)[:count]
    levels = LEVELS - 2 - depth
    for index in range(count):
        place = int(at[index] * (len(parent.path) - 2))
        ahead = parent.path[min(place + len(parent.path) // 5, len(parent.path) - 1)] - parent.path[place]
        along = ahead / max(np.sqrt((ahead**2).sum()), 1e-6)
        turned = np.float32(side[index] * angle[index]) + np.zeros(1, np.float32)
        s, c = float(sine(turned)[0]), float(sine(turned + np.float32(0.25))[0])
        way = np.array([along[0] * c - along[1] * s, along[0] * s + along[1] * c])
        length = reach * (0.18 + 0.82 * share[index] ** 2) * (1.05 - 0.6 * at[index])
        own = f"{name}.{index}"
        path = _path(canvas, own, parent.path[place], parent.path[place] + way * length, rough * 1.15, levels)
        thick = parent.radii[place] * (0.34 + 0.2 * share[index])
        bolt = _Bolt(path, np.linspace(thick, thick * 0.15, len(path)))
        bolts.append(bolt)
        if depth < 2:
            _fork(canvas, lightning, bolts, bolt, own, rough, length * 0.55, depth + 1)


def _path(canvas: Canvas, name: str, start: Reals, end: Reals, rough: float, levels: int) -> Reals:
    """A jagged path (2**levels + 1, 2) by midpoint displacement."""
    path = np.stack([start, end])
    for level in range(levels):
        step = np.diff(path, axis=0)
        away = step[:, ::-1] * [1, -1]
        turn = canvas.numbers.uniform(f"{name}.turn{level}", len(step)) + canvas.phase
        push = (
            canvas.numbers.uniform(f"{name}.push{level}", len(step), 0.5, 1.6) * sine(turn.astype(np.float32)) * rough
        )
        middle = (path[:-1] + path[1:]) / 2 + away * push[:, None]
        joined = np.empty((len(path) + len(middle), 2))
        joined[0::2], joined[1::2] = path, middle
        path = joined
    return path


KIND = Kind(
    "lightning",
    "Lightning",
    (
        "lightning",
        "lightning bolt",
        "lightning strike",
        "thunderbolt",
        "bolt of lightning",
        "electric arc",
        "electric bolt",
        "electricity",
    ),
    Lightning,
    paint,
    light=True,
)
