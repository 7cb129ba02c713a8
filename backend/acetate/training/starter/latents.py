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

from acetate.models.store import best_device
from acetate.training.augment import View, from_stored, random_views
from acetate.training.diffusion import Samples
from acetate.training.loop import Loop, Say
from acetate.training.precision import mixed_precision
from acetate.training.starter.captions import caption
from acetate.training.starter.colours import dominant_colour, turn_hue
from acetate.training.starter.concepts import CORE, CORE_WEIGHT
from acetate.training.starter.pictures import SOFT_SET, PictureRecord, PictureSet
from acetate.training.transparency import LatentTransparency
from acetate.transparency.latent import adjusted_latent
from acetate.transparency.padding import pad_rgb, vae_feed

VIEW = View(scale=(0.86, 1.0), turn=0.08, shift=0.015, mirror=False)
"""Emoji of all sets look the same way, left as a rule; mirrored too, a small model draws two heads."""
PLAIN_VIEWS = 3
TURNED_VIEWS = 2
SOFT_VIEWS = 2
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
    """Encode every view of the vocabulary's pictures, or open what an earlier run encoded."""
    file = folder / "latents.safetensors"
    plan = [(int(row), turned) for row in pictures.indices("vocabulary") for turned in _views(pictures.records[row])]
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        chunks: list[Tensor] = []
        colours: list[str] = []
        for start in range(0, len(plan), CHUNK):
            latents, words = _encode(model, pictures, plan[start : start + CHUNK], size, start)
            chunks.append(latents)
            colours += words
            if start // CHUNK % 40 == 0:
                say(f"latents {start}/{len(plan)}")
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
    shares = [CORE_WEIGHT if r.name in CORE else NEW_WEIGHT if known and r.name not in known else 1.0 for r in records]
    weights = torch.tensor(
        [share * STYLE_WEIGHTS[r.style] / groups[r.name, r.style] for r, share in zip(records, shares, strict=True)]
    )

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


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """Token ids (n, model_max_length), padded and cut to the text encoder's length."""
    length = tokenizer.model_max_length
    tokens = tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
    ids: Tensor = tokens.input_ids
    return ids


def _views(record: PictureRecord) -> list[bool]:
    """For each view of a picture, whether its hue is turned."""
    if record.set == SOFT_SET:
        return [False] * SOFT_VIEWS
    return [False] * PLAIN_VIEWS + [True] * (TURNED_VIEWS if record.hue_turns else 0)


@torch.no_grad()
def _encode(
    model: LatentTransparency, pictures: PictureSet, plan: list[tuple[int, bool]], size: int, seed: int
) -> tuple[Tensor, list[str]]:
    generator = Loop.generator(seed)
    rows = np.array([row for row, _ in plan])
    turned = torch.tensor([turn for _, turn in plan])
    rgba = random_views(from_stored(pictures.pictures[rows]), size, VIEW, generator)
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
