"""Which size a model draws at for a target on the canvas, and how its picture lies in that target."""

from __future__ import annotations

import math
from dataclasses import dataclass

from acetate_wire.request import Rect

GRID = 64
"""Model sizes are multiples of this, the coarsest stride of any decoder."""
WIDEST = 2.0
"""Models draw repeated things on canvases more elongated than they learned; beyond this the rest stays clear."""
CROP_LOSS = 1 / 16
"""Up to this share of a side is cropped to fill the target; a worse fit is shown whole with clear margins."""
LARGEST = 2
"""Sizes that cover a target are looked for with shorter sides up to this many times what the model learned."""


@dataclass(frozen=True)
class Size:
    """Width and height in pixels."""

    width: int
    height: int


@dataclass(frozen=True)
class Window:
    """A part of a picture in fractional pixels, top-left origin."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Fit:
    """The part of the drawn picture that is used, and where in the target it goes; the rest stays clear."""

    window: Window
    paste: Rect


def model_size(target: Size, native: int) -> Size:
    """The size to draw at: close to `native` x `native` pixels of area and to the target's aspect ratio.

    Sides are multiples of 64; the aspect ratio is at most 2:1 either way. Of equally good sizes the larger.
    """
    aspect = min(max(target.width / target.height, 1 / WIDEST), WIDEST)

    def distance(size: Size) -> tuple[float, int]:
        area = size.width * size.height
        stretch = abs(math.log(size.width / size.height / aspect))
        growth = abs(math.log(area / native**2))
        return round(stretch + growth / 2, 9), -area

    sides = range(GRID, int(native * WIDEST) + 1, GRID)
    return min((Size(width, height) for width in sides for height in sides), key=distance)


def fit(drawn: Size, target: Size) -> Fit:
    """Lay a picture of one size into a target of another, centred, with one scale for both axes.

    It fills the target when that costs no more than `CROP_LOSS` of a side, and is otherwise shown whole.
    """
    across, down = target.width / drawn.width, target.height / drawn.height
    if min(across, down) / max(across, down) >= 1 - CROP_LOSS:
        scale = max(across, down)
        width, height = target.width / scale, target.height / scale
        window = Window((drawn.width - width) / 2, (drawn.height - height) / 2, width, height)
        return Fit(window, Rect(0, 0, target.width, target.height))
    scale = min(across, down)
    width, height = max(1, round(drawn.width * scale)), max(1, round(drawn.height * scale))
    paste = Rect((target.width - width) // 2, (target.height - height) // 2, width, height)
    return Fit(Window(0.0, 0.0, drawn.width, drawn.height), paste)


@dataclass(frozen=True)
class Cover:
    """A size to draw at, and the part of the drawn picture that is the whole target."""

    drawn: Size
    window: Window


def cover(target: Size, native: int) -> Cover:
    """Lay a target whole into a size near `native` x `native` pixels of area, centred, with one scale for both axes.

    Unlike `model_size` with `fit`, nothing of the target stays clear, however elongated it is, and a picture of the
    target can be laid in with it: what is drawn around the window is left out. Sides are multiples of 64.
    """

    def distance(size: Size) -> float:
        scale = min(size.width / target.width, size.height / target.height)
        used = scale**2 * target.width * target.height
        waste = math.log(size.width * size.height / used)
        return round(waste + abs(math.log(used / native**2)) / 2, 9)

    sides = range(GRID, LARGEST * max(native, GRID) + 1, GRID)
    flat = [Size(_on_grid(side * target.width / target.height), side) for side in sides]
    tall = [Size(side, _on_grid(side * target.height / target.width)) for side in sides]
    drawn = min(flat + tall, key=distance)
    scale = min(drawn.width / target.width, drawn.height / target.height)
    width, height = min(target.width * scale, drawn.width), min(target.height * scale, drawn.height)
    return Cover(drawn, Window((drawn.width - width) / 2, (drawn.height - height) / 2, width, height))


def cover_exactly(target: Size) -> Cover:
    """Lay a target, pixel on pixel, into the next larger size with sides that are multiples of 64."""
    drawn = Size(_on_grid(target.width), _on_grid(target.height))
    left, top = (drawn.width - target.width) // 2, (drawn.height - target.height) // 2
    return Cover(drawn, Window(left, top, target.width, target.height))


def _on_grid(side: float) -> int:
    return math.ceil(round(side / GRID, 6)) * GRID
