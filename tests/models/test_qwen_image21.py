"""Qwen-Image-2.1, a tiny untrained one: our own loop against diffusers, and the mode `text`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.image.sizes import Size
from acetate.models.backbones.file_kind import identify
from acetate.models.backbones.qwen_image21.network import SYSTEM, QwenImage21
from acetate.models.backbones.stable_diffusion.samplers import get_sampler
from acetate.models.families import QWEN_IMAGE21, ModelSource, families
from acetate.models.hub_download import download_spec
from acetate.models.licences import restricted_licence
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate.pipelines.native import NativeBatch, denoise_native
from acetate.pipelines.sampling import SamplingParams
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Lora, Rect
from diffusers import QwenImage21Pipeline
from safetensors.torch import load_file, save_file

from tests.models.tiny_native import write_qwen_image21

SIZE = Size(96, 64)
FAMILY = replace(QWEN_IMAGE21, sizes=(SIZE,))
"""In a small size of its own, for the time that these tests take."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("qwen21")
    write_qwen_image21(folder)
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[ModelCache]:
    yield cache(ModelSource(folder, FAMILY, FAMILY.licence))


def cache(source: ModelSource) -> ModelCache:
    return ModelCache(ModelRegistry({"two": source}), torch.device("cpu"), torch.float32)


@pytest.fixture
def backbone(store: ModelCache) -> QwenImage21:
    found = store.get("two").backbone
    assert isinstance(found, QwenImage21)
    return found


class TextProcessor:
    """What the published pipeline asks of its processor where there are no pictures, which needs torchvision."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def apply_chat_template(self, messages: Any, **options: Any) -> list[list[int]]:
        [message] = messages
        text = f"<|im_start|>{message['role']}\n{message['content'][0]['text']}<|im_end|>\n"
        assert text == SYSTEM
        return [self.tokenizer(text).input_ids]

    def __call__(self, **options: Any) -> Any:
        return self.tokenizer(options.pop("text"), **options)


def draw(store: ModelCache, **fields: Any) -> tuple[Any, ...]:
    wanted = {"prompt": "a red kite", "steps": 2, "seed": 7, **fields}
    target = Rect(0, 0, SIZE.width, SIZE.height)
    request = LayerRequest(mode="text", model="two", canvas=(SIZE.width, SIZE.height), target=target, **wanted)
    return run(request, {}, store, lambda progress: None)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_our_loop_gives_the_picture_of_diffusers(store: ModelCache, backbone: QwenImage21, guidance: float) -> None:
    parts = {**backbone._parts(), "processor": TextProcessor(backbone.tokenizer)}
    del parts["tokenizer"]
    texts = ["a red kite", "a fish"][: 1 if guidance == 1 else 2]
    wanted = QwenImage21Pipeline(**parts)(
        prompt=texts[0],
        negative_prompt=texts[1] if len(texts) > 1 else None,
        true_cfg_scale=guidance,
        width=SIZE.width,
        height=SIZE.height,
        num_inference_steps=3,
        generator=torch.Generator().manual_seed(7),
        output_type="pt",
    ).images
    batch = NativeBatch(1, SIZE, [backbone.encode_text([text]) for text in texts])
    noise = torch.Generator().manual_seed(7)
    params = SamplingParams(get_sampler("Euler"), 3, guidance)
    found = backbone.decode(denoise_native(store.get("two"), batch, params, noise, lambda share, preview: None))
    assert found.shape == (1, 4, SIZE.height, SIZE.width)
    assert float(wanted.std()) > 0.02
    assert float((found - wanted).abs().max()) < 1e-5


def test_a_layer_has_the_alpha_that_the_model_draws_and_a_seed_gives_it_again(store: ModelCache) -> None:
    first, second = draw(store, count=2)
    assert first.role == "foreground" and first.picture.shape == (SIZE.height, SIZE.width, 4)
    assert float(first.picture[..., 3].float().std()) > 0
    [again] = draw(store, seed=8)
    assert torch.equal(again.picture, second.picture) and not torch.equal(first.picture, second.picture)


def test_the_prompt_is_put_as_its_authors_ask_for_transparency(backbone: QwenImage21) -> None:
    assert backbone.worded("a red kite.") == (
        "This is an RGBA image with transparency. a red kite. "
        "The image has alpha channel and the background is transparent."
    )
    own = "An RGBA image of a kite"
    assert backbone.worded(own) == own


def test_a_shorter_text_is_masked(backbone: QwenImage21) -> None:
    both, alone = backbone.encode_text(["a", "a long fish"]), backbone.encode_text(["a"])
    length = alone.prompt_embeds.shape[1]
    assert alone.mask is None and both.mask is not None
    assert both.mask.sum(dim=1).tolist() == [length, length + len(" long fish")]
    assert torch.allclose(both.prompt_embeds[0, :length], alone.prompt_embeds[0], atol=1e-4)


def test_colours_under_alpha_0_do_not_matter(backbone: QwenImage21) -> None:
    given = torch.rand(1, 4, SIZE.height, SIZE.width, generator=torch.Generator().manual_seed(2))
    given[:, 3, :, :48] = 0
    other = given.clone()
    other[:, :3, :, :48] = 0.75
    latent = backbone.encode(given)
    assert latent.shape == (1, 8, SIZE.height // 16, SIZE.width // 16)
    assert torch.equal(latent, backbone.encode(other))


def test_a_lora_changes_the_layer_and_leaves_no_trace(
    store: ModelCache, backbone: QwenImage21, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    layer: Any = backbone.transformer.transformer_blocks[0].attn.to_q
    (tmp_path / "lora").mkdir()
    tensors = {"lora_A.weight": torch.ones(2, layer.in_features), "lora_B.weight": torch.ones(layer.out_features, 2)}
    named = {f"transformer.transformer_blocks.0.attn.to_q.{name}": value for name, value in tensors.items()}
    save_file(named, tmp_path / "lora/kites.safetensors")
    [before], [changed] = draw(store), draw(store, loras=(Lora("kites", 1.0),))
    assert not torch.equal(before.picture, changed.picture)
    assert backbone.transformer.transformer_blocks[0].attn.to_q is layer
    assert torch.equal(before.picture, draw(store)[0].picture)


def test_memory_is_planned_from_the_files(store: ModelCache, backbone: QwenImage21) -> None:
    planned = store.plan("two", "text", (), (SIZE.width, SIZE.height))
    held = [sum(value.numel() for value in network.parameters()) for network in backbone.networks]
    assert [planned.needs.text, planned.needs.denoiser, planned.needs.vae] == [4 * count for count in held]


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model."])
def test_a_transformer_in_one_file_is_that_of_the_folder(
    folder: Path, tmp_path: Path, backbone: QwenImage21, prefix: str
) -> None:
    [part] = (folder / "transformer").glob("*.safetensors")
    file = tmp_path / "one.safetensors"
    save_file({prefix + name: value for name, value in load_file(part).items()}, file)
    assert identify(file).family is QWEN_IMAGE21 and identify(folder).family is QWEN_IMAGE21
    single = cache(ModelSource(folder, QWEN_IMAGE21, "unknown", file=file)).get("two").backbone
    wanted = backbone.transformer.state_dict()
    found = single.denoiser.state_dict()
    assert found.keys() == wanted.keys() and all(torch.equal(found[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize(
    ("field", "fields"),
    [("sampler", {"sampler": "DDIM"}), ("clip_skip", {"clip_skip": 1}), ("prompt", {"prompt": " "})],
)
def test_what_it_cannot_do_is_refused(store: ModelCache, field: str, fields: dict[str, Any]) -> None:
    with pytest.raises(AcetateError) as refusal:
        draw(store, **fields)
    assert refusal.value.field == field


def test_it_is_fetched_by_name_under_a_licence_to_agree_to_and_never_drawn_with_unasked() -> None:
    [spec] = download_spec("qwen-image-2.1")
    assert spec.repository == "Qwen/Qwen-Image-2.1" and "processor/*" in spec.patterns
    found = restricted_licence(spec.licence, "")
    assert found is not None and (found.name, found.allows) == ("qwen-research", "research")
    target = Rect(0, 0, 8, 8)
    assert LayerRequest(mode="text", prompt="a kite", canvas=(8, 8), target=target).model == "starter"
    drawing = [name for name, family in families().items() if any(each.mode == "text" for each in family.recipes)]
    assert drawing[-1] == "qwen-image-2.1"
