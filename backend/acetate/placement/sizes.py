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
