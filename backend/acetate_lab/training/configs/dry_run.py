"""A dry run: how much memory and time a training will take, from shapes and a few measured steps."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import psutil
import torch
from torch import nn

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.trainer import TrainerConfig

MEASURED = 3
"""Steps that are timed, after one that warms up."""
BatchT = TypeVar("BatchT")


@dataclass(frozen=True)
class Estimate:
    """Bytes and seconds, a device.

    `weights` are those of all networks, `trained` those of them that are learnt; gradients, optimiser and average
    come on top. `peak` is the most memory that the measured steps needed, the networks' inner states included, or
    the least that is needed when not even that is there; then there is no `step_seconds`. `checkpoint` lies on disk,
    twice while it is replaced.
    """

    weights: int
    trained: int
    gradients: int
    optimiser: int
    average: int
    checkpoint: int
    peak: int
    available: int
    disk: int
    steps: int
    step_seconds: float | None

    @property
    def seconds(self) -> float | None:
        """The time of all steps."""
        return None if self.step_seconds is None else self.step_seconds * self.steps

    @property
    def fits(self) -> bool:
        """Whether memory and disk suffice."""
        return self.step_seconds is not None and self.peak < self.available and 2 * self.checkpoint < self.disk


class _EnoughError(Exception):
    """Ends the measured steps."""


def estimate(
    run: Callable[[Callable[[int], BatchT], Path, TrainerConfig], None],
    draw: Callable[[int], BatchT],
    networks: Callable[[], Iterable[nn.Module]],
    settings: TrainerConfig,
    learning: OptimizerConfig,
    hardware: Distributed,
    folder: Path,
) -> Estimate:
    """Take a few steps of `run` in a scratch folder beside `folder`, which stays as it is, and measure them.

    `run` gets the source of its batches, its folder and the trainer's configuration. `networks` is called when they
    are ready to be trained.
    """
    started: list[float] = []
    counted: list[dict[str, int]] = []

    def watched(number: int) -> BatchT:
        if not started:
            counted.append(_bytes(networks(), learning))
            if sum(counted[0].values()) > _available(hardware.device):
                raise _EnoughError
        started.append(time.monotonic())
        if len(started) > (1 + MEASURED) * settings.accumulate:
            raise _EnoughError
        return draw(number)

    folder.parent.mkdir(parents=True, exist_ok=True)
    if hardware.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with tempfile.TemporaryDirectory(prefix="acetate-dry-", dir=folder.parent) as scratch, suppress(_EnoughError):
        run(watched, Path(scratch), replace(settings, steps=max(settings.steps, MEASURED + 2)))
    sizes = counted[0]
    timed = started[settings.accumulate :]
    return Estimate(
        **sizes,
        checkpoint=sizes["trained"] + sizes["optimiser"] + sizes["average"],
        peak=_peak(hardware.device) if started else sum(sizes.values()),
        available=_available(hardware.device),
        disk=shutil.disk_usage(folder.parent).free,
        steps=settings.steps,
        step_seconds=settings.accumulate * (timed[-1] - timed[0]) / (len(timed) - 1) if len(timed) > 1 else None,
    )


def _bytes(networks: Iterable[nn.Module], learning: OptimizerConfig) -> dict[str, int]:
    parameters = [p for network in networks for p in network.parameters()]
    learnt = [p for p in parameters if p.requires_grad]
    trained = sum(p.numel() * p.element_size() for p in learnt)
    single = learning.optimiser == "muon"
    moments = sum(p.numel() * 4 * (1 if single and p.ndim >= 2 else 2) for p in learnt)
    return {
        "weights": sum(p.numel() * p.element_size() for p in parameters),
        "trained": trained,
        "gradients": trained,
        "optimiser": moments,
        "average": sum(p.numel() * 4 for p in learnt),
    }


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated())
    memory: Any = psutil.Process().memory_info()
    if sys.platform == "win32":
        return int(memory.peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _available(device: torch.device) -> int:
    """All memory of a graphics card, or what the computer has free together with what this program holds."""
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    return int(psutil.virtual_memory().available) + int(psutil.Process().memory_info().rss)
