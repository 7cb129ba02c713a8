"""Cracks: from a point of impact through stone, or through glass with its rings of splinters."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, mix, over, rgb
from acetate.elements.numbers import Field, Reals, cosine, sine
from acetate.elements.params import choice, colour, number, whole
from acetate.elements.strokes import Strokes, capsules, fine, opacity

RINGS = 9
"""Rings of splinters in glass."""
STEPS = 110
"""Points on a crack of the full length."""


@dataclass(frozen=True)
class Cracks:
    """What can be set."""

    material: str = choice(
        "Material",
        {"stone": "Stone", "glass": "Glass"},
        {"glass": "glass", "shattered": "glass", "broken_glass": "glass", "stone": "stone", "wall": "stone"},
    )
    count: int = whole("Cracks", 8, 2, 16)
    branches: float = number("Branches", 0.5, simple=0.1, branching=0.85, branched=0.85)
    size: float = number("Size", 0.9, 0.2, 1.0, small=0.4, big=1.0, large=1.0)
    thickness: float = number("Thickness", 0.45, thin=0.1, fine=0.1, hairline=0.0, thick=0.85, deep=0.9, wide=0.9)
    jaggedness: float = number("Jaggedness", 0.5, smooth=0.15, jagged=0.85)
    relief: float = number("Lit edges", 0.5, flat=0.0)
    colour: str = colour("Colour", "#16130f")


@dataclass
class _Web:
    """Polylines in a unit circle, as (k, 2), with their widths (k)."""

    paths: list[Reals] = field(default_factory=list)
    widths: list[Reals] = field(default_factory=list)

    def add(self, path: Reals, width: Reals) -> None:
        self.paths.append(path)
        self.widths.append(width)


def paint(canvas: Canvas, cracks: Cracks) -> Layer:
    """Cracks around the middle of the frame."""
    web = _glass(canvas, cracks) if cracks.material == "glass" else _stone(canvas, cracks)
    room = 0.47 * cracks.size
    radius = (0.0004 + 0.0042 * cracks.thickness) * (0.42 if cracks.material == "glass" else 1.0)
    dark = np.zeros((canvas.height, canvas.width), np.float32)
    solid, pale = np.zeros_like(dark), np.zeros_like(dark)
    for done, (path, width) in enumerate(zip(web.paths, web.widths, strict=True), 1):
        points = _held(path) * room
        half = width * radius
        lay = capsules if half.max() * canvas.unit > 0.8 else fine
        lay(dark if lay is fine else solid, Strokes(canvas.pixels(points)[None], half * canvas.unit, np.array(0.98)))
        # The edge away from the light catches it.
        edge = points + np.array([0.55, -0.8]) * (half[:, None] * 1.25 + 0.0006)
        fine(pale, Strokes(canvas.pixels(edge)[None], half * 0.8 * canvas.unit, np.array(0.75), soft=0.5))
        canvas.on_progress(0.6 * done / len(web.paths))
    tint = rgb(cracks.colour)
    shine = mix(tint, (1.0, 1.0, 1.0), 0.92)

    def band(band: Band) -> Field:
        light = opacity(pale[band.place]) * np.float32(cracks.relief * (2 - cracks.relief))
        front = layer_of(np.maximum(opacity(dark[band.place] * 1.2), solid[band.place]), tint)
        return over(front, layer_of(light, shine))

    return canvas.fill(band, 0.6)


def _held(path: Reals) -> Reals:
    """A path drawn inwards where it nears the unit circle, so that it stays within."""
    far = np.sqrt((path**2).sum(axis=-1, keepdims=True))
    beyond = np.maximum(far - 0.7, 0)
    held: Reals = path * (np.minimum(far, 0.7) + 0.3 * beyond / (beyond + 0.3)) / np.maximum(far, 1e-9)
    return held


def _wander(canvas: Canvas, name: str, start: Reals, turn: float, length: float, rough: float, bound: float) -> Reals:
    """A path that runs straight for a while and then turns, with small teeth."""
    numbers = canvas.numbers
    steps = max(int(STEPS * length), 6)
    kink = numbers.uniform(f"{name}.kink", steps)
    swing = np.where(
        kink < 0.16, numbers.normal(f"{name}.swing", steps, 0.16), numbers.normal(f"{name}.jit", steps, 0.02)
    )
    heading = np.cumsum(swing * rough * 1.6)
    # It never turns back.
    heading = turn + bound * heading / (bound + np.abs(heading))
    pace = numbers.uniform(f"{name}.pace", steps, 0.6, 1.4) * length / steps
    angle = heading.astype(np.float32)
    step = np.stack([cosine(angle), sine(angle)], axis=-1).astype(np.float64) * pace[:, None]
    teeth = np.stack([numbers.normal(f"{name}.teeth.{axis}", steps, 0.0016 * rough) for axis in "xy"], axis=-1)
    return np.concatenate([start[None], start + np.cumsum(step, axis=0) + teeth])


def _stone(canvas: Canvas, cracks: Cracks) -> _Web:
    web, numbers = _Web(), canvas.numbers
    rough = 0.35 + 1.3 * cracks.jaggedness
    first = numbers.one("first")
    for index in range(cracks.count):
        name = f"crack{index}"
        # By the golden angle, so that one more crack moves none.
        turn = first + 0.381966 * index + numbers.one(f"{name}.aside", -0.04, 0.04)
        length = numbers.one(f"{name}.length", 0.75, 1.3)
        _branch(canvas, cracks, web, name, np.zeros(2), turn, length, rough, 1.0, 0)
    return web


def _branch(
    canvas: Canvas,
    cracks: Cracks,
    web: _Web,
    name: str,
    start: Reals,
    turn: float,
    length: float,
    rough: float,
    thick: float,
    depth: int,
) -> None:
    """Add a crack and those that leave it."""
    numbers = canvas.numbers
    path = _wander(canvas, name, start, turn, length, rough, 0.17)
    along = np.linspace(0, 1, len(path))
    uneven = numbers.uniform(f"{name}.width", len(path), 0.45, 1.3)
    # Neighbours are alike: a crack is no string of beads.
    uneven[1:-1] = (uneven[:-2] + uneven[1:-1] + uneven[2:]) / 3
    web.add(path, thick * np.maximum((1 - along) * (1 - 0.5 * along), 0.03) * uneven)
    if depth == 2:
        return
    most = (7, 3)[depth]
    at, side = numbers.uniform(f"{name}.at", most, 0.12, 0.85), numbers.uniform(f"{name}.side", most)
    angle, reach = numbers.uniform(f"{name}.angle", most, 0.07, 0.17), numbers.uniform(f"{name}.reach", most, 0.2, 0.55)
    for index in range(round(most * cracks.branches)):
        place = int(at[index] * (len(path) - 2)) + 1
        ahead = turn + (1 if side[index] < 0.5 else -1) * float(angle[index])
        fork = float(length * reach[index] * (1.1 - at[index] * 0.6))
        own = thick * (1 - float(at[index])) * 0.62
        _branch(canvas, cracks, web, f"{name}.{index}", path[place], ahead, fork, rough, own, depth + 1)


def _glass(canvas: Canvas, cracks: Cracks) -> _Web:
    """Straight rays from the impact, and splinters' edges that join neighbours at uneven distances."""
    web, numbers = _Web(), canvas.numbers
    rays = cracks.count * 3
    turns = (np.arange(rays) + numbers.uniform("aside", rays, -0.38, 0.38)) / rays + numbers.one("first")
    lengths = numbers.uniform("length", rays, 0.6, 1.7)
    rough = 0.25 + 0.7 * cracks.jaggedness
    paths = []
    for ray in range(rays):
        path = _wander(canvas, f"ray{ray}", np.zeros(2), float(turns[ray]), float(lengths[ray]), rough * 0.3, 0.02)
        along = np.linspace(0, 1, len(path))
        web.add(path, np.maximum(1 - along, 0.05) * numbers.uniform(f"ray{ray}.width", len(path), 0.7, 1.2))
        paths.append(path)
    at = np.cumsum(numbers.uniform("rings", RINGS, 0.5, 1.5) * (0.045 + 0.018 * np.arange(RINGS)))
    for ring in range(RINGS):
        shown = numbers.uniform(f"ring{ring}", rays)
        bend = 1 + numbers.uniform(f"bend{ring}", rays, -0.30, 0.30) * 0.06 * (1 + ring)
        for ray in range(rays):
            following = (ray + 1) % rays
            ends = (
                _on(paths[ray], float(at[ring] * bend[ray])),
                _on(paths[following], float(at[ring] * bend[following])),
            )
            if ends[0] is not None and ends[1] is not None and shown[ray] < cracks.branches * (1.25 - 0.09 * ring):
                web.add(np.stack([ends[0], ends[1]]), np.array([0.55, 0.45]))
    return web


def _on(path: Reals, far: float) -> Reals | None:
    """The place on a path at a distance from its start; None beyond its end."""
    index = int(np.searchsorted(np.sqrt((path**2).sum(axis=1)), far))
    point: Reals = path[min(index, len(path) - 1)]
    return point if index < 0.72 * len(path) else None


KIND = Kind(
    "cracks",
    "Cracks",
    ("crack", "fracture", "fissure", "cracked glass", "broken glass", "shattered glass", "glass crack", "wall crack"),
    Cracks,
    paint,
    loops=False,
)
