"""A kind of element: what names it, what can be set, and the function that paints it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from acetate.elements import params
from acetate.elements.frame import Canvas, Layer
from acetate.elements.params import Parameter


@dataclass(frozen=True)
class Kind:
    """A kind of element.

    `name` is its name on the wire and `label` the artist's; `words` are nouns, in the singular, that name it in a
    prompt. `params` is a frozen dataclass of parameters (`acetate.elements.params`), and `paint(canvas, params)` gives
    the premultiplied layer (height, width, 4). One that `fills` reaches the border of its frame, another stands clear
    of it; `light` is added to what lies below; one that `loops` moves with the canvas's phase; an `outlined` one grows
    along the canvas's outline where it has one. `brush` is the size of strokes in the painted style, 1 for what is
    broad.
    """

    name: str
    label: str
    words: tuple[str, ...]
    params: type[Any]
    paint: Callable[[Canvas, Any], Layer]
    fills: bool = False
    light: bool = False
    loops: bool = True
    outlined: bool = False
    brush: float = 1.0

    def parameters(self) -> tuple[Parameter, ...]:
        """What can be set, in the order of the sliders."""
        return params.parameters_of(self.params)

    def build(self, values: Mapping[str, object]) -> Any:
        """The parameters from what was asked; what is missing has its default. Raises ValueError naming the fault."""
        return params.build(self.params, values, self.label)

    def to_map(self) -> dict[str, Any]:
        """As the editors need it to offer the kind."""
        return {
            "name": self.name,
            "label": self.label,
            "words": list(self.words),
            "fills": self.fills,
            "blend": "add" if self.light else "normal",
            "loops": self.loops,
            "outlined": self.outlined,
            "parameters": [parameter.to_map() for parameter in self.parameters()],
        }
