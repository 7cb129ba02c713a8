"""Validation samples of a training from a TOML file: images for the same few prompts, at regular steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from acetate.models.prompt_embeds import PromptEmbeds
from torch import Tensor

from acetate_lab.data.collection import Collection, Entry
from acetate_lab.training.configs.latent_cache import CachedCaptions
from acetate_lab.training.configs.layer_codec import LayerCodec
from acetate_lab.training.diffusion import Predict, sample_latents
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.image_grid import save_image_grid
from acetate_lab.training.objectives import Objective

SHOWN = 4


@dataclass(frozen=True)
class SheetPrompts:
    """The prompts of each sample, a frame each, and the entries that control pictures are taken from."""

    rows: tuple[tuple[str, ...], ...]
    entries: tuple[Entry, ...]
    roles: tuple[str, ...]

    @classmethod
    def chosen(cls, texts: Sequence[str], collection: Collection, roles: Sequence[str]) -> SheetPrompts:
        """These prompts for all frames; without any, captions of held-out entries, else of others."""
        entries = (*collection.chosen("held_out", roles), *collection.chosen("train", roles))[: len(texts) or SHOWN]
        if texts:
            return cls(tuple((text,) * len(roles) for text in texts), entries, tuple(roles))
        rows = tuple(tuple(entry.captions.get(role, "") for role in roles) for entry in entries)
        return cls(rows, entries, tuple(roles))

    @property
    def texts(self) -> tuple[str, ...]:
        """Every prompt, frame fastest."""
        return tuple(text for row in self.rows for text in row)


def sheet_drawer(
    predict: Predict[PromptEmbeds],
    objective: Objective,
    codec: LayerCodec,
    prompts: SheetPrompts,
    captions: CachedCaptions,
    shape: tuple[int, int, int],
    hardware: Distributed,
    control: Tensor | None = None,
) -> Callable[[Path], None]:
    """Draws a row of pictures for each frame; `control` has a picture for each sample."""
    texts = prompts.texts
    both = captions.states(("",) * len(texts) + texts)
    twice = None if control is None else torch.cat([control, control]).to(hardware.device)

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        latents = sample_latents(predict, objective, both, len(texts), shape, hardware, twice)
        frames = latents.view(len(prompts.rows), -1, *shape)
        save_image_grid(path, [codec.decode(frames[:, n], role).cpu() for n, role in enumerate(prompts.roles)])

    return log_samples
