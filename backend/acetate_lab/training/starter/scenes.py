"""Scenes for the starter: its own pictures over painted backgrounds, as (foreground, background, blend)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from acetate.models.devices import best_device
from jaxtyping import Float
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import CLIPTokenizer

from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.diffusion import Samples
from acetate_lab.training.precision import mixed_precision
from acetate_lab.training.starter.caption_text import caption
from acetate_lab.training.starter.data_pool import DataPool
from acetate_lab.training.starter.dataset import PictureSet, evenly
from acetate_lab.training.starter.latent_cache import adjusted, tokenize
from acetate_lab.training.starter.samples import BackdropRequest, paint_backdrops
from acetate_lab.training.starter.wording import article, with_role
from acetate_lab.training.trainer import Log, Trainer
from acetate_lab.training.transparency_training import LatentTransparency

FRAMES = ("foreground", "background", "blend")
FRAME_ROLES = ("layer", "background", "blend")
"""What each frame is to captions."""
CHUNK = 32
VIEW = RandomView(scale=(0.6, 1.0), turn=0.08, shift=0.06, mirror=False)
GIVEN = (((), 0.4), ((0,), 0.2), ((1,), 0.2), ((0, 2), 0.1), ((1, 2), 0.1))
"""Which frames of a sample are clean, and how often: none, or all but those to denoise."""
OWN_PROMPTS = 0.5
"""How often each layer has a prompt of its own; otherwise all share the scene's."""
JOINTS = ("{fore}, {back}", "{fore} in front of {back}", "{fore} and {back}", "{fore}, {back} background")


@dataclass(frozen=True)
class CachedScenes:
    """Scaled latents of every scene, the row of its picture, and what its background is called."""

    latents: Float[Tensor, "n 3 c h w"]
    rows: tuple[int, ...]
    backdrops: tuple[str, ...]


def cache_scenes(
    model: LatentTransparency,
    pool: DataPool,
    count: int,
    size: int,
    scaling_factor: float,
    folder: Path,
    log: Log,
) -> CachedScenes:
    """Encode `count` scenes, or open what an earlier run encoded."""
    file = folder / "scenes.safetensors"
    chosen = evenly(pool.pictures, "vocabulary")(count, Trainer.generator(0))
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        chunks: list[Tensor] = []
        names: list[str] = []
        starts = range(0, count, CHUNK)
        requests = [BackdropRequest(start, min(CHUNK, count - start), size) for start in starts]
        for start, (painted, called) in zip(starts, pool.begin(paint_backdrops, requests), strict=True):
            rows = chosen[start : start + CHUNK]
            chunks.append(_encode(model, pool.pictures.pictures[rows], np.stack(painted), size, start))
            names += called
            if start // CHUNK % 20 == 0:
                log(f"scenes {start}/{count}")
        save_file({"latents": torch.cat(chunks).contiguous()}, file, metadata={"backdrops": "\n".join(names)})
    with safe_open(file, framework="pt") as opened:
        backdrops = tuple(opened.metadata()["backdrops"].split("\n"))
    return CachedScenes(load_file(file)["latents"].float() * scaling_factor, tuple(chosen.tolist()), backdrops)


def scene_batches(
    scenes: Callable[[], CachedScenes],
    pictures: PictureSet,
    tokenizer: CLIPTokenizer,
    batch: int,
    dropout: float = 0.1,
) -> Callable[[int], Samples[Tensor]]:
    """Scenes with sampled captions; which frames are clean, and all else, depends on the step alone.

    `scenes` is called for every batch; it need not have any before.
    """

    def draw(step: int) -> Samples[Tensor]:
        cached = scenes()
        chosen = torch.randint(len(cached.rows), (batch,), generator=Trainer.generator(step)).tolist()
        chance = random.Random(step)
        given = torch.zeros(batch, len(FRAMES), dtype=torch.bool)
        texts: list[str] = []
        for sample, scene in enumerate(chosen):
            frames = chance.choices([frames for frames, _ in GIVEN], [share for _, share in GIVEN])[0]
            given[sample, list(frames)] = True
            record = pictures.records[cached.rows[scene]]
            prompts = scene_prompts(caption(record, record.colour, False, chance), cached.backdrops[scene], chance)
            asked = ("",) * len(FRAMES) if chance.random() < dropout else prompts
            texts += map(with_role, FRAME_ROLES, asked)
        return Samples(cached.latents[chosen], tokenize(tokenizer, texts), given)

    return draw


def scene_prompts(fore: str, backdrop: str, chance: random.Random) -> tuple[str, str, str]:
    """One way to ask for a scene: the prompts of its foreground, its background and its blend."""
    back = article(backdrop) + backdrop if chance.random() < 0.5 else backdrop
    joint = chance.choice(JOINTS).format(fore=fore, back=back)
    return (fore, back, joint) if chance.random() < OWN_PROMPTS else (joint, joint, joint)


@torch.no_grad()
def _encode(
    model: LatentTransparency, things: NDArray[np.uint8], backdrops: NDArray[np.uint8], size: int, seed: int
) -> Float[Tensor, "n 3 c h w"]:
    """Half-precision latents of scenes with these stored pictures (n, height, width, 4)."""
    fore = random_views(from_stored(things, best_device()), size, VIEW, Trainer.generator(seed))
    back = from_stored(backdrops, best_device())[:, :3]
    blend = fore[:, :3] * fore[:, 3:] + back * (1 - fore[:, 3:])
    frames = (adjusted(model, fore), _plain(model, back), _plain(model, blend))
    return torch.stack([frame.half().cpu() for frame in frames], dim=1)


def _plain(model: LatentTransparency, picture: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n c h/8 w/8"]:
    """Unscaled latents of opaque pictures."""
    device = best_device()
    feed = (picture * 2 - 1).to(device, memory_format=torch.channels_last)
    with mixed_precision(device):
        mean: Tensor = model.vae.encode(feed).latent_dist.mean
    return mean.float()
