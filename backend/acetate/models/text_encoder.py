"""Prompts: their length in tokens, and their embeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.registry import read_json
from acetate.models.vocabulary import load_vocabulary

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class PromptLength:
    """A prompt's length in tokens and the limit, both without the tokens that the model adds.

    It adds those of begin and end, and one for the layer's role where its captions had one.
    """

    tokens: int
    limit: int


def prompt_length(folder: Path, prompt: str) -> PromptLength:
    """Measure a prompt with the tokenizer of a model folder, without loading the model.

    Raises OSError or ValueError when the tokenizer's files are missing or unreadable.
    """
    tokenizer, limit, marks = _tokenizer(folder)
    return PromptLength(len(tokenizer.encode(prompt, add_special_tokens=False).ids), limit - marks)


@cache
def _tokenizer(folder: Path) -> tuple[Any, int, int]:
    from tokenizers import Tokenizer

    tokenizer_folder = folder / "tokenizer"
    whole = tokenizer_folder / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_file(str(whole)) if whole.is_file() else _clip_tokenizer(tokenizer_folder)
        limit = int(read_json(tokenizer_folder / "tokenizer_config.json")["model_max_length"])
    except Exception as error:  # the tokenizers library raises bare Exception
        raise ValueError(f"{tokenizer_folder} is unusable: {error}") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    vocabulary = load_vocabulary(folder)
    role_marks = {} if vocabulary is None else vocabulary.roles
    lengths = [len(tokenizer.encode(mark).ids) for mark in ("", *role_marks.values())]
    return tokenizer, limit, max(lengths)


def _clip_tokenizer(folder: Path) -> Any:
    """CLIP's tokenizer from its two older files; transformers builds the same, but needs seconds to be imported."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(
        models.BPE.from_file(
            str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token=end, end_of_word_suffix="</w>"
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    words = Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(words, "removed", invert=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    marks = [(mark, tokenizer.token_to_id(mark)) for mark in (start, end)]
    tokenizer.post_processor = processors.TemplateProcessing(f"{start} $A {end}", special_tokens=marks)
    return tokenizer


@dataclass(frozen=True, eq=False)
class TextEncoders:
    """A model's text encoders with their tokenizers, of transformers' classes.

    One text encoder gives its last hidden states, normed (Stable Diffusion 1.5); two give the penultimate hidden states
    of both, concatenated, and the second's pooled, projected embeds (SDXL).
    """

    tokenizers: tuple[Any, ...]
    encoders: tuple[Any, ...]

    def encode(self, texts: Sequence[str]) -> PromptEmbeds:
        """Encode texts to prompt embeds, float32, one row per text.

        Texts are padded to the tokenizer's full length and cut there; padding is not masked, as in Stable Diffusion.
        """
        outputs = [
            encoder(input_ids=_ids(tokenizer, texts).to(encoder.device), output_hidden_states=len(self.encoders) > 1)
            for tokenizer, encoder in zip(self.tokenizers, self.encoders, strict=True)
        ]
        if len(outputs) == 1:
            return PromptEmbeds(outputs[0].last_hidden_state.float())
        import torch

        context = torch.cat([output.hidden_states[-2] for output in outputs], dim=-1)
        return PromptEmbeds(context.float(), outputs[-1].text_embeds.float())


def _ids(tokenizer: Any, texts: Sequence[str]) -> Tensor:
    ids: Tensor = tokenizer(
        list(texts),
        padding="max_length",
        truncation=True,
        max_length=tokenizer.model_max_length,
        return_tensors="pt",
    ).input_ids
    return ids
