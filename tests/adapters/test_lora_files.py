"""Promises of LoRA files: every usual form adds the delta that it should, and what cannot count is refused by name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.adapters.lora import apply_loras
from acetate.adapters.lora_file import LoraFileError, read_lora
from acetate.models.adapter_files import installed_loras, lora_path
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate_wire.errors import AcetateError
from acetate_wire.request import Lora
from safetensors.torch import save_file
from torch import Tensor, nn

from tests.models.published import original_name

ATTENTION = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
OUTPUT = "mid_block.attentions.0.transformer_blocks.0.attn2.to_out.0"
CONVOLUTION = "down_blocks.0.resnets.0.conv1"
STRIDED = "down_blocks.0.downsamplers.0.conv"
TEXT = "text_model.encoder.layers.1.self_attn.q_proj"
RANK = 2
ALPHA = 0.5


@dataclass(frozen=True)
class Change:
    """The matrices of one module in float32."""

    down: Tensor
    up: Tensor

    def delta(self, shape: torch.Size) -> Tensor:
        return (self.up.flatten(1) @ self.down.flatten(1)).view(shape)


@pytest.fixture(scope="module", params=["sd15", "sdxl"])
def model(request: pytest.FixtureRequest, written_families: Path) -> DiffusionModel:
    from acetate.models.families import SD15, SDXL, ModelSource

    family = {"sd15": SD15, "sdxl": SDXL}[request.param]
    source = ModelSource(written_families / request.param, family, "unknown")
    return ModelCache(ModelRegistry({request.param: source}), torch.device("cpu"), torch.float32).get(request.param)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    (tmp_path / "lora").mkdir()
    yield tmp_path / "lora"


def module_of(model: DiffusionModel, name: str) -> Any:
    if name.startswith("text_model"):
        encoder = model.sd.text.encoders[0]
        names = {each.removeprefix("text_model."): each for each, _ in encoder.named_modules()}
        return encoder.get_submodule(names[name.removeprefix("text_model.")])
    return model.sd.unet.get_submodule(name)


def changes(model: DiffusionModel, names: tuple[str, ...]) -> dict[str, Change]:
    make = torch.Generator().manual_seed(3)
    found = {}
    for name in names:
        shape = module_of(model, name).weight.shape
        narrow = (shape[0], RANK, *[1] * (len(shape) - 2))
        found[name] = Change(torch.randn(RANK, *shape[1:], generator=make), torch.randn(narrow, generator=make) * 0.1)
    return found


def answers(model: DiffusionModel, names: tuple[str, ...]) -> dict[str, Tensor]:
    make = torch.Generator().manual_seed(4)
    found = {}
    for name in names:
        module = module_of(model, name)
        shape = module.weight.shape
        sample = torch.randn(2, shape[1], 6, 6, generator=make) if len(shape) == 4 else torch.randn(2, 5, shape[1])
        found[name] = module(torch.zeros_like(sample) + torch.linspace(-1, 1, sample.numel()).view_as(sample))
    return found


def expected(model: DiffusionModel, made: Mapping[str, Change], factor: float) -> dict[str, Tensor]:
    """What the modules answer when the delta is added to their own weights."""
    before = {name: module_of(model, name).weight.detach().clone() for name in made}
    for name, change in made.items():
        module_of(model, name).weight.data = before[name] + factor * change.delta(before[name].shape)
    found = answers(model, tuple(made))
    for name, weight in before.items():
        module_of(model, name).weight.data = weight
    return found


def kohya_name(model: DiffusionModel, name: str) -> str:
    if name.startswith("text_model"):
        return f"lora_te{'1' if len(model.sd.text.encoders) > 1 else ''}_{name.replace('.', '_')}"
    if len(model.sd.text.encoders) > 1:  # kohya names SDXL's modules as the original code does
        name = original_name(f"{name}.weight", model.sd.unet).removesuffix(".weight")
    return f"lora_unet_{name.replace('.', '_')}"


def old_name(name: str) -> str:
    head, _, last = name.removesuffix(".0").rpartition(".")
    old = {"q_proj": "to_q"}.get(last, last)
    return f"text_encoder.{head}.{old}_lora" if name.startswith("text_model") else f"unet.{head}.processor.{old}_lora"


def diffusers_name(name: str) -> str:
    return f"text_encoder.{name}" if name.startswith("text_model") else f"unet.{name}"


Write = Callable[[DiffusionModel, Mapping[str, Change]], dict[str, Tensor]]


def kohya(model: DiffusionModel, made: Mapping[str, Change]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, change in made.items():
        start = kohya_name(model, name)
        found |= {f"{start}.lora_down.weight": change.down, f"{start}.lora_up.weight": change.up}
        found[f"{start}.alpha"] = torch.tensor(ALPHA * RANK)
    return found


def new_diffusers(model: DiffusionModel, made: Mapping[str, Change]) -> dict[str, Tensor]:
    pairs = [(diffusers_name(name), change) for name, change in made.items()]
    return {f"{name}.lora_A.weight": change.down for name, change in pairs} | {
        f"{name}.lora_B.weight": change.up * ALPHA for name, change in pairs
    }


def old_diffusers(model: DiffusionModel, made: Mapping[str, Change]) -> dict[str, Tensor]:
    pairs = [(old_name(name), change) for name, change in made.items()]
    return {f"{name}.down.weight": change.down for name, change in pairs} | {
        f"{name}.up.weight": change.up * ALPHA for name, change in pairs
    }


LINEAR = (ATTENTION, OUTPUT, TEXT)
FORMS: Mapping[str, tuple[Write, tuple[str, ...]]] = {
    "kohya": (kohya, LINEAR),
    "LoCon": (kohya, (*LINEAR, CONVOLUTION, STRIDED)),
    "diffusers": (new_diffusers, (*LINEAR, CONVOLUTION)),
    "old diffusers": (old_diffusers, LINEAR),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_adds_its_delta_to_unet_and_text_encoder(model: DiffusionModel, folder: Path, form: str) -> None:
    write, names = FORMS[form]
    made = changes(model, names)
    save_file({key: value.contiguous() for key, value in write(model, made).items()}, folder / "ink.safetensors")
    modules = {name: module_of(model, name) for name in names}
    wanted = expected(model, made, 0.8 * ALPHA)
    with apply_loras(model, [Lora("ink", 0.8)]):
        found = answers(model, names)
    assert all(torch.allclose(found[name], wanted[name], atol=1e-4) for name in names)
    assert all(module_of(model, name) is module for name, module in modules.items())


def test_peft_files_scale_by_their_settings(model: DiffusionModel, folder: Path) -> None:
    made = changes(model, (ATTENTION, OUTPUT))
    place = folder / "trained"
    place.mkdir()
    tensors = {f"base_model.model.{name}.lora_A.weight": change.down for name, change in made.items()}
    tensors |= {f"base_model.model.{name}.lora_B.weight": change.up for name, change in made.items()}
    save_file(tensors, place / "adapter_model.safetensors")
    for settings, factors in (
        ({"lora_alpha": 1}, (0.5, 0.5)),
        ({"lora_alpha": 4, "alpha_pattern": {"attn2.to_out.0": 1}}, (2.0, 0.5)),
        ({"lora_alpha": 1, "use_rslora": True}, (1 / math.sqrt(2), 1 / math.sqrt(2))),
    ):
        (place / "adapter_config.json").write_text(json.dumps(settings), encoding="utf-8")
        read = read_lora(lora_path("trained"), {"unet": model.sd.unet})
        for name, factor in zip((ATTENTION, OUTPUT), factors, strict=True):
            assert torch.allclose(read.deltas["unet"][name].up, factor * made[name].up)
    (place / "adapter_config.json").write_text("[" * 50_000, encoding="utf-8")
    with pytest.raises(AcetateError, match="its settings cannot be read"), apply_loras(model, [Lora("trained")]):
        pass


def test_diffusers_settings_in_the_file_count(model: DiffusionModel, folder: Path) -> None:
    made = changes(model, (ATTENTION,))
    tensors = {key: value / ALPHA if "lora_B" in key else value for key, value in new_diffusers(model, made).items()}
    save_file(tensors, folder / "a.safetensors", {"lora_adapter_metadata": json.dumps({"unet.lora_alpha": 6})})
    read = read_lora(folder / "a.safetensors", {"unet": model.sd.unet})
    assert torch.allclose(read.deltas["unet"][ATTENTION].up, 3 * made[ATTENTION].up)


@pytest.mark.parametrize("form", ["kohya", "PEFT"])
def test_dora_scales_every_output_to_its_magnitude(model: DiffusionModel, folder: Path, form: str) -> None:
    names = (ATTENTION, CONVOLUTION)
    made = changes(model, names)
    magnitudes = {name: torch.rand(len(module_of(model, name).weight)) + 0.5 for name in names}
    tensors: dict[str, Tensor] = {}
    for name, change in made.items():
        magnitude = magnitudes[name]
        if form == "kohya":
            tensors |= kohya(model, {name: change})
            ones = [1] * (change.down.ndim - 1)
            tensors[f"{kohya_name(model, name)}.dora_scale"] = magnitude.view(-1, *ones)
        else:
            tensors |= new_diffusers(model, {name: change})
            shape = (1, -1, 1, 1) if change.down.ndim == 4 else (-1,)
            tensors[f"unet.{name}.lora_magnitude_vector"] = magnitude.view(shape)
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "dora.safetensors")
    before = {name: module_of(model, name).weight.detach().clone() for name in names}
    for name, weight in before.items():
        changed = weight + ALPHA * made[name].delta(weight.shape)
        norm = changed.flatten(1).norm(dim=1)
        factor = (magnitudes[name] / norm).view(-1, *[1] * (weight.ndim - 1))
        module_of(model, name).weight.data = factor * changed
    wanted = answers(model, names)
    for name, weight in before.items():
        module_of(model, name).weight.data = weight
    with apply_loras(model, [Lora("dora")]):
        found = answers(model, names)
    assert all(torch.allclose(found[name], wanted[name], atol=1e-4) for name in names)


def test_a_locon_in_tuckers_form_is_its_product(model: DiffusionModel, folder: Path) -> None:
    weight = module_of(model, CONVOLUTION).weight
    make = torch.Generator().manual_seed(5)
    up, mid, down = (
        torch.randn(shape, generator=make)
        for shape in ((len(weight), 3, 1, 1), (3, 3, 3, 3), (3, weight.shape[1], 1, 1))
    )
    start = kohya_name(model, CONVOLUTION)
    tensors = {f"{start}.lora_up.weight": up, f"{start}.lora_mid.weight": mid, f"{start}.lora_down.weight": down}
    save_file(tensors, folder / "tucker.safetensors")
    sample = torch.randn(1, weight.shape[1], 6, 6, generator=make)
    conv = nn.functional.conv2d
    wanted = module_of(model, CONVOLUTION)(sample) + conv(conv(conv(sample, down), mid, padding=1), up)
    with apply_loras(model, [Lora("tucker")]):
        assert torch.allclose(module_of(model, CONVOLUTION)(sample), wanted, atol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
def test_any_format_of_numbers_is_read(model: DiffusionModel, folder: Path, dtype: torch.dtype) -> None:
    made = changes(model, (ATTENTION,))
    tensors = {key: value.to(dtype) for key, value in kohya(model, made).items()}
    save_file(tensors, folder / "short.safetensors")
    read = read_lora(folder / "short.safetensors", {"unet": model.sd.unet}).deltas["unet"][ATTENTION]
    assert torch.equal(read.down, made[ATTENTION].down.to(dtype).float())


REFUSED: Mapping[str, tuple[dict[str, tuple[int, ...]], str]] = {
    "LoHa": ({"lora_unet_x.hada_w1_a": (2, 2)}, "it is a LoHa"),
    "LoKr": ({"lora_unet_x.lokr_w1": (2, 2)}, "it is a LoKr"),
    "OFT": ({"lora_unet_x.oft_blocks": (2, 2)}, "it is an OFT"),
    "IA3": ({"lora_unet_x.on_input": (1,), "lora_unet_x.weight": (2,)}, "it is an IA3"),
    "GLoRA": ({"lora_unet_x.a1.weight": (2, 2)}, "it is a GLoRA"),
    "full differences": ({"lora_unet_x.diff": (2, 2)}, "it is a file of full differences"),
    "textual inversion": ({"emb_params": (2, 8)}, "it is a textual inversion"),
    "textual inversion XL": ({"clip_l": (2, 8), "clip_g": (2, 8)}, "it is a textual inversion"),
    "checkpoint": ({"model.diffusion_model.input_blocks.0.0.weight": (2, 4, 3, 3)}, "it is a checkpoint"),
    "ControlNet": ({"control_model.input_hint_block.0.weight": (2, 2)}, "it is a ControlNet"),
    "stray key": (
        {"lora_unet_x.lora_up.weight": (2, 2), "lora_unet_x.lora_down.weight": (2, 2), "stray": (1,)},
        "it has stray, which is no part of a LoRA",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_supported_is_refused_by_its_name(folder: Path, name: str) -> None:
    shapes, words = REFUSED[name]
    save_file({key: torch.zeros(shape) for key, shape in shapes.items()}, folder / "other.safetensors")
    with pytest.raises(LoraFileError, match=words) as refusal:
        read_lora(folder / "other.safetensors", {})
    assert "LoRA, LoCon or DoRA" in refusal.value.hint


def spoilt(model: DiffusionModel, folder: Path, change: Callable[[dict[str, Tensor]], object]) -> None:
    tensors = kohya(model, changes(model, (ATTENTION, OUTPUT)))
    change(tensors)
    save_file(tensors, folder / "bad.safetensors")


@pytest.mark.parametrize(
    ("value", "words"),
    [(math.nan, "not a number, or infinite"), (math.inf, "not a number, or infinite"), (1e6, "overflow")],
)
def test_numbers_that_make_no_picture_are_refused_when_the_file_is_loaded(
    model: DiffusionModel, folder: Path, value: float, words: str
) -> None:
    before = dict(model.sd.unet.named_modules())
    spoilt(model, folder, lambda tensors: next(iter(tensors.values())).fill_(value))
    with pytest.raises(AcetateError, match=words) as refusal, apply_loras(model, [Lora("bad")]):
        pass
    assert refusal.value.code == "bad_request" and refusal.value.field == "loras"
    now = dict(model.sd.unet.named_modules())
    assert now.keys() == before.keys() and all(now[name] is module for name, module in before.items())


def test_a_module_without_one_of_its_matrices_or_of_its_bytes_is_named(model: DiffusionModel, folder: Path) -> None:
    spoilt(model, folder, lambda tensors: (tensors.popitem(), tensors.popitem(), None)[2])
    with (
        pytest.raises(AcetateError, match=r"is incomplete: lora_unet_.* lacks its up"),
        apply_loras(model, [Lora("bad")]),
    ):
        pass
    spoilt(model, folder, lambda tensors: None)
    path = folder / "bad.safetensors"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(AcetateError, match="truncated: 10 bytes"), apply_loras(model, [Lora("bad")]):
        pass


def test_modules_of_another_model_are_counted(model: DiffusionModel, folder: Path) -> None:
    strange = {f"lora_unet_elsewhere_{number}": number for number in range(42)}
    more = {f"{name}.{part}.weight": torch.ones(2, 2) for name in strange for part in ("lora_up", "lora_down")}
    spoilt(model, folder, lambda tensors: tensors.update(more))
    with (
        pytest.raises(AcetateError, match="42 of 44 modules belong to another model"),
        apply_loras(model, [Lora("bad")]),
    ):
        pass
    spoilt(model, folder, lambda tensors: tensors.update(dict(list(more.items())[:2])))
    with apply_loras(model, [Lora("bad")]):
        assert model.partial_loras == {"bad": (1, 3)}


def test_a_lora_is_found_by_name_in_folders_with_any_ending_and_by_its_path(folder: Path) -> None:
    (folder / "style").mkdir()
    for name in ("ink.v2.SAFETENSORS", "style/wash.sft", "plain.safetensors"):
        save_file({"a": torch.zeros(1)}, folder / name)
    assert set(installed_loras()) == {"ink.v2", "style/wash", "plain"}
    for name in (*installed_loras(), "ink.v2.SAFETENSORS", str(folder / "plain.safetensors")):
        assert lora_path(name).is_file()
    with pytest.raises(AcetateError, match=r"there is no LoRA .\.\.."):
        lora_path("..")
