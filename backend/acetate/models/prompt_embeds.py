"""Encoded prompts, as rows of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class PromptEmbeds:
    """Encoded texts, one a row: `prompt_embeds` for cross-attention, and for SDXL also the `pooled_prompt_embeds`
    summary. `mask` is False for the tokens that fill up a shorter text; None where there are none.
    """

    prompt_embeds: Float[Tensor, "n tokens width"]
    pooled_prompt_embeds: Float[Tensor, "n pooled_width"] | None = None
    mask: Bool[Tensor, "n tokens"] | None = None

    @property
    def tensors(self) -> tuple[Tensor | None, ...]:
        """Its tensors in the order of its fields."""
        return self.prompt_embeds, self.pooled_prompt_embeds, self.mask

    @classmethod
    def of(cls, tensors: tuple[Tensor | None, ...]) -> PromptEmbeds:
        """What has these `tensors`. Raises ValueError without the first one."""
        embeds, pooled, mask = tensors
        if embeds is None:
            raise ValueError("there are no prompt embeds")
        return cls(embeds, pooled, mask)

    def __len__(self) -> int:
        """The number of rows."""
        return len(self.prompt_embeds)

    def rows(self, indices: Sequence[int]) -> PromptEmbeds:
        """These rows, in this order; an index may repeat."""
        chosen = list(indices)
        pooled = None if self.pooled_prompt_embeds is None else self.pooled_prompt_embeds[chosen]
        return PromptEmbeds(self.prompt_embeds[chosen], pooled, None if self.mask is None else self.mask[chosen])

    def with_zeros(self, count: int) -> PromptEmbeds:
        """The same with the first `count` rows all zero."""
        embeds = PromptEmbeds(
            self.prompt_embeds.clone(), None if self.pooled_prompt_embeds is None else self.pooled_prompt_embeds.clone()
        )
        embeds.prompt_embeds[:count] = 0
        if embeds.pooled_prompt_embeds is not None:
            embeds.pooled_prompt_embeds[:count] = 0
        return embeds

    def to(self, device: torch.device, dtype: torch.dtype) -> PromptEmbeds:
        """The same embeds on another device, in another dtype."""
        pooled = None if self.pooled_prompt_embeds is None else self.pooled_prompt_embeds.to(device, dtype)
        mask = None if self.mask is None else self.mask.to(device)
        return PromptEmbeds(self.prompt_embeds.to(device, dtype), pooled, mask)
