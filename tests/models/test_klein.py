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
from safetensors.torch import load_file, save_file
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


def original_names(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A transformer's weights as they were published in one file, by the names of FLUX.2's original code."""
    names = {
        "x_embedder": "img_in",
        "context_embedder": "txt_in",
        "time_guidance_embed.timestep_embedder.linear_1": "time_in.in_layer",
        "time_guidance_embed.timestep_embedder.linear_2": "time_in.out_layer",
        "proj_out": "final_layer.linear",
        "modulation_img.linear": "modulation_img.lin",
        "modulation_txt.linear": "modulation_txt.lin",
        "stream_modulation.linear": "stream_modulation.lin",
        "single_transformer_blocks.0.attn.to_qkv_mlp_proj": "single_blocks.0.linear1",
        "single_transformer_blocks.0.attn.to_out": "single_blocks.0.linear2",
        "single_transformer_blocks.0.attn.norm_q.weight": "single_blocks.0.norm.query_norm.scale",
        "single_transformer_blocks.0.attn.norm_k.weight": "single_blocks.0.norm.key_norm.scale",
        "transformer_blocks.0.attn.to_out.0": "double_blocks.0.img_attn.proj",
        "transformer_blocks.0.attn.to_add_out": "double_blocks.0.txt_attn.proj",
        "transformer_blocks.0.attn.norm_q.weight": "double_blocks.0.img_attn.norm.query_norm.scale",
        "transformer_blocks.0.attn.norm_k.weight": "double_blocks.0.img_attn.norm.key_norm.scale",
        "transformer_blocks.0.attn.norm_added_q.weight": "double_blocks.0.txt_attn.norm.query_norm.scale",
        "transformer_blocks.0.attn.norm_added_k.weight": "double_blocks.0.txt_attn.norm.key_norm.scale",
        "transformer_blocks.0.ff.linear_in": "double_blocks.0.img_mlp.0",
        "transformer_blocks.0.ff.linear_out": "double_blocks.0.img_mlp.2",
        "transformer_blocks.0.ff_context.linear_in": "double_blocks.0.txt_mlp.0",
        "transformer_blocks.0.ff_context.linear_out": "double_blocks.0.txt_mlp.2",
    }
    found, left = {}, dict(weights)
    scale, shift = left.pop("norm_out.linear.weight").chunk(2)
    found["final_layer.adaLN_modulation.1.weight"] = torch.cat([shift, scale])
    block = "transformer_blocks.0.attn."
    for stream, parts in {"img": ("to_q", "to_k", "to_v"), "txt": ("add_q_proj", "add_k_proj", "add_v_proj")}.items():
        whole = torch.cat([left.pop(f"{block}{part}.weight") for part in parts])
        found[f"double_blocks.0.{stream}_attn.qkv.weight"] = whole
    for name, value in left.items():
        part = next(part for part in names if name.startswith(part) or name.endswith(f"{part}.weight"))
        found[name.replace(part, names[part])] = value
    return found


@pytest.mark.parametrize(
    ("original", "prefix"),
    [(False, ""), (False, "model.diffusion_model."), (True, ""), (True, "model.diffusion_model.")],
)
def test_a_transformer_in_one_file_is_that_of_the_folder(
    folder: Path, backbone: Klein, tmp_path: Path, original: bool, prefix: str
) -> None:
    models = cache_of_file(folder, tmp_path / "klein.safetensors", original, prefix)
    assert models.registry.entry("klein").modes == ("text",)
    found: Any = models.get("klein").backbone
    wanted = backbone.transformer.state_dict()
    assert list(found.transformer.state_dict()) == list(wanted)
    assert all(torch.equal(value, wanted[name]) for name, value in found.transformer.state_dict().items())


def test_text_is_drawn_with_its_lora_from_one_file_as_from_the_folder(folder: Path, tmp_path: Path) -> None:
    request = LayerRequest(
        mode="text", model="klein", canvas=(512, 512), target=Rect(0, 0, 96, 64), prompt="a cat", steps=1, seed=7,
        guidance=1.0,
    )  # fmt: skip
    single = cache_of_file(folder, tmp_path / "klein.safetensors", True, "model.diffusion_model.")
    whole = cache(folder, {"transparent_lora": folder / "extract_4b.safetensors"})
    layers = [run(request, {}, models, lambda progress: None) for models in (single, whole)]
    assert [layer.role for layer in layers[0]] == ["foreground"]
    assert torch.equal(layers[0][0].picture, layers[1][0].picture)
    assert float(layers[0][0].picture.float().std()) > 0


def cache_of_file(folder: Path, file: Path, original: bool, prefix: str) -> ModelCache:
    """The same model with its transformer in one file, and a LoRA for text."""
    weights = load_file(folder / "transformer/diffusion_pytorch_model.safetensors")
    weights = original_names(weights) if original else weights
    save_file({f"{prefix}{name}": value.contiguous() for name, value in weights.items()}, file)
    assert identify(file).family is KLEIN
    files = {"transparent_lora": folder / "extract_4b.safetensors"}
    source = ModelSource(folder, KLEIN, KLEIN.licence, file=file, files=files)
    return ModelCache(ModelRegistry({"klein": source}), torch.device("cpu"), torch.float32)


def test_another_flux_model_in_one_file_is_named(tmp_path: Path) -> None:
    shapes = {"double_blocks.0.img_attn.qkv.weight": torch.zeros(1), "guidance_in.in_layer.weight": torch.zeros(1)}
    save_file({**shapes, "single_stream_modulation.lin.weight": torch.zeros(1)}, tmp_path / "dev.safetensors")
    found = identify(tmp_path / "dev.safetensors")
    assert found.family is None and "[dev]" in found.what and "klein" in found.hint


def test_pull_fetches_the_base_and_what_gives_alpha() -> None:
    base, layers = download_spec("klein")
    assert base.repository == "black-forest-labs/FLUX.2-klein-base-4B"
    assert layers.repository == "trmz/flux2-klein-alpha"
    there = ["loras/extract_4b.safetensors", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"]
    assert sorted(layers.choose([*there, "loras/extract_9b.safetensors", "README.md"])) == there
    assert download_spec("klein", layers=True) == (layers,)
