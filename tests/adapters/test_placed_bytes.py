"""What a plan says that it needs is what is really on the device: counted on one that is pretended."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from acetate.models.backbones.stable_diffusion.footprint import footprint
from acetate.models.memory_plan import MemoryPlan, Offload, adapter_bytes
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate_wire.request import Control, Lora, PictureSpec

from tests.pipelines.conftest import a_picture, a_request
from tests.pretended import MEMORY, OnDevice, pretended_mac

SIDE = 64
PICTURE_BYTES = SIDE * SIDE * 4 * 4
"""The picture of a control stays on the device beside the weights; the plan counts it among what drawing takes."""
UNUSED = 0.1
"""The share of the planned weights that this job does without: the offset encoder is for layers that are given."""


@pytest.fixture
def catalogue(kit_folder: Path, families: ModelRegistry) -> Iterator[ModelRegistry]:
    with pretended_mac():
        gc.collect()
        yield families


@pytest.mark.parametrize("placement", ["resident", "model", "sequential"])
@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_the_bytes_on_the_device_are_those_of_the_plan(
    catalogue: ModelRegistry, family: str, placement: Offload
) -> None:
    """With a LoRA, a ControlNet and an IP-Adapter."""
    kinds, entry, plan = ("edge", "style"), catalogue.entry(family), MemoryPlan(placement)
    adapters = adapter_bytes(family, [family], kinds, 4)
    needs = footprint(entry, entry.recipe("text"), SIDE, SIDE, 4, adapters=adapters)
    weights = replace(needs, drawing=0, decoding=0, decoding_tiled=0).needed(plan)
    controls = tuple(Control(kind, PictureSpec(number, SIDE, SIDE)) for number, kind in enumerate(kinds))
    request = a_request("text", {}, model=family, steps=1, controls=controls, loras=(Lora(family),))
    MEMORY.start()
    store = ModelCache(catalogue, dtype=torch.float32)
    unet = store.get(family, plan).sd.unet
    run(request, {}, store, lambda progress: None, [a_picture(number) for number in range(len(kinds))])
    assert isinstance(unet.conv_in.weight, OnDevice) == (placement == "resident")
    assert (1 - UNUSED) * weights <= MEMORY.most_brought <= weights + PICTURE_BYTES
    assert MEMORY.most <= needs.needed(plan)
