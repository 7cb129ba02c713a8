"""Training of the classifier (the judge) that `acetate evaluate generation` uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from acetate_lab.evaluation.classifier.model import SubjectClassifier, load_classifier, save_classifier
from acetate_lab.evaluation.generation.examples import SIDE, Examples, Shown, examples_of
from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import Optimiser, OptimizerConfig
from acetate_lab.training.starter.colours import turn_hue
from acetate_lab.training.starter.dataset import SOFT_SET, PictureRecord, PictureSet, evenly
from acetate_lab.training.trainer import Log, Trainer, TrainerConfig

JUDGE_VIEW = RandomView(scale=(0.7, 1.05), turn=0.2, shift=0.05, mirror=True)
BATCH = 64
RATE = 2e-3
WARM_UP = 30
LEAST_STEPS, STEPS_A_THING = 600, 3
CHECKPOINT_SECONDS = 30.0
SMOOTHING = 0.1
SOFTENED = 0.5
"""How often a view is blurred: generated layers are a little softer than drawn pictures."""
TURNED = 0.5
"""The share of pictures with a changed hue, so that the classifier learns shapes."""
MOST_EXAMPLES = 12
"""Pictures of each thing that layers are compared with."""


def usual_steps(pictures: PictureSet) -> int:
    """The number of training steps for this data: more classes take longer."""
    return max(LEAST_STEPS, STEPS_A_THING * len(_classes(pictures)))


def classifier_for(pictures: PictureSet, folder: Path, steps: int, log: Log) -> SubjectClassifier:
    """The classifier stored in `folder`, trained there first where it is missing; a stopped training goes on.

    Raises ValueError of one line when the folder holds the judge of other data.
    """
    file = folder / "judge.safetensors"
    if not file.is_file():
        save_classifier(
            file, _train(pictures, folder, TrainerConfig(steps, BATCH, checkpoint_seconds=CHECKPOINT_SECONDS), log)
        )
    judge = load_classifier(file)
    if judge.classes != _classes(pictures):
        raise ValueError(f"{file} was trained on other data: give another --judge folder")
    return judge


def judged_examples(pictures: PictureSet, size: int, view: RandomView) -> Examples:
    """Pictures of each thing of the vocabulary as views of `size` pixels, placed by the rule of the training."""
    taken: dict[str, list[int]] = {}
    for row in pictures.indices("vocabulary"):
        taken.setdefault(pictures.records[row].name, []).append(int(row))
    rows = [row for some in taken.values() for row in some[:MOST_EXAMPLES]]

    def views() -> Iterator[tuple[Shown, Tensor, Tensor]]:
        for row in rows:
            record = pictures.records[row]
            stored = from_stored(pictures.pictures[[row]])
            first, fresh = (random_views(stored, size, view, Trainer.generator(row + turn)) for turn in (0, 1 << 20))
            shown = Shown(record.name, record.words[0], record.licence, record.set == SOFT_SET)
            yield shown, first[0], fresh[0]

    return examples_of(views())


def _train(pictures: PictureSet, folder: Path, settings: TrainerConfig, log: Log) -> SubjectClassifier:
    torch.manual_seed(0)
    hardware = Distributed()
    device = hardware.device
    judge = SubjectClassifier(_classes(pictures))
    judge.to(device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
    draw, optimiser = _batches(pictures, settings.batch), Optimiser([judge], OptimizerConfig(RATE, WARM_UP), hardware)

    def take_step(step: int) -> Mapping[str, float]:
        views, labels = draw(step)
        views, labels = views.to(device, memory_format=torch.channels_last), labels.to(device)
        with hardware.autocast():
            scores = judge(views).float()
        loss = F.cross_entropy(scores, labels, label_smoothing=SMOOTHING)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step(step, settings.steps)
        return {"loss": loss.item(), "right": (scores.argmax(dim=1) == labels).float().mean().item()}

    loop = Trainer(folder, {"model": judge, "optimiser": optimiser}, settings, log, hardware)
    loop.run(take_step)
    return judge.cpu().eval()


def _batches(pictures: PictureSet, batch: int) -> Callable[[int], tuple[Float[Tensor, "n 4 64 64"], Int[Tensor, " n"]]]:
    """Premultiplied views and the numbers of what they show; every thing is equally likely."""
    choose = evenly(pictures, "vocabulary")
    numbers = {name: number for number, name in enumerate(_classes(pictures))}
    vocabulary = pictures.indices("vocabulary")
    place = {int(row): index for index, row in enumerate(vocabulary)}
    # Views of 64 pixels are drawn four times as fast from pictures of 128.
    half = np.concatenate(
        [_halved(pictures.pictures[some]) for some in np.split(vocabulary, range(64, len(vocabulary), 64))]
    )

    def draw(step: int) -> tuple[Tensor, Tensor]:
        chance = Trainer.generator(step)
        rows = choose(batch, chance)
        records = [pictures.records[row] for row in rows]
        rgba = random_views(from_stored(half[[place[row] for row in rows]]), SIDE, JUDGE_VIEW, chance)
        colour = _turned(rgba[:, :3], records, chance)
        views = torch.cat([colour * rgba[:, 3:], rgba[:, 3:]], dim=1)
        soft = F.avg_pool2d(F.pad(views, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        blurred = torch.rand(batch, 1, 1, 1, generator=chance) < SOFTENED
        return torch.where(blurred, soft, views), torch.tensor([numbers[record.name] for record in records])

    return draw


def _halved(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Stored pictures at half their size; averaged premultiplied."""
    rgba = from_stored(stored)
    premultiplied = F.avg_pool2d(torch.cat([rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]], dim=1), 2)
    alpha = premultiplied[:, 3:]
    colour = torch.where(alpha > 0, premultiplied[:, :3] / alpha.clamp_min(1e-4), 0.0).clamp(0, 1)
    pixels: NDArray[np.uint8] = (torch.cat([colour, alpha], dim=1) * 255).round().byte().permute(0, 2, 3, 1).numpy()
    return pixels


def _turned(
    rgb: Float[Tensor, "n 3 h w"], records: list[PictureRecord], chance: torch.Generator
) -> Float[Tensor, "n 3 h w"]:
    turnable = torch.tensor([record.hue_turns for record in records])
    turns = torch.rand(len(records), generator=chance)
    chosen = turnable & (torch.rand(len(records), generator=chance) < TURNED)
    return turn_hue(rgb, torch.where(chosen, turns, 0.0))


def _classes(pictures: PictureSet) -> tuple[str, ...]:
    return tuple(sorted({record.name for record in pictures.records if record.use == "vocabulary"}))
