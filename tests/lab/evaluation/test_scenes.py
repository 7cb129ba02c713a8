"""Scenes measured: agreement is the correlation of a blend with its own layers, and strangers do not agree."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate_lab.evaluation.scenes import Scene, compare, correlation
from acetate_lab.evaluation.scenes_report import write_scenes_report
from acetate_lab.metrics.over_backgrounds import composite
from torch import Tensor

EVERYWHERE = torch.ones(3, 16, 16, dtype=torch.bool)


def scene(seed: int, blend: Tensor | None = None) -> Scene:
    """A disc of noise over noise; without a `blend`, the composite itself."""
    chance = torch.Generator().manual_seed(seed)
    fore, back = torch.rand(4, 16, 16, generator=chance), torch.rand(3, 16, 16, generator=chance)
    y, x = np.mgrid[:16, :16] - 7.5
    fore[3] = torch.from_numpy(np.hypot(x, y) < 5).float()
    return Scene(fore, back, composite(fore, back) if blend is None else blend, ("disc", "noise"), seed)


def test_the_correlation_is_pearsons() -> None:
    first, second = scene(1).background, scene(2).background
    wanted = np.corrcoef(first.flatten().numpy(), (first + second).flatten().numpy())[0, 1]
    assert correlation(first, first + second, EVERYWHERE) == pytest.approx(wanted, abs=1e-6)
    assert correlation(first, 1 - first, EVERYWHERE) == pytest.approx(-1)


def test_pictures_of_one_colour_do_not_correlate() -> None:
    assert correlation(scene(1).background, torch.full((3, 16, 16), 0.4), EVERYWHERE) == 0
    assert correlation(scene(1).background, scene(1).background, ~EVERYWHERE) == 0


def test_a_blend_agrees_with_its_own_layers_and_not_with_a_strangers() -> None:
    measured = compare(scene(1), other=scene(2))
    assert measured.agreement == pytest.approx(1) and measured.standing == pytest.approx(1)
    assert abs(measured.chance) < 0.3


def test_a_blend_without_its_foreground_is_found_out_where_that_should_stand() -> None:
    measured = compare(scene(1, blend=scene(1).background), other=scene(2))
    assert measured.agreement > 0.4 > abs(measured.standing)


def test_the_report_shows_every_scene_and_its_figures(tmp_path: Path) -> None:
    measured = (compare(scene(1), scene(2)), compare(scene(2), scene(1)))
    page = write_scenes_report("starter", measured, tmp_path / "report").read_text(encoding="utf-8")
    written = json.loads((tmp_path / "report/scenes.json").read_text(encoding="utf-8"))
    assert page.count("<h3>disc") == written["scenes"] == 2
    assert written["mean"]["standing"] == pytest.approx(1)
    assert written["each"][1]["seed"] == 2
