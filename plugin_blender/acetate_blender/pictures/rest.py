# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a layer that a job does not draw anew, so that the new layer is a whole one."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
from acetate_wire.geometry import intersection
from acetate_wire.request import Rect

_BAND_BYTES = 1 << 20
"""Bytes copied between two yields, about a millisecond."""


@dataclass(frozen=True)
class Rest:
    """All of a layer as it was, on the part of the canvas that the new one covers.

    `rgba` is height x width x 4, uint8 sRGB with straight alpha, rows top-down.
    """

    covers: Rect
    rgba: Any

    def changed(self, drawn: Any, where: Rect) -> Generator[None, None, Any]:
        """The layer with what was drawn in place of its own pixels there; numbers as in `rgba`."""
        whole = np.empty(self.rgba.shape, np.uint8)
        band = max(1, _BAND_BYTES // (4 * self.covers.width))
        for top in range(0, self.covers.height, band):
            whole[top : top + band] = self.rgba[top : top + band]
            yield
        both = intersection(self.covers, where)
        if both is None:
            return whole
        left, first = both.x - self.covers.x, both.y - self.covers.y
        for row in range(0, both.height, band):
            rows = min(band, both.height - row)
            from_row = both.y - where.y + row
            whole[first + row : first + row + rows, left : left + both.width] = drawn[
                from_row : from_row + rows, both.x - where.x : both.x - where.x + both.width
            ]
            yield
        return whole
