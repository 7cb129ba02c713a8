"""A spider's web: taut spokes, a sticky spiral that sags between them, and beads of dew."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from acetate.elements.frame import Band, Canvas, Layer, clear
from acetate.elements.kind import Kind
from acetate.elements.light import layer_of, mix, over, rgb
from acetate.elements.numbers import Field, Reals, cosine, sine
from acetate.elements.params import colour, number, whole
from acetate.elements.strokes import Strokes, dots, fine, opacity

SAG = np.linspace(0, 1, 7)


@dataclass(frozen=True)
class Web:
    """What can be set."""

    spokes: int = whole("Spokes", 18, 7, 36)
    turns: int = whole("Turns", 22, 4, 48)
    sag: float = number("Sag", 0.4, taut=0.1, sagging=0.85, loose=0.8, old=0.7)
    damage: float = number("Torn", 0.12, perfect=0.0, torn=0.7, broken=0.7, old=0.5, tattered=0.9)
    thickness: float = number("Thickness", 0.4, thin=0.15, fine=0.15, thick=0.85)
    dew: float = number("Dew", 0.0, dew=0.7, dewy=0.7, wet=0.7, morning=0.6, dewdrops=0.7)
    colour: str = colour("Colour", "#c3ccd4")


def paint(canvas: Canvas, web: Web) -> Layer:
    """A web around the middle of the frame, which sways a little in a loop."""
    depth = np.zeros((canvas.height, canvas.width), np.float32)
    radius = (0.0003 + 0.0011 * web.thickness) * canvas.unit
    spokes, ends = _spokes(canvas, web)
    pixels = canvas.pixels(spokes)
    fine(depth, Strokes(pixels, np.array(radius * 1.15), np.array(0.85)))
    threads, strength = _spiral(canvas, web, spokes)
    fine(depth, Strokes(canvas.pixels(threads), np.array(radius * 0.7), strength[:, None]))
    anchors = np.stack([ends, np.roll(ends, -1, axis=0)], axis=1)
    fine(depth, Strokes(canvas.pixels(_hung(anchors, 0.10)), np.array(radius * 1.3), np.array(0.8)))
    canvas.on_progress(0.4)
    beads, gleams = np.zeros_like(depth), np.zeros_like(depth)
    _dew(canvas, web, threads, strength, beads, gleams)
    canvas.on_progress(0.6)
    tint = rgb(web.colour)
    wet = np.asarray(mix(tint, (0.75, 0.82, 0.88), 0.5), np.float32)

    def band(band: Band) -> Field:
        layer = layer_of(opacity(depth[band.place]), tint)
        bead: Field = np.minimum(beads[band.place], 1) * np.float32(0.55)
        gleam: Field = np.minimum(gleams[band.place], 1)
        spun: Field = over(layer_of(gleam, (1.0, 1.0, 1.0)), over(layer_of(bead, wet), layer))
        return spun * clear(canvas, band, 0.012)[..., None]

    return canvas.fill(band, 0.6)


def _spokes(canvas: Canvas, web: Web) -> tuple[Reals, Reals]:
    """The spokes from the hub as (n, 3, 2), and where the frame threads join them as (n, 2)."""
    numbers, count = canvas.numbers, web.spokes
    turn = (np.arange(count) + numbers.uniform("turn", count, -0.32, 0.32)) / count
    angle = turn.astype(np.float32)
    way = np.stack([cosine(angle), sine(angle)], axis=-1).astype(np.float64)
    sway = 0.006 * float(sine(np.full(1, canvas.phase, np.float32))[0])
    hub = np.array([numbers.one("hub.x", -0.03, 0.03) + sway, numbers.one("hub.y", 0.0, 0.06)])
    # The outline is an uneven polygon that a few anchors stretch; the spokes beyond it hold the web.
    room = np.array([min(canvas.across, 1.35), min(canvas.down, 1.35)]) * 0.47
    uneven = numbers.uniform("reach", count, 0.74, 0.86) + 0.04 * sine(
        (3 * turn + numbers.one("lobes")).astype(np.float32)
    )
    ends = hub + way * room * uneven[:, None]
    held = numbers.uniform("held", count) < 0.45
    outer = np.where(held[:, None], hub * 0.3 + way * room * 0.97, ends)
    middle = hub + (ends - hub) * 0.5
    return np.stack([np.broadcast_to(hub, ends.shape), middle, ends, outer], axis=1), ends


def _hung(pairs: Reals, sag: float) -> Reals:
    """Threads between pairs of points (n, 2, 2) as polylines that hang inwards and down."""
    first, last = pairs[:, :1], pairs[:, 1:]
    straight = first + (last - first) * SAG[None, :, None]
    length = np.sqrt(((last - first) ** 2).sum(axis=-1))[..., None]
    middle = straight.mean(axis=1, keepdims=True)
    inwards = -middle / np.maximum(np.sqrt((middle**2).sum(axis=-1, keepdims=True)), 1e-9)
    pull = 0.6 * inwards + np.array([0.0, -0.5])
    bow = (4 * SAG * (1 - SAG))[None, :, None]
    hung: Reals = straight + bow * pull * length * sag
    return hung


def _spiral(canvas: Canvas, web: Web, spokes: Reals) -> tuple[Reals, Reals]:
    """The spiral's threads (n, k, 2) and how well each is seen; a torn one is gone."""
    numbers, count, turns = canvas.numbers, web.spokes, web.turns
    hub, ends = spokes[:, 0], spokes[:, 2]
    at = (np.arange(turns * count) / count + numbers.normal("jitter", turns * count, 0.05)) / turns
    share = 0.12 + 0.85 * np.clip(at, 0, 1)
    spoke = np.arange(turns * count) % count
    points = hub[spoke] + (ends[spoke] - hub[spoke]) * share[:, None]
    pairs = np.stack([points[:-1], points[1:]], axis=1)
    size = turns * count - 1
    # Whole patches tear: neighbours on the next turn go together.
    patch = numbers.uniform("tear", count * turns)[
        (np.arange(size) % count) // 2 + (np.arange(size) // (count * 4)) * count
    ]
    torn = np.minimum(patch + 0.25 * numbers.uniform("torn", size), 1)
    strength = numbers.uniform("strength", size, 0.55, 0.9) * (torn >= web.damage)
    sag = 0.03 + 0.22 * web.sag
    return _hung(pairs, sag), strength


def _dew(canvas: Canvas, web: Web, threads: Reals, strength: Reals, beads: Field, gleams: Field) -> None:
    """Beads along the threads, each with a light above."""
    numbers = canvas.numbers
    kept = threads[strength > 0]
    if web.dew <= 0 or not len(kept):
        return
    places = kept[:, :-1].reshape(-1, 2)
    most = len(places)
    chosen = np.nonzero(numbers.uniform("bead", most) < 0.15 + 0.75 * web.dew)[0]
    size = numbers.uniform("bead.size", most)[chosen]
    radius = (0.0010 + 0.0034 * size * size * size) * (0.4 + 0.8 * web.dew)
    spots = canvas.pixels(places[chosen])
    dots(beads, spots, radius * canvas.unit, np.full(len(chosen), 0.9), 0.3)
    light = spots + np.stack([-radius, -radius], axis=-1) * 0.35 * canvas.unit
    dots(gleams, light, radius * 0.42 * canvas.unit, np.full(len(chosen), 0.95), 0.8)


KIND = Kind("web", "Spider web", ("spider web", "spiderweb", "cobweb", "web"), Web, paint)
