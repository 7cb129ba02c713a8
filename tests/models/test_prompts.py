"""Prompts of any length, with weights and embeddings, through the text encoders of both large families."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.embeddings import check_embeddings, read_embedding, split_at_embeddings
from acetate.models.model_cache import ModelCache
from acetate.models.prompt_encoding import Token, cut_into_chunks, encode_prompts
from acetate.models.registry import ModelRegistry
from acetate_wire.errors import AcetateError
from acetate_wire.prompt import parse_prompt
from safetensors.torch import save_file
from torch import Tensor

from tests.models.tiny_families import WORDS
from tests.tiny_starter import TOKENS

NAMES = ("sd15", "sdxl")
ROOM = TOKENS - 2
"""Tokens of a prompt in a chunk."""


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest, families: ModelRegistry) -> Iterator[DiffusionModel]:
    with torch.inference_mode():
        yield ModelCache(families, torch.device("cpu"), torch.float32).get(request.param)


def pieces(model: DiffusionModel, text: str) -> list[int]:
    ids: list[int] = model.sd.text.tokenizers[0](text, add_special_tokens=False).input_ids
    return ids


def by_hand(model: DiffusionModel, chunks: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor | None]:
    """The states of chunks of tokens, one after the other, straight from transformers' models."""
    found, pooled = [], None
    for encoder, tokenizer in zip(model.sd.text.encoders, model.sd.text.tokenizers, strict=True):
        rows = [[tokenizer.bos_token_id, *chunk, tokenizer.eos_token_id] for chunk in chunks]
        padded = torch.tensor([row + [tokenizer.pad_token_id] * (TOKENS - len(row)) for row in rows])
        answer = encoder(padded, output_hidden_states=True)
        two = len(model.sd.text.encoders) == 2
        found.append((answer.hidden_states[-2] if two else answer.last_hidden_state).flatten(0, 1))
        pooled = answer.text_embeds[0] if hasattr(answer, "text_embeds") else None
    return torch.cat(found, dim=-1), pooled


def test_a_short_prompt_is_what_the_text_encoder_reads_of_it(model: DiffusionModel) -> None:
    texts = ["", "a red apple", "two cherries"]
    mine, its = encode_prompts(model.sd.text, texts), model.sd.text.encode(texts)
    assert torch.equal(mine.prompt_embeds, its.prompt_embeds)
    assert (mine.pooled_prompt_embeds is None) == (its.pooled_prompt_embeds is None)
    if its.pooled_prompt_embeds is not None and mine.pooled_prompt_embeds is not None:
        assert torch.equal(mine.pooled_prompt_embeds, its.pooled_prompt_embeds)


def test_a_long_prompt_is_read_in_chunks_and_shorter_ones_get_empty_chunks(model: DiffusionModel) -> None:
    long = "a red apple two cherries " * 4
    ids = pieces(model, long)
    assert 2 * ROOM > len(ids) > ROOM
    embeds = encode_prompts(model.sd.text, [long, "a guitar"])
    assert embeds.prompt_embeds.shape[1] == 2 * TOKENS
    ends = model.sd.text.tokenizers[0].convert_ids_to_tokens(ids)
    cut = next(end for end in range(ROOM, 0, -1) if ends[end - 1].endswith("</w>"))
    states, pooled = by_hand(model, [ids[:cut], ids[cut:]])
    assert torch.allclose(embeds.prompt_embeds[0], states, atol=1e-5)
    short, _ = by_hand(model, [pieces(model, "a guitar"), []])
    assert torch.allclose(embeds.prompt_embeds[1], short, atol=1e-5)
    if pooled is not None and embeds.pooled_prompt_embeds is not None:
        assert torch.allclose(embeds.pooled_prompt_embeds[0], pooled, atol=1e-5)


def test_a_chunk_never_ends_inside_a_word(model: DiffusionModel) -> None:
    word = pieces(model, "zebrafish")
    assert len(word) > 2
    text = "a " * (ROOM - 1) + "zebrafish"
    states, _ = by_hand(model, [pieces(model, "a " * (ROOM - 1)), word])
    assert torch.allclose(encode_prompts(model.sd.text, [text]).prompt_embeds[0], states, atol=1e-5)


def test_a_chunk_ends_after_a_comma_in_its_last_quarter() -> None:
    def lengths(*commas: int) -> list[int]:
        tokens = tuple(Token((5,), is_comma=place in commas) for place in range(1, 101))
        return [len(part) for part in cut_into_chunks(tokens, 75)]

    assert lengths() == [75, 25]
    assert lengths(30) == [75, 25]
    assert lengths(30, 56) == [56, 44]
    assert lengths(30, 56, 70) == [70, 30]
    assert lengths(55) == [75, 25], "20 tokens before the end or more are too many"


def test_a_word_longer_than_a_chunk_is_cut(model: DiffusionModel) -> None:
    ids = pieces(model, "x" * 60)
    assert len(ids) > ROOM
    states, _ = by_hand(model, [ids[number : number + ROOM] for number in range(0, len(ids), ROOM)])
    assert torch.allclose(encode_prompts(model.sd.text, ["x" * 60]).prompt_embeds[0], states, atol=1e-5)


def test_break_begins_a_chunk(model: DiffusionModel) -> None:
    states, _ = by_hand(model, [pieces(model, "a cat"), pieces(model, "a leaf")])
    assert torch.allclose(encode_prompts(model.sd.text, ["a cat BREAK a leaf"]).prompt_embeds[0], states, atol=1e-5)


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.3, 2.0])
def test_a_weight_moves_a_word_along_the_line_from_the_empty_text(model: DiffusionModel, weight: float) -> None:
    empty, plain = encode_prompts(model.sd.text, ["", "a red apple"]).prompt_embeds
    mine = encode_prompts(model.sd.text, [f"a (red:{weight}) apple"]).prompt_embeds[0]
    before, count = 1 + len(pieces(model, "a")), len(pieces(model, "red"))
    expected = plain.clone()
    chosen = slice(before, before + count)
    expected[chosen] = empty[chosen] + weight * (plain[chosen] - empty[chosen])
    assert torch.allclose(mine, expected, atol=1e-5)
    assert torch.equal(mine[:before], plain[:before]) and torch.equal(mine[before + count :], plain[before + count :])


def test_a_weight_of_1_changes_no_bit(model: DiffusionModel) -> None:
    marked, plain = encode_prompts(model.sd.text, ["a (red:1.0) apple", "a red apple"]).prompt_embeds
    assert torch.equal(marked, plain)


def test_a_mark_begins_every_chunk(model: DiffusionModel) -> None:
    embeds = encode_prompts(model.sd.text, ["a cat BREAK a leaf", ""], ["fish", "fish"])
    mark = pieces(model, "fish")
    states, _ = by_hand(model, [mark + pieces(model, "a cat"), mark + pieces(model, "a leaf")])
    assert torch.allclose(embeds.prompt_embeds[0], states, atol=1e-5)
    states, _ = by_hand(model, [mark, mark])
    assert torch.allclose(embeds.prompt_embeds[1], states, atol=1e-5)
    full = ROOM - len(mark)
    assert encode_prompts(model.sd.text, ["a " * full], ["fish"]).prompt_embeds.shape[1] == TOKENS
    assert encode_prompts(model.sd.text, ["a " * (full + 1)], ["fish"]).prompt_embeds.shape[1] == 2 * TOKENS


def test_clip_skip_reads_an_earlier_layer(model: DiffusionModel) -> None:
    """One text encoder's goes through its last norm, as the web UIs do it; two give their hidden states as they are."""
    (usual, first) = (encode_prompts(model.sd.text, ["a cat"], clip_skip=skip).prompt_embeds[0] for skip in (None, 2))
    tokens = model.sd.text.tokenizers[0](["a cat"], padding="max_length", return_tensors="pt", max_length=TOKENS)
    answer = model.sd.text.encoders[0](tokens.input_ids, output_hidden_states=True)
    if len(model.sd.text.encoders) == 2:
        assert torch.equal(usual, first)
        last = encode_prompts(model.sd.text, ["a cat"], clip_skip=1).prompt_embeds[0]
        assert torch.allclose(last[:, :WORDS], answer.hidden_states[-1][0], atol=1e-5)
    else:
        norm = model.sd.text.encoders[0].final_layer_norm
        assert torch.allclose(first, norm(answer.hidden_states[-2])[0], atol=1e-5)
        assert torch.allclose(usual, norm(answer.hidden_states[-1])[0], atol=1e-5)


def write_embedding(folder: Path, name: str, keys: Sequence[str], count: int = 3, width: int = WORDS) -> Path:
    folder.mkdir(exist_ok=True)
    make = torch.Generator().manual_seed(7)
    tensors = {key: torch.randn(count, width, generator=make) for key in keys}
    path = folder / f"{name}.safetensors"
    save_file(tensors, path)
    return path


KEYS = {"sd15": ["emb_params"], "sdxl": ["clip_g", "clip_l"]}


@pytest.mark.parametrize("called", ["Soft-Light", "soft-light", "embedding:soft-light", "(embedding:Soft-Light:1.0)"])
def test_the_vectors_of_an_embedding_stand_in_its_place(model: DiffusionModel, tmp_path: Path, called: str) -> None:
    vectors = read_embedding(write_embedding(tmp_path, "Soft-Light", KEYS[model.spec.family.name]))
    mine = encode_prompts(model.sd.text, [f"a {called} cat"], embeddings={"soft-light": vectors})
    plain = encode_prompts(model.sd.text, ["a ! ! ! cat"])
    assert not torch.equal(mine.prompt_embeds, plain.prompt_embeds)
    # The same vectors as words of the vocabulary.
    words = pieces(model, "two flat green")[:3]
    before = [encoder.get_input_embeddings().weight.clone() for encoder in model.sd.text.encoders]
    try:
        for encoder, its in zip(model.sd.text.encoders, vectors, strict=True):
            encoder.get_input_embeddings().weight[words] = its
        states, _ = by_hand(model, [pieces(model, "a") + words + pieces(model, "cat")])
    finally:
        for encoder, old in zip(model.sd.text.encoders, before, strict=True):
            encoder.get_input_embeddings().weight[:] = old
    assert torch.allclose(mine.prompt_embeds[0], states, atol=1e-5)
    after = encode_prompts(model.sd.text, ["a ! ! ! cat"])
    assert torch.equal(after.prompt_embeds, plain.prompt_embeds), "nothing stays behind"


def test_embeddings_are_words_of_their_own() -> None:
    parts = list(split_at_embeddings("a Soft, softly soft-focus (embedding:soft)", ["soft"]))
    assert parts == [("a ", None), ("", "soft"), (", softly soft-focus (", None), ("", "soft"), (")", None)]


@pytest.mark.parametrize("name", NAMES)
def test_an_embedding_that_does_not_fit_is_refused_by_name(
    families: ModelRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    entry = families.entry(name)
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    other = KEYS["sdxl" if name == "sd15" else "sd15"]
    write_embedding(tmp_path / "embedding", "fits", KEYS[name])
    write_embedding(tmp_path / "embedding", "other", other)
    write_embedding(tmp_path / "embedding", "wide", KEYS[name], width=WORDS + 1)
    (tmp_path / "embedding/broken.safetensors").write_bytes(b"no header")
    (tmp_path / "embedding/pickle.pt").write_bytes(b"never read")

    def refusal(text: str) -> AcetateError:
        with pytest.raises(AcetateError) as caught:
            check_embeddings(entry, parse_prompt(text), "negative")
        assert (caught.value.code, caught.value.field) == ("bad_request", "negative")
        return caught.value

    check_embeddings(entry, parse_prompt("a (fits:1.2) cat"), "negative")
    assert f"choose one that was made for {name}" in refusal("a cat, other").hint
    assert f"vectors of {' and '.join([str(WORDS + 1)] * len(KEYS[name]))} numbers" in refusal("wide").message
    assert "holds no embedding" in refusal("broken").message
    unknown = refusal("embedding:pickle")
    assert "'pickle'" in unknown.message and "broken, fits, other, wide" in unknown.hint
