"""How a kind states its parameters: a frozen dataclass whose fields are numbers, choices and colours."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Number:
    """A number in [low, high]; `whole` ones are integers. `words` are adjectives of a prompt that set it."""

    name: str
    label: str
    default: float
    low: float
    high: float
    whole: bool = False
    words: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @property
    def step(self) -> float:
        """How far one notch of a slider moves it."""
        return 1 if self.whole else 0.01

    def checked(self, value: object) -> float:
        """The value, where it is one. Raises ValueError naming the limits."""
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"{self.name} must be a number from {self.low:g} to {self.high:g}")
        if not self.low <= value <= self.high or (self.whole and value != round(value)):
            kind = "a whole number" if self.whole else "a number"
            raise ValueError(f"{self.name} {value:g} must be {kind} from {self.low:g} to {self.high:g}")
        return round(value) if self.whole else float(value)

    def to_map(self) -> dict[str, Any]:
        """As an editor's slider needs it."""
        shape = "whole" if self.whole else "number"
        return {"type": shape, "low": self.low, "high": self.high, "step": self.step, **_common(self)}


@dataclass(frozen=True)
class Choice:
    """One of several names, each with its label; `words` are adjectives of a prompt that choose one."""

    name: str
    label: str
    default: str
    options: Mapping[str, str]
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def checked(self, value: object) -> str:
        """The value, where it is one. Raises ValueError naming the options."""
        if not isinstance(value, str) or value not in self.options:
            raise ValueError(f"{self.name} {value!r} must be one of {', '.join(self.options)}")
        return value

    def to_map(self) -> dict[str, Any]:
        """As an editor's menu needs it."""
        return {"type": "choice", "options": [list(option) for option in self.options.items()], **_common(self)}


@dataclass(frozen=True)
class ColourValue:
    """A colour as `#rrggbb`; `words` are colour words that mean something of their own here: black smoke is grey."""

    name: str
    label: str
    default: str
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def checked(self, value: object) -> str:
        """The value, where it is one. Raises ValueError showing what one looks like."""
        if not isinstance(value, str) or _COLOUR.fullmatch(value) is None:
            raise ValueError(f"{self.name} {value!r} must be a colour such as #ff9020")
        return value.lower()

    def to_map(self) -> dict[str, Any]:
        """As an editor's colour button needs it."""
        return {"type": "colour", **_common(self)}


Parameter = Number | Choice | ColourValue


def _common(parameter: Parameter) -> dict[str, Any]:
    return {"name": parameter.name, "label": parameter.label, "default": parameter.default}


def number(label: str, default: float, low: float = 0.0, high: float = 1.0, /, **words: float) -> Any:
    """A field of a kind's parameters: a number in [low, high]."""
    return _field(Number("", label, default, low, high, words=words))


def whole(label: str, default: int, low: int, high: int, /, **words: float) -> Any:
    """A field of a kind's parameters: a whole number from low to high."""
    return _field(Number("", label, default, low, high, whole=True, words=words))


def choice(label: str, options: Mapping[str, str], words: Mapping[str, str] | None = None) -> Any:
    """A field of a kind's parameters: one of the options (name to label), the first by default."""
    return _field(Choice("", label, next(iter(options)), options, words or {}))


def colour(label: str, default: str, /, **words: str) -> Any:
    """A field of a kind's parameters: a colour `#rrggbb`."""
    return _field(ColourValue("", label, default, words))


def parameters_of(params: type[Any]) -> tuple[Parameter, ...]:
    """The parameters that the fields of a kind's dataclass state, in their order."""
    return tuple(
        dataclasses.replace(field.metadata["parameter"], name=field.name) for field in dataclasses.fields(params)
    )


def build(params: type[Any], values: Mapping[str, object], kind: str) -> Any:
    """A kind's parameters from what was asked; what is missing has its default.

    Raises ValueError naming the parameter that the kind has not, or the limit that its value is over.
    """
    known = {parameter.name: parameter for parameter in parameters_of(params)}
    for name in values:
        if name not in known:
            raise ValueError(f"{kind} has no parameter {name!r}: it has {', '.join(known)}")
    return params(**{name: known[name].checked(value) for name, value in values.items()})


def _field(parameter: Parameter) -> Any:
    return dataclasses.field(default=parameter.default, metadata={"parameter": parameter})
