"""Light: glow by a pyramid of blurred pictures, and layers whose alpha is their brightness."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from acetate.elements.numbers import Field, exp, smoothstep

Rgb = tuple[float, float, float]


def rgb(colour: str) -> Rgb:
    """The parts of a colour `#rrggbb`, in [0, 1]."""
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return red, green, blue


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """A colour between two."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def ramp(value: Field, stops: tuple[tuple[float, Rgb], ...]) -> Field:
    """Colours (..., 3) of values on a piecewise linear ramp, its ends held."""
    colours = np.empty((*value.shape, 3), np.float32)
    colours[...] = np.asarray(stops[0][1], np.float32)
    for (low, below), (high, above) in pairwise(stops):
        share = np.clip((value - np.float32(low)) / np.float32(high - low), np.float32(0), np.float32(1))
        for channel in range(3):
            colours[..., channel] += share * np.float32(above[channel] - below[channel])
    return colours


def layer_of(alpha: Field, colours: Field | Rgb) -> Field:
    """The premultiplied layer (..., 4) of coverages in [0, 1] and straight colours."""
    layer = np.empty((*alpha.shape, 4), np.float32)
    layer[..., 3] = alpha
    layer[..., :3] = np.asarray(colours, np.float32) * alpha[..., None]
    return layer


def over(front: Field, back: Field) -> Field:
    """Lay one premultiplied layer over another."""
    laid: Field = front + back * (1 - front[..., 3:])
    return laid


def shining(bright: Field, colour: Rgb, white: float = 1.0) -> Field:
    """The premultiplied layer of light of a brightness of 0 and more: coloured where faint, white where strong.

    Alpha follows from the brightness alone, so that another colour leaves it as it is.
    """
    alpha = np.float32(1) - exp(-bright)
    core = smoothstep(0.9, 3.2, bright) * np.float32(white)
    layer = np.empty((*bright.shape, 4), np.float32)
    layer[..., 3] = alpha
    for channel in range(3):
        layer[..., channel] = alpha * (np.float32(colour[channel]) + core * np.float32(1 - colour[channel]))
    return layer


def glow(bright: Field, reach: float, levels: int = 6) -> Field:
    """The light that a picture (height, width) scatters around itself, as far as about `reach` pixels.

    The mean of blurred pictures of which each is half as wide as the one before, which falls off nearly as light in
    air does. Levels finer than a pixel count as the finest. Level n has the variance 2/3 * 4**n in pixels, the finest
    by a blur of its own, so that a glow is the same at every size.
    """
    top = np.log2(max(reach, 1.0))
    box = (1 / 3, 1 / 3, 0.0)
    pyramid = [_smoothed(_smoothed(bright, 0, box), 1, box)]
    while len(pyramid) <= top + 1 and min(pyramid[-1].shape) > 2:
        pyramid.append(_halved(pyramid[-1]))
    shares = [
        min(max(top + 1 - level, 0.0), 1.0) * min(max(level - top + levels, 0.0), 1.0) for level in range(len(pyramid))
    ]
    spread = pyramid[-1] * np.float32(shares[-1] / levels)
    for level in range(len(pyramid) - 2, -1, -1):
        spread = _doubled(spread, pyramid[level].shape)
        if shares[level]:
            spread += pyramid[level] * np.float32(shares[level] / levels)
    return spread


def _smoothed(values: Field, axis: int, weights: tuple[float, float, float] = (0.375, 0.25, 0.0625)) -> Field:
    """A blur along an axis by five weights, given from the middle; nothing lies beyond the border."""
    middle, beside, outer = map(np.float32, weights)
    length = values.shape[axis]
    padded = np.zeros([side + 4 if one == axis else side for one, side in enumerate(values.shape)], np.float32)
    padded[(slice(None),) * axis + (slice(2, length + 2),)] = values

    def shifted(by: int) -> Field:
        part: Field = padded[(slice(None),) * axis + (slice(by, by + length),)]
        return part

    blurred: Field = shifted(2) * middle
    blurred += (shifted(1) + shifted(3)) * beside
    blurred += (shifted(0) + shifted(4)) * outer
    return blurred


def _halved(values: Field) -> Field:
    """Half the size, rounded up."""
    down: Field = _smoothed(values, 0)[::2]
    return np.ascontiguousarray(_smoothed(down, 1)[:, ::2])


def _doubled(values: Field, shape: tuple[int, ...]) -> Field:
    """Twice the size, as the `shape` that was halved."""
    spread = np.zeros((shape[0], values.shape[1]), np.float32)
    spread[::2] = values * np.float32(2)
    spread = _smoothed(spread, 0)
    wide = np.zeros(shape, np.float32)
    wide[:, ::2] = spread * np.float32(2)
    return _smoothed(wide, 1)
