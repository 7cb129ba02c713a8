"""Latents that the starter's UNet drew, for the transparent decoder to learn from."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from acetate.transparency.augmentation import decode_augmented
from diffusers import UNet2DConditionModel
from jaxtyping import Bool, Float, UInt8
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from acetate_lab.training.augment import RandomView, from_stored, random_views, randomly_tinted
from acetate_lab.training.autoencoder import Batch
from acetate_lab.training.decoding import DecoderBatch
from acetate_lab.training.diffusion import InitLatents
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.rolling import Rolling, Slice, Turnover
from acetate_lab.training.starter.caption_text import caption
from acetate_lab.training.starter.dataset import PictureSet, evenly
from acetate_lab.training.starter.latent_cache import adjusted, tokenize
from acetate_lab.training.starter.wording import with_role
from acetate_lab.training.text_training import sample_prompts
from acetate_lab.training.trainer import Trainer
from acetate_lab.training.transparency_training import LatentTransparency

VIEW = RandomView(scale=(0.7, 1.3), turn=0.15, shift=0.05)
"""How pictures lie that the UNet draws again: not so much larger that it would not know them."""
SOFT_WEIGHT = 3.0
GROUP = 16
STRENGTHS = (0.1, 0.2, 0.3, 0.4)
"""Image-to-image strengths: beyond these, the UNet generates another thing."""
STEPS, GUIDANCE = 14, 3.5
NOISE = 0.35
"""The most noise that half of the encoded latents have, in their deviations; the others are clean, as pictures that an
artist gives are.
"""
SOLID_LIMIT = 0.1
"""A picture is of a solid thing when less than this share of its visible pixels is partial."""


@dataclass(frozen=True)
class Artist:
    """The frozen parts that draw; `scaling_factor` is what the UNet's latents are of unscaled ones."""

    transparency: LatentTransparency
    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    scaling_factor: float
    hardware: Distributed

    def draw(self, texts: list[str], seed: int, start: InitLatents | None = None) -> Float[Tensor, "n c h w"]:
        """Unscaled latents of one layer a text, by the solver and the guidance that layers are drawn with."""
        tokens = tokenize(self.tokenizer, [with_role("layer", text) for text in texts])
        empty = tokenize(self.tokenizer, [with_role("layer", "")])
        side, channels = self.unet.config.sample_size, self.unet.config.in_channels
        shape = (channels, side, side)
        latents = sample_prompts(
            self.unet, self.text_encoder, tokens, empty, shape, self.hardware, STEPS, GUIDANCE, seed, start
        )
        return latents.float().cpu() / self.scaling_factor

    def decoded(self, latents: Float[Tensor, "n c h w"]) -> Float[Tensor, "n 4 h w"]:
        """What the decoder makes of them now, by four passes."""
        latents = latents.to(self.hardware.device, memory_format=torch.channels_last)
        with self.hardware.autocast():
            pictures = (self.transparency.vae.decode(latents).sample / 2 + 0.5).clamp(0, 1)
            return decode_augmented(self.transparency.decoder, pictures, latents, 4).float().cpu()


def drawn_batches(
    artist: Artist, pictures: PictureSet, encode: Batch, batch: int, turnover: Turnover, folder: Path
) -> Callable[[int], DecoderBatch]:
    """Batches out of latents that the artist draws meanwhile, a quarter partly and a quarter wholly.

    The other half is what `encode` gives, RGBA as large as the UNet draws it. The artist's parts, the decoder before
    all, must stay as they are: a batch depends on its number alone.
    """
    size, device = 8 * artist.unet.config.sample_size, artist.hardware.device
    drawing = Rolling(folder, lambda number: _slice(artist, pictures, size, number, turnover.size), turnover)

    def draw(step: int) -> DecoderBatch:
        pool, chance, rgba = drawing.at(step).tensors, Trainer.generator(step), encode(step)
        chosen = torch.randint(len(pool["partly"]), (batch // 4,), generator=chance)
        own = torch.randint(len(pool["wholly"]), (batch // 4,), generator=chance)
        encoded = adjusted(artist.transparency, rgba)
        level = NOISE * (2 * torch.rand(len(rgba), 1, 1, 1, generator=chance) - 1).clamp_min(0)
        noise = torch.randn(encoded.shape, generator=chance) * level / artist.scaling_factor
        partly, again = (pool[name][chosen].to(device) for name in ("partly", "rgba"))
        wholly, before, solid = (pool[name][own].to(device) for name in ("wholly", "before", "solid"))
        return DecoderBatch(
            encoded + noise.to(device),
            partly.float(),
            wholly.float(),
            torch.cat([rgba.to(device), _unpacked(again)]),
            _unpacked(before),
            solid,
        )

    return draw


@torch.no_grad()
def _slice(artist: Artist, pictures: PictureSet, size: int, number: int, count: int) -> Slice:
    """`count` pictures; each partly generated (SDEdit), and generated from its caption alone."""
    generator, chance = Trainer.generator(number + 17), random.Random(number)
    rows = evenly(pictures, "vocabulary", soft=SOFT_WEIGHT)(count, generator)
    records = [pictures.records[row] for row in rows]
    stored = from_stored(pictures.pictures[rows], artist.hardware.device)
    rgba = randomly_tinted(random_views(stored, size, VIEW, generator), generator)
    texts = [caption(record, record.colour, False, chance) for record in records]
    partly, wholly = [], []
    for start in range(0, count, GROUP):
        group, words = slice(start, start + GROUP), texts[start : start + GROUP]
        latents, seed = adjusted(artist.transparency, rgba[group]).cpu(), 2 * (number * count + start)
        strength = STRENGTHS[(number + start // GROUP) % len(STRENGTHS)]
        partly.append(artist.draw(words, seed, InitLatents(latents * artist.scaling_factor, strength)))
        wholly.append(artist.draw(words, seed + 1))
    own = torch.cat(wholly)
    before = torch.cat([artist.decoded(own[start : start + GROUP]) for start in range(0, count, GROUP)])
    tensors = {
        "partly": torch.cat(partly).half(),
        "wholly": own.half(),
        "rgba": _packed(rgba),
        "before": _packed(before),
        "solid": _solid(pictures.pictures[rows]),
    }
    return Slice(tensors, tuple(texts))


def _solid(stored: NDArray[np.uint8]) -> Bool[Tensor, " n"]:
    """Which of stored pictures (n, h, w, 4) are of solid things."""
    alpha = stored[..., 3]
    visible = (alpha > 2).sum((1, 2))
    partial = ((alpha > 2) & (alpha < 253)).sum((1, 2))
    return torch.from_numpy(partial < SOLID_LIMIT * visible)


def _packed(rgba: Float[Tensor, "n 4 h w"]) -> UInt8[Tensor, "n 4 h w"]:
    return (rgba * 255).round().byte().cpu()


def _unpacked(rgba: UInt8[Tensor, "n 4 h w"]) -> Float[Tensor, "n 4 h w"]:
    return rgba.float() / 255
