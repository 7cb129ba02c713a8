"""Prompts to embeds: in chunks of the text encoder's length, with weights and textual inversion embeddings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from acetate_wire.prompt import parse_prompt

from acetate.models.embeddings import split_at_embeddings
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.text_encoder import TextEncoders

if TYPE_CHECKING:
    from torch import Tensor

Vectors = Mapping[str, tuple["Tensor", ...]]
"""The vectors of each embedding by name, "vectors width" for every text encoder."""
COMMA_SHARE = 20 / 75
"""A full chunk ends after its last comma where that is in this share of its end: what belongs together stays so."""
PLACEHOLDER = 0
"""The id in the place of an embedding's vector; any but that of the end does."""


@dataclass(frozen=True)
class Token:
    """A token of a prompt: its id for each tokenizer, or vector `number` of an embedding."""

    ids: tuple[int, ...]
    weight: float = 1.0
    ends_word: bool = True
    is_comma: bool = False
    embedding: str = ""
    number: int = 0


@dataclass(frozen=True)
class Chunk:
    """What the text encoders read at a time, after the mark of a role where there is one."""

    mark: tuple[Token, ...]
    tokens: tuple[Token, ...] = ()


def encode_prompts(
    text: TextEncoders,
    prompts: Sequence[str],
    marks: Sequence[str] | None = None,
    clip_skip: int | None = None,
    embeddings: Vectors | None = None,
) -> PromptEmbeds:
    """Encode prompts with their syntax (`acetate_wire.prompt`) to embeds, float32, one row per prompt.

    A prompt over the text encoder's length, or with BREAK, is encoded in chunks that lie one after the other; shorter
    ones get empty chunks behind. Pooled embeds are those of the first chunk. A weight moves a token's state along the
    line from that of the empty text at its place, as in ComfyUI: AUTOMATIC1111's way, which scales all states and
    restores their mean, fails where the mean is near zero (SDXL). `marks` are what each prompt's chunks begin with,
    `clip_skip` is as in `TextEncoders.states`. Raises AcetateError `bad_request` when a prompt cannot be read.
    """
    import torch

    embeddings = embeddings or {}
    rows = [
        _chunks(text, prompt, mark, embeddings)
        for prompt, mark in zip(prompts, marks or [""] * len(prompts), strict=True)
    ]
    most = max(map(len, rows))
    rows = [[*row, *[Chunk(row[0].mark)] * (most - len(row))] for row in rows]
    weighted = {chunk: Chunk(chunk.mark) for row in rows for chunk in row if _is_weighted(chunk)}
    distinct = list(dict.fromkeys([*(chunk for row in rows for chunk in row), *weighted.values()]))
    encoded = _encode(text, distinct, clip_skip, embeddings)
    places = {chunk: place for place, chunk in enumerate(distinct)}
    states = encoded.prompt_embeds.clone()
    for chunk, empty in weighted.items():
        still, plain = encoded.prompt_embeds[places[empty]], encoded.prompt_embeds[places[chunk]]
        weights = torch.ones(len(plain), 1, device=plain.device)
        first = 1 + len(chunk.mark)
        weights[first : first + len(chunk.tokens), 0] = torch.tensor([token.weight for token in chunk.tokens])
        states[places[chunk]] = torch.where(weights == 1, plain, torch.lerp(still, plain, weights))
    context = torch.stack([torch.cat([states[places[chunk]] for chunk in row]) for row in rows])
    pooled = encoded.pooled_prompt_embeds
    return PromptEmbeds(context, None if pooled is None else pooled[[places[row[0]] for row in rows]])


def chunk_count(text: TextEncoders, prompt: str) -> int:
    """How many chunks a prompt takes. Raises AcetateError as `encode_prompts` does."""
    return len(_chunks(text, prompt, "", {}))


def _chunks(text: TextEncoders, prompt: str, mark: str, embeddings: Vectors) -> list[Chunk]:
    before = tuple(_tokens(text, mark, 1.0))
    capacity = text.tokenizers[0].model_max_length - 2 - len(before)
    found = []
    for section in parse_prompt(prompt).sections:
        tokens: list[Token] = []
        for part in section:
            for words, name in split_at_embeddings(part.text, embeddings):
                if name is None:
                    tokens += _tokens(text, words, part.weight)
                else:
                    count = len(embeddings[name][0])
                    ids = (PLACEHOLDER,) * len(text.tokenizers)
                    tokens += [
                        Token(ids, part.weight, number + 1 == count, False, name, number) for number in range(count)
                    ]
        found += [Chunk(before, chosen) for chosen in cut_into_chunks(tuple(tokens), capacity)]
    return found


def _tokens(text: TextEncoders, words: str, weight: float) -> Iterator[Token]:
    ids = [tokenizer(words, add_special_tokens=False).input_ids for tokenizer in text.tokenizers]
    pieces = text.tokenizers[0].convert_ids_to_tokens(ids[0])
    for piece, *each in zip(pieces, *ids, strict=True):
        yield Token(tuple(each), weight, piece.endswith("</w>"), piece == ",</w>")


def cut_into_chunks(tokens: tuple[Token, ...], capacity: int) -> Iterator[tuple[Token, ...]]:
    """Parts of at most `capacity` tokens; a word is cut only where it is longer than that."""
    while len(tokens) > capacity:
        commas = range(capacity, capacity - round(capacity * COMMA_SHARE), -1)
        ends = [end for end in commas if tokens[end - 1].is_comma]
        ends += [end for end in range(capacity, 0, -1) if tokens[end - 1].ends_word]
        end = ends[0] if ends else capacity
        yield tokens[:end]
        tokens = tokens[end:]
    yield tokens


def _is_weighted(chunk: Chunk) -> bool:
    return any(token.weight != 1 for token in chunk.tokens)


def _encode(text: TextEncoders, chunks: Sequence[Chunk], clip_skip: int | None, embeddings: Vectors) -> PromptEmbeds:
    """The states of each chunk, unweighted."""
    import torch

    with ExitStack() as after:
        ids = []
        for number, (tokenizer, encoder) in enumerate(zip(text.tokenizers, text.encoders, strict=True)):
            rows = []
            places: list[tuple[int, int, Tensor]] = []
            for row, chunk in enumerate(chunks):
                tokens = chunk.mark + chunk.tokens
                filled = [tokenizer.bos_token_id, *(token.ids[number] for token in tokens), tokenizer.eos_token_id]
                rows.append(filled + [tokenizer.pad_token_id] * (tokenizer.model_max_length - len(filled)))
                places += [
                    (row, 1 + place, embeddings[token.embedding][number][token.number])
                    for place, token in enumerate(tokens)
                    if token.embedding
                ]
            ids.append(torch.tensor(rows))
            after.enter_context(_in_place(encoder, places))
        return text.states(ids, clip_skip)


@contextmanager
def _in_place(encoder: Any, places: Sequence[tuple[int, int, Tensor]]) -> Iterator[None]:
    """Have a text encoder read these vectors at their row and column."""

    def put(module: Any, ids: Any, read: Tensor) -> Tensor:
        read = read.clone()
        for row, column, vector in places:
            read[row, column] = vector.to(read)
        return read

    handle = encoder.get_input_embeddings().register_forward_hook(put) if places else None
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()
