"""The training loop: resumable steps, rates and time left, TensorBoard, sample images."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from acetate_wire.errors import AcetateError
from torch import Tensor, nn
from torch.utils.tensorboard import SummaryWriter

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import EMA
from acetate_lab.training.small_checkpoints import SmallCheckpoints, StageAverage

Log = Callable[[str], None]
Losses = Mapping[str, float | Tensor]
"""Losses of a step by name: numbers, or scalar tensors that are not synchronised yet."""


@dataclass(frozen=True)
class Deadline:
    """When a run has to stop, by `time.monotonic`; the default never comes."""

    at: float = math.inf

    @classmethod
    def after(cls, minutes: float | None) -> Deadline:
        """In so many minutes from now, or never."""
        return cls() if minutes is None else cls(time.monotonic() + 60 * minutes)

    @property
    def comes(self) -> bool:
        """Whether there is one at all."""
        return self.at < math.inf

    @property
    def passed(self) -> bool:
        """Whether it is time to stop."""
        return time.monotonic() >= self.at


@dataclass
class Stopwatch:
    """How many seconds each part of a run's steps has taken, by the part's name.

    With a `device`, a part lasts until that has computed all of it; without one, a graphics card may still be at it.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    device: torch.device | None = None

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count the time until the block ends."""
        began = time.perf_counter()
        try:
            yield
        finally:
            if self.device is not None and self.device.type == "cuda":
                torch.cuda.synchronize(self.device)
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def shares(self) -> str:
        """Each part's share of all that was counted, the longest first; counting starts again."""
        whole = sum(self.seconds.values())
        rows = sorted(self.seconds.items(), key=lambda row: -row[1])
        self.seconds = {}
        return "  ".join(f"{name} {seconds / whole:.0%}" for name, seconds in rows if whole)


class Stateful(Protocol):
    """A module, optimiser or average: what a checkpoint saves."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that is needed to go on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Go on from a `state_dict`."""
        ...


class TrainableState:
    """What is trained of a network, as part of a checkpoint: the parameters that have gradients, and no others."""

    def __init__(self, module: nn.Module) -> None:
        """`module` is not copied; its parameters that require gradients are looked up now."""
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
class TrainerConfig:
    """How long a stage runs, how often it saves and reports (seconds), and how often it logs samples (steps).

    A step learns from `accumulate` batches on every device. At the `deadline` a stage saves and stops, however many
    steps are left; `measure` tells where the time goes. With every checkpoint goes a `small` one, and a stage that has
    only that, or a later one, goes on from it. `compiler` is a backend of `torch.compile`, for networks that are called
    alike in every step.
    """

    steps: int
    batch: int
    accumulate: int = 1
    checkpoint_seconds: float = 120.0
    report_seconds: float = 20.0
    sheet_steps: int = 500
    deadline: Deadline = field(default_factory=Deadline)
    measure: bool = False
    small: SmallCheckpoints | None = None
    compiler: str | None = None

    def stopwatch(self, device: torch.device) -> Stopwatch:
        """A new one for a run on `device`, which it waits for only where time is measured."""
        return Stopwatch(device=device if self.measure else None)


class Trainer:
    """Runs one stage of a training in `folder`, going on from its last checkpoint.

    The data of step N depends on N alone (`generator`), so a run that was killed goes on as if it had not been.
    Of several processes, the first saves, reports and draws.
    """

    def __init__(
        self,
        folder: Path,
        parts: Mapping[str, Stateful],
        settings: TrainerConfig,
        log: Log,
        hardware: Distributed,
        watch: Stopwatch | None = None,
    ):
        """`parts` are what a checkpoint saves, by name; `watch` is where time is measured, if anywhere."""
        self.folder = folder
        self.parts = parts
        self.settings = settings
        self.hardware = hardware
        self.log = log if hardware.first else lambda line: None
        self.name = folder.name
        self.watch = watch or Stopwatch()

    @staticmethod
    def generator(step: int) -> torch.Generator:
        """The source of all chance in `step`."""
        return torch.Generator().manual_seed(0x5EED0000 + step)

    def run(
        self,
        take_step: Callable[[int], Losses],
        log_samples: Callable[[Path], None] | None = None,
    ) -> None:
        """Take the steps that are still to do, or as many as there is time for; `take_step` returns its losses."""
        self.folder.mkdir(parents=True, exist_ok=True)
        start = self._resume()
        if start:
            self.log(f"{self.name}: going on after step {start}")
        first = self.hardware.first
        curves = SummaryWriter(str(self.folder / "tensorboard"), purge_step=start) if first else nullcontext()
        with curves as writer:
            tally, reported, saved = _Tally(), time.monotonic(), time.monotonic()
            for step in range(start, self.settings.steps):
                if self.settings.deadline.comes and self.hardware.any(self.settings.deadline.passed):
                    self._break_off(step, start)
                    break
                # Dropout, noise drawn inside libraries: the global source, too, depends on the step alone.
                torch.manual_seed(step * self.hardware.processes + self.hardware.rank)
                tally.add(take_step(step))
                now, done = time.monotonic(), step + 1
                last = done == self.settings.steps
                if writer and (now - reported > self.settings.report_seconds or last):
                    means = tally.means()
                    for key, value in means.items():
                        writer.add_scalar(f"{self.name}/{key}", value, step)
                    self._report(done, tally.steps / (now - reported), means)
                    tally, reported = _Tally(), now
                if first and (now - saved > self.settings.checkpoint_seconds or last):
                    self._save(done)
                    saved = time.monotonic()
                if first and log_samples and (done % self.settings.sheet_steps == 0 or last):
                    log_samples(self.folder / f"sheet-{done:06d}.png")
        self.hardware.wait()

    def _break_off(self, step: int, start: int) -> None:
        if self.hardware.first and step > start:
            self._save(step)
        self.log(f"{self.name}: the time is up after {step} of {self.settings.steps} steps")

    @property
    def finished(self) -> bool:
        """Whether the last checkpoint is that of the last step."""
        saved = self._load()
        return saved is not None and saved["step"] >= self.settings.steps

    def run_to_average(
        self,
        module: nn.Module,
        average: EMA,
        take_step: Callable[[int], Losses],
        log_samples: Callable[[Path], None] | None = None,
    ) -> None:
        """As `run`; then `module` has the last checkpoint's average, is frozen and in evaluation mode."""
        self.run(take_step, log_samples)
        self.restore()
        average.copy_to()
        module.eval().requires_grad_(False)

    def restore(self) -> None:
        """Load the parts from the last checkpoint."""
        self._resume()

    def _report(self, done: int, rate: float, losses: Mapping[str, float]) -> None:
        left = (self.settings.steps - done) / rate
        shown = "  ".join(f"{key} {value:.4f}" for key, value in losses.items())
        self.log(
            f"{self.name} {done}/{self.settings.steps}  {rate * self._pictures:.1f} pictures/s  "
            f"{left / 60:.0f} min left  {shown}"
        )
        if self.settings.measure:
            self.log(f"{self.name}: {self.watch.shares()}")

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
        if self.settings.small is not None and self._average is not None:
            self.settings.small.save(self.name, StageAverage(step, self._average.values))

    @property
    def _average(self) -> EMA | None:
        """The average among the parts."""
        return next((part for part in self.parts.values() if isinstance(part, EMA)), None)

    def _load(self) -> dict[str, Any] | None:
        if not self._file.is_file():
            return None
        saved: dict[str, Any] = torch.load(self._file, map_location="cpu", weights_only=True)
        return saved

    def _resume(self) -> int:
        saved = self._load()
        step = 0 if saved is None else int(saved["step"])
        small = None if self.settings.small is None else self.settings.small.load(self.name)
        if small is not None and small.step > step:
            return self._begin_from(small)
        if saved is not None:
            for name, part in self.parts.items():
                part.load_state_dict(saved["parts"][name])
        return step

    def _begin_from(self, small: StageAverage) -> int:
        """Go on from an average alone, with an optimiser that remembers nothing."""
        assert self._average is not None
        try:
            self._average.begin_from(small.values, small.step)
        except (KeyError, RuntimeError) as error:
            found = f"the small checkpoint of {self.name} is of another network ({error})"
            raise AcetateError("damaged", found, hint="remove it, or train with the version that wrote it") from error
        return min(small.step, self.settings.steps)


class _Tally:
    """Sums of losses; tensors are synchronised when their mean is read."""

    def __init__(self) -> None:
        self.steps = 0
        self._sums: dict[str, float | Tensor] = {}

    def add(self, losses: Losses) -> None:
        self.steps += 1
        for key, value in losses.items():
            current = value.detach() if isinstance(value, Tensor) else value
            self._sums[key] = self._sums.get(key, 0.0) + current

    def means(self) -> dict[str, float]:
        return {key: float(value) / self.steps for key, value in self._sums.items()}
