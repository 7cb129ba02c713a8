"""Steering pictures go with every mode: they count, they are laid like the layers, and they leave no trace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models.model_cache import ModelCache
from acetate.pipelines import GeneratedLayer, resolve_request, run
from acetate.pipelines.metadata import picture_hash
from acetate_wire.errors import AcetateError
from acetate_wire.request import Control, PictureSpec, Rect, StackLayer
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import nn

from tests.pipelines.conftest import a_picture, a_request
from tests.pipelines.test_modes import MODES, pictures_for

WIDTH, HEIGHT = 150, 90


@pytest.fixture(scope="module", autouse=True)
def control_net(models_folder: Path) -> None:
    """A ControlNet of the kind `edge` for SD 1.5, with weights as after training."""
    net = ControlNetModel.from_unet(
        UNet2DConditionModel.from_pretrained(models_folder / "sd15/unet"), load_weights_from_unet=False
    )
    torch.manual_seed(7)
    for parameter in net.parameters():
        nn.init.normal_(parameter, std=0.1)
    net.save_pretrained(models_folder / "control/sd15/edge")


def steered(store: ModelCache, mode: str, weight: float, **fields: Any) -> tuple[GeneratedLayer, ...]:
    pictures = pictures_for(mode, WIDTH, HEIGHT)
    control = Control("edge", PictureSpec(len(pictures), WIDTH, HEIGHT), weight)
    request = a_request(mode, pictures, (WIDTH, HEIGHT), model="sd15", controls=(control,), **fields)
    return run(request, pictures, store, lambda progress: None, [a_picture(9, WIDTH, HEIGHT)])


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "extract"])
def test_a_control_steers_every_mode_and_leaves_no_trace(store: ModelCache, mode: str) -> None:
    before = {name: value.clone() for name, value in store.get("sd15").sd.unet.state_dict().items()}
    without, with_control = steered(store, mode, 0.0), steered(store, mode, 1.0)
    assert all(not torch.equal(a.picture, b.picture) for a, b in zip(without, with_control, strict=True))
    after = store.get("sd15").sd.unet.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_control_is_cut_to_the_tiles_of_a_large_target(store: ModelCache) -> None:
    without, with_control = (steered(store, "scene", weight, detail=0.5) for weight in (0.0, 1.0))
    assert all(not torch.equal(a.picture, b.picture) for a, b in zip(without, with_control, strict=True))


def test_several_controls_steer_at_once_each_in_its_own_steps(store: ModelCache) -> None:
    def drawn(*seen: int) -> GeneratedLayer:
        ranges = ((0.0, 0.5), (0.5, 1.0))
        controls = tuple(
            Control("edge", PictureSpec(n, 64, 64), 1.0, start, end) for n, (start, end) in enumerate(ranges)
        )
        request = a_request("text", {}, model="sd15", controls=controls, steps=4)
        (layer,) = run(request, {}, store, lambda progress: None, [a_picture(number) for number in seen])
        return layer

    first, second, both = drawn(1, 2), drawn(1, 3), drawn(4, 2)
    assert not torch.equal(first.picture, second.picture) and not torch.equal(first.picture, both.picture)
    assert [(each.start, each.end) for each in first.settings.controls] == [(0.0, 0.5), (0.5, 1.0)]


def test_a_control_of_the_picture_is_cut_to_the_regions_of_a_stack(store: ModelCache) -> None:
    def drawn(picture: torch.Tensor) -> tuple[GeneratedLayer, ...]:
        stack = (StackLayer("a cat", Rect(0, 0, 64, 64)), StackLayer("a fish", Rect(64, 0, 64, 64)))
        given = {"background": a_picture(1, 128, 64)}
        control = Control("edge", PictureSpec(1, 128, 64))
        request = a_request("stack", given, model="sd15", controls=(control,), stack=stack)
        return run(request, given, store, lambda progress: None, [picture])

    plain = a_picture(9, 128, 64)
    changed = plain.clone()
    changed[:, :, 64:] = a_picture(8, 64, 64)
    left, right = (
        torch.equal(*pair) for pair in zip(*([x.picture for x in drawn(y)] for y in (plain, changed)), strict=True)
    )
    assert left and not right


def test_settings_know_the_steering_picture_again(store: ModelCache) -> None:
    (control,) = steered(store, "text", 0.7)[0].settings.controls
    assert (control.kind, control.weight) == ("edge", 0.7)
    assert control.picture == picture_hash(a_picture(9, WIDTH, HEIGHT))


def test_a_control_that_is_not_there_is_refused_before_anything_is_loaded(store: ModelCache) -> None:
    request = a_request("text", {}, model="sd15", controls=(Control("depth", PictureSpec(0, 64, 64)),))
    with pytest.raises(AcetateError, match="no depth control for sd15") as refusal:
        resolve_request(request, store.registry)
    assert refusal.value.code == "model_missing"


def test_a_steering_picture_must_show_the_target(store: ModelCache) -> None:
    request = a_request("text", {}, model="sd15", controls=(Control("edge", PictureSpec(0, 60, 64)),))
    with pytest.raises(AcetateError) as refusal:
        resolve_request(request, store.registry)
    assert refusal.value.field == "controls[0].picture"
