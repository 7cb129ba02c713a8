"""What is drawn by formula, without a neural network: its kind, its parameters, and how many frames of a loop."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Mapping, Union

from .errors import AcetateError
from .field_readers import mapping, text, whole

ELEMENTS = "elements"
"""The name of the model, and of its family."""
FORMULA = "formula"
"""How elements are made, as the `method` of a model and of a layer's settings; the other models have DIFFUSION."""
DIFFUSION = "diffusion"
MOST_FRAMES = 60
MOST_PARAMETERS = 64
LONGEST_WORD = 64
Parameter = Union[int, float, str]
"""A number, the name of a choice, or a colour as `#rrggbb`."""


@dataclass(frozen=True)
class Element:
    """An element as it is asked for; which kinds and parameters there are, a daemon's `welcome` says.

    An empty `kind` is the one that the prompt names. What `parameters` leave out is as the prompt says, else the kind's
    own. More than one of `frames` is a loop: the frame after the last one would be the first. Raises AcetateError
    `bad_request`.
    """

    kind: str = ""
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    frames: int = 1

    def __post_init__(self) -> None:
        """Check every field."""
        text(self.kind, "kind", LONGEST_WORD)
        whole(self.frames, "frames", 1, MOST_FRAMES)
        given = mapping(self.parameters, "parameters")
        if len(given) > MOST_PARAMETERS:
            raise AcetateError(
                "bad_request",
                f"parameters has {len(given)} entries, over the limit of {MOST_PARAMETERS}",
                field="parameters",
                hint="leave out those that are the kind's own",
            )
        for name, value in given.items():
            text(name, "parameters", LONGEST_WORD)
            _check_value(value, f"parameters.{name}")


def _check_value(value: object, where: str) -> None:
    if isinstance(value, str):
        text(value, where, LONGEST_WORD)
    elif isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise AcetateError(
            "bad_request",
            f"{where} is {str(value)[:LONGEST_WORD]}",
            field=where,
            hint="it must be a number or text",
        )
