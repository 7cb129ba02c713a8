"""The mode `text`: a prompt becomes transparent layers of exactly the asked size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from acetate.generation import GenerationProgress, JobCancelled
from acetate.models.families import ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import STARTER, ModelRegistry
from acetate.pipelines import GeneratedLayer, run
from acetate_wire.errors import AcetateError
from acetate_wire.request import Control, LayerRequest, PictureSpec, Rect
from acetate_wire.request_codec import decode_request, encode_request

Layers = tuple[GeneratedLayer, ...]


@pytest.fixture(scope="module")
def store(tiny_starter: Path) -> ModelCache:
    catalogue = ModelRegistry({"starter": ModelSource(tiny_starter, STARTER, "Apache-2.0")})
    return ModelCache(catalogue, torch.device("cpu"), torch.float32)


@pytest.fixture
def draw(store: ModelCache) -> Callable[..., Layers]:
    def draw(report: Callable[[GenerationProgress], None] = lambda progress: None, **changes: Any) -> Layers:
        return run(asked(**changes), {}, store, report)

    return draw


def asked(**changes: Any) -> LayerRequest:
    plain = LayerRequest("text", (64, 64), Rect(0, 0, 64, 64), "a red apple", seed=5, steps=2, passes=1)
    return replace(plain, **changes)


def test_a_layer_fills_exactly_its_target(draw: Callable[..., Layers]) -> None:
    (layer,) = draw(canvas=(300, 200), target=Rect(-10, 20, 97, 61))
    assert (layer.x, layer.y) == (-10, 20)
    assert layer.picture.shape == (61, 97, 4)
    assert layer.picture.dtype == torch.uint8


@pytest.mark.parametrize("batch", [1, 2, 8])
def test_the_same_seed_gives_the_same_layer_in_any_company(
    draw: Callable[..., Layers], store: ModelCache, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(store.get("starter"), "batch", batch)
    three = draw(seed=5, count=3)
    assert [layer.settings.seed for layer in three] == [5, 6, 7]
    (alone,) = draw(seed=6)
    assert torch.equal(alone.picture, three[1].picture)
    assert not torch.equal(three[0].picture, three[1].picture)


@pytest.mark.parametrize(("exact", "rows"), [(True, [6, 6]), (False, [2] * 6)])
def test_samples_go_through_the_network_together_only_where_that_changes_no_bit(
    draw: Callable[..., Layers], store: ModelCache, monkeypatch: pytest.MonkeyPatch, exact: bool, rows: list[int]
) -> None:
    model = store.get("starter")
    monkeypatch.setattr(model, "batch", 8)
    monkeypatch.setattr(model, "exact_batches", {})
    seen: list[int] = []

    def watch(network: Any, args: tuple[Any, ...], answer: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        seen.append(len(args[0]))
        # In place of kernels that round alike for every batch, or otherwise for large ones.
        return (args[0] * 0.5 + (0 if exact or len(args[0]) == 2 else 1e-6),)

    handle = model.sd.unet.register_forward_hook(watch)
    try:
        layers = draw(seed=5, count=3)
        assert seen[:2] == [6, 2], "compared with one alone"
        seen.clear()
        again = draw(seed=5, count=3)
    finally:
        handle.remove()
    assert seen == rows, "asked once for a shape"
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(layers, again, strict=True))


@pytest.mark.parametrize("sampler", ["DPM++ 2M SDE Karras", "Euler a"])
def test_fresh_noise_comes_from_the_seed_too(draw: Callable[..., Layers], sampler: str) -> None:
    torch.manual_seed(1)
    first = draw(sampler=sampler, steps=12, count=2)[1]
    torch.manual_seed(2)
    (again,) = draw(sampler=sampler, steps=12, seed=6)
    assert torch.equal(first.picture, again.picture)


def test_a_layers_settings_make_it_again(draw: Callable[..., Layers], store: ModelCache) -> None:
    layer = draw(
        seed=None, negative="a leaf", guidance=2.0, sampler="euler A", count=2, passes=2, target=Rect(3, 4, 80, 50)
    )[1]
    (again,) = run(layer.settings.request(), {}, store, lambda progress: None)
    assert torch.equal(again.picture, layer.picture)
    assert again.settings == layer.settings


@pytest.mark.parametrize(
    "change",
    [{"seed": 6}, {"prompt": "a blue fish"}, {"negative": "a leaf"}, {"guidance": 1.0}, {"steps": 3}, {"passes": 8}],
)
def test_every_setting_counts(draw: Callable[..., Layers], change: dict[str, Any]) -> None:
    assert not torch.equal(draw(**change)[0].picture, draw()[0].picture)


@pytest.mark.parametrize(
    ("reply", "dtype"),
    [("rgba8", torch.uint8), ("bgra16", torch.uint16), ("rgbaf16", torch.float16), ("rgbaf32", torch.float32)],
)
def test_pixels_come_in_the_asked_number_format(draw: Callable[..., Layers], reply: str, dtype: torch.dtype) -> None:
    assert draw(reply_format=reply)[0].picture.dtype == dtype


def test_progress_counts_every_layers_steps_up_to_the_end(draw: Callable[..., Layers]) -> None:
    heard: list[GenerationProgress] = []
    draw(heard.append, count=2, steps=3)
    a_layer = ["drawing", "drawing", "drawing", "finishing"]
    assert [progress.stage for progress in heard] == ["loading", *a_layer, *a_layer]
    assert [progress.step for progress in heard[1:]] == [1, 2, 3, 3, 4, 5, 6, 6]
    assert {progress.steps for progress in heard[1:]} == {6}


def test_previews_have_the_targets_proportions(draw: Callable[..., Layers]) -> None:
    heard: list[GenerationProgress] = []
    draw(heard.append, preview=True, target=Rect(0, 0, 1000, 500), canvas=(1000, 500), steps=4)
    previews = [progress.preview for progress in heard if progress.preview is not None]
    assert previews
    assert all(preview.shape == (128, 256, 4) and preview.dtype == np.uint8 for preview in previews)


def test_nobody_pays_for_previews_that_were_not_asked_for(draw: Callable[..., Layers]) -> None:
    heard: list[GenerationProgress] = []
    draw(heard.append, preview=False)
    assert all(progress.preview is None for progress in heard)


def test_cancel_takes_effect_within_one_step(draw: Callable[..., Layers]) -> None:
    heard: list[GenerationProgress] = []

    def report(progress: GenerationProgress) -> None:
        heard.append(progress)
        if progress.step == 2:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        draw(report, steps=50)
    assert heard[-1].step == 2


PICTURE = PictureSpec(0, 8, 8)


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"prompt": " "}, "bad_request", "prompt"),
        ({"prompt": "zebra " * 2000}, "bad_request", "prompt"),
        ({"negative": "zebra " * 2000}, "bad_request", "negative"),
        ({"steps": 0}, "bad_request", "steps"),
        ({"guidance": float("nan")}, "bad_request", "guidance"),
        ({"passes": 3}, "bad_request", "passes"),
        ({"seed": -1}, "bad_request", "seed"),
        ({"sampler": "Newton"}, "bad_request", "sampler"),
        ({"target": [0, 0, 0, 64]}, "bad_request", "target"),
        ({"target": [0, 0, 20000, 64]}, "too_large", "target"),
        ({"count": 11}, "too_large", "count"),
        ({"model": "sd99"}, "unknown_model", "model"),
        ({"mode": "scene"}, "mode_unsupported", "mode"),
        ({"inputs": {"layer": PICTURE}}, "mode_unsupported", "inputs.layer"),
        ({"controls": (Control("depth", PICTURE),)}, "bad_request", "controls[0].picture"),
        ({"mode": "refine", "inputs": {"layer": PICTURE}}, "bad_request", "inputs.layer"),
        ({"layer_prompts": {"background": "hills"}}, "mode_unsupported", "layer_prompts"),
        ({"strength": 0.5}, "mode_unsupported", "strength"),
        ({"transparency_weight": 0.5}, "mode_unsupported", "transparency_weight"),
        ({"stop_at": 0.5}, "mode_unsupported", "stop_at"),
        ({"reply_format": "gray8"}, "bad_request", "reply_format"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_loaded(
    tiny_starter: Path, change: dict[str, Any], code: str, field: str
) -> None:
    registry = ModelRegistry({"starter": ModelSource(tiny_starter, STARTER, "Apache-2.0")})
    store = ModelCache(registry, torch.device("cpu"), torch.float32)
    with pytest.raises(AcetateError) as refusal:
        request = decode_request({**encode_request(asked()), **change}) if "target" in change else asked(**change)
        run(request, {}, store, lambda progress: None)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert "\n" not in str(refusal.value)
    assert refusal.value.hint
    assert store.loaded == ()
