"""The mode `remove`: what is in the mask goes away, and nothing else changes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from acetate.generation import GenerationProgress
from acetate.models.model_cache import ModelCache
from acetate.pipelines import resolve_request
from acetate.pipelines.filling import filled
from acetate_wire.errors import AcetateError
from torch import Tensor

from tests.pipelines.conftest import Draw, Spy, a_picture, a_request

FAMILIES = ("starter", "sd15", "sdxl")


def masked(height: int, width: int, rows: slice, columns: slice) -> Tensor:
    mask = torch.zeros(4, height, width)
    mask[3] = 1
    mask[:3, rows, columns] = 1
    return mask


def two_things() -> Tensor:
    """A red square at the left and a blue one at the right, with clear between and around."""
    layer = torch.zeros(4, 64, 64)
    layer[0, 20:40, 6:24] = 1
    layer[2, 20:40, 40:58] = 1
    layer[3] = (layer[0] + layer[2]).clamp(max=1)
    return layer


RIGHT = masked(64, 64, slice(14, 46), slice(34, 64))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_thing_with_nothing_around_it_goes_without_a_trace(draw: Draw, store: ModelCache, family: str) -> None:
    layer = two_things()
    with Spy(store.get(family).sd.unet) as spy:
        (left,) = draw("remove", model=family, layer=layer, mask=RIGHT, prompt="", reply_format="rgba8")
    assert spy.samples == [], "there is nothing to draw"
    assert int(left.picture[14:46, 34:, 3].max()) == 0
    assert torch.equal(left.picture[:, :34], (layer * 255).byte().permute(1, 2, 0)[:, :34])


@pytest.mark.parametrize("family", FAMILIES)
def test_outside_the_mask_every_bit_stays(draw: Draw, family: str) -> None:
    layer, mask = a_picture(3, 80, 64), masked(64, 80, slice(20, 50), slice(30, 60))
    (made,) = draw("remove", model=family, layer=layer, mask=mask, prompt="")
    outside = mask[0] == 0
    assert torch.equal(made.picture.permute(2, 0, 1)[:, outside], layer[:, outside])
    assert not torch.equal(made.picture.permute(2, 0, 1)[:, ~outside], layer[:, ~outside])


@pytest.mark.parametrize("family", FAMILIES)
def test_each_step_that_is_drawn_is_told(draw: Draw, family: str) -> None:
    picture, told = a_picture(2), list[GenerationProgress]()
    mask = masked(64, 64, slice(20, 40), slice(20, 40))
    draw("remove", told.append, model=family, layer=picture, mask=mask, prompt="", steps=4)
    steps = [(each.step, each.steps) for each in told if each.stage == "drawing"]
    assert steps == [(1, 2), (2, 2)], "half of those that are asked for"
    assert (told[-1].stage, told[-1].step) == ("finishing", 2)


def test_an_opaque_picture_stays_opaque(draw: Draw) -> None:
    picture = a_picture(2)
    picture[3] = 1
    (made,) = draw("remove", layer=picture, mask=masked(64, 64, slice(20, 40), slice(20, 40)), prompt="")
    assert bool((made.picture[..., 3] == 1).all())


def test_nothing_new_appears_in_the_clear(draw: Draw) -> None:
    layer = two_things()
    # The mask goes from inside the blue square far into the clear.
    (made,) = draw("remove", layer=layer, mask=masked(64, 64, slice(0, 30), slice(34, 64)), prompt="")
    assert float(made.picture[:14, 34:, 3].max()) == 0


def test_a_soft_mask_takes_away_softly(draw: Draw) -> None:
    mask = RIGHT.clone()
    mask[:3] *= 0.5
    (made,) = draw("remove", layer=two_things(), mask=mask, prompt="")
    assert made.picture[25:35, 45:55, 3].mean() == pytest.approx(0.5, abs=0.01)


def test_the_same_seed_removes_the_same_way_and_every_layer_has_its_own(draw: Draw) -> None:
    mask = masked(64, 64, slice(10, 50), slice(10, 50))
    first, second = draw("remove", layer=a_picture(4), mask=mask, prompt="", count=2)
    (again,) = draw("remove", layer=a_picture(4), mask=mask, prompt="", seed=second.settings.seed)
    assert torch.equal(again.picture, second.picture)
    assert not torch.equal(first.picture, second.picture)


@pytest.mark.parametrize(("change", "said"), [({"prompt": "a leaf"}, "inpaint"), ({"strength": 0.5}, "strength")])
def test_what_it_does_not_take_is_refused(store: ModelCache, change: dict[str, Any], said: str) -> None:
    request = a_request("remove", {"layer": two_things(), "mask": RIGHT}, **{"prompt": "", **change})
    with pytest.raises(AcetateError, match=said):
        resolve_request(request, store.registry)


def test_a_black_mask_is_refused(draw: Draw) -> None:
    with pytest.raises(AcetateError, match="black everywhere"):
        draw("remove", layer=two_things(), mask=masked(64, 64, slice(0, 0), slice(0, 0)), prompt="")


def test_an_outline_goes_on_into_a_hole_and_stays_sharp() -> None:
    picture = torch.zeros(4, 64, 64)
    picture[0, 32:], picture[3, 32:] = 1, 1
    hole = torch.zeros(64, 64)
    hole[20:44, 20:44] = 1
    found = filled(picture, hole)
    assert torch.equal(found[:, hole == 0], picture[:, hole == 0])
    column = found[3, 20:44, 32]
    assert bool((column[:8] < 0.05).all()) and bool((column[-8:] > 0.95).all())
    assert int(((column > 0.1) & (column < 0.9)).sum()) <= 4
    assert torch.allclose(found[0], found[3], atol=0.02), "red where it is, clear elsewhere"


def test_with_nothing_around_it_all_becomes_clear() -> None:
    assert float(filled(torch.rand(4, 16, 16), torch.ones(16, 16)).abs().max()) == 0


def test_thin_smoke_goes_on_as_thin_as_it_is() -> None:
    smoke = torch.full((4, 48, 48), 0.3)
    hole = torch.zeros(48, 48)
    hole[10:40, 15:30] = 1
    assert torch.allclose(filled(smoke, hole), smoke, atol=1e-3)
