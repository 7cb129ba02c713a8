"""Promises of memory plans: told before loading, true to the files, and the same layers in all of them."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from acetate.adapters.attach import adapted_model
from acetate.cards import Card, build_of
from acetate.cli import app
from acetate.models.backbones.stable_diffusion.footprint import WORKSPACE, footprint
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.memory_plan import (
    CPU_PLANS,
    CUDA_PLANS,
    Footprint,
    MemoryPlan,
    Offload,
    choose_plan,
    plans_for,
    supports_int8,
    with_batch,
)
from acetate.models.model_cache import ModelCache
from acetate.models.offload import apply_plan
from acetate.models.recipes import AdapterSpec
from acetate.models.registry import ModelRegistry
from torch import Tensor
from typer.testing import CliRunner

from tests.adapters.test_attach import PARTS, a_layer, noise, state_of, texts

GIB = 1 << 30
LARGE = Footprint(
    text=2 * GIB, denoiser=5 * GIB, vae=GIB // 4, layers=GIB, transparency=GIB // 4, drawing=2 * GIB,
    decoding=4 * GIB, decoding_tiled=GIB,
)  # fmt: skip


@pytest.mark.parametrize(
    ("free", "plan"),
    [
        (24, MemoryPlan()),
        (12, MemoryPlan(tiled=True)),
        (9, MemoryPlan("model", tiled=True)),
        (4, MemoryPlan("sequential", tiled=True)),
        (1, MemoryPlan("sequential", tiled=True, single_pass=True)),
    ],
)
def test_the_fastest_plan_that_fits_is_taken(free: int, plan: MemoryPlan) -> None:
    assert CUDA_PLANS[choose_plan(CUDA_PLANS, LARGE, free * GIB)] == plan


def test_what_is_loaded_needs_no_room_again() -> None:
    assert CPU_PLANS[choose_plan(CPU_PLANS, LARGE, 6 * GIB, loaded=True)] == MemoryPlan()
    assert CPU_PLANS[choose_plan(CPU_PLANS, LARGE, 6 * GIB)] == CPU_PLANS[-1]


def test_a_batch_is_as_large_as_fits_beside_all_else() -> None:
    plain = MemoryPlan()
    largest = [with_batch(plain, LARGE, free * GIB, 8).batch for free in range(1, 60)]
    assert largest == sorted(largest) and {1, 2, 8} <= set(largest)
    for free, batch in enumerate(largest, start=1):
        chosen = MemoryPlan(batch=batch)
        assert batch == 1 or LARGE.needed(chosen) <= free * GIB
        assert LARGE.needed(chosen) == LARGE.needed(plain) or batch > 1


@pytest.mark.parametrize("device", ["cuda", "cpu", "mps"])
@pytest.mark.parametrize("dtype_bytes", [2, 4])
def test_every_step_down_a_ladder_needs_less_or_as_much(device: str, dtype_bytes: int) -> None:
    needs = [LARGE.needed(plan) for plan in plans_for(device, dtype_bytes)]
    assert needs == sorted(needs, reverse=True)


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_weights_are_counted_from_the_files(families: ModelRegistry, family: str) -> None:
    entry = families.entry(family)
    model = ModelCache(families, torch.device("cpu"), torch.float32).get(family)
    needs = footprint(entry, entry.recipe("text"), 64, 64, 4)

    def held(*networks: torch.nn.Module) -> int:
        return 4 * sum(parameter.numel() for network in networks for parameter in network.parameters())

    assert needs.denoiser == held(model.sd.unet)
    assert needs.vae == held(model.sd.vae)
    assert needs.text == held(*model.sd.text.encoders)
    transparency = model.transparency
    assert needs.transparency == held(transparency.encoder, transparency.decoder)


def test_more_frames_and_larger_pictures_need_more(families: ModelRegistry) -> None:
    entry = families.entry("sd15")
    alone, scene = entry.recipe("text"), entry.recipe("scene")
    small = footprint(entry, alone, 512, 512, 2)
    maps = small.drawing - WORKSPACE
    assert footprint(entry, scene, 512, 512, 2).drawing - WORKSPACE == 3 * maps
    assert footprint(entry, alone, 1024, 512, 2).drawing - WORKSPACE == 2 * maps
    large = footprint(entry, alone, 2048, 2048, 2)
    assert large.decoding > 4 * small.decoding
    assert large.decoding_tiled < large.decoding


@pytest.mark.parametrize("placement", ["model", "sequential"])
@pytest.mark.parametrize("name", ["bg2fg", "bgble2fg"])
def test_offloaded_models_draw_the_same_and_stay_bit_identical(
    families: ModelRegistry, name: str, placement: Offload
) -> None:
    [(family, part)] = [each for each in PARTS if each[1].name == name]
    model = ModelCache(families, torch.device("cpu"), torch.float32).get(family)
    before = state_of(model)
    resident = answers(model, part)
    apply_plan(model, MemoryPlan(placement))
    assert all(torch.equal(a, b) for a, b in zip(answers(model, part), resident, strict=True))
    apply_plan(model, MemoryPlan())
    assert not any(hasattr(module, "_hf_hook") for module in model.sd.unet.modules())
    assert all(torch.equal(a, b) for a, b in zip(answers(model, part), resident, strict=True))
    after = model.sd.unet.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], value) for name, value in before.items())


def answers(model: DiffusionModel, part: AdapterSpec) -> tuple[Tensor, Tensor]:
    """With the part, and without it in mid-run."""
    rows = 2 * len(part.roles)
    given = {role: a_layer(number) for number, role in enumerate(part.inputs)}
    with adapted_model(model, part, given) as predictor:
        states = texts(model, part)
        attached = predictor(noise(rows), torch.tensor(500), states)
        predictor.set_enabled(False)
        return attached, predictor(noise(rows), torch.tensor(500), states)


def test_a_plan_with_short_weights_loads_them_so(families: ModelRegistry) -> None:
    store = ModelCache(families, torch.device("cpu"), torch.float32)
    assert store.get("sd15").sd.unet.dtype == torch.float32
    assert store.get("sd15", MemoryPlan(tiled=True, half=True)).sd.unet.dtype == torch.bfloat16
    assert store.get("sd15").sd.unet.dtype == torch.bfloat16


def test_a_model_that_is_in_the_way_is_dropped(families: ModelRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ModelCache(families, torch.device("cpu"), torch.float32)
    store.get("sd15")
    free: Callable[[torch.device], int] = lambda device: GIB if store.loaded == ("sd15",) else 64 * GIB  # noqa: E731
    monkeypatch.setattr("acetate.models.model_cache.free_memory", free)
    monkeypatch.setattr("acetate.models.model_cache.footprint", lambda *arguments, **named: LARGE)
    assert store.plan("sdxl", "text", (), (64, 64)).plan == MemoryPlan(batch=8)
    assert store.loaded == ()


def test_the_doctor_prints_the_plan_of_every_mode_and_writes_the_same_figures(
    families: ModelRegistry, written_families: Path, tmp_path: Path
) -> None:
    base = written_families / "base"
    base.mkdir(exist_ok=True)
    for family in ("sd15", "sdxl"):
        (base / f"my-{family}").symlink_to(written_families / family)
    result = CliRunner().invoke(app, ["doctor", "--json", str(tmp_path / "plans.json")])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "plans.json").read_text(encoding="utf-8"))
    found = {(plan["model"], plan["mode"]): plan for plan in figures["plans"]}
    assert {mode for model, mode in found if model == "my-sdxl"} == set(families.entry("sdxl").modes)
    assert found["my-sd15", "scene"]["plan"] == "resident"
    for plan in figures["plans"]:
        assert f"{plan['model']:<12} {plan['mode']:<11}" in result.output


@pytest.mark.parametrize(
    ("build", "told"), [("rocm", "python3 run.py --torch rocm"), ("cpu", ""), ("same", "bring its driver up to date")]
)
def test_the_doctor_tells_the_pytorch_and_what_to_do_about_a_card_that_it_cannot_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str, told: str
) -> None:
    installed = build_of(torch.__version__, sys.platform, platform.machine())
    cards = {"rocm": (Card("AMD", "rocm"),), "cpu": (), "same": (Card("NVIDIA", installed),)}[build]
    monkeypatch.setattr("acetate.models.memory_report.find_cards", lambda: cards)
    monkeypatch.setattr("acetate.models.model_cache.best_device", lambda: torch.device("cpu"))
    result = CliRunner().invoke(app, ["doctor", "--json", str(tmp_path / "plans.json")])
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "plans.json").read_text(encoding="utf-8"))
    assert figures["torch"] == f"{torch.__version__} ({installed})" and figures["torch"] in result.output
    assert told in figures["advice"] and bool(told) == bool(figures["advice"])
    assert figures["advice"] in result.output


def test_eight_bit_weights_are_for_what_adds_nothing_to_them(
    families: ModelRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = object()
    monkeypatch.setattr("acetate.models.memory_plan.find_spec", lambda name: installed if name == "torchao" else None)
    assert supports_int8(families.entry("sd15").recipe("scene"))
    assert not supports_int8(families.entry("sdxl").recipe("text"))
    ladder = plans_for("cuda", 2, int8=True)
    assert ladder[choose_plan(ladder, LARGE, 9 * GIB)] == MemoryPlan(tiled=True, int8=True)
    monkeypatch.setattr("acetate.models.memory_plan.find_spec", lambda name: None)
    assert not supports_int8(families.entry("sd15").recipe("scene"))


def test_a_model_with_eight_bit_weights_draws_nearly_the_same(families: ModelRegistry) -> None:
    pytest.importorskip("torchao", reason="8-bit weights need torchao: pip install torchao")
    [(family, part)] = [each for each in PARTS if each[1].name == "joint"]
    store = ModelCache(families, torch.device("cpu"), torch.float32)
    exact = answers(store.get(family), part)
    model = store.get(family, MemoryPlan(tiled=True, int8=True))
    assert model.int8 and store.get(family) is model
    assert type(model.sd.unet.mid_block.attentions[0].transformer_blocks[0].attn1.to_q.weight) is not torch.nn.Parameter
    for near, wanted in zip(answers(model, part), exact, strict=True):
        assert 0 < (near - wanted).abs().max() < 0.1 * wanted.abs().max()
    assert not store.get(family, MemoryPlan()).int8
