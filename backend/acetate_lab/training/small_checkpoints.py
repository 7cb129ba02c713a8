"""Small checkpoints, to carry a training from one machine to another: averages in half precision, in small files."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from acetate_wire.errors import AcetateError
from safetensors.torch import load, save
from torch import Tensor

NAME = re.compile(r"(?P<digest>[0-9a-f]{12})-(?P<number>\d+)-of-(?P<count>\d+)\.part")
STEP = "step"


@dataclass(frozen=True)
class StageAverage:
    """The average of what a stage trains, by parameter, after so many steps."""

    step: int
    values: Mapping[str, Tensor]


class SmallCheckpoints:
    """The averages of a run's stages as float16, together in files of at most `limit` bytes in `folder`.

    The files are the cut bytes of one safetensors file; their names have its digest, so that a set that is not
    complete is recognised. A new set is written before the old one is removed.
    """

    def __init__(self, folder: Path, limit: int | None) -> None:
        """With no `limit`, what is there is read, but nothing is written."""
        self._folder = folder
        self._limit = limit
        self._stages: dict[str, StageAverage] | None = None

    def load(self, stage: str) -> StageAverage | None:
        """A stage's average. Raises AcetateError where files of a set are missing or damaged."""
        if self._stages is None:
            self._stages = _unpacked(self._folder)
        return self._stages.get(stage)

    def save(self, stage: str, average: StageAverage) -> None:
        """Add or replace a stage's average."""
        if self._limit is None:
            return
        self.load(stage)
        assert self._stages is not None
        values = {name: value.detach().half().cpu().contiguous() for name, value in average.values.items()}
        self._stages[stage] = StageAverage(average.step, values)
        self._write(_packed(self._stages), self._limit)

    def _write(self, data: bytes, limit: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(data).hexdigest()[:12]
        pieces = [data[start : start + limit] for start in range(0, len(data), limit)]
        for number, piece in enumerate(pieces, 1):
            file = self._folder / f"{digest}-{number}-of-{len(pieces)}.part"
            unfinished = file.with_suffix(".unfinished")
            with unfinished.open("wb") as stream:
                stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            unfinished.replace(file)
        for file in self._folder.iterdir():
            if not file.name.startswith(digest) and (NAME.fullmatch(file.name) or file.suffix == ".unfinished"):
                file.unlink()


def _packed(stages: Mapping[str, StageAverage]) -> bytes:
    tensors = {f"{stage}/{name}": value for stage, each in stages.items() for name, value in each.values.items()}
    steps = {f"{stage}/{STEP}": torch.tensor(each.step) for stage, each in stages.items()}
    data: bytes = save(tensors | steps)
    return data


def _unpacked(folder: Path) -> dict[str, StageAverage]:
    """The stages of the newest complete set in `folder`."""
    sets: dict[tuple[str, int], dict[int, Path]] = {}
    for file in sorted(folder.glob("*.part")):
        if found := NAME.fullmatch(file.name):
            sets.setdefault((found["digest"], int(found["count"])), {})[int(found["number"])] = file
    complete = {key: files for key, files in sets.items() if len(files) == key[1]}
    if not complete:
        if sets:
            (digest, count), files = next(iter(sets.items()))
            missing = ", ".join(str(number) for number in range(1, count + 1) if number not in files)
            raise _damaged(folder, f"of the {count} files {digest}-…, number {missing} is missing")
        return {}
    (digest, count), files = max(complete.items(), key=lambda each: each[1][1].stat().st_mtime_ns)
    data = b"".join(files[number].read_bytes() for number in range(1, count + 1))
    if hashlib.sha256(data).hexdigest()[:12] != digest:
        raise _damaged(folder, f"the files {digest}-… are damaged")
    stages: dict[str, dict[str, Tensor]] = {}
    for name, value in load(data).items():
        stage, _, parameter = name.partition("/")
        stages.setdefault(stage, {})[parameter] = value
    return {stage: StageAverage(int(values.pop(STEP)), values) for stage, values in stages.items()}


def _damaged(folder: Path, found: str) -> AcetateError:
    return AcetateError("damaged", f"{folder}: {found}", hint="copy all files once more")
