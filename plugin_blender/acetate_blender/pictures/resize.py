# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures brought to the size of the target: never stretched, and no hidden colour bleeds in at soft edges."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import numpy as np
from acetate_wire.request import Rect

from .images import ImagePixels

_BAND_NUMBERS = 1 << 17
"""Numbers made between two yields, some milliseconds of work."""


def fitted(pixels: ImagePixels, width: int, height: int) -> Generator[None, None, ImagePixels]:
    """The whole picture inside `width` x `height`, in its own proportions, with clear margins where these differ."""
    rows, columns = pixels.array.shape[:2]
    if (columns, rows) == (width, height):
        return pixels
    frame = Rect(0, 0, width, height)
    covers = inner(columns, rows, frame)
    return (yield from resized(pixels, covers.width, covers.height)).moved(covers, frame)


def inner(width: int, height: int, frame: Rect) -> Rect:
    """Where a picture of that size lies when it is fitted into the frame, in its own proportions and centred."""
    scale = min(frame.width / width, frame.height / height)
    inside_width, inside_height = max(1, round(width * scale)), max(1, round(height * scale))
    left, top = (frame.width - inside_width) // 2, (frame.height - inside_height) // 2
    return Rect(frame.x + left, frame.y + top, inside_width, inside_height)


def resized(pixels: ImagePixels, width: int, height: int) -> Generator[None, None, ImagePixels]:
    """The picture in `width` x `height`: averaged when it shrinks, linear between pixels when it grows."""
    rows, columns = pixels.array.shape[:2]
    if (columns, rows) == (width, height):
        return pixels
    whole = pixels.array.dtype == np.uint8
    across, down = _weights(columns, width), _weights(rows, height)
    narrow = np.empty((rows, width, 4), np.float32)
    band = max(1, _BAND_NUMBERS // (4 * max(columns, width)))
    for start in range(0, rows, band):
        part = pixels.array[start : start + band].astype(np.float32)
        part *= 1 / 255 if whole else 1
        part[..., :3] *= part[..., 3:]
        narrow[start : start + band] = across @ part
        yield
    out = np.empty((height, width, 4), pixels.array.dtype)
    flat = narrow.reshape(rows, width * 4)
    band = max(1, _BAND_NUMBERS // (4 * max(rows, width)))
    for start in range(0, height, band):
        part = (down[start : start + band] @ flat).reshape(-1, width, 4)
        np.divide(part[..., :3], part[..., 3:], out=part[..., :3], where=part[..., 3:] > 0)
        out[start : start + band] = np.clip(np.rint(part * 255), 0, 255) if whole else part
        yield
    return ImagePixels(out)


def _weights(source: int, target: int) -> Any:
    """How much of each of `source` pixels goes into each of `target`, `target` x `source`; rows add up to 1."""
    step = source / target
    reach = max(1.0, step)
    middles = (np.arange(target) + 0.5) * step
    distances = np.abs(np.arange(source) + 0.5 - middles[:, None])
    weights = np.maximum(0, 1 - distances / reach)
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)
