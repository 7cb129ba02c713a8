"""Latents and captions of a data set, encoded once, in shards that are written whole or not at all."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import torch
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.transparency.padding import composite_on_grey
from acetate_wire.errors import AcetateError
from jaxtyping import Float
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from acetate_lab.data.collection import Collection, Entry, filled, fitted
from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.configs.layer_codec import TRANSPARENT, LayerCodec
from acetate_lab.training.configs.schema import DataSettings
from acetate_lab.training.configs.training_base import TrainingBase
from acetate_lab.training.diffusion import Samples
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.trainer import Log, Trainer

SHARD = 64
"""Rows of a shard: what is lost, at most, when encoding is stopped."""
VIEW = RandomView(scale=(0.85, 1.0), turn=0.06, shift=0.03)
CAPTIONS = 32
"""Captions of a shard."""


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

    def __init__(self, folder: Path, plan: CachePlan, codec: LayerCodec, hardware: Distributed, log: Log) -> None:
        """Encode what is not in `folder` yet, shared out over the processes, and open all of it."""
        self._folder = folder / f"latents-{_digest(plan, codec)}"
        starts = range(0, len(plan), SHARD)
        for number, start in enumerate(starts):
            # Shards are shared out over the processes of a run.
            if number % hardware.processes == hardware.rank and not self._file(start).is_file():
                self._encode(plan, codec, range(start, min(start + SHARD, len(plan))), hardware)
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

    def _encode(self, plan: CachePlan, codec: LayerCodec, rows: range, hardware: Distributed) -> None:
        frames = (plan.frames(row).to(hardware.device) for row in rows)
        latents = [codec.encode(each, plan.roles).half().cpu() for each in frames]
        _write(self._file(rows.start), {"latents": torch.stack(latents)})


def _digest(plan: CachePlan, codec: LayerCodec) -> str:
    """A digest of the pictures, settings and weights that the latents come from."""
    described = {
        "entries": [(entry.id, entry.fingerprint, entry.files) for entry in plan.entries],
        "roles": plan.roles,
        "data": (plan.data.size, plan.data.views, plan.data.mirror),
        "weights": [float(p.detach().double().abs().sum()) for part in codec.networks for p in part.parameters()],
        "multiplier": None if codec.model is None else codec.model.multiplier,
    }
    return hashlib.sha256(msgspec.json.encode(described)).hexdigest()[:16]


class CachedCaptions:
    """The embeds of every caption of a data set, and of the empty one, memory-mapped."""

    def __init__(self, folder: Path, base: TrainingBase, captions: Iterable[str], hardware: Distributed) -> None:
        """Encode those of `captions` that are not in `folder` yet with the text encoders of the base model."""
        texts = ["", *sorted({*captions} - {""})]
        self._rows = {text: row for row, text in enumerate(texts)}
        digest = hashlib.sha256("\n".join([str(base.entry.folder.resolve()), *texts]).encode()).hexdigest()[:16]
        starts = range(0, len(texts), CAPTIONS)
        files = [folder / f"captions-{digest}" / f"{start:08d}.safetensors" for start in starts]
        missing = [(start, file) for start, file in zip(starts, files, strict=True) if not file.is_file()]
        if missing and hardware.first:
            with base.reading(hardware) as encode:
                for start, file in missing:
                    _write(file, _stored(encode(texts[start : start + CAPTIONS])))
        hardware.wait()
        self._shards: list[Any] = [safe_open(file, framework="pt") for file in files]

    def states(self, texts: Sequence[str]) -> PromptEmbeds:
        """A row for each text; where one is shorter than another, its last tokens are masked."""
        places = [divmod(self._rows[text], CAPTIONS) for text in texts]
        found = [
            {name: self._shards[shard].get_slice(name)[row] for name in self._shards[shard].keys()}  # noqa: SIM118
            for shard, row in places
        ]
        rows = [each["context"][each["mask"]] if "mask" in each else each["context"] for each in found]
        pooled = torch.stack([each["pooled"] for each in found]) if "pooled" in found[0] else None
        mask = pad_sequence([torch.ones(len(row), dtype=torch.bool) for row in rows], batch_first=True)
        return PromptEmbeds(pad_sequence(rows, batch_first=True), pooled, None if bool(mask.all()) else mask)


def _stored(embeds: PromptEmbeds) -> dict[str, Tensor]:
    """Embeds in half precision: bfloat16 for those that are too large for float16, as some of Qwen's are."""
    found = {"context": embeds.prompt_embeds, "pooled": embeds.pooled_prompt_embeds}
    largest = torch.finfo(torch.float16).max
    stored = {
        name: value.to("cpu", torch.bfloat16 if bool(value.abs().max() > largest) else torch.float16)
        for name, value in found.items()
        if value is not None
    }
    return stored if embeds.mask is None else {**stored, "mask": embeds.mask.cpu()}


def _write(file: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a shard whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    save_file({name: value.contiguous() for name, value in tensors.items()}, part)
    part.replace(file)


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
