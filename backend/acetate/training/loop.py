"""The loop that every training shares: resumable steps, rates and time left, TensorBoard, sample sheets."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from acetate.training.hardware import Hardware

Say = Callable[[str], None]


class Stateful(Protocol):
    """A module, optimiser or average: what a checkpoint keeps."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any]) -> Any: ...


class Trained:
    """What is trained of a network, as part of a checkpoint: the parameters that have gradients, and no others."""

    def __init__(self, module: nn.Module) -> None:
        self._parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}

    def state_dict(self) -> dict[str, Any]:
        """The trained parameters by name."""
        return {name: parameter.detach() for name, parameter in self._parameters.items()}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a `state_dict`."""
        for name, parameter in self._parameters.items():
            parameter.copy_(state[name])


@dataclass(frozen=True)
class LoopSettings:
    """How long a stage runs and how often it saves, reports (seconds) and draws sample sheets (steps).

    A step learns from `accumulate` batches on every device.
    """

    steps: int
    batch: int
    accumulate: int = 1
    checkpoint_seconds: float = 120.0
    report_seconds: float = 20.0
    sheet_steps: int = 500


class Loop:
    """Runs one stage of a training in `folder`, going on from its last checkpoint.

    The data of step N depends on N alone (`generator`), so a run that was killed goes on as if it had not been.
    Of several processes, the first saves, reports and draws.
    """

    def __init__(
        self, folder: Path, parts: Mapping[str, Stateful], settings: LoopSettings, say: Say, hardware: Hardware
    ):
        self.folder = folder
        self.parts = parts
        self.settings = settings
        self.hardware = hardware
        self.say = say if hardware.first else lambda line: None
        self.name = folder.name

    @staticmethod
    def generator(step: int) -> torch.Generator:
        """The source of all chance in `step`."""
        return torch.Generator().manual_seed(0x5EED0000 + step)

    def run(
        self,
        take_step: Callable[[int], Mapping[str, float]],
        draw_sheet: Callable[[Path], None] | None = None,
    ) -> None:
        """Take the steps that are still to do; `take_step` returns its losses by name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        start = self._resume()
        if start:
            self.say(f"{self.name}: going on after step {start}")
        first = self.hardware.first
        curves = SummaryWriter(str(self.folder / "tensorboard"), purge_step=start) if first else nullcontext()
        with curves as writer:
            sums: dict[str, float] = {}
            counted, reported, saved = 0, time.monotonic(), time.monotonic()
            for step in range(start, self.settings.steps):
                # Dropout, noise drawn inside libraries: the global source, too, depends on the step alone.
                torch.manual_seed(step * self.hardware.processes + self.hardware.rank)
                losses = take_step(step)
                counted += 1
                for key, value in losses.items():
                    sums[key] = sums.get(key, 0.0) + value
                    if writer:
                        writer.add_scalar(f"{self.name}/{key}", value, step)
                now, done = time.monotonic(), step + 1
                if now - reported > self.settings.report_seconds:
                    self._report(done, counted / (now - reported), {k: v / counted for k, v in sums.items()})
                    sums, counted, reported = {}, 0, now
                last = done == self.settings.steps
                if first and (now - saved > self.settings.checkpoint_seconds or last):
                    self._save(done)
                    saved = time.monotonic()
                if first and draw_sheet and (done % self.settings.sheet_steps == 0 or last):
                    draw_sheet(self.folder / f"sheet-{done:06d}.png")
        self.hardware.wait()

    @property
    def finished(self) -> bool:
        """Whether the last checkpoint is that of the last step."""
        saved = self._load()
        return saved is not None and saved["step"] >= self.settings.steps

    def restore(self) -> None:
        """Load the parts from the last checkpoint."""
        self._resume()

    def _report(self, done: int, rate: float, losses: Mapping[str, float]) -> None:
        left = (self.settings.steps - done) / rate
        shown = "  ".join(f"{key} {value:.4f}" for key, value in losses.items())
        self.say(
            f"{self.name} {done}/{self.settings.steps}  {rate * self._pictures:.1f} pictures/s  "
            f"{left / 60:.0f} min left  {shown}"
        )

    @property
    def _pictures(self) -> int:
        """How many pictures a step learns from."""
        return self.settings.batch * self.settings.accumulate * self.hardware.processes

    @property
    def _file(self) -> Path:
        return self.folder / "checkpoint.pt"

    def _save(self, step: int) -> None:
        part = self._file.with_suffix(".part")
        with part.open("wb") as stream:
            torch.save({"step": step, "parts": {k: v.state_dict() for k, v in self.parts.items()}}, stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(self._file)

    def _load(self) -> dict[str, Any] | None:
        if not self._file.is_file():
            return None
        saved: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
        return saved

    def _resume(self) -> int:
        saved = self._load()
        if saved is None:
            return 0
        for name, part in self.parts.items():
            part.load_state_dict(saved["parts"][name])
        return int(saved["step"])
