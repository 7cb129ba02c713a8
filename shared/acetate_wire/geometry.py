"""Rectangles of pixels, and which part of the canvas a job works on."""

from __future__ import annotations

from dataclasses import dataclass

from .field_readers import whole

LAYER_MARGIN = 1 / 8
"""How much is added on each side of a layer that is worked on, as a share of its longer side."""


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
