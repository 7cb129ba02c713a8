"""Refuses NaN and infinity in the output of a network."""

from __future__ import annotations

import torch
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from torch import Tensor


def finite(answer: Float[Tensor, "*shape"], network: str) -> Float[Tensor, "*shape"]:
    """Return a network's output unchanged. Raises AcetateError `internal`, naming the network, for NaN or infinity."""
    if bool(torch.isfinite(answer).all()):
        return answer
    raise AcetateError(
        "internal",
        f"the model gave no picture (not-a-number after the {network}); "
        "a LoRA or checkpoint may be damaged, or half precision overflowed",
        hint="draw once without LoRAs and controls, then at a lower weight; "
        "if that fails too, fetch the checkpoint again",
    )
