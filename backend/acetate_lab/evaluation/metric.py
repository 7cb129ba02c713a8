"""One measured value: its unit, its meaning in plain words, and the bar that it is held to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from acetate_lab.evaluation.thresholds import Threshold

DIGITS = {"dB": 2, "s": 2, "k px": 3, "k": 3}
"""Decimals by unit; all others have four."""


@dataclass(frozen=True)
class Metric:
    """One measured value: `value` is in `unit`, and `meaning` explains it to an artist.

    A figure with a `bar` (in the same unit) meets or misses it.
    """

    key: str
    label: str
    value: float
    unit: str
    meaning: str
    bar: Threshold | None = None

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None where there is none."""
        return None if self.bar is None else self.bar.met_by(self.value)

    def text(self) -> str:
        """The value as people read it, with its unit: `31.24 dB`, `0.0081`, `12.3%`."""
        return self._write(self.value)

    def expected(self) -> str:
        """The bar as people read it: `≥ 31.00 dB`, `≤ 3.0%`; empty where there is none."""
        if self.bar is None:
            return ""
        limits = (("≥", self.bar.at_least), ("≤", self.bar.at_most))
        return " ".join(f"{sign} {self._write(limit)}" for sign, limit in limits if limit is not None)

    def verdict(self) -> str:
        """`met` or `missed`; empty where there is no bar."""
        return {None: "", True: "met", False: "missed"}[self.met]

    def _write(self, value: float) -> str:
        if self.unit == "%":
            return f"{value:.1%}"
        return f"{value:.{DIGITS.get(self.unit, 4)}f} {self.unit}".rstrip()


def values(figures: Iterable[Metric]) -> dict[str, float]:
    """Each figure's value by its key."""
    return {figure.key: figure.value for figure in figures}


def with_threshold(figures: Iterable[Metric]) -> tuple[Metric, ...]:
    """The figures that have a bar."""
    return tuple(figure for figure in figures if figure.bar is not None)


def checks(figures: Iterable[Metric]) -> dict[str, dict[str, Any]]:
    """The figures that have a bar, by key: the value, the bar's limits, and whether it is met."""
    found = {}
    for figure in figures:
        if figure.bar is not None:
            limits = {name: limit for name, limit in asdict(figure.bar).items() if limit is not None}
            found[figure.key] = {"value": figure.value, **limits, "met": figure.met}
    return found
