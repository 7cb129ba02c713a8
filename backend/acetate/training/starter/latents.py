"""The starter's latents: views of its pictures, encoded anew while a training goes on, some with their hue turned."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Generator, Tensor
from transformers import CLIPTokenizer

from acetate.models.store import best_device
from acetate.training.augment import View, from_stored, random_views
from acetate.training.diffusion import Samples
from acetate.training.loop import Loop
from acetate.training.precision import mixed_precision
from acetate.training.rolling import Rolling, Slice, Turnover
from acetate.training.starter.captions import caption
from acetate.training.starter.colours import dominant_colour, turn_hue
from acetate.training.starter.concepts import CORE, CORE_WEIGHT
from acetate.training.starter.pictures import BACKDROP_SET, PictureRecord, PictureSet, evenly
from acetate.training.transparency import LatentTransparency
from acetate.transparency.latent import adjusted_latent
from acetate.transparency.padding import pad_rgb, vae_feed

VIEW = View(scale=(0.86, 1.0), turn=0.08, shift=0.015, mirror=False)
"""Emoji of all sets look the same way, left as a rule; mirrored too, a small model draws two heads."""
TURNED = 0.4
"""How often a view of a colourful picture has its hue turned."""
BACKDROP_VIEW = View(scale=(1.0, 1.3), turn=0.0, shift=0.0)
BACKDROP_WEIGHT = 5.0
"""How often captions teach a kind of background, next to a thing: a tenth of all, so that scenes need only put
them together.
"""
NEW_WEIGHT = 2.0
"""How often captions teach what a model that is trained on does not know yet, next to what it knows."""
STYLE_WEIGHTS = {"3d": 0.5, "cartoon": 0.3, "flat": 0.2, "painted": 1.0}
CHUNK = 32


def fresh_latents(
    model: LatentTransparency, pictures: PictureSet, size: int, known: Collection[str], turnover: Turnover, folder: Path
) -> Rolling:
    """Unscaled latents of views of the vocabulary's pictures and of backgrounds, always new ones.

    Things of the core, and those that are not yet `known` where others are, come more often. The words of each are
    its colour; its tensors name the picture's row, and say whether its hue was turned.
    """
    rows, count = pictures.indices("vocabulary", "backdrop"), turnover.size
    weights = _weights([pictures.records[row] for row in rows], known)

    def encode(number: int) -> Slice:
        generator = Loop.generator(number + 29)
        chosen = rows[torch.multinomial(weights, count, replacement=True, generator=generator).numpy()]
        parts = [
            _encoded(model, pictures, chosen[start : start + CHUNK], size, generator)
            for start in range(0, count, CHUNK)
        ]
        tensors = {name: torch.cat([part.tensors[name] for part in parts]) for name in parts[0].tensors}
        return Slice(tensors, tuple(word for part in parts for word in part.words))

    return Rolling(folder, encode, turnover)


def caption_batches(
    latents: Rolling,
    pictures: PictureSet,
    tokenizer: CLIPTokenizer,
    batch: int,
    scaling_factor: float,
    dropout: float = 0.1,
) -> Callable[[int], Samples[Tensor]]:
    """Views out of those that are in use at a step, scaled, with captions drawn anew."""

    def draw(step: int) -> Samples[Tensor]:
        views, chance = latents.at(step), random.Random(step)
        chosen = torch.randint(len(views), (batch,), generator=Loop.generator(step))
        texts = []
        for i in chosen.tolist():
            record, turned = pictures.records[int(views.tensors["rows"][i])], bool(views.tensors["turned"][i])
            texts.append("" if chance.random() < dropout else caption(record, views.words[i], turned, chance))
        given = torch.zeros(batch, 1, dtype=torch.bool)
        scaled = views.tensors["latents"][chosen].float() * scaling_factor
        return Samples(scaled[:, None], tokenize(tokenizer, texts), given)

    return draw


def deviation(model: LatentTransparency, pictures: PictureSet, size: int) -> float:
    """The factor that gives latents of views of the vocabulary's pictures a deviation of 1."""
    draw, generator = evenly(pictures, "vocabulary"), Loop.generator(0)
    parts = [_encoded(model, pictures, draw(CHUNK, generator), size, generator) for _ in range(16)]
    return 1.0 / torch.cat([part.tensors["latents"] for part in parts]).float().std().item()


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
    """Token ids (n, model_max_length), padded and cut to the text encoder's length."""
    length = tokenizer.model_max_length
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    ids: Tensor = tokens.input_ids
    return ids


@torch.no_grad()
def _encoded(
    model: LatentTransparency, pictures: PictureSet, rows: NDArray[np.int64], size: int, generator: Generator
) -> Slice:
    """Latents of one view of each of these pictures."""
    records, n = [pictures.records[row] for row in rows], len(rows)
    stored = from_stored(pictures.pictures[rows])
    opaque = torch.tensor([record.set == BACKDROP_SET for record in records]).view(-1, 1, 1, 1)
    placed = random_views(stored, size, VIEW, generator)
    rgba = torch.where(opaque, random_views(stored, size, BACKDROP_VIEW, generator), placed)
    turned = (torch.rand(n, generator=generator) < TURNED) & torch.tensor([record.hue_turns for record in records])
    turns = torch.where(turned, 0.08 + 0.84 * torch.rand(n, generator=generator), 0.0)
    rgba = torch.cat([torch.where(turned.view(-1, 1, 1, 1), turn_hue(rgba[:, :3], turns), rgba[:, :3]), rgba[:, 3:]], 1)
    colours = [
        dominant_colour((picture.permute(1, 2, 0) * 255).byte().numpy()) if turn else record.colour
        for picture, record, turn in zip(rgba, records, turned.tolist(), strict=True)
    ]
    latents = adjusted(model, rgba).half().cpu()
    return Slice({"latents": latents, "rows": torch.from_numpy(rows), "turned": turned}, tuple(colours))


@torch.no_grad()
def adjusted(model: LatentTransparency, rgba: Float[Tensor, "n 4 h w"]) -> Float[Tensor, "n c h/8 w/8"]:
    """Unscaled latents with the alpha hidden in them."""
    device = best_device()
    rgba = rgba.to(device)
    padded = pad_rgb(rgba)
    with mixed_precision(device):
        posterior = model.vae.encode(vae_feed(rgba).contiguous(memory_format=torch.channels_last)).latent_dist
        offset = model.encoder(torch.cat([rgba[:, 3:], padded], 1))
    return adjusted_latent(posterior.mean, posterior.std, offset, model.multiplier).float()
