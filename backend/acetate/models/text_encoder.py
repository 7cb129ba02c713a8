"""Text encoders with their tokenizers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acetate.models.prompt_embeds import PromptEmbeds

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class TextEncoders:
    """A model's text encoders with their tokenizers, of transformers' classes.

    One text encoder gives its last hidden states, normed (Stable Diffusion 1.5); two give the penultimate hidden states
    of both, concatenated, and the second's pooled, projected embeds (SDXL).
    """

    tokenizers: tuple[Any, ...]
    encoders: tuple[Any, ...]

    def encode(self, texts: Sequence[str]) -> PromptEmbeds:
        """Encode captions to embeds, float32, one row per text: every character is text.

        Texts are padded to the tokenizer's full length and cut there; padding is not masked, as in Stable Diffusion.
        """
        return self.states([_ids(tokenizer, texts) for tokenizer in self.tokenizers])

    def states(self, ids: Sequence[Tensor], clip_skip: int | None = None) -> PromptEmbeds:
        """The embeds of tokens, float32; `ids` are "n tokens" for each tokenizer.

        `clip_skip` is the layer whose hidden states are taken, counted from the last one, 1. None is what the model
        was trained with: the last of one text encoder, the one before of two.
        """
        import torch

        layer = len(self.encoders) if clip_skip is None else clip_skip
        outputs = [
            encoder(input_ids=each.to(encoder.device), output_hidden_states=(layer, len(self.encoders)) != (1, 1))
            for encoder, each in zip(self.encoders, ids, strict=True)
        ]
        if len(outputs) == 2:
            context = torch.cat([output.hidden_states[-layer] for output in outputs], dim=-1)
            return PromptEmbeds(context.float(), outputs[-1].text_embeds.float())
        if layer == 1:
            return PromptEmbeds(outputs[0].last_hidden_state.float())
        # As the web UIs do it: an earlier layer goes through the norm of the last one.
        return PromptEmbeds(self.encoders[0].final_layer_norm(outputs[0].hidden_states[-layer]).float())


def _ids(tokenizer: Any, texts: Sequence[str]) -> Tensor:
    ids: Tensor = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids
    return ids
