# SPDX-License-Identifier: GPL-3.0-or-later
"""Where images show anything at all: looked at in slices, so that the panel can tell it without waiting."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Callable

import bpy
import numpy as np
from acetate_editor.tasks import Task
from acetate_wire.request import Rect

from ..pictures import images
from ..pictures.images import ImagePixels

VISIBLE = 4 / 255
"""Alpha up to this is a haze that nobody sees."""
FRESH_S, PAINTED_FRESH_S = 60.0, 2.0
"""How long a look holds; less for images that are being painted on."""


@dataclass(frozen=True)
class Look:
    """Which part of an image of that size is visible, in its own pixels from its top left corner; None for nothing."""

    size: tuple[int, int]
    bounds: Rect | None

    def on(self, covers: Rect) -> Rect | None:
        """The visible part on the canvas, of which the image covers that rectangle."""
        if self.bounds is None:
            return None
        x, y = covers.width / self.size[0], covers.height / self.size[1]
        left, top = math.floor(self.bounds.x * x), math.floor(self.bounds.y * y)
        right = math.ceil((self.bounds.x + self.bounds.width) * x)
        bottom = math.ceil((self.bounds.y + self.bounds.height) * y)
        return Rect(covers.x + left, covers.y + top, right - left, bottom - top)


_looks: dict[tuple[str, bool], tuple[float, Look]] = {}
_due: dict[tuple[str, bool], None] = {}


def bounds(pixels: ImagePixels) -> Rect | None:
    """The visible part of a picture, from its top left corner; of a mask, what is inside."""
    array = pixels.array
    level = VISIBLE * (255 if array.dtype == np.uint8 else 1)
    seen = array[..., 3] > level
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not len(rows):
        return None
    # Rows count from the bottom.
    top = array.shape[0] - 1 - int(rows[-1])
    return Rect(int(columns[0]), top, int(columns[-1] - columns[0]) + 1, int(rows[-1] - rows[0]) + 1)


def mask_bounds(mask: ImagePixels) -> Rect | None:
    """The part of a mask that is inside, from its top left corner."""
    return bounds(ImagePixels(mask.array[..., [0, 0, 0, 0]]))


def look(image: Any, as_mask: bool = False) -> Look | None:
    """What was visible when this image was last looked at; None when it never was. It is soon looked at again."""
    key = (image.name, as_mask)
    when, found = _looks.get(key, (float("-inf"), None))
    if found is not None and found.size != (image.size[0], image.size[1]):
        when, found = float("-inf"), None
    if time.monotonic() - when > (PAINTED_FRESH_S if image.is_dirty else FRESH_S):
        _due[key] = None
    return found


def due(on_change: Callable[[], None]) -> Iterator[Task]:
    """The work that `look` waits for, each once; `on_change` is called when something else is seen than before."""
    while _due:
        yield _see(*_due.popitem()[0], on_change)


def forget() -> None:
    """Another file was opened."""
    _looks.clear()
    _due.clear()


def _see(name: str, as_mask: bool, on_change: Callable[[], None]) -> Iterator[None]:
    image = bpy.data.images.get(name)
    if image is None or not all(image.size):
        return
    pixels = yield from images.read(image)
    yield
    found = mask_bounds(images.mask_of(pixels)) if as_mask else bounds(pixels)
    height, width = pixels.array.shape[:2]
    before, now = _looks.get((name, as_mask)), Look((width, height), found)
    _looks[name, as_mask] = (time.monotonic(), now)
    if before is None or before[1] != now:
        on_change()
