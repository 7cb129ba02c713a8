"""Averages travel in small files, and a training goes on from them on another machine."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import EMA
from acetate_lab.training.rolling import Turnover
from acetate_lab.training.small_checkpoints import SmallCheckpoints, StageAverage
from acetate_lab.training.starter.dataset import open_pictures
from acetate_lab.training.starter.pack import open_pack, write_pack
from acetate_lab.training.starter.recipe import RunControl, Stage, StarterRecipe, train_starter
from acetate_lab.training.trainer import Deadline, Stateful, Trainer, TrainerConfig
from acetate_wire.errors import AcetateError
from torch import nn

from tests.tiny_pictures import write_discs, write_keywords

LIMIT = 900


def silent(line: str) -> None:
    """Takes what is logged."""


def average(seed: int, step: int = 5) -> StageAverage:
    chance = torch.Generator().manual_seed(seed)
    return StageAverage(
        step, {"a.weight": torch.randn(40, 20, generator=chance), "b": torch.randn(3, generator=chance)}
    )


def test_stages_come_back_in_half_precision_out_of_small_files(tmp_path: Path) -> None:
    there = SmallCheckpoints(tmp_path, LIMIT)
    there.save("text", average(1))
    there.save("vae", average(2))
    there.save("text", average(3, step=9))
    sizes = [file.stat().st_size for file in tmp_path.iterdir()]
    assert max(sizes) <= LIMIT and len(sizes) == -(-sum(sizes) // LIMIT), "only the last set, and no file too many"
    here = SmallCheckpoints(tmp_path, None)
    for stage, wanted in (("vae", average(2)), ("text", average(3, step=9))):
        found = here.load(stage)
        assert found is not None and found.step == wanted.step
        assert found.values.keys() == wanted.values.keys()
        for name, value in wanted.values.items():
            assert torch.equal(found.values[name], value.half())
    assert here.load("layers") is None
    before = sorted(tmp_path.iterdir())
    here.save("text", average(4))
    assert sorted(tmp_path.iterdir()) == before, "without a size nothing is written"


def test_a_set_that_is_not_whole_is_refused_but_an_older_whole_one_is_taken(tmp_path: Path) -> None:
    SmallCheckpoints(tmp_path / "new", LIMIT).save("text", average(1, step=7))
    SmallCheckpoints(tmp_path / "old", LIMIT).save("text", average(2, step=3))
    files = sorted((tmp_path / "new").iterdir())
    files[1].unlink()
    with pytest.raises(AcetateError, match=r"number \d is missing: copy all files once more"):
        SmallCheckpoints(tmp_path / "new", None).load("text")
    for file in (tmp_path / "old").iterdir():
        shutil.copy(file, tmp_path / "new")
    found = SmallCheckpoints(tmp_path / "new", None).load("text")
    assert found is not None and found.step == 3
    damaged = sorted((tmp_path / "old").iterdir())[0]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    with pytest.raises(AcetateError, match="are damaged"):
        SmallCheckpoints(tmp_path / "old", None).load("text")


@dataclass(frozen=True)
class AfterSteps(Deadline):
    """Comes when so many steps have been taken."""

    steps: int = 0
    asked: list[None] = field(default_factory=list)

    @property
    def comes(self) -> bool:
        """It does."""
        return True

    @property
    def passed(self) -> bool:
        """Whether it was asked so often before: once before each step."""
        self.asked.append(None)
        return len(self.asked) > self.steps


def _trained(runs: Path, deadline: Deadline, width: int = 4) -> tuple[nn.Linear, EMA, list[int]]:
    torch.manual_seed(0)
    module, taken = nn.Linear(width, 4), list[int]()
    mean = EMA(module)
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    small = SmallCheckpoints(runs / "parts", LIMIT)
    settings = TrainerConfig(8, 1, deadline=deadline, small=small)

    def step(number: int) -> dict[str, torch.Tensor]:
        taken.append(number)
        loss = (module(torch.ones(2, width)) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        mean.update()
        return {"loss": loss}

    parts: dict[str, Stateful] = {"module": module, "average": mean, "optimiser": optimiser}
    Trainer(runs / "stage", parts, settings, silent, Distributed()).run_to_average(module, mean, step)
    return module, mean, taken


def test_a_stage_goes_on_from_its_average_where_it_has_nothing_else(tmp_path: Path) -> None:
    stopped, _, taken = _trained(tmp_path / "there", AfterSteps(steps=5))
    assert taken == [0, 1, 2, 3, 4]
    shutil.copytree(tmp_path / "there/parts", tmp_path / "here/parts")
    as_it_is, _, none = _trained(tmp_path / "here", Deadline.after(0))
    assert none == []
    assert torch.equal(as_it_is.weight, stopped.weight.half().float())
    _, mean, rest = _trained(tmp_path / "here", Deadline())
    assert rest == [5, 6, 7] and mean.updates == 8
    again, _, none = _trained(tmp_path / "here", Deadline())
    assert none == [] and torch.equal(again.weight, mean.values["weight"]), "its own checkpoint is exact"
    with pytest.raises(AcetateError, match="of another network"):
        shutil.copytree(tmp_path / "there/parts", tmp_path / "wide/parts")
        _trained(tmp_path / "wide", Deadline(), width=6)


@pytest.mark.slow
def test_a_training_from_a_pack_that_was_stopped_ends_as_one_that_was_not(tiny_starter: Path, tmp_path: Path) -> None:
    """The pack's data with another process, stopped after two steps and gone on, against the data itself and none."""
    write_keywords(tmp_path / "cache")
    write_discs(tmp_path / "whole/data")
    write_pack(tmp_path / "pack", open_pictures(tmp_path / "whole/data"), tmp_path / "cache", silent)
    nothing = Stage(0, 2, 1e-3)
    recipe = StarterRecipe(
        size=64,
        views=Turnover(4, 1, 2),
        transparency=nothing,
        upsampler=nothing,
        text=Stage(4, 2, 1e-3, sheet_steps=9),
        decoder=nothing,
        layers=nothing,
    )

    def trained(runs: Path, pace: RunControl) -> dict[str, torch.Tensor]:
        found = train_starter(recipe, runs, tmp_path / "cache", silent, tiny_starter, pace)
        return {**found.unet.state_dict(), **found.text_encoder.state_dict()}

    whole = trained(tmp_path / "whole", RunControl())
    open_pack(tmp_path / "pack", tmp_path / "carried", silent)
    assert json.loads((tmp_path / "carried/data/records.json").read_text())[0]["name"] == "disc 0"
    cut = trained(tmp_path / "carried", RunControl(AfterSteps(steps=2), processes=1))
    assert any(not torch.equal(cut[name], value) for name, value in whole.items())
    gone_on = trained(tmp_path / "carried", RunControl(processes=1))
    for name, value in whole.items():
        assert torch.equal(gone_on[name], value), name
