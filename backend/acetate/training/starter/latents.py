"""The starter's latents, encoded once: views of each picture, some with their hue turned."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTokenizer

from acetate.models.devices import best_device
from acetate.training.augment import View, from_stored, random_views
from acetate.training.diffusion import Samples
from acetate.training.loop import Loop, Say
from acetate.training.precision import mixed_precision
from acetate.training.starter.captions import caption
from acetate.training.starter.colours import dominant_colour, turn_hue
from acetate.training.starter.concepts import CORE, CORE_WEIGHT
from acetate.training.starter.pictures import BACKDROP_SET, SOFT_SET, PictureRecord, PictureSet
from acetate.training.transparency import LatentTransparency
from acetate.transparency.latent import adjusted_latent
from acetate.transparency.padding import pad_rgb, vae_feed

VIEW = View(scale=(0.86, 1.0), turn=0.08, shift=0.015, mirror=False)
"""Emoji of all sets look the same way, left as a rule; mirrored too, a small model draws two heads."""
PLAIN_VIEWS = 3
TURNED_VIEWS = 2
SOFT_VIEWS = 2
BACKDROP_VIEW = View(scale=(1.0, 1.3), turn=0.0, shift=0.0)
BACKDROP_WEIGHT = 5.0
"""How often captions teach a kind of background, next to a thing: a tenth of all, so that scenes need only put
them together.
"""
NEW_WEIGHT = 2.0
"""How often captions teach what a model that is trained on does not know yet, next to what it knows."""
STYLE_WEIGHTS = {"3d": 0.5, "cartoon": 0.3, "flat": 0.2, "painted": 1.0}
CHUNK = 32


@dataclass(frozen=True)
class CachedLatents:
    """Unit-variance latents; `rows` say which picture each shows, `colours` its colour word, `turned` whether by us."""

    latents: Float[Tensor, "n c h w"]
    rows: tuple[int, ...]
    colours: tuple[str, ...]
    turned: tuple[bool, ...]
    scaling_factor: float


def cache_latents(model: LatentTransparency, pictures: PictureSet, size: int, folder: Path, say: Say) -> CachedLatents:
    """Encode every view of the vocabulary's pictures and of backgrounds, or open what an earlier run encoded."""
    file = folder / "latents.safetensors"
    things, backdrops = (
        [(int(row), turned) for row in pictures.indices(use) for turned in _views(pictures.records[row])]
        for use in ("vocabulary", "backdrop")
    )
    plan = things + backdrops
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        chunks: list[Tensor] = []
        colours: list[str] = []
        for some, view in ((things, VIEW), (backdrops, BACKDROP_VIEW)):
            for start in range(0, len(some), CHUNK):
                latents, words = _encode(model, pictures, some[start : start + CHUNK], view, size, start)
                chunks.append(latents)
                colours += words
                if start // CHUNK % 40 == 0:
                    say(f"latents {start}/{len(some)}")
        save_file({"latents": torch.cat(chunks).contiguous()}, file, metadata={"colours": "\n".join(colours)})
    latents = load_file(file)["latents"].float()
    with safe_open(file, framework="pt") as opened:
        colours = opened.metadata()["colours"].split("\n")
    scaling_factor = 1.0 / latents.std().item()
    rows, turned = zip(*plan, strict=True)
    return CachedLatents(latents * scaling_factor, rows, tuple(colours), turned, scaling_factor)


def caption_batches(
    cached: CachedLatents,
    pictures: PictureSet,
    tokenizer: CLIPTokenizer,
    batch: int,
    known: Collection[str] = (),
    dropout: float = 0.1,
) -> Callable[[int], Samples[Tensor]]:
    """Things of the core, and those that are not yet `known` where others are, come more often; captions are drawn
    anew.
    """
    records = [pictures.records[row] for row in cached.rows]
    groups: dict[tuple[str, str], int] = {}
    for record in records:
        key = (record.name, record.style)
        groups[key] = groups.get(key, 0) + 1
    weights = torch.tensor([_share(r, known) * STYLE_WEIGHTS[r.style] / groups[r.name, r.style] for r in records])

    def draw(step: int) -> Samples[Tensor]:
        chosen = torch.multinomial(weights, batch, replacement=True, generator=Loop.generator(step)).tolist()
        chance = random.Random(step)
        texts = [
            "" if chance.random() < dropout else caption(records[i], cached.colours[i], cached.turned[i], chance)
            for i in chosen
        ]
        given = torch.zeros(batch, 1, dtype=torch.bool)
        return Samples(cached.latents[chosen][:, None], tokenize(tokenizer, texts), given)

    return draw


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


def _views(record: PictureRecord) -> list[bool]:
    """For each view of a picture, whether its hue is turned."""
    if record.set in (SOFT_SET, BACKDROP_SET):
        return [False] * SOFT_VIEWS
    return [False] * PLAIN_VIEWS + [True] * (TURNED_VIEWS if record.hue_turns else 0)


@torch.no_grad()
def _encode(
    model: LatentTransparency, pictures: PictureSet, plan: list[tuple[int, bool]], view: View, size: int, seed: int
) -> tuple[Tensor, list[str]]:
    generator = Loop.generator(seed)
    rows = np.array([row for row, _ in plan])
    turned = torch.tensor([turn for _, turn in plan])
    rgba = random_views(from_stored(pictures.pictures[rows]), size, view, generator)
    turns = torch.where(turned, 0.08 + 0.84 * torch.rand(len(plan), generator=generator), 0.0)
    rgba = torch.cat([torch.where(turned.view(-1, 1, 1, 1), turn_hue(rgba[:, :3], turns), rgba[:, :3]), rgba[:, 3:]], 1)
    colours = [
        dominant_colour((picture.permute(1, 2, 0) * 255).byte().numpy()) if turn else pictures.records[row].colour
        for picture, (row, turn) in zip(rgba, plan, strict=True)
    ]
    return adjusted(model, rgba).half().cpu(), colours


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
