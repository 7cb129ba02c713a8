"""Qwen-Image-Layered, with a tiny untrained model: our own loop against diffusers, loading, and the mode `split`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.generation import JobCancelled
from acetate.image.sizes import Size
from acetate.models.backbones.file_kind import identify
from acetate.models.backbones.native_footprint import footprint
from acetate.models.backbones.qwen_layered.caption import as_prompt
from acetate.models.backbones.qwen_layered.network import QwenLayered
from acetate.models.backbones.stable_diffusion.samplers import get_sampler
from acetate.models.families import QWEN_LAYERED, ModelSource
from acetate.models.finite import NotANumberError
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate.pipelines.native import NativeBatch, denoise_native
from acetate.pipelines.sampling import SamplingParams
from acetate_wire.errors import AcetateError
from acetate_wire.prompt import parse_prompt
from acetate_wire.request import LayerRequest, Lora, PictureSpec, Rect
from diffusers.pipelines.qwenimage import pipeline_qwenimage_layered as published
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.models.tiny_native import write_qwen_layered

SIZE = Size(96, 64)
FAMILY = replace(QWEN_LAYERED, sizes=(SIZE,))
"""In a small size of its own, for the time that these tests take."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen")
    write_qwen_layered(folder)
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[ModelCache]:
    yield cache(ModelSource(folder, FAMILY, FAMILY.licence))


def cache(source: ModelSource) -> ModelCache:
    return ModelCache(ModelRegistry({"layered": source}), torch.device("cpu"), torch.float32)


@pytest.fixture
def backbone(store: ModelCache) -> QwenLayered:
    found = store.get("layered").backbone
    assert isinstance(found, QwenLayered)
    return found


def picture(lowest: int = 1) -> Tensor:
    chance = torch.Generator().manual_seed(3)
    return torch.randint(lowest, 256, (4, SIZE.height, SIZE.width), generator=chance, dtype=torch.uint8)


def split(store: ModelCache, **fields: Any) -> tuple[Any, ...]:
    request = LayerRequest(
        mode="split",
        model="layered",
        canvas=(SIZE.width, SIZE.height),
        target=Rect(0, 0, SIZE.width, SIZE.height),
        inputs={"blend": PictureSpec(0, SIZE.width, SIZE.height)},
        **{"prompt": "a cat", "layers": 2, "steps": 2, "seed": 7, **fields},
    )
    return run(request, {"blend": picture() / 255}, store, lambda progress: None)


@pytest.mark.parametrize(
    ("layers", "guidance", "normalises"), [(1, 4.0, True), (3, 1.0, False), (3, 4.0, False), (8, 2.5, True)]
)
def test_our_loop_gives_the_layers_of_diffusers(
    store: ModelCache,
    backbone: QwenLayered,
    monkeypatch: pytest.MonkeyPatch,
    layers: int,
    guidance: float,
    normalises: bool,
) -> None:
    monkeypatch.setattr(published, "calculate_dimensions", lambda area, ratio: (SIZE.width, SIZE.height))
    monkeypatch.setattr(backbone, "normalises", normalises)
    given, texts = picture(), ["a cat"] if guidance == 1 else ["a cat", "a fish"]
    wanted = backbone._pipeline(
        Image.fromarray(given.permute(1, 2, 0).numpy(), "RGBA"),
        prompt=texts[0],
        negative_prompt=texts[1] if len(texts) > 1 else None,
        true_cfg_scale=guidance,
        num_inference_steps=2,
        layers=layers,
        cfg_normalize=normalises,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images[0]
    batch = NativeBatch(
        layers + 1, SIZE, [backbone.encode_text([text]) for text in texts], [backbone.encode(given[None] / 255)]
    )
    params = SamplingParams(get_sampler("Euler"), 2, guidance)
    noise = torch.Generator().manual_seed(7)
    latent = denoise_native(store.get("layered"), batch, params, noise, lambda share, preview: None)
    found = backbone.decode(latent)[1:]
    assert found.shape == (layers, 4, SIZE.height, SIZE.width)
    assert float(wanted.std()) > 0.05
    assert float((found - wanted).abs().max()) < 1e-5


def test_every_size_is_one_that_diffusers_does_not_resize() -> None:
    assert Size(640, 640) in QWEN_LAYERED.sizes and len(QWEN_LAYERED.sizes) > 20
    for size in QWEN_LAYERED.sizes:
        assert published.calculate_dimensions(640 * 640, size.width / size.height) == (size.width, size.height)


def test_a_shorter_text_is_masked(backbone: QwenLayered) -> None:
    both, alone = backbone.encode_text(["a", "a long fish"]), backbone.encode_text(["a"])
    length = alone.prompt_embeds.shape[1]
    assert alone.mask is None
    assert both.mask is not None and both.mask.sum(dim=1).tolist() == [length, length + len(" long fish")]
    short = both.rows([0]).prompt_embeds[:, :length]
    assert torch.allclose(short, alone.prompt_embeds, atol=1e-5)


def test_colours_under_alpha_0_do_not_matter(backbone: QwenLayered) -> None:
    given = picture() / 255
    given[3, :, :48] = 0
    other = given.clone()
    other[:3, :, :48] = 0.75
    assert torch.equal(backbone.encode(given[None]), backbone.encode(other[None]))


def test_a_picture_is_split_into_as_many_layers_as_asked(store: ModelCache) -> None:
    first, second = split(store), split(store, seed=8)
    assert [layer.role for layer in first] == ["background", "foreground"]
    both = split(store, count=2)
    assert len(both) == 4
    for layer, alone in zip(both, (*first, *second), strict=True):
        assert torch.equal(layer.picture, alone.picture)


def test_without_a_prompt_the_model_writes_one_that_makes_the_same_layers_again(
    store: ModelCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acetate.models.backbones.qwen_layered.caption.LONGEST", 12)
    assert find_spec("torchvision") is None, "it is not needed"
    first, again = split(store, prompt=" "), split(store, prompt="")
    written = first[0].settings.prompt
    assert written.strip() and {layer.settings.prompt.strip() for layer in (*first, *again)} == {written.strip()}
    assert [layer.name for layer in first] == ["background", "layer 1"]
    for made in (again, split(store, prompt=written)):
        assert all(torch.equal(a.picture, b.picture) for a, b in zip(first, made, strict=True))
    assert split(store, prompt="a fish")[0].settings.prompt == "a fish"


def test_a_cancel_ends_the_writing(store: ModelCache, backbone: QwenLayered) -> None:
    written: list[int] = []

    def stop() -> None:
        written.append(1)
        if len(written) == 3:
            raise JobCancelled

    with pytest.raises(JobCancelled):
        backbone.caption(picture() / 255, stop)
    assert len(written) == 3


def test_brackets_in_a_caption_weigh_nothing() -> None:
    text = "a sign (red) says [stop] \\ <lora:x:1>"
    assert parse_prompt(as_prompt(text)).plain == "a sign (red) says [stop] \\ lora:x:1"
    assert not parse_prompt(as_prompt(text)).loras


def test_a_lora_changes_the_layers_and_leaves_no_trace(
    store: ModelCache, backbone: QwenLayered, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    layer: Any = backbone.transformer.transformer_blocks[0].attn.to_q
    (tmp_path / "lora").mkdir()
    down, up = torch.ones(2, layer.in_features), torch.ones(layer.out_features, 2)
    tensors = {"lora_down.weight": down, "lora_up.weight": up, "alpha": torch.tensor(2.0)}
    named = {f"transformer_blocks.0.attn.to_q.{name}": value for name, value in tensors.items()}
    save_file(named, tmp_path / "lora/fast.safetensors")
    before = split(store)
    changed = split(store, loras=(Lora("fast", 1.0),))
    assert any(not torch.equal(a.picture, b.picture) for a, b in zip(before, changed, strict=True))
    assert backbone.transformer.transformer_blocks[0].attn.to_q is layer
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(before, split(store), strict=True))


def test_one_step_is_raised_to_two(store: ModelCache) -> None:
    one, two = split(store, steps=1), split(store, steps=2)
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(one, two, strict=True))
    assert one[0].settings.steps == 2


@pytest.mark.parametrize(
    ("field", "fields"),
    [("sampler", {"sampler": "DDIM"}), ("clip_skip", {"clip_skip": 1}), ("detail", {"detail": 0.5})],
)
def test_what_it_cannot_do_is_refused(store: ModelCache, field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(AcetateError) as refusal:
        split(store, **fields)
    assert refusal.value.field == field


def test_a_cancel_ends_a_step_between_its_two_calls_and_leaves_no_trace(
    store: ModelCache, backbone: QwenLayered
) -> None:
    before = split(store)
    batch = NativeBatch(2, SIZE, [backbone.encode_text(["a"])] * 2, [backbone.encode(picture()[None] / 255)])
    seen: list[float] = []

    def on_step(share: float, preview: Any) -> None:
        seen.append(share)
        if share == 0.75:
            raise KeyboardInterrupt

    params = SamplingParams(get_sampler("Euler"), 2, 4.0)
    with pytest.raises(KeyboardInterrupt):
        denoise_native(store.get("layered"), batch, params, torch.Generator().manual_seed(1), on_step)
    assert seen == [0.25, 0.5, 0.75]
    assert all(torch.equal(a.picture, b.picture) for a, b in zip(before, split(store), strict=True))


def test_what_is_not_a_number_has_the_name_of_its_network(store: ModelCache, backbone: QwenLayered) -> None:
    weight = backbone.transformer.proj_out.bias
    kept = weight[0].item()
    weight[0] = torch.nan
    try:
        with pytest.raises(NotANumberError, match="after the transformer"):
            split(store)
    finally:
        weight[0] = kept


def test_memory_is_planned_from_the_files(store: ModelCache, backbone: QwenLayered) -> None:
    planned = store.plan("layered", "split", ("blend",), (SIZE.width, SIZE.height))
    held = [sum(value.numel() for value in network.parameters()) for network in backbone.networks]
    assert [planned.needs.text, planned.needs.denoiser, planned.needs.vae] == [4 * count for count in held]
    entry = store.registry.entry("layered")
    large = footprint(entry, entry.recipe("split", ("blend",)), 640, 640, 4)
    assert large.drawing > planned.needs.drawing and large.decoding > large.decoding_tiled


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_transformer_in_one_file_is_that_of_the_folder(
    folder: Path, tmp_path: Path, backbone: QwenLayered, prefix: str
) -> None:
    file = write_one_file(folder, tmp_path, prefix)
    assert identify(file).family is QWEN_LAYERED and identify(folder).family is QWEN_LAYERED
    single = cache(ModelSource(folder, QWEN_LAYERED, "unknown", file=file)).get("layered").backbone
    wanted = backbone.transformer.state_dict()
    found = single.denoiser.state_dict()
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


def test_scaled_float8_and_pickles_are_refused_by_name(folder: Path, tmp_path: Path) -> None:
    file = write_one_file(folder, tmp_path, "")
    tensors = load_file(file)
    save_file({**tensors, "transformer_blocks.0.attn.to_q.scale_weight": torch.ones(1)}, file)
    assert identify(file).family is None and "scaled float8" in identify(file).what
    pickled = tmp_path / "model.pth"
    torch.save({}, pickled)
    assert identify(pickled).family is None and "pickle" in identify(pickled).what


def write_one_file(folder: Path, place: Path, prefix: str) -> Path:
    tensors: dict[str, Tensor] = {}
    for part in sorted((folder / "transformer").glob("*.safetensors")):
        tensors |= load_file(part)
    file = place / "one.safetensors"
    save_file({prefix + name: value for name, value in tensors.items()}, file)
    return file
