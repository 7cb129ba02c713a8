"""Refuses NaN and infinity in the output of a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from torch import Tensor


class NotANumberError(AcetateError):
    """NaN or infinity in the output of a network; another number format may help."""


def finite(answer: Float[Tensor, "*shape"], network: str) -> Float[Tensor, "*shape"]:
    """Return a network's output unchanged. Raises NotANumberError `internal`, naming the network."""
    if bool(torch.isfinite(answer).all()):
        return answer
    raise NotANumberError(
        "internal",
        f"the model gave no picture (not-a-number after the {network}); "
        "a LoRA or checkpoint may be damaged, or half precision overflowed",
        field="model",
        hint="draw once without LoRAs and controls, then at a lower weight; "
        "if that fails too, fetch the checkpoint again",
    )


def finite_or_wider(module: torch.nn.Module, call: Callable[[], Any], network: str) -> Tensor:
    """The output of a module; computed again in float32, where the module then stays, if float16 overflowed.

    Raises NotANumberError as `finite` does.
    """
    answer: Tensor = call()
    if next(module.parameters()).dtype == torch.float16 and not bool(torch.isfinite(answer).all()):
        module.float()
        answer = call()
    return finite(answer, network)
