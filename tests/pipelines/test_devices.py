"""Promises on devices, pretended: Apple's get nothing that they lack, and each is used as suits it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from acetate.models.backbones.stable_diffusion.footprint import footprint
from acetate.models.backbones.stable_diffusion.samplers import SAMPLERS, Sampler
from acetate.models.devices import best_device, free_memory
from acetate.models.families import ModelSource
from acetate.models.memory_plan import CPU_PLANS, CUDA_PLANS, plans_for
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate.transparency import fastest_dtype, fastest_layout, pad_rgb
from acetate.worker.oom_fallback import _free_memory

from tests.pipelines.conftest import FAMILIES, a_request
from tests.pipelines.test_modes import EVERY, pictures_for
from tests.pretended import OnDevice, Pretending, pretended_mac


@pytest.fixture
def mac(models_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pretending]:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(models_folder))
    with pretended_mac() as pretending:
        yield pretending


def catalogue(models_folder: Path) -> ModelRegistry:
    return ModelRegistry(
        {name: ModelSource(models_folder / name, family, "Apache-2.0") for name, family in FAMILIES.items()}
    )


def test_the_pretended_device_refuses_what_apples_refuse(mac: Pretending) -> None:
    assert best_device().type == "mps"
    with pytest.raises(TypeError, match="float64"):
        torch.arange(3, dtype=torch.float64, device="mps")
    with pytest.raises(TypeError, match="float64"):
        torch.ones(3).to("mps").double()
    with pytest.raises(RuntimeError, match="all tensors must be on mps:0"):
        torch.ones(3).to("mps") + torch.ones(3)


def test_padding_on_the_device_is_that_of_the_processor(mac: Pretending) -> None:
    rgba = torch.rand(2, 4, 61, 83, generator=torch.Generator().manual_seed(1))
    padded = pad_rgb(rgba.to("mps"))
    assert isinstance(padded, OnDevice)
    assert torch.equal(padded.cpu(), pad_rgb(rgba))


@pytest.mark.parametrize(("mode", "family"), EVERY)
def test_a_mode_brings_no_float64_to_the_device(mac: Pretending, models_folder: Path, mode: str, family: str) -> None:
    device = ModelCache(catalogue(models_folder), dtype=torch.float32)
    pictures = pictures_for(mode)
    detail = {} if mode == "extract" else {"detail": 0.5}
    request = a_request(mode, pictures, size=(100, 64), model=family, sampler=FAMILIES[family].sampler, **detail)
    layers = run(request, pictures, device, lambda progress: None)
    assert device.device.type == "mps"
    assert isinstance(device.get(family).sd.unet.conv_in.weight, OnDevice)
    assert mac.seen <= {torch.float32, torch.float16, torch.int64, torch.int32, torch.bool, torch.uint8}
    assert all(type(layer.picture) is torch.Tensor for layer in layers)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.name)
def test_a_sampler_brings_no_float64_to_the_device(mac: Pretending, models_folder: Path, sampler: Sampler) -> None:
    device = ModelCache(catalogue(models_folder), dtype=torch.float32)
    for mode in ("text", "refine"):
        pictures = pictures_for(mode)
        steps = max(2, sampler.from_pure_noise)
        request = a_request(mode, pictures, model="starter", sampler=sampler.name, steps=steps)
        assert len(run(request, pictures, device, lambda progress: None)) == 1


def test_a_mac_computes_in_half_precision_and_in_its_own_layout(mac: Pretending, models_folder: Path) -> None:
    """Weights take half the memory; the VAE stays in float32, which alpha needs."""
    model = ModelCache(catalogue(models_folder)).get("sd15")
    assert (model.sd.unet.dtype, model.sd.vae.dtype) == (torch.float16, torch.float32)
    for network in (model.sd.unet, model.sd.vae, model.decoder):
        weights = [each.numbers for each in network.parameters() if isinstance(each, OnDevice) and each.ndim == 4]
        large = [each for each in weights if each.shape[1] > 1 and each.shape[2] > 1]
        assert large and all(each.is_contiguous() for each in large)
    (layer,) = run(
        a_request("text", {}, model="starter"), {}, ModelCache(catalogue(models_folder)), lambda progress: None
    )
    assert bool(layer.picture.isfinite().all())


def test_when_memory_is_short_a_mac_that_was_asked_for_float32_halves_its_weights(
    mac: Pretending, models_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelCache(catalogue(models_folder), dtype=torch.float32)
    entry = store.registry.entry("sd15")
    needs = footprint(entry, entry.recipe("text"), 64, 64, 4)
    tiled, half = (needs.needed(plan) for plan in CPU_PLANS[1:3])
    assert half < tiled
    monkeypatch.setattr("acetate.models.model_cache.free_memory", lambda device: int((half + tiled) / 2 * 16 / 15))
    planned = store.plan("sd15", "text", (), (64, 64))
    assert planned.plan == CPU_PLANS[2]
    assert store.get("sd15", planned.plan).sd.unet.dtype == torch.float16


@pytest.mark.parametrize("kind", ["cuda", "xpu", "mps"])
def test_forgetting_a_model_and_running_short_give_memory_back(
    tiny_starter: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    emptied: list[str] = []
    homes = {"cuda": torch.cuda, "xpu": torch.xpu, "mps": torch.backends.mps}
    for name, home in homes.items():
        monkeypatch.setattr(home, "is_available", lambda name=name: name == kind)
        monkeypatch.setattr(getattr(torch, name), "empty_cache", lambda name=name: emptied.append(name))
    source = ModelSource(tiny_starter, FAMILIES["starter"], "Apache-2.0")
    store = ModelCache(ModelRegistry({"starter": source}), torch.device("cpu"), torch.float32)
    store.get("starter")
    emptied.clear()
    store.unload("starter")
    assert emptied == [kind]
    emptied.clear()
    _free_memory()
    assert emptied == [kind]


def test_an_intel_card_is_taken_and_planned_for_as_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.xpu, "is_available", lambda: True)
    assert best_device().type == "xpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert best_device().type == "cuda"
    monkeypatch.setattr(torch.xpu, "mem_get_info", lambda device: (1000, 8000))
    monkeypatch.setattr(torch.xpu, "memory_reserved", lambda device: 500)
    monkeypatch.setattr(torch.xpu, "memory_allocated", lambda device: 200)
    assert free_memory(torch.device("xpu")) == 1300
    assert plans_for("xpu", 2) == CUDA_PLANS == plans_for("xpu", 2, int8=True)
    for native, dtype in ((True, torch.bfloat16), (False, torch.float16)):
        monkeypatch.setattr(torch.xpu, "is_bf16_supported", lambda including_emulation, native=native: native)
        assert fastest_dtype(torch.device("xpu")) == dtype
    assert fastest_layout(torch.device("xpu")) == torch.channels_last
