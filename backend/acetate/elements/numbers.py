"""Random numbers and elementary functions that have the same bits in any process, thread, NumPy version and year.

Random numbers are counter-based: number `i` of a feature depends on the seed, the feature's name and `i` alone, so
that more of one feature, or another colour, moves nothing else. The functions use only operations that IEEE 754 rounds
exactly, because the ones of NumPy differ between processors and releases.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]
Field = NDArray[np.float32]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


class Numbers:
    """The random numbers of one seed (64 bits), one stream for each feature's name."""

    def __init__(self, seed: int) -> None:
        """The same seed gives the same numbers for ever."""
        self._seed = seed

    def uniform(self, feature: str, count: int, low: float = 0.0, high: float = 1.0) -> Reals:
        """The first `count` numbers of a feature, evenly spread over [low, high)."""
        return low + (high - low) * self._units(feature, count)

    def one(self, feature: str, low: float = 0.0, high: float = 1.0) -> float:
        """The first number of a feature, in [low, high)."""
        return float(self.uniform(feature, 1, low, high)[0])

    def normal(self, feature: str, count: int, deviation: float = 1.0) -> Reals:
        """The first `count` numbers of a nearly normal distribution, never more than 4.9 deviations from 0."""
        total = self._units(feature, count * 8).reshape(count, 8)
        summed = total[:, 0]
        for column in range(1, 8):
            summed = summed + total[:, column]
        return (summed - 4.0) * (deviation * 1.2247448713915890)

    def sign(self, feature: str) -> float:
        """1 or -1."""
        return 1.0 if self.one(feature) < 0.5 else -1.0

    def _units(self, feature: str, count: int) -> Reals:
        """Numbers in [0, 1) of 53 bits: SplitMix64 (Steele, Lea and Flood 2014) of a counter."""
        digest = hashlib.blake2b(f"{self._seed}:{feature}".encode(), digest_size=8).digest()
        counter = np.arange(1, count + 1, dtype=np.uint64) * _GOLDEN + np.uint64(int.from_bytes(digest, "little"))
        mixed = (counter ^ (counter >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
        return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53


def exp(value: Field) -> Field:
    """e to the power of `value`, which is held in [-87, 88]; relative error below 3e-7."""
    held = np.clip(value, np.float32(-87), np.float32(88))
    whole = np.rint(held * np.float32(1.44269504))
    rest = held - whole * np.float32(0.693359375)
    rest = rest + whole * np.float32(2.12194440e-4)
    power = _polynomial(rest, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 0.5, 1.0, 1.0)
    scale = ((whole.astype(np.int32) + 127) << 23).view(np.float32)
    scaled: Field = power * scale
    return scaled


def log(value: Field) -> Field:
    """The natural logarithm of positive numbers; absolute error below 2e-7 of its size. 0 counts as 1e-30."""
    part, whole = np.frexp(np.maximum(value, np.float32(1e-30)))
    small = part < np.float32(0.70710678)
    part = np.where(small, part * np.float32(2), part)
    whole = whole.astype(np.float32) - small
    t = (part - np.float32(1)) / (part + np.float32(1))
    square = t * t
    series = _polynomial(square, 2 / 9, 2 / 7, 2 / 5, 2 / 3, 2.0)
    result: Field = t * series + whole * np.float32(0.69314718)
    return result


def power(value: Field, exponent: float) -> Field:
    """`value`, at least 0, to the power of `exponent`."""
    raised: Field = exp(log(value) * np.float32(exponent))
    return np.where(value > 0, raised, np.float32(0)).astype(np.float32)


def sine(turns: Field) -> Field:
    """The sine of angles in turns; absolute error below 2e-6."""
    part = turns - np.rint(turns)
    folded = np.float32(0.25) - np.abs(np.abs(part) - np.float32(0.25))
    angle = np.copysign(folded, part) * np.float32(6.28318531)
    square = angle * angle
    series = _polynomial(square, 1 / 362880, -1 / 5040, 1 / 120, -1 / 6, 1.0)
    result: Field = angle * series
    return result


def cosine(turns: Field) -> Field:
    """The cosine of angles in turns."""
    return sine(turns - np.rint(turns) + np.float32(0.25))


def turns_of(x: Field, y: Field) -> Field:
    """The angle of the vectors (x, y) in turns, in [-0.5, 0.5], counter-clockwise from the x axis; error below 1e-5."""
    wide, tall = np.abs(x), np.abs(y)
    most = np.maximum(np.maximum(wide, tall), np.float32(1e-20))
    ratio = np.minimum(wide, tall) / most
    square = ratio * ratio
    # Abramowitz and Stegun 4.4.49, in turns.
    angle = (
        ratio * _polynomial(square, 0.0208351, -0.0851330, 0.1801410, -0.3302995, 0.9998660) / np.float32(6.28318531)
    )
    angle = np.where(tall > wide, np.float32(0.25) - angle, angle)
    angle = np.where(x < 0, np.float32(0.5) - angle, angle)
    result: Field = np.copysign(angle, y).astype(np.float32)
    return result


def smoothstep(low: float | Field, high: float | Field, value: NDArray[np.floating[Any]]) -> Field:
    """Hermite step from 0 at `low` to 1 at `high`; `low` above `high` gives the falling step."""
    low = np.asarray(low, np.float32)
    t = np.clip((value - low) / (np.asarray(high, np.float32) - low), np.float32(0), np.float32(1))
    t = t.astype(np.float32, copy=False)
    step: Field = t * t * (np.float32(3) - np.float32(2) * t)
    return step


def gaussian(distance: NDArray[np.floating[Any]], deviation: float) -> Field:
    """The bell curve, 1 at distance 0."""
    near: Field = distance.astype(np.float32, copy=False)
    return exp(near * near * np.float32(-0.5 / deviation**2))


def _polynomial(x: NDArray[np.floating[Any]], *factors: float) -> Field:
    """The polynomial with these factors, of the highest power first."""
    value: Field = np.full(x.shape, factors[0], np.float32)
    for factor in factors[1:]:
        value *= x.astype(np.float32, copy=False)
        value += np.float32(factor)
    return value
