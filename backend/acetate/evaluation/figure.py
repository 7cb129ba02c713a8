"""One measured value: its unit, its meaning in plain words, and the value that is wanted of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

DIGITS = {"dB": 2, "s": 2, "k px": 3, "k": 3}
"""Decimals by unit; all others have four."""


@dataclass(frozen=True)
class Figure:
    """One measured value: `value` is in `unit`, and `meaning` tells an artist how to read it.

    A figure with `at_least` or `at_most` (in the same unit) is a check, which is met or not.
    """

    key: str
    label: str
    value: float
    unit: str
    meaning: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the wanted value is reached; None where none is wanted."""
        if self.at_least is None and self.at_most is None:
            return None
        above = self.at_least is None or self.value >= self.at_least
        below = self.at_most is None or self.value <= self.at_most
        return above and below

    def text(self) -> str:
        """The value as people read it, with its unit: `31.24 dB`, `0.0081`, `12.3%`."""
        return self._write(self.value)

    def wanted(self) -> str:
        """The wanted value as people read it: `≥ 31.00 dB`, `≤ 3.0%`; empty where none is wanted."""
        limits = (("≥", self.at_least), ("≤", self.at_most))
        return " ".join(f"{sign} {self._write(limit)}" for sign, limit in limits if limit is not None)

    def verdict(self) -> str:
        """`yes` or `no` for a check, else empty."""
        return "" if self.met is None else ("yes" if self.met else "no")

    def _write(self, value: float) -> str:
        if self.unit == "%":
            return f"{value:.1%}"
        return f"{value:.{DIGITS.get(self.unit, 4)}f} {self.unit}".rstrip()


def values(figures: Iterable[Figure]) -> dict[str, float]:
    """Each figure's value by its key."""
    return {figure.key: figure.value for figure in figures}


def checks(figures: Iterable[Figure]) -> dict[str, dict[str, Any]]:
    """The figures of which a value is wanted, by key: the value, its limits, and whether it is met."""
    found = {}
    for figure in figures:
        if figure.met is not None:
            limits = {"at_least": figure.at_least, "at_most": figure.at_most}
            known = {name: limit for name, limit in limits.items() if limit is not None}
            found[figure.key] = {"value": figure.value, **known, "met": figure.met}
    return found
