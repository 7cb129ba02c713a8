"""What every training from a TOML file shares: folders, the settings beside the result, a dry run or the real one."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from torch import nn

from acetate_lab.training.configs.dry_run import Estimate, estimate
from acetate_lab.training.configs.schema import RunSettings
from acetate_lab.training.configs.toml_reader import to_json
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.trainer import Log, TrainerConfig

SETTINGS = "training"
"""The name of the settings beside the result: as written by the user (.toml), and complete with versions (.json)."""
LIBRARIES = ("acetate", "torch", "diffusers", "transformers", "peft", "accelerate")
BatchT = TypeVar("BatchT")


@dataclass(frozen=True)
class RunOptions:
    """Options of one run: the file of its settings, and whether it is a dry run."""

    config: Path
    dry_run: bool
    log: Log


@dataclass(frozen=True)
class Finished:
    """The files and folders of a finished training."""

    written: tuple[Path, ...]


def loop_settings(run: RunSettings) -> TrainerConfig:
    """The settings of the loop."""
    return TrainerConfig(
        steps=run.steps,
        batch=run.batch,
        accumulate=run.accumulate,
        checkpoint_seconds=run.checkpoint_seconds,
        sheet_steps=run.sheet_steps,
    )


def run_training(
    order: RunOptions,
    train: Callable[[Callable[[int], BatchT], Path, TrainerConfig], None],
    draw: Callable[[int], BatchT],
    networks: Callable[[], Iterable[nn.Module]],
    run: RunSettings,
    learning: OptimizerConfig,
    hardware: Distributed,
    save: Callable[[], Iterable[Path]],
    settings: Any,
) -> Estimate | Finished:
    """Estimate the training, or run what is still to do of it, write its result and the settings beside it."""
    if order.dry_run:
        return estimate(train, draw, networks, loop_settings(run), learning, hardware, run.folder)
    train(draw, run.folder, loop_settings(run))
    if not hardware.first:
        return Finished(())
    run.output.mkdir(parents=True, exist_ok=True)
    written = tuple(save())
    shutil.copyfile(order.config, run.output / f"{SETTINGS}.toml")
    complete = {"settings": msgspec.json.decode(to_json(settings)), "versions": {n: version(n) for n in LIBRARIES}}
    described = msgspec.json.format(msgspec.json.encode(complete), indent=2)
    (run.output / f"{SETTINGS}.json").write_bytes(described + b"\n")
    return Finished(written)
