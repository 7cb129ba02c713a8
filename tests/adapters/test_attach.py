"""Promises of prepared models: every published part changes the drawing as it should, and leaves no trace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from acetate.adapters.attach import adapted_model
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.families import SD15, SDXL, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.recipes import AdapterSpec
from acetate.models.registry import ModelRegistry
from acetate.models.transparency_loader import new_decoder, new_encoder
from acetate.transparency import OffsetEncoder, TransparentDecoder
from acetate_wire.errors import AcetateError
from safetensors.torch import load_file
from torch import Tensor

from tests.models.published import write

PARTS = [(family.name, part) for family in (SD15, SDXL) for part in {p: 0 for w in family.recipes for p in w.adapters}]
Load = Callable[[str], DiffusionModel]


@pytest.fixture
def load(families: ModelRegistry) -> Load:
    return ModelCache(families, torch.device("cpu"), torch.float32).get


def a_layer(seed: int) -> Tensor:
    return torch.rand(4, 64, 64, generator=torch.Generator().manual_seed(seed))


def noise(rows: int) -> Tensor:
    return torch.randn(rows, 4, 8, 8, generator=torch.Generator().manual_seed(rows))


def state_of(model: DiffusionModel) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in model.sd.unet.state_dict().items()}


def texts(model: DiffusionModel, part: AdapterSpec) -> PromptEmbeds:
    """Two samples, without and with a prompt, each with all frames of the part."""
    frames = len(part.roles)
    with torch.inference_mode():
        return model.sd.text.encode(["", "a red apple"]).rows([0] * frames + [1] * frames)


@pytest.mark.parametrize(("family", "part"), PARTS, ids=lambda value: getattr(value, "name", value))
def test_every_published_part_comes_and_goes_without_a_trace(load: Load, family: str, part: AdapterSpec) -> None:
    model = load(family)
    before, processors = state_of(model), dict(model.sd.unet.attn_processors)
    rows = 2 * len(part.roles)
    given = {role: a_layer(number) for number, role in enumerate(part.inputs)}
    with adapted_model(model, part, given) as predictor:
        states = texts(model, part)
        with_part = predictor(noise(rows), torch.tensor(500), states)
        predictor.set_enabled(False)
        plain = predictor(noise(rows), torch.tensor(500), states)
        predictor.set_enabled(True)
        assert torch.equal(predictor(noise(rows), torch.tensor(500), states), with_part)
    assert with_part.shape == (rows, 4, 8, 8)
    assert (with_part - plain).abs().max() > 1e-5
    after = model.sd.unet.state_dict()
    assert list(after) == list(before) and all(torch.equal(after[name], value) for name, value in before.items())
    assert all(model.sd.unet.attn_processors[name] is value for name, value in processors.items())


@pytest.mark.parametrize(("family", "part"), PARTS, ids=lambda value: getattr(value, "name", value))
def test_a_weight_of_nothing_is_the_plain_model(load: Load, family: str, part: AdapterSpec) -> None:
    model = load(family)
    given = {role: a_layer(number) for number, role in enumerate(part.inputs)}
    rows = 2 * len(part.roles)
    with adapted_model(model, part, given, transparency_weight=0.0) as predictor:
        states = texts(model, part)
        attached = predictor(noise(rows), torch.tensor(500), states)
        predictor.set_enabled(False)
        assert torch.allclose(predictor(noise(rows), torch.tensor(500), states), attached, atol=1e-5)


def test_given_latents_stand_behind_the_noisy_one_in_order(load: Load) -> None:
    model = load("sdxl")
    [part] = [part for _, part in PARTS if part.name == "fgble2bg"]
    given = {"foreground": a_layer(1), "blend": a_layer(2)}
    seen = []
    with adapted_model(model, part, given) as predictor:
        states = texts(model, part)
        hook = model.sd.unet.conv_in.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].clone()))
        predictor(noise(2), torch.tensor(500), states)
        hook.remove()
    with torch.inference_mode():
        latents = []
        for role in ("foreground", "blend"):
            grey = 0.5 + (given[role][:3] - 0.5) * given[role][3:]
            mean = model.sd.vae.encode(grey[None] * 2 - 1).latent_dist.mean
            latents.append((mean * model.sd.vae.config.scaling_factor).expand(2, -1, -1, -1))
    assert torch.allclose(seen[0], torch.cat([noise(2), *latents], dim=1), atol=1e-5)


def test_sdxl_reads_two_encoders_the_summary_and_the_size(load: Load) -> None:
    model = load("sdxl")
    [part] = [part for _, part in PARTS if part.name == "attn"]
    heard: list[dict[str, Tensor]] = []
    forward = model.sd.unet.forward

    def listen(*arguments: Tensor, **named: Tensor) -> object:
        heard.append(named)
        return forward(*arguments, **named)

    model.sd.unet.forward = listen
    try:
        with adapted_model(model, part) as predictor:
            states = texts(model, part)
            predictor(torch.zeros(2, 4, 8, 16), torch.tensor(500), states)
    finally:
        del model.sd.unet.forward
    ids = model.sd.text.tokenizers[0](["", "a red apple"], padding="max_length", return_tensors="pt").input_ids
    with torch.inference_mode():
        answers = [encoder(ids, output_hidden_states=True) for encoder in model.sd.text.encoders]
    expected = torch.cat([answer.hidden_states[-2] for answer in answers], dim=-1)
    assert torch.equal(heard[0]["encoder_hidden_states"], expected)
    conditions = heard[0]["added_cond_kwargs"]
    assert torch.equal(conditions["text_embeds"], answers[1].text_embeds)  # type: ignore[index]
    assert conditions["time_ids"].tolist() == [[64, 128, 0, 0, 64, 128]] * 2  # type: ignore[index]


def test_every_frame_may_have_its_own_prompt_and_time_step(load: Load) -> None:
    model = load("sd15")
    [part] = [part for _, part in PARTS if part.name == "joint"]
    with adapted_model(model, part) as predictor:
        states = model.sd.text.encode(["a red apple", "a cat", "a guitar"])
        together = predictor(noise(3), torch.tensor([500, 0, 500]), states)
        other = predictor(noise(3), torch.tensor([500, 500, 500]), states)
        third = predictor(
            noise(3),
            torch.tensor([500, 0, 500]),
            model.sd.text.encode(["a red apple", "a cat", "a fish"]),
        )
    assert (together - other).abs().max() > 1e-5
    assert (together - third).abs().max() > 1e-6


@pytest.mark.parametrize(("name", "multiplier"), [("vae_transparent_encoder", 1.0), ("ld", 300.0)])
def test_both_encoder_files_have_their_own_factor(
    written_families: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, multiplier: float
) -> None:
    source = written_families / "layers" / "vae_transparent_encoder.safetensors"
    published = name if name != "ld" else "ld_diffusers_sdxl_vae_transparent_encoder"
    (tmp_path / "layers").mkdir()
    (tmp_path / "layers" / f"{published}.safetensors").write_bytes(source.read_bytes())
    (tmp_path / "layers" / "vae_transparent_decoder.safetensors").symlink_to(
        written_families / "layers" / "vae_transparent_decoder.safetensors"
    )
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
    catalogue = ModelRegistry({"sdxl": ModelSource(written_families / "sdxl", SDXL, "Apache-2.0")})
    model = ModelCache(catalogue, torch.device("cpu"), torch.float32).get("sdxl")
    assert model.transparency.multiplier == multiplier


@pytest.mark.parametrize("family", ["sd15", "sdxl"])
def test_a_layer_goes_through_the_familys_own_transparency(load: Load, family: str) -> None:
    model = load(family)
    layer = a_layer(3)[None]
    latent, flat = model.encode(layer), model.backbone.encode(layer)
    assert latent.shape == flat.shape == (1, 4, 8, 8)
    assert not torch.equal(latent, flat)
    rgba = model.decode_transparent(latent, 1)
    assert rgba.shape == (1, 4, 64, 64) and rgba.min() >= 0 and rgba.max() <= 1


def test_a_model_offers_only_what_its_files_allow(
    written_families: Path, families: ModelRegistry, tmp_path: Path
) -> None:
    everything = families.entry("sdxl")
    common = ("text", "refine", "inpaint", "remove", "scene", "background", "foreground")
    assert everything.modes == (*common, "extract", "stack")
    assert families.entry("sd15").modes == (*common, "stack")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACETATE_MODELS_DIR", str(tmp_path))
        (tmp_path / "layers").mkdir()
        for name in ("layer_xl_bg2ble", "layer_xl_bgble2fg", "vae_transparent_decoder"):
            path = written_families / "layers" / f"{name}.safetensors"
            (tmp_path / "layers" / path.name).symlink_to(path)
        assert families.entry("sdxl").modes == ("foreground", "extract", "stack"), "a stack over a given background"
        with pytest.raises(AcetateError, match="blend and background") as refusal:
            families.entry("sdxl").recipe("extract", {"blend", "foreground"})
        assert refusal.value.field == "inputs"


def test_a_model_may_prefer_one_of_several_parts(families: ModelRegistry) -> None:
    source = replace(families.sources["sdxl"], prefer="conv")
    chosen = {
        mode: ModelRegistry({"sdxl": source}).entry("sdxl").recipe(mode).adapters[0].name for mode in ("text", "scene")
    }
    assert chosen == {"text": "conv", "scene": "conv"}
    assert families.entry("sdxl").recipe("text").adapters[0].name == "attn"


def test_the_published_transparency_fits_key_for_key() -> None:
    with torch.device("meta"):
        decoder, encoder = TransparentDecoder(), OffsetEncoder()
        found = new_decoder(decoder.state_dict()), new_encoder(encoder.state_dict())
    for made, published in zip(found, (decoder, encoder), strict=True):
        shapes = {name: value.shape for name, value in published.state_dict().items()}
        assert {name: value.shape for name, value in made.state_dict().items()} == shapes
    assert sum(value.numel() for value in decoder.parameters()) == pytest.approx(104.1e6, rel=0.001)
    assert sum(value.numel() for value in encoder.parameters()) == pytest.approx(1.18e6, rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks.0.bias": None}, "lacks blocks.0.bias"),
        ({"stray": (1,)}, "should not have stray"),
        ({"blocks.2.weight": (8, 9, 3, 3)}, "blocks.2.weight is 8 x 9 x 3 x 3 and should be 8 x 8 x 3 x 3"),
    ],
)
def test_a_wrong_key_of_an_encoder_is_named(
    written_families: Path, tmp_path: Path, load: Load, change: dict[str, tuple[int, ...] | None], words: str
) -> None:
    model = load("sdxl")
    tensors = load_file(written_families / "layers" / "vae_transparent_encoder.safetensors")
    for key, shape in change.items():
        tensors.pop(key, None)
        if shape is not None:
            tensors[key] = torch.zeros(shape)
    path = write(tmp_path, "vae_transparent_encoder", tensors)
    model.spec = replace(model.spec, files={**model.spec.files, "encoder": path})
    with pytest.raises(AcetateError, match=words) as refusal:
        model.encode(a_layer(1)[None])
    assert refusal.value.code == "model_missing"
