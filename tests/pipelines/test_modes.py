"""What every mode promises, whatever the model: exact sizes, exact pixels where nothing may change, the same again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from acetate.generation import GenerationProgress, JobCancelled
from acetate.image.sizes import Learned
from acetate.models.model_cache import ModelCache
from acetate.pipelines import resolve_request, run
from acetate.pipelines.inpaint import feather, mask_from_rgba
from acetate_wire.errors import AcetateError
from acetate_wire.request import PictureSpec, Rect
from torch import Tensor

from tests.pipelines.conftest import Draw, Spy, a_picture, a_request

Pictures = dict[str, Tensor]
MODES: dict[str, tuple[str, ...]] = {
    "text": (),
    "refine": ("layer",),
    "inpaint": ("layer", "mask"),
    "scene": (),
    "background": ("foreground",),
    "foreground": ("background",),
    "extract": ("blend", "background"),
}
FAMILIES = ("starter", "sd15", "sdxl")
EVERY = [(mode, family) for mode in MODES for family in FAMILIES if (mode, family) != ("extract", "sd15")]


def pictures_for(mode: str, width: int = 64, height: int = 64) -> Pictures:
    made = {role: a_picture(number, width, height) for number, role in enumerate(MODES[mode])}
    if "mask" in made:
        made["mask"] = a_mask(width, height)
    return made


def a_mask(width: int, height: int) -> Tensor:
    """White in the middle, black around it, a grey edge above."""
    mask = torch.zeros(4, height, width)
    mask[3] = 1
    mask[:3, height // 4 : -height // 4, width // 4 : -width // 4] = 1
    mask[:3, height // 4] = 0.5 * (mask[:3, height // 4] > 0)
    return mask


def state_of(store: ModelCache, family: str) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in store.get(family).sd.unet.state_dict().items()}


@pytest.mark.parametrize(("mode", "family"), EVERY)
def test_a_mode_makes_its_layers_and_leaves_the_unet_as_it_was(
    draw: Draw, store: ModelCache, mode: str, family: str
) -> None:
    before = state_of(store, family)
    processors = dict(store.get(family).sd.unet.attn_processors)
    layers = draw(mode, model=family, reply_format="rgba8", **pictures_for(mode))
    assert all(layer.picture.shape == (64, 64, 4) and layer.picture.dtype == torch.uint8 for layer in layers)
    after = store.get(family).sd.unet.state_dict()
    assert list(before) == list(after) and all(torch.equal(value, after[name]) for name, value in before.items())
    assert all(store.get(family).sd.unet.attn_processors[name] is value for name, value in processors.items())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("width", "height"), [(64, 64), (91, 117), (400, 64), (65, 700)])
def test_every_target_comes_back_in_its_exact_size(draw: Draw, mode: str, width: int, height: int) -> None:
    for layer in draw(mode, size=(width, height), **pictures_for(mode, width, height)):
        assert layer.picture.shape == (height, width, 4)
        assert bool(layer.picture.isfinite().all())
        if layer.role in ("background", "blend"):
            assert bool((layer.picture[..., 3] == 1).all())


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mode", ["refine", "inpaint"])
@pytest.mark.parametrize("format", ["rgba8", "rgba16", "rgbaf16", "rgbaf32"])
def test_at_strength_0_the_whole_layer_comes_back_bit_for_bit(draw: Draw, mode: str, family: str, format: str) -> None:
    pictures = pictures_for(mode, 90, 70)
    (layer,) = draw(mode, model=family, strength=0.0, reply_format=format, **pictures)
    wanted = pictures["layer"].permute(1, 2, 0)
    full = {"rgba8": 255, "rgba16": 65535}.get(format)
    expected = wanted.to(layer.picture.dtype) if full is None else (wanted * full).round().to(layer.picture.dtype)
    assert torch.equal(layer.picture, expected)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("detail", [0.0, 0.5])
def test_outside_the_mask_the_layer_comes_back_bit_for_bit(draw: Draw, family: str, detail: float) -> None:
    pictures = pictures_for("inpaint", 150, 90)
    (layer,) = draw("inpaint", model=family, detail=detail, **pictures)
    old = pictures["layer"].permute(1, 2, 0)
    outside = mask_from_rgba(pictures["mask"]) == 0
    assert torch.equal(layer.picture[outside], old[outside])
    changed = (layer.picture != old).any(dim=-1)
    assert float(changed[~outside].float().mean()) > 0.95
    assert bool((layer.picture[..., 3] != old[..., 3])[~outside].any())


def test_the_seam_lies_inside_the_mask_and_rises_to_all_of_it() -> None:
    mask = mask_from_rgba(a_mask(200, 160))
    share = mask * feather(mask, Learned(64))
    assert bool((share[mask == 0] == 0).all())
    assert float(share.max()) == 1
    row = share[80]
    edge = int((row > 0).nonzero()[0])
    assert 0 < float(row[edge]) < 0.5
    assert bool((row[edge:100].diff() >= -1e-6).all())


def test_a_narrow_mask_is_drawn_too() -> None:
    mask = torch.zeros(64, 64)
    mask[30:32] = 1
    assert float((mask * feather(mask, Learned(64))).max()) == 1


def test_a_black_mask_is_refused_in_words(draw: Draw) -> None:
    black = torch.zeros(4, 64, 64)
    black[3] = 1
    with pytest.raises(AcetateError, match="black everywhere") as refusal:
        draw("inpaint", layer=a_picture(), mask=black)
    assert refusal.value.field == "inputs.mask"


@pytest.mark.parametrize("mode", [mode for mode in MODES if mode != "text"])
def test_a_seed_gives_the_same_layers_in_any_company(draw: Draw, mode: str) -> None:
    pictures = pictures_for(mode)
    two = draw(mode, count=2, sampler="Euler a", **pictures)
    alone = draw(mode, seed=6, sampler="Euler a", **pictures)
    assert [layer.settings.seed for layer in two] == [5] * len(alone) + [6] * len(alone)
    for once, again in zip(two[len(alone) :], alone, strict=True):
        assert once.role == again.role
        assert torch.equal(once.picture, again.picture)
    assert not torch.equal(two[0].picture, two[len(alone)].picture)


@pytest.mark.parametrize("mode", MODES)
def test_settings_and_the_same_pictures_make_every_layer_again(draw: Draw, store: ModelCache, mode: str) -> None:
    pictures = pictures_for(mode, 70, 90)
    headers = {role: PictureSpec(frame, 70, 90) for frame, role in enumerate(pictures)}
    own = {"layer_prompts": {"background": "a leaf"}} if mode == "scene" else {}
    strength = {"strength": 0.6} if mode in ("refine", "inpaint") else {}
    for layer in draw(mode, size=(70, 90), guidance=2.0, reply_format="rgba8", **own, **strength, **pictures):
        request = layer.settings.request(headers)
        (again,) = run(request, pictures, store, lambda progress: None)
        assert torch.equal(again.picture, layer.picture)
        assert again.settings == layer.settings
        assert set(layer.settings.inputs) == set(pictures)


def test_only_the_layers_that_were_asked_for_come_back(draw: Draw) -> None:
    assert [layer.role for layer in draw("scene")] == ["background", "foreground", "blend"]
    assert [layer.role for layer in draw("scene", returns=("blend",))] == ["blend"]
    assert [layer.role for layer in draw("background", foreground=a_picture())] == ["background"]
    asked = draw("background", foreground=a_picture(), returns=("background", "blend"))
    assert [layer.role for layer in asked] == ["background", "blend"]


def test_layers_are_named_after_what_they_show(draw: Draw) -> None:
    named = {layer.role: layer.name for layer in draw("scene", layer_prompts={"foreground": "a cat"})}
    assert named == {"background": "background", "foreground": "a cat", "blend": "blend"}
    assert draw("foreground", background=a_picture())[0].name == "a red apple"
    assert draw("refine", layer=a_picture(), prompt="")[0].name == "layer"


@pytest.mark.parametrize(
    "change", [{"transparency_weight": 0.5}, {"stop_at": 0.4}, {"layer_prompts": {"blend": "a cat"}}]
)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_setting_of_a_scene_counts(draw: Draw, family: str, change: dict[str, Any]) -> None:
    plain = draw("scene", model=family)
    changed = draw("scene", model=family, **change)
    assert any(not torch.equal(a.picture, b.picture) for a, b in zip(plain, changed, strict=True))


def test_progress_counts_all_parts_and_rounds_up_to_the_end(draw: Draw) -> None:
    heard: list[GenerationProgress] = []
    draw("scene", heard.append, model="sdxl", size=(150, 150), detail=0.5, steps=4)
    steps = [progress.step for progress in heard if progress.stage == "drawing"]
    assert steps == sorted(steps)
    assert steps[-1] == heard[-1].steps == heard[-1].step
    assert len(set(steps)) == len(steps)


def test_a_preview_of_a_scene_shows_its_blend(draw: Draw) -> None:
    heard: list[GenerationProgress] = []
    draw("scene", heard.append, preview=True, size=(100, 100))
    preview = next(progress.preview for progress in heard if progress.preview is not None)
    assert preview.shape == (100, 100, 4)
    assert bool((preview[..., 3] == 255).all())


@pytest.mark.parametrize("family", FAMILIES)
def test_cancel_ends_a_mode_within_a_step_and_leaves_the_unet_as_it_was(
    draw: Draw, store: ModelCache, family: str
) -> None:
    before = state_of(store, family)
    heard: list[GenerationProgress] = []

    def report(progress: GenerationProgress) -> None:
        heard.append(progress)
        if progress.step == 2:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        draw("scene", report, model=family, steps=50, stop_at=0.02)
    assert heard[-1].step == 2
    after = store.get(family).sd.unet.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_a_target_over_the_models_size_gets_detail_in_tiles(draw: Draw, store: ModelCache) -> None:
    size = (300, 290)
    plain = draw("scene", size=size)
    with Spy(store.get("starter").sd.unet) as spy:
        detailed = draw("scene", size=size, detail=0.6)
    native, tiled = spy.samples[:3], spy.samples[3:]
    assert {tuple(sample.shape[2:]) for sample in native} == {(8, 8)}
    # Two of three steps, over 320 x 320 pixels in 128-pixel tiles.
    assert len(tiled) == 2 * 16
    assert {tuple(sample.shape[2:]) for sample in tiled} == {(16, 16)}
    for before, after in zip(plain, detailed, strict=True):
        assert after.picture.shape == before.picture.shape == (290, 300, 4)
        assert after.role == "foreground" or bool((after.picture[..., 3] == 1).all())
        assert not torch.equal(before.picture, after.picture)


def test_the_tiles_of_a_step_go_through_the_network_together(
    draw: Draw, store: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, given = store.get("starter"), a_picture(1, 200, 140)
    (alone,) = draw("background", foreground=given, detail=0.6, reply_format="rgbaf32")
    monkeypatch.setattr(model, "batch", 4)
    with Spy(model.sd.unet) as spy:
        (together,) = draw("background", foreground=given, detail=0.6, reply_format="rgbaf32")
    tiled = [len(sample) for sample in spy.samples[3:]]
    # Two steps over six tiles, each with its own part of the given picture.
    assert tiled[0] == 2 * tiled[1] and tiled == tiled[:2] * 2
    assert torch.allclose(alone.picture, together.picture, atol=1e-3)


def test_a_target_of_the_models_size_needs_no_detail(draw: Draw) -> None:
    (plain,), (detailed,) = draw("text"), draw("text", detail=0.6)
    assert torch.equal(plain.picture, detailed.picture)


@pytest.mark.parametrize("family", FAMILIES)
def test_given_layers_are_cut_to_the_tiles(draw: Draw, store: ModelCache, family: str) -> None:
    (layer,) = draw("background", model=family, foreground=a_picture(1, 200, 140), detail=0.5)
    assert layer.picture.shape == (140, 200, 4)
    other = draw("background", model=family, foreground=a_picture(2, 200, 140), detail=0.5)[0]
    assert not torch.equal(layer.picture, other.picture)


WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a picture that the mode does not take": (
        {"mode": "scene", "inputs": {"blend": 64}},
        "mode_unsupported",
        "inputs.blend",
    ),
    "a picture of another size": ({"mode": "refine", "inputs": {"layer": 65}}, "bad_request", "inputs.layer"),
    "a strength where nothing starts": ({"mode": "scene", "strength": 0.5}, "mode_unsupported", "strength"),
    "a prompt for a layer that is given": (
        {"mode": "background", "inputs": {"foreground": 64}, "layer_prompts": {"foreground": "a cat"}},
        "mode_unsupported",
        "layer_prompts",
    ),
    "a layer's prompt with a LoRA that is not there": (
        {"mode": "scene", "layer_prompts": {"blend": "a zebra <lora:stripes:1>"}},
        "bad_request",
        "layer_prompts.blend",
    ),
    "no prompt at all": ({"mode": "scene", "prompt": ""}, "bad_request", "prompt"),
    "a LoRA in the negative prompt": ({"negative": "<lora:ink:1>"}, "bad_request", "negative"),
    "an embedding that is not there": ({"negative": "embedding:easy"}, "bad_request", "negative"),
    "words that change between steps": ({"prompt": "a [cat:dog:0.5]"}, "bad_request", "prompt"),
    "a layer that the text encoder does not have": ({"clip_skip": 7}, "bad_request", "clip_skip"),
    "a mode without its weights": (
        {"mode": "extract", "model": "sd15", "inputs": {"blend": 64, "background": 64}},
        "mode_unsupported",
        "mode",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_mode_cannot_do_is_refused_with_the_way_out(store: ModelCache, case: str) -> None:
    changes, code, field = WRONG[case]
    sides = changes.get("inputs", {})
    inputs = {role: PictureSpec(frame, side, side) for frame, (role, side) in enumerate(sides.items())}
    with pytest.raises(AcetateError) as refusal:
        request = replace(a_request("text", {}), **{**changes, "inputs": inputs}, target=Rect(0, 0, 64, 64))
        resolve_request(request, store.registry)
    assert (refusal.value.code, refusal.value.field) == (code, field)
    assert refusal.value.hint and "\n" not in str(refusal.value)


def test_layers_with_prompts_of_their_own_need_no_common_one(store: ModelCache) -> None:
    own = {"foreground": "a cat", "background": "a leaf", "blend": "a cat on a leaf"}
    resolve_request(replace(a_request("scene", {}), prompt="", layer_prompts=own), store.registry)
