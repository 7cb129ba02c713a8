"""The table of docs/elements.md has a row for each kind, with every parameter and its range."""

from __future__ import annotations

from pathlib import Path

import pytest
from acetate.elements import KINDS
from acetate.elements.params import Choice, Number, Parameter

PAGE = Path(__file__).parents[2] / "docs" / "elements.md"


def told(parameter: Parameter) -> str:
    """A parameter as the table names it."""
    label = parameter.label.lower()
    if isinstance(parameter, Choice):
        return f"{label} ({', '.join(parameter.options.values())})".lower()
    if isinstance(parameter, Number) and (parameter.low, parameter.high) != (0, 1):
        return f"{label} ({parameter.low:g} to {parameter.high:g})"
    return label


@pytest.mark.parametrize("name", list(KINDS))
def test_a_kind_has_its_row(name: str) -> None:
    kind = KINDS[name]
    marks = ("light" * kind.light, "still" * (not kind.loops), "outline" * kind.outlined)
    traits = ", ".join(filter(None, ("fills" if kind.fills else "contained", *marks)))
    row = f"| {kind.label} | {traits} | {', '.join(map(told, kind.parameters()))} |"
    assert row in PAGE.read_text(encoding="utf-8").splitlines()
