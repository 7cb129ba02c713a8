"""Latents and captions of a data set, encoded once, in shards that are written whole or not at all."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import torch
from acetate.models.latents import scale_latents
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.transparency.adjusted_latent import adjusted_latent
from acetate.transparency.padding import composite_on_grey, pad_rgb
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from acetate_lab.data.collection import Collection, Entry, filled, fitted
from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.configs.loading import encode_captions
from acetate_lab.training.configs.schema import DataSettings
from acetate_lab.training.diffusion import Samples
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.trainer import Log, Trainer
from acetate_lab.training.transparency_training import LatentTransparency

SHARD = 64
"""Rows of a shard: what is lost, at most, when encoding is stopped."""
VIEW = RandomView(scale=(0.85, 1.0), turn=0.06, shift=0.03)
TRANSPARENT = "foreground"
"""The role whose alpha is hidden in its latent; all others are opaque."""


@dataclass(frozen=True)
class CachePlan:
    """What is encoded: each view of each entry, and the frames of each."""

    collection: Collection
    entries: tuple[Entry, ...]
    roles: tuple[str, ...]
    data: DataSettings

    def __len__(self) -> int:
        """The number of rows: every view of every entry."""
        return len(self.entries) * self.data.views

    def entry(self, row: int) -> Entry:
        """The entry that a row shows."""
        return self.entries[row // self.data.views]

    def frames(self, row: int) -> Float[Tensor, "frames 4 size size"]:
        """Its pictures, straight RGBA in [0, 1]; the first view of a transparent picture alone is the plain one."""
        entry, size = self.entry(row), self.data.size
        return torch.cat([self._frame(entry, role, row, size) for role in self.roles])

    def _frame(self, entry: Entry, role: str, row: int, size: int) -> Float[Tensor, "1 4 size size"]:
        lay = fitted if role == TRANSPARENT else filled
        rgba = from_stored(lay(self.collection.picture(entry, role), size)[None])
        # The layers of a scene belong where they are: only a picture of its own may be placed anew.
        alone = self.roles == (TRANSPARENT,)
        if alone and (self.data.mirror or row % self.data.views):
            view = RandomView(VIEW.scale, VIEW.turn, VIEW.shift, self.data.mirror)
            rgba = random_views(rgba, size, view, Trainer.generator(row))
        return rgba


def chosen_entries(collection: Collection, roles: Sequence[str]) -> tuple[Entry, ...]:
    """What there is to learn from. Raises AcetateError `bad_request` when there is nothing."""
    entries = collection.chosen("train", roles)
    if not entries:
        way = "scenes are made with: acetate data layers" if len(roles) > 1 else "add some with: acetate data build"
        raise AcetateError(
            "bad_request",
            f"{collection.folder} has no kept entry with {' and '.join(roles)}",
            field="data.folder",
            hint=way,
        )
    return entries


class CachedLatents:
    """Scaled latents of every row of a plan, memory-mapped: (frames, c, h, w) each."""

    def __init__(
        self, folder: Path, plan: CachePlan, model: LatentTransparency, hardware: Distributed, log: Log
    ) -> None:
        """Encode what is not in `folder` yet, shared out over the processes, and open all of it."""
        self._folder = folder / f"latents-{_digest(plan, model)}"
        self._folder.mkdir(parents=True, exist_ok=True)
        starts = range(0, len(plan), SHARD)
        for number, start in enumerate(starts):
            # Shards are shared out over the processes of a run.
            if number % hardware.processes == hardware.rank and not self._file(start).is_file():
                self._encode(plan, model, range(start, min(start + SHARD, len(plan))), hardware)
                log(f"latents {min(start + SHARD, len(plan))}/{len(plan)}")
        hardware.wait()
        self._shards = [
            safe_open(self._file(start), framework="pt").get_slice("latents")  # type: ignore[no-untyped-call]
            for start in starts
        ]

    def rows(self, chosen: Sequence[int]) -> Float[Tensor, "n frames c h w"]:
        """The latents of these rows, float32."""
        return torch.stack([self._shards[row // SHARD][row % SHARD] for row in chosen]).float()

    @property
    def shape(self) -> tuple[int, int, int]:
        """The channels, height and width of one latent."""
        channels, height, width = self.rows([0]).shape[2:]
        return channels, height, width

    def _file(self, start: int) -> Path:
        return self._folder / f"{start:08d}.safetensors"

    @torch.no_grad()
    def _encode(self, plan: CachePlan, model: LatentTransparency, rows: range, hardware: Distributed) -> None:
        latents = []
        for row in rows:
            frames = plan.frames(row).to(hardware.device)
            latents.append(encode_frames(model, frames, plan.roles, hardware).half().cpu())
        part = self._file(rows.start).with_suffix(".part")
        save_file({"latents": torch.stack(latents).contiguous()}, part)
        part.replace(self._file(rows.start))


def encode_frames(
    model: LatentTransparency, frames: Float[Tensor, "frames 4 h w"], roles: Sequence[str], hardware: Distributed
) -> Float[Tensor, "frames c h/8 w/8"]:
    """Scaled latents, alpha hidden in that of the transparent frame."""
    hidden = torch.tensor([role == TRANSPARENT for role in roles], device=frames.device).view(-1, 1, 1, 1)
    with hardware.autocast():
        posterior = model.vae.encode(composite_on_grey(frames).to(model.vae.dtype)).latent_dist
        offset = model.encoder(torch.cat([frames[:, 3:], pad_rgb(frames)], 1))
    mean, std = posterior.mean.float(), posterior.std.float()
    adjusted = adjusted_latent(mean, std, offset.float(), model.multiplier)
    return scale_latents(torch.where(hidden, adjusted, mean), model.vae.config)


def _digest(plan: CachePlan, model: LatentTransparency) -> str:
    """A digest of the pictures, settings and weights that the latents come from."""
    networks = (model.vae, model.encoder)
    described = {
        "entries": [(entry.id, entry.fingerprint, entry.files) for entry in plan.entries],
        "roles": plan.roles,
        "data": (plan.data.size, plan.data.views, plan.data.mirror),
        "weights": [float(p.detach().double().abs().sum()) for part in networks for p in part.parameters()],
        "multiplier": model.multiplier,
    }
    return hashlib.sha256(msgspec.json.encode(described)).hexdigest()[:16]


class CachedCaptions:
    """The embeds of every caption of a data set, and of the empty one, encoded once."""

    def __init__(self, folder: Path, base: Path, captions: Iterable[str], hardware: Distributed) -> None:
        """Encode `captions` with the text encoders of the model folder `base`, unless `folder` has them."""
        texts = ["", *sorted({*captions} - {""})]
        self._rows = {text: row for row, text in enumerate(texts)}
        digest = hashlib.sha256("\n".join([str(base.resolve()), *texts]).encode()).hexdigest()[:16]
        file = folder / f"captions-{digest}.safetensors"
        if hardware.first and not file.is_file():
            folder.mkdir(parents=True, exist_ok=True)
            states = encode_captions(base, texts, hardware)
            tensors = {"context": states.prompt_embeds} | (
                {} if states.pooled_prompt_embeds is None else {"pooled": states.pooled_prompt_embeds}
            )
            save_file({name: value.half().contiguous() for name, value in tensors.items()}, file.with_suffix(".part"))
            file.with_suffix(".part").replace(file)
        hardware.wait()
        stored = load_file(file)
        self._states = PromptEmbeds(stored["context"], stored.get("pooled"))

    def states(self, texts: Sequence[str]) -> PromptEmbeds:
        """A row for each text."""
        return self._states.rows([self._rows[text] for text in texts])


def sample_batches(
    plan: CachePlan,
    latents: CachedLatents,
    captions: CachedCaptions,
    batch: int,
    *,
    control: str | None = None,
    given: float = 0.0,
    seed: int = 0,
) -> Callable[[int], Samples[PromptEmbeds]]:
    """Draws samples; every subject is equally likely. A batch depends on its number and the seed alone."""
    counts: dict[str, int] = {}
    for entry in plan.entries:
        counts[entry.subject] = counts.get(entry.subject, 0) + 1
    weights = torch.tensor([1 / counts[plan.entry(row).subject] for row in range(len(plan))])
    frames = len(plan.roles)

    def draw(number: int) -> Samples[PromptEmbeds]:
        number += seed * 0x1000003
        rows = torch.multinomial(weights, batch, replacement=True, generator=Trainer.generator(number)).tolist()
        chance = random.Random(number)
        texts: list[str] = []
        clean = torch.zeros(batch, frames, dtype=torch.bool)
        for sample, row in enumerate(rows):
            left_out = chance.random() < plan.data.dropout
            texts += ["" if left_out else plan.entry(row).captions.get(role, "") for role in plan.roles]
            if frames > 1 and chance.random() < given:
                clean[sample, chance.sample(range(frames), chance.randrange(1, frames))] = True
        shown = [plan.entry(row) for row in rows]
        steered = None if control is None else control_pictures(plan.collection, shown, control, plan.data.size)
        return Samples(latents.rows(rows), captions.states(texts), clean, steered)

    return draw


def control_pictures(
    collection: Collection, entries: Sequence[Entry], role: str, size: int
) -> Float[Tensor, "n 3 size size"]:
    """Conditioning layers over mid grey, in [-1, 1], as the condition encoder reads them."""
    lay = fitted if role == TRANSPARENT else filled
    return composite_on_grey(from_stored(np.stack([lay(collection.picture(entry, role), size) for entry in entries])))
