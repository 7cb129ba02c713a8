"""FLUX.2 klein with alpha, a tiny untrained one: our own loop against diffusers, its LoRA, and the mode `extract`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.adapters.native_lora import apply_native_loras
from acetate.image.sizes import Size
from acetate.models.backbones.file_kind import identify
from acetate.models.backbones.klein.network import Klein
from acetate.models.backbones.stable_diffusion.samplers import get_sampler
from acetate.models.families import KLEIN, ModelSource
from acetate.models.hub_download import download_spec
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate.pipelines.native import NativeBatch, denoise_native
from acetate.pipelines.sampling import SamplingParams
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, PictureSpec, Rect
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor

from tests.models.tiny_native import write_klein

SIZE = Size(96, 64)
TARGETS = ("transformer_blocks.0.attn.to_q", "single_transformer_blocks.0.attn.to_out")
"""A layer of each kind of block."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("klein")
    write_klein(folder)
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[ModelCache]:
    model = cache(folder, {}).get("klein")
    weights = {}
    chance = torch.Generator().manual_seed(5)
    for name in TARGETS:
        layer: Any = model.backbone.denoiser.get_submodule(name)
        weights[f"diffusion_model.{name}.lora_A.weight"] = torch.randn(2, layer.in_features, generator=chance)
        weights[f"diffusion_model.{name}.lora_B.weight"] = torch.randn(layer.out_features, 2, generator=chance)
    save_file(weights, folder / "extract_4b.safetensors")
    yield cache(folder, {"extract_4b": folder / "extract_4b.safetensors"})


def cache(folder: Path, files: dict[str, Path]) -> ModelCache:
    source = ModelSource(folder, KLEIN, KLEIN.licence, files=files)
    return ModelCache(ModelRegistry({"klein": source}), torch.device("cpu"), torch.float32)


@pytest.fixture
def backbone(store: ModelCache) -> Klein:
    found = store.get("klein").backbone
    assert isinstance(found, Klein)
    return found


def picture(seed: int, lowest: int = 1) -> Tensor:
    chance = torch.Generator().manual_seed(seed)
    return torch.randint(lowest, 256, (4, SIZE.height, SIZE.width), generator=chance, dtype=torch.uint8)


def extract(store: ModelCache, **fields: Any) -> tuple[Any, ...]:
    request = LayerRequest(
        mode="extract",
        model="klein",
        canvas=(SIZE.width, SIZE.height),
        target=Rect(0, 0, SIZE.width, SIZE.height),
        inputs={
            role: PictureSpec(frame, SIZE.width, SIZE.height) for frame, role in enumerate(("blend", "background"))
        },
        **{"prompt": "", "steps": 1, "seed": 7, **fields},
    )
    return run(request, {"blend": picture(1) / 255, "background": picture(2) / 255}, store, lambda progress: None)


@pytest.mark.parametrize("references", [0, 1, 2])
def test_our_loop_gives_the_picture_of_diffusers(store: ModelCache, backbone: Klein, references: int) -> None:
    given = [picture(seed) for seed in range(references)]
    pipeline = backbone._pipeline
    pipeline.image_processor.register_to_config(do_convert_rgb=False)
    wanted = pipeline(
        [Image.fromarray(each.permute(1, 2, 0).numpy(), "RGBA") for each in given] or None,
        prompt="Foreground",
        height=SIZE.height,
        width=SIZE.width,
        num_inference_steps=3,
        guidance_scale=4.0,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images
    embeds = [backbone.encode_text([text]) for text in ("Foreground", "")]
    batch = NativeBatch(1, SIZE, embeds, [backbone.encode(each[None] / 255) for each in given])
    params = SamplingParams(get_sampler("Euler"), 3, 4.0)
    noise = torch.Generator().manual_seed(7)
    latent = denoise_native(store.get("klein"), batch, params, noise, lambda share, preview: None)
    found = backbone.decode(latent)
    assert found.shape == (1, 4, SIZE.height, SIZE.width)
    assert float(wanted.std()) > 0.05
    assert float((found - wanted).abs().max()) < 1e-5


def test_a_reference_keeps_its_alpha_and_loses_the_colours_under_none(backbone: Klein) -> None:
    given = picture(1) / 255
    clear, other = given.clone(), given.clone()
    clear[3, :, :48] = 0
    other[3, :, :48] = 0
    other[:3, :, :48] = 0.75
    assert not torch.equal(backbone.encode(given[None]), backbone.encode(clear[None]))
    assert torch.equal(backbone.encode(clear[None]), backbone.encode(other[None]))


def test_a_foreground_is_extracted_from_blend_and_background(store: ModelCache) -> None:
    [first], [second] = extract(store), extract(store, seed=8)
    assert first.role == "foreground" and first.picture.shape == (SIZE.height, SIZE.width, 4)
    assert not torch.equal(first.picture, second.picture)
    both = extract(store, count=2)
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(both, (first, second), strict=True))


def test_the_lora_changes_the_picture_and_leaves_the_transformer_as_it_was(
    store: ModelCache, backbone: Klein, folder: Path
) -> None:
    model = store.get("klein")
    before = {name: value.clone() for name, value in backbone.transformer.state_dict().items()}
    modules = set(dict(backbone.transformer.named_modules()))
    batch = NativeBatch(1, SIZE, [backbone.encode_text(["a cat"])], [])

    def drawn() -> Tensor:
        params = SamplingParams(get_sampler("Euler"), 1, 1.0)
        return denoise_native(model, batch, params, torch.Generator().manual_seed(1), lambda share, preview: None)

    plain = drawn()
    file = folder / "extract_4b.safetensors"
    with apply_native_loras(model, [(file, 1.0)]):
        changed = drawn()
    assert float((changed - plain).abs().max()) > 1e-3
    with apply_native_loras(model, [(file, 0.75), (file, 0.25)]):
        assert torch.allclose(drawn(), changed, atol=1e-4)
    with apply_native_loras(model, [(file, 0.0)]):
        assert torch.allclose(drawn(), plain, atol=1e-4)
    after = backbone.transformer.state_dict()
    assert list(before) == list(after) and all(torch.equal(value, after[name]) for name, value in before.items())
    assert set(dict(backbone.transformer.named_modules())) == modules
    assert torch.equal(drawn(), plain)


def test_a_layer_file_of_another_model_is_refused(store: ModelCache, tmp_path: Path) -> None:
    save_file({"diffusion_model.up.lora_A.weight": torch.zeros(2, 2)}, tmp_path / "other.safetensors")
    with (
        pytest.raises(AcetateError, match=r"other\.safetensors cannot be used with klein"),
        apply_native_loras(store.get("klein"), [(tmp_path / "other.safetensors", 1.0)]),
    ):
        raise AssertionError("it was attached")


def test_without_its_layer_file_or_alpha_the_mode_is_not_offered(store: ModelCache, folder: Path) -> None:
    assert identify(folder).family is KLEIN
    assert store.registry.entry("klein").modes == ("extract",)
    assert cache(folder, {}).registry.entry("klein").modes == ()


def test_pull_fetches_the_base_and_what_gives_alpha() -> None:
    base, layers = download_spec("klein")
    assert base.repository == "black-forest-labs/FLUX.2-klein-base-4B"
    assert layers.repository == "trmz/flux2-klein-alpha"
    there = ["loras/extract_4b.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"]
    assert sorted(layers.choose([*there, "loras/extract_9b.safetensors", "README.md"])) == there
    assert download_spec("klein", layers=True) == (layers,)
