"""What the UNet reads of prompts, as rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class TextStates:
    """Encoded texts, one a row: `context` for cross-attention, and for SDXL also the `pooled` summary."""

    context: Float[Tensor, "n tokens width"]
    pooled: Float[Tensor, "n pooled_width"] | None = None

    def __len__(self) -> int:
        return len(self.context)

    def rows(self, indices: Sequence[int]) -> TextStates:
        """These rows, in this order; the same one may occur several times."""
        chosen = list(indices)
        return TextStates(self.context[chosen], None if self.pooled is None else self.pooled[chosen])

    def to(self, device: torch.device, dtype: torch.dtype) -> TextStates:
        """The same states elsewhere, in another number format."""
        pooled = None if self.pooled is None else self.pooled.to(device, dtype)
        return TextStates(self.context.to(device, dtype), pooled)
