"""Promises of compiled UNets: the same layers as PyTorch's, read from a cache that may be damaged, and no trace."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import platformdirs
import pytest
import torch
from acetate.generation import GenerationProgress, JobCancelled
from acetate.models.backbones.stable_diffusion.compiled import unets as compiled_unet
from acetate.models.backbones.stable_diffusion.compiled.network import CompiledNetwork
from acetate.models.backbones.stable_diffusion.compiled.store import CompiledStore
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.memory_plan import MemoryPlan
from acetate.models.model_cache import ModelCache
from acetate.pipelines import GeneratedLayer, run
from acetate_wire.request import Lora

from tests.adapters.tiny_kit import write_lora
from tests.pipelines.conftest import a_request

pytest.importorskip("openvino", reason="the extra `openvino` is not installed")

DrawWith = Callable[..., tuple[GeneratedLayer, ...]]


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CompiledStore:
    """An empty cache folder, compilation turned on, and OpenVINO chosen however fast it is."""
    monkeypatch.setenv(compiled_unet.SWITCH, "on")
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(compiled_unet, "LEAST_GAIN", 0.0)
    monkeypatch.setattr(compiled_unet, "MEASURED_S", 0.0)
    return CompiledStore.default()


@pytest.fixture
def draw(store: ModelCache) -> DrawWith:
    """Draws with the tiny starter, compiled in a process that has just started, or with PyTorch."""

    def draw(mode: str = "text", *, compiled: bool = True, report: Any = lambda _: None, **fields: Any) -> Any:
        models = ModelCache(store.registry, store.device, torch.float32, compiles=compiled)
        models.get("starter", MemoryPlan())
        return run(a_request(mode, {}, model="starter", **fields), {}, models, report)

    return draw


def libraries(layers: tuple[GeneratedLayer, ...]) -> set[str]:
    return {layer.settings.library.split()[0] for layer in layers}


def furthest(layers: tuple[GeneratedLayer, ...], others: tuple[GeneratedLayer, ...]) -> float:
    """The mean difference of two jobs' pixels, in that layer where it is largest.

    The transparent decoder may compute in bfloat16, where a difference of 1e-6 before it moves single pixels.
    """
    return max(float((one.picture - other.picture).abs().mean()) for one, other in zip(layers, others, strict=True))


@pytest.mark.parametrize("mode", ["text", "scene"])
def test_a_compiled_layer_is_pytorchs(mode: str, cache: CompiledStore, draw: DrawWith) -> None:
    layers = draw(mode)
    assert libraries(layers) == {"openvino"}
    plain = draw(mode, compiled=False)
    assert libraries(plain) == {"torch"}
    assert furthest(layers, plain) < 1 / 255
    assert len(list(cache.folder.glob("*.blob"))) == 1


def test_a_damaged_cache_is_written_anew_and_the_choice_stays(
    cache: CompiledStore, draw: DrawWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = draw()
    (blob,) = cache.folder.glob("*.blob")
    choice, whole = cache.choice(blob.stem), blob.read_bytes()
    assert choice.library == "openvino" and choice.torch_ms > 0 < choice.openvino_ms and choice.difference < 1e-3
    blob.write_bytes(whole[: len(whole) // 2])
    assert furthest(draw(), layers) < 1e-4
    assert cache.network(blob.stem) is not None
    assert cache.choice(blob.stem) == choice
    monkeypatch.setattr(CompiledNetwork, "convert", None)
    again = draw()
    assert libraries(again) == {"openvino"} and furthest(again, layers) < 1e-4


def test_a_conversion_that_ends_the_process_is_not_tried_for_ever(
    cache: CompiledStore, draw: DrawWith, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(CompiledNetwork, "convert", crash)
    for _ in range(3):
        with pytest.raises(SystemExit):
            draw()
    assert libraries(draw()) == {"torch"}
    assert not list(cache.folder.glob("*.blob"))


def test_what_a_compiled_unet_cannot_do_is_drawn_by_pytorch_to_the_last_bit(
    cache: CompiledStore, draw: DrawWith, store: ModelCache, tmp_path: Path
) -> None:
    write_lora(tmp_path / "style.safetensors", store.get("starter").sd.unet)
    lora = (Lora(str(tmp_path / "style.safetensors"), 1.0),)
    for mode, fields in (("text", {"loras": lora}), ("scene", {"transparency_weight": 0.5})):
        layers = draw(mode, **fields)
        assert libraries(layers) == {"torch"}
        assert furthest(layers, draw(mode, compiled=False, **fields)) == 0
    assert not list(cache.folder.glob("*.blob"))


def test_a_cancel_after_a_step_leaves_the_unet_as_it_was(cache: CompiledStore, store: ModelCache) -> None:
    models = ModelCache(store.registry, store.device, torch.float32, compiles=True)
    model = models.get("starter", MemoryPlan())
    before = _state(model)

    def report(progress: GenerationProgress) -> None:
        if progress.stage == "drawing":
            assert "forward" in vars(model.sd.unet)
            raise JobCancelled

    with pytest.raises(JobCancelled):
        run(a_request("text", {}, model="starter"), {}, models, report)
    after = _state(model)
    assert "forward" not in vars(model.sd.unet)
    assert before.keys() == after.keys() and all(before[name] is after[name] for name in before)
    models.get("starter", MemoryPlan(tiled=True))
    assert model.compiled is None


def test_unused_networks_are_removed_when_the_folder_is_full(
    cache: CompiledStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acetate.models.backbones.stable_diffusion.compiled.store.MOST_BYTES", 2500)
    for key in ("first", "second", "third"):
        cache.save_network(key, bytes(1000))
    assert cache.network("third") == bytes(1000)
    assert cache.network("second") == bytes(1000) and cache.network("first") is None
    assert cache.folder.stat().st_mode & 0o077 == 0


@pytest.mark.slow
def test_the_shipped_starter_is_compiled_to_the_same_numbers(cache: CompiledStore) -> None:
    model = ModelCache(dtype=torch.float32, device=torch.device("cpu"), compiles=True).get("starter", MemoryPlan())
    assert model.compiled is not None
    network = model.compiled.open(1, None)
    assert network is not None
    for rows, height, width in ((2, 16, 16), (1, 24, 40)):
        noise = torch.Generator().manual_seed(rows)
        sample = torch.randn(rows, 4, height, width, generator=noise)
        embeds, times = torch.randn(rows, 77, 192, generator=noise), torch.full((rows,), 700.0)
        with torch.inference_mode():
            expected = model.sd.unet(sample, times, encoder_hidden_states=embeds, return_dict=False)[0]
        assert float((network(sample, times, embeds) - expected).abs().max()) < 1e-3 * float(expected.abs().max())


def _state(model: DiffusionModel) -> dict[str, Any]:
    unet = model.sd.unet
    return {**dict(unet.named_parameters()), **unet.attn_processors}
