"""Subjects that come twice on elongated targets are found, and lone ones are not taken for them."""

from __future__ import annotations

import pytest
import torch
from acetate_lab.evaluation.generation.aspects import ASPECTS, draw_at, is_doubled, middle_of
from acetate_lab.evaluation.generation.generator import keep_nothing
from torch import Tensor

SIDE = 64


def fish(colour: float = 0.9) -> Tensor:
    """A body with a darker tail on one side, and an eye on the other."""
    y, x = torch.meshgrid(torch.arange(SIDE) - 31.5, torch.arange(SIDE) - 31.5, indexing="ij")
    body, tail = torch.hypot(x / 1.4, y) < 14, ((x - 20).abs() < 7) & (y.abs() < (x - 10))
    eye = torch.hypot(x + 12, y + 3) < 3
    picture = torch.zeros(4, SIDE, SIDE)
    picture[3] = (body | tail).float()
    picture[0] = colour * body
    picture[1] = 0.4 * tail
    picture[2] = eye.float()
    return picture


def beside(one: Tensor, other: Tensor, gap: int) -> Tensor:
    """Two pictures side by side, the second `gap` pixels to the right, over each other."""
    wide = torch.zeros(4, SIDE, SIDE + gap)
    wide[:, :, :SIDE] = one
    over = torch.where(other[3:] > 0, other, wide[:, :, gap:])
    wide[:, :, gap:] = over
    return wide


@pytest.mark.parametrize("gap", [28, 36, 46])
def test_a_subject_that_comes_twice_is_found_however_near_it_stands(gap: int) -> None:
    double = beside(fish(), fish(), gap)
    assert is_doubled(double, fish())
    assert is_doubled(double.transpose(1, 2), fish().transpose(1, 2)), "also one above the other"


def test_a_lone_subject_with_clear_margins_is_none() -> None:
    wide = torch.zeros(4, SIDE, 2 * SIDE)
    wide[:, :, SIDE // 2 : -SIDE // 2] = fish()
    assert not is_doubled(wide, fish())
    assert torch.equal(middle_of(wide), fish())


def test_a_longer_subject_of_parts_that_differ_is_none() -> None:
    head, other = fish(), torch.zeros(4, SIDE, SIDE)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    other[1], other[3] = (y > 40) * 0.7, ((y > 40) & (x > 10)).float()
    assert not is_doubled(beside(head, other, 40), head)


def test_what_shows_nothing_is_none() -> None:
    nothing = torch.zeros(4, SIDE, SIDE)
    assert not is_doubled(nothing, fish()) and not is_doubled(fish(), nothing)


def test_layers_on_other_shapes_are_kept_apart_from_those_on_a_square() -> None:
    asked, kept = [], []

    def generate_at(aspect: float) -> object:
        asked.append(aspect)
        return lambda prompt, seed: fish()[None]

    def keep(prompt: str, seed: int, draw: object) -> tuple[Tensor, float]:
        kept.append((prompt, seed))
        return keep_nothing(prompt, seed, draw)  # type: ignore[arg-type]

    layers = draw_at(generate_at, "16:9", ["a", "b"], 4, lambda done, total: None, keep)  # type: ignore[arg-type]
    assert asked == [ASPECTS["16:9"]]
    assert kept == [("16:9 a", 4), ("16:9 b", 5)]
    assert [(each.prompt, each.seed) for each in layers] == [("a", 4), ("b", 5)]
