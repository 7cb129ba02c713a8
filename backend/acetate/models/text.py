"""Prompts: how long they may be, and what the UNet reads of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate.models.catalogue import read_json

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(frozen=True)
class PromptLength:
    """A prompt's length in a model's word pieces, the begin and end marks apart, and the most it may have."""

    pieces: int
    limit: int


def prompt_length(folder: Path, prompt: str) -> PromptLength:
    """Measure a prompt with the tokenizer of a model folder, without loading the model.

    Raises OSError or ValueError when the tokenizer's files are missing or unreadable.
    """
    tokenizer, limit, marks = _tokenizer(folder)
    return PromptLength(len(tokenizer.encode(prompt).ids) - marks, limit - marks)


@cache
def _tokenizer(folder: Path) -> tuple[Any, int, int]:
    from tokenizers import Tokenizer

    path = folder / "tokenizer" / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(path))
        limit = int(read_json(folder / "tokenizer" / "tokenizer_config.json")["model_max_length"])
    except Exception as error:  # the tokenizers library raises bare Exception
        raise ValueError(f"{path} is unusable: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, limit, len(tokenizer.encode("").ids)


def encode(tokenizer: Any, text_encoder: Any, texts: Sequence[str]) -> Float[Tensor, "n tokens width"]:
    """What the UNet's cross-attention reads: the text encoder's last hidden states, normed, float32.

    Texts are padded to the tokenizer's full length and cut there; padding is not masked, as in Stable Diffusion.
    """
    ids = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids
    states: Tensor = text_encoder(input_ids=ids.to(text_encoder.device)).last_hidden_state
    return states.float()
