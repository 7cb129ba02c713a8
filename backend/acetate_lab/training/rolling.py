"""Training data that is made anew while a run goes on: slices on disk, of which the newest few are in use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor


@dataclass(frozen=True)
class Slice:
    """Samples: tensors with one row for each, and a label for each."""

    tensors: Mapping[str, Tensor]
    words: tuple[str, ...]

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.words)


@dataclass(frozen=True)
class Turnover:
    """How samples are replaced: `kept` slices of `size` samples are in use; every `steps` steps one is replaced."""

    size: int
    kept: int
    steps: int


class Rolling:
    """The slices of a run, made when they are first needed and stored in `folder` while they are in use.

    What `make` gives for a slice's number must depend on the number alone. So a step always finds the same samples,
    whether the run was stopped before it or not.
    """

    def __init__(
        self,
        folder: Path,
        make: Callable[[int], Slice],
        turnover: Turnover,
        begin: Callable[[int], None] | None = None,
    ) -> None:
        """`make` is called with a slice's number, from 0; `begin`, if any, while there is time until it will be."""
        self.folder = folder
        self.turnover = turnover
        self._make = make
        self._begin = begin
        self._first: int | None = None
        self._window: Slice | None = None

    def at(self, step: int) -> Slice:
        """All samples that are in use at `step`."""
        first = step // self.turnover.steps
        if self._window is None or self._first != first:
            numbers = range(first, first + self.turnover.kept)
            self._window = _joined([self._slice(number) for number in numbers])
            self._first = first
            self._forget(numbers)
            if self._begin is not None and not self._file(numbers.stop).is_file():
                self._begin(numbers.stop)
        return self._window

    def _file(self, number: int) -> Path:
        return self.folder / f"slice-{number:05d}.safetensors"

    def _slice(self, number: int) -> Slice:
        file = self._file(number)
        if not file.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            made = self._make(number)
            tensors = {name: tensor.contiguous() for name, tensor in made.tensors.items()}
            part = file.with_suffix(".part")
            save_file(tensors, part, metadata={"words": "\n".join(made.words)})
            part.replace(file)
        with safe_open(file, framework="pt") as opened:
            words = tuple(opened.metadata()["words"].split("\n"))
        return Slice(load_file(file), words)

    def _forget(self, numbers: range) -> None:
        """Remove the slices before those that are in use."""
        for file in self.folder.glob("slice-*.safetensors"):
            if int(file.stem.removeprefix("slice-")) < numbers.start:
                file.unlink()


def _joined(slices: list[Slice]) -> Slice:
    tensors = {name: torch.cat([each.tensors[name] for each in slices]) for name in slices[0].tensors}
    return Slice(tensors, tuple(word for each in slices for word in each.words))
