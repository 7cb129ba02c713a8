"""The size that a model generates at for a target on the canvas, and the mapping between both."""

from __future__ import annotations

import math
from dataclasses import dataclass

from acetate_wire.field_readers import whole
from acetate_wire.geometry import Rect

GRID = 64
"""Working sizes are multiples of this, the coarsest stride of any network, in pixels."""
CROP_LOSS = 1 / 16
"""Up to this share of a side is cropped to fill the target; a worse fit is shown whole with clear margins."""
LARGEST = 2
"""The shorter side of a covering size is at most this many times the training resolution."""


@dataclass(frozen=True)
class Size:
    """Width and height in pixels, both positive. Raises AcetateError `bad_request`."""

    width: int
    height: int

    def __post_init__(self) -> None:
        """Check every field."""
        whole(self.width, "width", 1)
        whole(self.height, "height", 1)

    @property
    def aspect(self) -> float:
        """The longer side over the shorter one."""
        return max(self.width, self.height) / min(self.width, self.height)


@dataclass(frozen=True)
class Learned:
    """The sizes that a model was trained at: at others it duplicates a single subject.

    About `side` x `side` pixels of area, the longer side at most `max_aspect` times the shorter one (1 is square).
    `sizes` are the trained sizes where there are several; empty allows any size of that area and aspect ratio.
    """

    side: int
    max_aspect: float = 1.0
    sizes: tuple[Size, ...] = ()

    def candidates(self) -> tuple[Size, ...]:
        """All sizes to choose from, sides multiples of 64; where none is narrow enough, the one nearest to its own."""
        if self.sizes:
            return self.sizes
        sides = range(GRID, int(self.side * self.max_aspect) + 1, GRID)
        sizes = (Size(width, height) for width in sides for height in sides)
        found = tuple(size for size in sizes if size.aspect <= self.max_aspect)
        return found or (Size(_on_grid(self.side), _on_grid(self.side)),)


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


def model_size(target: Size, learned: Learned) -> Size:
    """The trained size to generate a single subject at, nearest to the model's area and the target's aspect ratio.

    Of equally near sizes the larger.
    """
    widest = learned.max_aspect
    aspect = min(max(target.width / target.height, 1 / widest), widest)

    def distance(size: Size) -> tuple[float, int]:
        stretch = abs(math.log(size.width / size.height / aspect))
        return round(stretch + _growth(size, learned) / 2, 9), -size.width * size.height

    return min(learned.candidates(), key=distance)


def fit(drawn: Size, target: Size) -> Fit:
    """Fit an image of one size into a target of another, centred, with one scale for both axes.

    It fills the target where that crops no more than `CROP_LOSS` of a side, and is otherwise shown whole.
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


def cover(target: Size, learned: Learned, any_shape: bool = False) -> Cover:
    """Fit a whole target into a size that the model was trained at, centred, with one scale for both axes.

    Unlike `model_size` with `fit`, the target is filled whatever its aspect ratio, and images of the target can be
    mapped into the working size; what is generated outside the window is cropped. With `any_shape` the size follows the
    target's aspect ratio, near the model's area. Sides are multiples of 64.
    """

    def distance(size: Size) -> float:
        scale = min(size.width / target.width, size.height / target.height)
        waste = math.log(size.width * size.height / (scale**2 * target.width * target.height))
        return round(waste + _growth(size, learned) / 2, 9)

    drawn = min(_elongated(target, learned.side) if any_shape else learned.candidates(), key=distance)
    scale = min(drawn.width / target.width, drawn.height / target.height)
    width, height = min(target.width * scale, drawn.width), min(target.height * scale, drawn.height)
    return Cover(drawn, Window((drawn.width - width) / 2, (drawn.height - height) / 2, width, height))


def cover_exactly(target: Size) -> Cover:
    """Centre a target at its own scale in the next larger size with sides that are multiples of 64."""
    drawn = Size(_on_grid(target.width), _on_grid(target.height))
    left, top = (drawn.width - target.width) // 2, (drawn.height - target.height) // 2
    return Cover(drawn, Window(left, top, target.width, target.height))


def _elongated(target: Size, side: int) -> list[Size]:
    """Sizes in about a target's proportions, the shorter side up to twice the model's."""
    shorter = range(GRID, LARGEST * max(side, GRID) + 1, GRID)
    flat = [Size(_on_grid(each * target.width / target.height), each) for each in shorter]
    return flat + [Size(each, _on_grid(each * target.height / target.width)) for each in shorter]


def _growth(size: Size, learned: Learned) -> float:
    """How far a size's area is from what the model learned, as a logarithm."""
    return abs(math.log(size.width * size.height / learned.side**2))


def _on_grid(side: float) -> int:
    return math.ceil(round(side / GRID, 6)) * GRID
