"""Prompts and control images are encoded once for all jobs with them, and what is drawn stays the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models import prompt_encoding
from acetate.models.model_cache import ModelCache
from acetate.pipelines import run
from acetate_wire.request import Control, Lora, PictureSpec
from diffusers import T2IAdapter, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPVisionModelWithProjection

from tests.adapters.tiny_kit import shaken, write_lora, write_style
from tests.pipelines.conftest import a_picture, a_request


@pytest.fixture
def kit(models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A models folder with a T2I-Adapter and an IP-Adapter for SD 1.5, and a LoRA for the starter."""
    (tmp_path / "layers").symlink_to(models_folder / "layers")
    unet = UNet2DConditionModel.from_pretrained(models_folder / "sd15/unet")
    widths = list(unet.config.block_out_channels)
    widths += widths[-1:] * (4 - len(widths))
    shaken(T2IAdapter(channels=widths, num_res_blocks=1)).save_pretrained(tmp_path / "control/sd15/scribble")
    write_style(tmp_path / "style/sd15", unet)
    write_lora(tmp_path / "lora/ink.safetensors", UNet2DConditionModel.from_pretrained(models_folder / "starter/unet"))
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))


def draw(store: ModelCache, given: tuple[Tensor, ...] = (), **fields: Any) -> Tensor:
    request = a_request("text", {}, steps=1, **fields)
    (layer,) = run(request, {}, store, lambda progress: None, given)
    return layer.picture


def steered(store: ModelCache, control: Tensor, kind: str) -> Tensor:
    return draw(store, (control,), model="sd15", controls=(Control(kind, PictureSpec(0, 64, 64)),))


def counted(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[None]:
    """One entry for each call from here on."""
    calls: list[None] = []
    before: Callable[..., Any] = getattr(owner, name)

    def call(*args: Any, **named: Any) -> Any:
        calls.append(None)
        return before(*args, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


def test_a_prompt_is_encoded_once_unless_a_lora_may_change_it(
    store: ModelCache, kit: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    encodes = counted(monkeypatch, prompt_encoding, "encode_prompts")
    inked = draw(store, prompt="a kite", loras=(Lora("ink"),))
    plain = draw(store, prompt="a kite")
    assert len(encodes) == 2 and not torch.equal(plain, inked)
    assert torch.equal(draw(store, prompt="a kite"), plain) and len(encodes) == 2
    draw(store, prompt="a kite", negative="string")
    assert len(encodes) == 3
    assert torch.equal(draw(store, prompt="a kite", loras=(Lora("ink"),)), inked) and len(encodes) == 4


@pytest.mark.parametrize(
    ("kind", "network", "each"), [("scribble", T2IAdapter, 1), ("style", CLIPVisionModelWithProjection, 2)]
)
def test_a_control_image_is_encoded_once_by_its_content(
    store: ModelCache, kit: None, monkeypatch: pytest.MonkeyPatch, kind: str, network: type, each: int
) -> None:
    encodes = counted(monkeypatch, network, "forward")
    first = steered(store, a_picture(3), kind)
    assert len(encodes) == each
    assert torch.equal(steered(store, a_picture(3), kind), first) and len(encodes) == each
    assert not torch.equal(steered(store, a_picture(4), kind), first) and len(encodes) == 2 * each
