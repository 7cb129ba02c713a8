"""Transformers in little memory: GGUF, float8, one network at a time; what is planned is what lies on the device."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from acetate.image.sizes import Size
from acetate.models import memory_plan
from acetate.models import registry as registry_module
from acetate.models.backbones.file_kind import identify
from acetate.models.backbones.native_footprint import footprint, operations
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.drawing_time import in_words
from acetate.models.families import QWEN_LAYERED, ModelSource
from acetate.models.memory_plan import (
    NATIVE_PLANS,
    NF4_PLAN,
    Footprint,
    MemoryPlan,
    choose_plan,
    plans_for,
    supports_nf4,
)
from acetate.models.memory_report import ModePlan, wants_nf4
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Lora, PictureSpec, Rect
from diffusers import QwenImageTransformer2DModel
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.modules.module import register_module_forward_pre_hook

from tests.models.tiny_native import write_qwen_layered
from tests.pretended import OnDevice, pretended_mac

SIZE = Size(96, 64)
FAMILY = replace(QWEN_LAYERED, sizes=(SIZE,))
GIB = 1 << 30
BLOCK = 32
"""Numbers that are quantized together in Q8_0."""
EMBEDDING = "time_text_embed.addition_t_embedding.weight"
PAGE = Path(__file__).parents[2] / "docs" / "models.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen")
    write_qwen_layered(folder)
    return folder


def tensors_of(folder: Path) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for part in sorted((folder / "transformer").glob("*.safetensors")):
        found |= load_file(part)
    return found


def write_gguf(tensors: dict[str, Tensor], file: Path, prefix: str = "") -> None:
    """Linear layers in Q8_0, one bias and the embedding in BF16, the rest in F32, as published files have them."""
    writer = gguf.GGUFWriter(str(file), "qwen_image")
    writer.add_array("general.tags", ["layers", "alpha"])
    for name, value in tensors.items():
        numbers = value.float().numpy()
        kind = gguf.GGMLQuantizationType.F32
        if name in (EMBEDDING, "img_in.bias"):
            kind = gguf.GGMLQuantizationType.BF16
        elif numbers.ndim == 2 and numbers.shape[1] % BLOCK == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
        raw = None if kind == gguf.GGMLQuantizationType.F32 else kind
        writer.add_tensor(prefix + name, gguf.quants.quantize(numbers, kind) if raw else numbers, raw_dtype=raw)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def cache(folder: Path, file: Path | None = None, device: str = "cpu") -> ModelCache:
    source = ModelSource(folder, FAMILY, FAMILY.licence, file=file)
    return ModelCache(ModelRegistry({"layered": source}), torch.device(device), torch.float32)


def split(store: ModelCache, **fields: Any) -> list[Tensor]:
    chance = torch.Generator().manual_seed(3)
    picture = torch.rand(4, SIZE.height, SIZE.width, generator=chance)
    request = LayerRequest(
        mode="split",
        model="layered",
        canvas=(SIZE.width, SIZE.height),
        target=Rect(0, 0, SIZE.width, SIZE.height),
        inputs={"blend": PictureSpec(0, SIZE.width, SIZE.height)},
        **{"prompt": "a cat", "layers": 2, "steps": 2, "seed": 7, "reply_format": "rgbaf32", **fields},
    )
    return [layer.picture for layer in run(request, {"blend": picture}, store, lambda progress: None)]


def held(network: torch.nn.Module) -> int:
    return sum(value.numel() * value.element_size() for value in network.parameters())


def velocity(model: DiffusionModel) -> Tensor:
    backbone = model.native
    noise = torch.randn(3, backbone.channels, 8, 12, generator=torch.Generator().manual_seed(1))
    return backbone.predict(noise, torch.tensor(500.0), backbone.encode_text(["a cat"]), [noise[:1]])


@pytest.fixture(scope="module")
def exact(folder: Path) -> Tensor:
    return velocity(cache(folder).get("layered"))


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_gguf_file_stays_quantized_and_draws_nearly_the_same(
    folder: Path, tmp_path: Path, exact: Tensor, prefix: str
) -> None:
    file = tmp_path / "qwen-image-layered-Q8_0.gguf"
    write_gguf(tensors_of(folder), file, prefix)
    assert identify(file).family is QWEN_LAYERED and "GGUF" in identify(file).what
    store = cache(folder, file)
    planned = store.plan("layered", "split", ("blend",), (SIZE.width, SIZE.height)).needs
    model = store.get("layered", MemoryPlan("model", fp8=True))
    assert planned.denoiser == held(model.native.denoiser) < 4 * sum(map(Tensor.numel, tensors_of(folder).values())) / 2
    assert planned.denoiser_fp8 == 0 and not model.fp8
    assert 0 < float((velocity(model) - exact).abs().max()) < 0.02 * float(exact.abs().max())


def test_float8_is_stored_as_planned_and_draws_nearly_the_same(folder: Path, exact: Tensor) -> None:
    store = cache(folder)
    planned = store.plan("layered", "split", ("blend",), (SIZE.width, SIZE.height)).needs
    model = store.get("layered", MemoryPlan("model", tiled=True, fp8=True))
    assert model.fp8 and planned.denoiser_fp8 == held(model.native.denoiser) < planned.denoiser / 3
    assert 0 < float((velocity(model) - exact).abs().max()) < 0.1 * float(exact.abs().max())
    assert planned.denoiser_fp8 == held(model.native.denoiser), "it is stored so again after each call"
    assert store.get("layered") is model
    assert not store.get("layered", MemoryPlan()).fp8


@pytest.fixture
def four_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """bitsandbytes on a processor, without the order of weights for AVX-512, which needs wider layers than these."""
    modules = pytest.importorskip("bitsandbytes.nn.modules")
    monkeypatch.setattr(modules, "has_avx512bf16", lambda: False)


def nf4_bytes(network: torch.nn.Module) -> int:
    """The bytes of parameters and of the scales beside those in four bits."""
    states = [getattr(value, "quant_state", None) for value in network.parameters()]
    return held(network) + sum(held_of(state.absmax) for state in states if state is not None)


def held_of(value: Tensor) -> int:
    return value.numel() * value.element_size()


def test_four_bits_are_stored_as_planned_and_draw_nearly_the_same(folder: Path, exact: Tensor, four_bits: None) -> None:
    store = cache(folder)
    planned = store.plan("layered", "split", ("blend",), (SIZE.width, SIZE.height)).needs
    model = store.get("layered", NF4_PLAN)
    assert model.nf4 and planned.denoiser_nf4 == nf4_bytes(model.native.denoiser) < planned.denoiser / 4
    assert 0 < float((velocity(model) - exact).abs().max()) < 0.3 * float(exact.abs().max())
    assert store.get("layered", NF4_PLAN) is model and not store.get("layered", MemoryPlan()).nf4


def test_four_bits_are_for_nvidias_cards_where_the_package_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert NF4_PLAN in plans_for("cuda", 2, native=True, nf4=True)
    for device, native, nf4 in (("cuda", True, False), ("xpu", True, True), ("cpu", True, True), ("cuda", False, True)):
        assert NF4_PLAN not in plans_for(device, 2, native=native, nf4=nf4)
    moved = ModePlan("mine", "qwen-layered", "split", 640, MemoryPlan("sequential").describe(), 1, True)
    monkeypatch.setattr(memory_plan, "find_spec", lambda name: name == "bitsandbytes")
    assert supports_nf4() and not wants_nf4("cuda", [moved])
    monkeypatch.setattr(memory_plan, "find_spec", lambda name: None)
    assert not supports_nf4() and wants_nf4("cuda", [moved])
    assert not wants_nf4("cpu", [moved]) and not wants_nf4("cuda", [replace(moved, family="sdxl")])


@pytest.mark.parametrize("form", ["gguf", "float8", "nf4"])
def test_a_lora_goes_with_short_weights_and_leaves_no_trace(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, form: str
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    (tmp_path / "lora").mkdir()
    name = "transformer_blocks.0.attn.to_q"
    rows, columns = tensors_of(folder)[f"{name}.weight"].shape
    down, up = torch.full((2, columns), 0.5), torch.full((rows, 2), 0.5)
    save_file({f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}, tmp_path / "lora/mild.safetensors")
    file = None
    if form == "gguf":
        file = tmp_path / "one.gguf"
        write_gguf(tensors_of(folder), file)
    store = cache(folder, file)
    if form == "nf4":
        request.getfixturevalue("four_bits")
    store.get("layered", MemoryPlan("model", fp8=form == "float8", nf4=form == "nf4"))
    before, changed = split(store), split(store, loras=(Lora("mild", 1.0),))
    assert any(not torch.equal(*pair) for pair in zip(before, changed, strict=True))
    assert all(bool(picture.isfinite().all()) for picture in changed)
    assert all(torch.equal(*pair) for pair in zip(before, split(store), strict=True))


def test_without_its_package_a_gguf_file_is_named_with_the_way_out(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "one.gguf"
    write_gguf(tensors_of(folder), file)
    monkeypatch.setattr(registry_module, "find_spec", lambda name: None)
    with pytest.raises(AcetateError, match="needs the package gguf") as refusal:
        cache(folder, file).registry.entry("layered")
    assert "pip install 'acetate[gguf]'" in refusal.value.hint


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda data: data[:-100], "truncated"),
        (lambda data: data[:60], "truncated or damaged"),
        (lambda data: data.replace(b"time_text_embed.addition_t", b"time_text_embed.additional"), "quantized"),
        (lambda data: b"GGUF\x01" + data[5:], "version 1"),
    ],
)
def test_other_and_damaged_gguf_files_are_refused_by_name(folder: Path, tmp_path: Path, spoil: Any, what: str) -> None:
    file = tmp_path / "one.gguf"
    write_gguf(tensors_of(folder), file)
    file.write_bytes(spoil(file.read_bytes()))
    kind = identify(file)
    assert kind.family is None and what in kind.what and kind.hint


class Watched:
    """The most bytes of weights that these networks have had on the device, looked at as their parts are called."""

    def __init__(self) -> None:
        self.networks: tuple[torch.nn.Module, ...] = ()
        self.most = 0

    def look(self, module: torch.nn.Module, given: Any) -> None:
        if not any(module is part for network in self.networks for part in (network, *network.children())):
            return
        weights = [value for network in self.networks for value in network.parameters() if isinstance(value, OnDevice)]
        self.most = max(self.most, sum(value.numbers.numel() * value.numbers.element_size() for value in weights))


@pytest.fixture
def watched() -> Iterator[Watched]:
    watched = Watched()
    handle = register_module_forward_pre_hook(watched.look)
    yield watched
    handle.remove()


def weights_of(needs: Footprint, plan: MemoryPlan) -> int:
    """What a plan puts on the device of weights alone."""
    return replace(needs, drawing=0, decoding=0, decoding_tiled=0).needed(plan)


@pytest.mark.parametrize("plan", NATIVE_PLANS[1:4], ids=MemoryPlan.describe)
def test_planned_weights_are_those_on_the_device(folder: Path, watched: Watched, plan: MemoryPlan) -> None:
    with pretended_mac():
        store = cache(folder, device="mps")
        needs = store.plan("layered", "split", ("blend",), (SIZE.width, SIZE.height)).needs
        model = store.get("layered", plan)
        watched.networks = model.native.networks
        assert len(split(store, layers=1, guidance=1.0)) == 1
    assert watched.most == weights_of(needs, plan)


def write_hollow(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """A .safetensors file of numbers in bfloat16 that takes no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        size = 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": list(shape), "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        file.truncate(8 + len(text) + end)


def test_the_page_tells_the_plans_and_the_time_of_qwen_image_layered_for_its_published_sizes(
    folder: Path, tmp_path: Path
) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for network in ("text_encoder", "vae", "transformer", "tokenizer", "scheduler"):
        (tmp_path / network).mkdir()
        for file in (folder / network).iterdir():
            if file.suffix != ".safetensors" and ".index." not in file.name:
                (tmp_path / network / file.name).write_bytes(file.read_bytes())
    (tmp_path / "model_index.json").write_bytes((folder / "model_index.json").read_bytes())
    with torch.device("meta"):
        published = QwenImageTransformer2DModel(use_additional_t_cond=True, use_layer3d_rope=True)
    published.save_config(tmp_path / "transformer")
    shapes = {name: tuple(value.shape) for name, value in published.state_dict().items()}
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == pytest.approx(20.43e9, rel=0.001)
    write_hollow(tmp_path / "transformer/diffusion_pytorch_model.safetensors", shapes)
    write_hollow(tmp_path / "text_encoder/model.safetensors", {"text": (8_292_000, 1000)})
    write_hollow(tmp_path / "vae/diffusion_pytorch_model.safetensors", {"vae": (127_000, 1000)})
    entry = ModelRegistry({"layered": ModelSource(tmp_path, QWEN_LAYERED, "")}).entry("layered")
    needs = footprint(entry, entry.recipe("split", ("blend",)), 640, 640, 2)
    steps = 2 * QWEN_LAYERED.steps * operations(entry, Size(640, 640), 8)
    assert (
        f"six layers | {steps / 1e15:.1f} × 10¹⁵ | {in_words(steps / 5e11)}: refused | {in_words(steps / 1e14)} |"
        in page
    )
    rows = []
    for card in (6, 8, 12, 16, 24, 48):
        cells = [f"{card} GB"]
        for nf4 in (False, True):
            plans = plans_for("cuda", 2, native=True, nf4=nf4)
            plan = plans[choose_plan(plans, needs, (card - 1) * GIB)]
            cells.append(f"{plan.describe()} ({needs.needed(plan) / GIB:.1f})")
        rows.append(f"| {' | '.join(cells)} |")
    assert "\n".join(rows) in page, "\n".join(rows)
