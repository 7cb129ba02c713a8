"""Rectangles of pixels, and which part of the canvas a job works on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Sequence

from .field_readers import whole

LAYER_MARGIN = 1 / 8
"""How much is added on each side of a layer that is worked on, as a share of its longer side."""
MASK_MARGIN = 1 / 4
"""How much of the picture around a mask is looked at, as a share of the mask's longer side."""


@dataclass(frozen=True)
class Rect:
    """A pixel rectangle, top-left origin; width and height are positive. Raises AcetateError `bad_request`."""

    x: int
    y: int
    width: int
    height: int

    def __post_init__(self) -> None:
        """Check every field."""
        whole(self.x, "x")
        whole(self.y, "y")
        whole(self.width, "width", 1)
        whole(self.height, "height", 1)

    def contains(self, other: Rect) -> bool:
        """Whether all of another rectangle lies inside."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.width <= self.x + self.width
            and other.y + other.height <= self.y + self.height
        )


def intersection(one: Rect, other: Rect) -> Optional[Rect]:
    """What lies in both rectangles; None where that is nothing."""
    left, top = max(one.x, other.x), max(one.y, other.y)
    right = min(one.x + one.width, other.x + other.width)
    bottom = min(one.y + one.height, other.y + other.height)
    return Rect(left, top, right - left, bottom - top) if left < right and top < bottom else None


def union(rects: Sequence[Rect]) -> Rect:
    """The smallest rectangle that holds all of these, one or more."""
    left, top = min(rect.x for rect in rects), min(rect.y for rect in rects)
    right = max(rect.x + rect.width for rect in rects)
    bottom = max(rect.y + rect.height for rect in rects)
    return Rect(left, top, right - left, bottom - top)


def area_around(bounds: Rect, canvas: Rect, max_aspect: float) -> Rect:
    """Where a job works that works on one layer: its visible bounds with a margin, at a shape that the model learned.

    The longer side is at most `max_aspect` times the shorter one (1 is square). The area is moved inside the canvas
    as far as it fits; all of `bounds` is in it.
    """
    margin = 2 * round(LAYER_MARGIN * max(bounds.width, bounds.height))
    width, height = bounds.width + margin, bounds.height + margin
    least = round(max(width, height) / max_aspect)
    width, height = max(width, least), max(height, least)
    x = _start(bounds.x, bounds.width, width, canvas.x, canvas.width)
    y = _start(bounds.y, bounds.height, height, canvas.y, canvas.height)
    return Rect(x, y, width, height)


def area_around_mask(bounds: Rect, canvas: Rect, max_aspect: float, least: int = 0) -> Rect:
    """Where a job works that changes what is inside a mask: its bounds with the picture around them.

    At least `least` pixels a side where the canvas has them, and at a shape that the model learned: where the canvas
    ends too early for one, the longer side is shortened, so that the mask stays in the middle. A subject, which a model
    draws in the middle, would otherwise be cut at the mask's edge. All of `bounds` is in it.
    """
    margin = 2 * round(MASK_MARGIN * max(bounds.width, bounds.height))
    width, height = max(bounds.width + margin, least), max(bounds.height + margin, least)
    most_width, most_height = max(canvas.width, bounds.width), max(canvas.height, bounds.height)
    width, height = min(width, most_width), min(height, most_height)
    width = min(max(width, round(height / max_aspect)), most_width)
    height = min(max(height, round(width / max_aspect)), most_height)
    width = max(bounds.width, min(width, round(height * max_aspect)))
    height = max(bounds.height, min(height, round(width * max_aspect)))
    x = _start(bounds.x, bounds.width, width, canvas.x, canvas.width)
    y = _start(bounds.y, bounds.height, height, canvas.y, canvas.height)
    return Rect(x, y, width, height)


def square_in(area: Rect, max_aspect: float) -> Rect:
    """The largest part of an area, centred, whose longer side is at most `max_aspect` times its shorter one."""
    most = round(min(area.width, area.height) * max_aspect)
    width, height = min(area.width, most), min(area.height, most)
    return Rect(area.x + (area.width - width) // 2, area.y + (area.height - height) // 2, width, height)


def _start(first: int, length: int, wanted: int, low: int, available: int) -> int:
    """Where `wanted` pixels begin that hold a span: centred on it, then moved inside what is available."""
    start = first - (wanted - length) // 2
    if wanted <= available:
        start = min(max(start, low), low + available - wanted)
    return min(max(start, first + length - wanted), first)
