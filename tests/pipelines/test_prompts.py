"""What the UNet reads of a prompt, and what a prompt decides besides."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models.embeddings import read_embedding
from acetate.models.model_cache import ModelCache
from acetate.models.prompt_encoding import encode_prompts
from acetate.models.registry import ModelRegistry, ModelSource
from acetate.pipelines import resolve_request, run
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Lora, Rect
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.adapters.tiny_kit import write_lora
from tests.models.test_prompts import write_embedding
from tests.pipelines.conftest import FAMILIES, Draw, Spy, a_request


@pytest.fixture
def extras(models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder with the layer files, a LoRA for the starter and an embedding for SDXL."""
    (tmp_path / "layers").symlink_to(models_folder / "layers")
    write_lora(tmp_path / "lora/ink.safetensors", UNet2DConditionModel.from_pretrained(models_folder / "starter/unet"))
    write_embedding(tmp_path / "embedding", "soft", ["clip_l", "clip_g"])
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    return tmp_path


def contexts(draw: Draw, store: ModelCache, model: str, **fields: Any) -> Tensor:
    """The embeds that the first step's UNet reads."""
    with Spy(store.get(model).sd.unet) as spy:
        draw("text", model=model, steps=1, **fields)
    return spy.contexts[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_unet_reads_long_and_weighted_prompts(draw: Draw, store: ModelCache, family: str) -> None:
    prompt = "a (red:1.4) apple, " + "two cherries " * 6
    read = contexts(draw, store, family, prompt=prompt, negative="a [cat]", guidance=4.0)
    with torch.inference_mode():
        wanted = encode_prompts(store.get(family).sd.text, ["a [cat]", prompt]).prompt_embeds
    assert read.shape == wanted.shape and wanted.shape[1] == 2 * 24
    assert torch.allclose(read, wanted, atol=1e-6)


def test_a_model_that_learned_short_captions_says_that_a_prompt_is_long(draw: Draw) -> None:
    def warned(prompt: str, model: str) -> list[str]:
        return [warning.code for warning in draw("text", model=model, steps=1, prompt=prompt)[0].warnings]

    assert warned("a cat, " * 12, "starter").count("long_prompt") == 1
    assert "long_prompt" not in warned("a (cat:1.2)", "starter") + warned("a cat, " * 12, "sd15")


def test_weights_change_the_layer_and_equal_ones_do_not(draw: Draw) -> None:
    plain, weighted, same = (
        draw("text", prompt=prompt)[0].picture for prompt in ("a red apple", "a (red:1.5) apple", "a (red:1.0) apple")
    )
    assert not torch.equal(plain, weighted) and torch.equal(plain, same)


@pytest.fixture
def forcing(models_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelCache]:
    """SDXL as published: its `model_index.json` says that an empty prompt is zeros."""
    folder = tmp_path / "sdxl"
    folder.mkdir()
    for each in (models_folder / "sdxl").iterdir():
        (folder / each.name).symlink_to(each)
    index = json.loads((folder / "model_index.json").read_text(encoding="utf-8"))
    (folder / "model_index.json").unlink()
    (folder / "model_index.json").write_text(json.dumps({**index, "force_zeros_for_empty_prompt": True}))
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(models_folder))
    sources = {"sdxl": ModelSource(folder, FAMILIES["sdxl"], "Apache-2.0")}
    yield ModelCache(ModelRegistry(sources), torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(("negative", "zero"), [("", True), (" ", True), ("a fish", False)])
def test_an_empty_negative_of_sdxl_is_zeros(forcing: ModelCache, negative: str, zero: bool) -> None:
    unet = forcing.get("sdxl").sd.unet
    pooled = []
    hook = unet.register_forward_pre_hook(
        lambda module, inputs, options: pooled.append(options["added_cond_kwargs"]["text_embeds"]), with_kwargs=True
    )
    request = a_request("text", {}, model="sdxl", steps=1, guidance=3.0, negative=negative)
    with Spy(unet) as spy:
        run(request, {}, forcing, lambda progress: None)
    hook.remove()
    (without, prompted), (without_pooled, prompted_pooled) = spy.contexts[0], pooled[0]
    assert bool((without == 0).all()) is zero and bool((without_pooled == 0).all()) is zero
    assert bool((prompted != 0).any()) and bool((prompted_pooled != 0).any())


def test_an_empty_negative_is_encoded_where_the_model_says_nothing(draw: Draw, store: ModelCache) -> None:
    read = contexts(draw, store, "sdxl", guidance=3.0)
    assert torch.equal(read[0], store.get("sdxl").sd.text.encode([""]).prompt_embeds[0])


def test_a_lora_in_the_prompt_works_as_one_that_is_asked_for(draw: Draw, extras: Path) -> None:
    prompt = "a red apple <lora:ink:0.7>"
    (named,) = draw("text", prompt=prompt)
    (asked,) = draw("text", prompt="a red apple ", loras=(Lora("ink", 0.7),))
    (plain,) = draw("text", prompt="a red apple ")
    assert torch.equal(named.picture, asked.picture) and not torch.equal(named.picture, plain.picture)
    assert named.name == "a red apple"
    assert named.settings.prompt == prompt and named.settings.loras == (), "the prompt says it"
    assert torch.equal(draw("text", **_again(named.settings.request()))[0].picture, named.picture)


def _again(request: LayerRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ("prompt", "loras", "steps", "sampler", "guidance", "seed")}


def test_a_lora_that_fits_in_part_says_how_much_of_it_does_not(draw: Draw, extras: Path) -> None:
    (warning,) = draw("text", steps=1, prompt="a cat <lora:ink:1>")[0].warnings
    assert warning.message == "1 of 18 modules of the LoRA ink belong to another model", "of a deeper text encoder"
    fits = {name: each for name, each in load_file(extras / "lora/ink.safetensors").items() if "layers.1." not in name}
    save_file(fits, extras / "lora/whole.safetensors")
    assert draw("text", steps=1, prompt="a cat <lora:whole:1>")[0].warnings == ()


def test_an_unknown_lora_in_the_prompt_is_refused_with_what_is_there(store: ModelCache, extras: Path) -> None:
    with pytest.raises(AcetateError, match="'inc', which is not here") as refusal:
        resolve_request(a_request("text", {}, prompt="a cat <lora:inc:1>"), store.registry)
    assert (refusal.value.code, refusal.value.field) == ("bad_request", "prompt")
    assert refusal.value.hint == "there are ink"
    with pytest.raises(AcetateError, match="is not here"):
        resolve_request(a_request("text", {}, prompt=f"<lora:{extras / 'lora/ink.safetensors'}:1> a"), store.registry)


def test_an_embedding_reaches_the_unet_and_one_that_does_not_fit_is_refused(
    draw: Draw, store: ModelCache, extras: Path
) -> None:
    read = contexts(draw, store, "sdxl", negative="soft", guidance=3.0)
    vectors = {"soft": read_embedding(extras / "embedding/soft.safetensors")}
    with torch.inference_mode():
        wanted = encode_prompts(store.get("sdxl").sd.text, ["soft"], embeddings=vectors).prompt_embeds[0]
    assert torch.allclose(read[0], wanted, atol=1e-6)
    with pytest.raises(AcetateError, match="embedding soft has vectors of 16 and 16 numbers") as refusal:
        resolve_request(a_request("text", {}, model="sd15", negative="soft"), store.registry)
    assert refusal.value.field == "negative"


def test_clip_skip_reaches_the_unet_and_the_settings(draw: Draw, store: ModelCache) -> None:
    read = contexts(draw, store, "sd15", clip_skip=2, guidance=1.0)
    with torch.inference_mode():
        wanted = encode_prompts(store.get("sd15").sd.text, ["a red apple"], clip_skip=2).prompt_embeds
    assert torch.allclose(read, wanted, atol=1e-6)
    (layer,) = draw("text", model="sd15", clip_skip=2, steps=1)
    assert layer.settings.request().clip_skip == 2


@pytest.mark.parametrize("role", ["foreground", "background", "blend"])
def test_a_frames_own_prompt_stands_before_the_common_one(draw: Draw, store: ModelCache, role: str) -> None:
    """As the published implementation for Forge joins them."""
    with Spy(store.get("sd15").sd.unet) as spy:
        draw("scene", model="sd15", steps=1, guidance=1.0, layer_prompts={role: "a cat"})
    frame = ("foreground", "background", "blend").index(role)
    texts = ["a cat, a red apple" if number == frame else "a red apple" for number in range(3)]
    with torch.inference_mode():
        wanted = encode_prompts(store.get("sd15").sd.text, texts).prompt_embeds
    assert torch.allclose(spy.contexts[0], wanted, atol=1e-6)


def test_a_layer_of_sdxl_that_is_drawn_alone_has_its_own_prompt_alone(draw: Draw, store: ModelCache) -> None:
    model = store.get("sdxl")
    with Spy(model.sd.unet) as spy:
        draw("scene", model="sdxl", steps=1, guidance=1.0, layer_prompts={"foreground": "a cat"})
    with torch.inference_mode():
        wanted = encode_prompts(model.sd.text, ["a cat", "a red apple"]).prompt_embeds
    assert torch.allclose(spy.contexts[0][0], wanted[0], atol=1e-6)
    assert torch.allclose(spy.contexts[1][0], wanted[1], atol=1e-6)


PRESETS = {
    "sdxl_lightning_4step_lora": (4, "Euler", 1.0),
    "sdxl_lightning_8step_lora": (8, "Euler", 1.0),
    "Hyper-SDXL-8steps-lora": (8, "DDIM", 1.0),
    "Hyper-SD15-12steps-CFG-lora": (12, "DDIM", 5.0),
    "sd_xl_turbo_lora_v1": (4, "Euler a", 1.0),
    "dmd2_sdxl_4step_lora_fp16": (4, "LCM", 1.0),
    "lcm-lora-sdv1-5": (4, "LCM", 1.0),
    "TCD-SDXL-LoRA": (4, "TCD", 1.0),
    "lightning_and_thunder": (25, "DPM++ 2M SDE Karras", 7.0),
    "turbocharger": (25, "DPM++ 2M SDE Karras", 7.0),
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_distilled_lora_is_drawn_with_as_its_authors_do(store: ModelCache, extras: Path, name: str) -> None:
    (extras / f"lora/{name}.safetensors").write_bytes((extras / "lora/ink.safetensors").read_bytes())
    asked = LayerRequest("text", (64, 64), Rect(0, 0, 64, 64), "a red apple", "sdxl")
    by_tag = replace(asked, prompt=f"a red apple <lora:{name}:1>")
    for request in (replace(asked, loras=(Lora("ink"), Lora(name))), by_tag):
        resolved = resolve_request(request, store.registry)
        assert (resolved.steps, resolved.sampler, resolved.guidance) == PRESETS[name]
    chosen = resolve_request(replace(by_tag, steps=9, guidance=2.0, sampler="UniPC"), store.registry)
    assert (chosen.steps, chosen.sampler, chosen.guidance) == (9, "UniPC", 2.0)
    off = resolve_request(replace(asked, loras=(Lora(name, 0.0),)), store.registry)
    assert off.steps == 25


def test_a_distilled_checkpoint_is_known_by_its_name(store: ModelCache) -> None:
    sources = {"sd_xl_turbo_1.0_fp16": store.registry.sources["sdxl"]}
    request = LayerRequest("text", (64, 64), Rect(0, 0, 64, 64), "a red apple", "sd_xl_turbo_1.0_fp16")
    resolved = resolve_request(request, ModelRegistry(sources))
    assert (resolved.steps, resolved.sampler, resolved.guidance) == (4, "Euler a", 1.0)
