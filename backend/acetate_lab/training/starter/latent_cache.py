"""The starter's latents: varied pictures and groups of them, encoded anew while a training goes on."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from acetate.models.devices import best_device
from acetate.transparency.padding import composite_on_grey
from jaxtyping import Float
from torch import Generator, Tensor
from transformers import CLIPTokenizer

from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.diffusion import Samples
from acetate_lab.training.precision import mixed_precision
from acetate_lab.training.rolling import Rolling, Slice, Turnover
from acetate_lab.training.starter.concepts import CORE, CORE_WEIGHT
from acetate_lab.training.starter.data_pool import DataPool
from acetate_lab.training.starter.dataset import BACKDROP_SET, PictureRecord, PictureSet, evenly
from acetate_lab.training.starter.distractors import distracted
from acetate_lab.training.starter.samples import Sample, SampleRequest, make_samples, thing_sample
from acetate_lab.training.starter.wording import Wording, with_role
from acetate_lab.training.trainer import Trainer
from acetate_lab.training.transparency_training import LatentTransparency

VIEW = RandomView(scale=(0.84, 1.0), turn=0.1, shift=0.03, mirror=False)
"""Emoji of all sets look the same way, left as a rule; mirrored too, a small model draws two heads."""
GROUPS = 0.27
"""How many of all samples show two or three things."""
BACKDROP_VIEW = RandomView(scale=(1.0, 1.3), turn=0.0, shift=0.0)
BACKDROP_WEIGHT = 5.0
"""How often captions teach a kind of background, next to a thing: a tenth of all, so that scenes need only put
them together.
"""
NEW_WEIGHT = 2.0
"""How often captions teach what a model that is trained on does not know yet, next to what it knows."""
STYLE_WEIGHTS = {"3d": 0.5, "cartoon": 0.3, "flat": 0.2, "painted": 1.0}
CHUNK = 32


def fresh_latents(
    model: LatentTransparency,
    pool: DataPool,
    size: int,
    known: Collection[str],
    turnover: Turnover,
    folder: Path,
    steps: int,
) -> Rolling:
    """Unscaled latents of varied pictures, of groups of them and of backgrounds, always new ones.

    Things of the core, and those that are not yet `known` where others are, come more often. The words of each are
    its wording as JSON. While a training of so many `steps` goes on, the next slice's pictures are made.
    """
    rows, count = pool.pictures.indices("vocabulary", "backdrop"), turnover.size
    weights = _weights([pool.pictures.records[row] for row in rows], known)
    last = max(0, steps - 1) // turnover.steps + turnover.kept - 1
    begun: dict[int, tuple[Iterator[list[Sample]], Generator]] = {}

    def begin(number: int) -> None:
        if number > last:
            return
        generator = Trainer.generator(number + 29)
        chosen = rows[torch.multinomial(weights, count, replacement=True, generator=generator).numpy()]
        grouped = torch.rand(count, generator=generator) < GROUPS
        seeds = torch.randint(1, 2**31, (count,), generator=generator)
        requests = list(map(SampleRequest, chosen.tolist(), grouped.tolist(), seeds.tolist()))
        chunks = [requests[start : start + CHUNK] for start in range(0, count, CHUNK)]
        begun[number] = pool.begin(make_samples, chunks, limit=len(chunks)), generator

    def encode(number: int) -> Slice:
        if number not in begun:
            begin(number)
        made, generator = begun.pop(number)
        latents: list[Tensor] = []
        words: list[str] = []
        for samples in made:
            latents.append(_encoded(model, samples, size, generator))
            words += [json.dumps(asdict(each.wording)) for each in samples]
        return Slice({"latents": torch.cat(latents)}, tuple(words))

    return Rolling(folder, encode, turnover, begin)


def caption_batches(
    latents: Rolling, tokenizer: CLIPTokenizer, batch: int, scaling_factor: float, dropout: float = 0.1
) -> Callable[[int], Samples[Tensor]]:
    """Samples out of those that are in use at a step, scaled, with captions drawn anew."""

    def draw(step: int) -> Samples[Tensor]:
        views, chance = latents.at(step), random.Random(step)
        chosen = torch.randint(len(views), (batch,), generator=Trainer.generator(step))
        wordings = [_wording(views.words[i]) for i in chosen.tolist()]
        texts = [with_role(each.role, _words(each, chance, dropout)) for each in wordings]
        given = torch.zeros(batch, 1, dtype=torch.bool)
        scaled = views.tensors["latents"][chosen].float() * scaling_factor
        return Samples(scaled[:, None], tokenize(tokenizer, texts), given)

    return draw


@lru_cache(maxsize=1 << 13)
def _wording(text: str) -> Wording:
    """The wording that a slice holds as JSON."""
    return Wording(**json.loads(text))


def _words(wording: Wording, chance: random.Random, dropout: float) -> str:
    return "" if chance.random() < dropout else distracted(wording.phrase(chance), wording.role, chance)


def deviation(model: LatentTransparency, pictures: PictureSet, size: int) -> float:
    """The factor that gives latents of the vocabulary's pictures a deviation of 1."""
    draw, generator = evenly(pictures, "vocabulary"), Trainer.generator(0)
    samples = [thing_sample(pictures, int(row), 0) for row in draw(16 * CHUNK, generator)]
    latents = [
        _encoded(model, samples[start : start + CHUNK], size, generator) for start in range(0, len(samples), CHUNK)
    ]
    return 1.0 / torch.cat(latents).float().std().item()


def _weights(records: list[PictureRecord], known: Collection[str]) -> Float[Tensor, " n"]:
    """How often each picture is shown, so that things come as often as they shall, however many there are of each."""
    counts = Counter((record.name, record.style) for record in records)
    return torch.tensor(
        [_share(each, known) * STYLE_WEIGHTS[each.style] / counts[each.name, each.style] for each in records]
    )


def _share(record: PictureRecord, known: Collection[str]) -> float:
    """How often captions teach a thing or a kind of background, next to an ordinary thing."""
    if record.set == BACKDROP_SET:
        return BACKDROP_WEIGHT
    if record.name in CORE:
        return CORE_WEIGHT
    return NEW_WEIGHT if known and record.name not in known else 1.0


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids (n, model_max_length), padded and cut to the text encoder's length.

    They are those that the tokenizer gives; but as no token of CLIP spans a space, each word is tokenized only once.
    """
    length, end = tokenizer.model_max_length, tokenizer.eos_token_id
    ids = torch.full((len(texts), length), tokenizer.pad_token_id)
    for row, text in enumerate(texts):
        tokens = [token for word in text.split() for token in _word_tokens(tokenizer, word)]
        tokens = [tokenizer.bos_token_id, *tokens[: length - 2], end]
        ids[row, : len(tokens)] = torch.tensor(tokens)
    return ids


@lru_cache(maxsize=1 << 14)
def _word_tokens(tokenizer: CLIPTokenizer, word: str) -> tuple[int, ...]:
    return tuple(tokenizer(word, add_special_tokens=False).input_ids)


@torch.no_grad()
def _encoded(
    model: LatentTransparency, samples: Sequence[Sample], size: int, generator: Generator
) -> Float[Tensor, "n c h/8 w/8"]:
    """Latents of one view of each of these samples, in half precision."""
    stored = from_stored(np.stack([sample.picture for sample in samples]), best_device())
    opaque = torch.tensor([sample.wording.role == "background" for sample in samples], device=stored.device)
    placed = random_views(stored, size, VIEW, generator)
    rgba = torch.where(opaque.view(-1, 1, 1, 1), random_views(stored, size, BACKDROP_VIEW, generator), placed)
    return adjusted(model, rgba).half().cpu()


@torch.no_grad()
def adjusted(model: LatentTransparency, rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n c h/8 w/8"]:
    """Unscaled latents with the alpha hidden in them."""
    device = best_device()
    rgba = rgba.to(device)
    with mixed_precision(device):
        posterior = model.vae.encode(composite_on_grey(rgba).contiguous(memory_format=torch.channels_last)).latent_dist
        return model.transparency.hide(posterior, rgba)
