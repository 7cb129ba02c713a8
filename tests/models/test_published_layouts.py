"""Promises of base models as they are published: folder, hub cache and one file draw the same, bit for bit."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from acetate.models.backbones.diffusers_layout import prefixes
from acetate.models.backbones.file_kind import family_of
from acetate.models.backbones.stable_diffusion.footprint import footprint
from acetate.models.families import SD15, SDXL, ModelFamily, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate_wire.errors import AcetateError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.models.tiny_families import write_sd15_layers, write_sdxl_layers
from tests.models.tiny_published import write_checkpoint, write_folder, write_hub
from tests.pipelines.conftest import a_picture, a_request, enliven

FAMILIES = {"sd15": SD15, "sdxl": SDXL}
DECODERS = {"sd15": "layer_sd15_vae_transparent_decoder", "sdxl": "vae_transparent_decoder"}


@dataclass(frozen=True)
class Published:
    """A family's published folder in `models`, with the layer files beside it, and the same model as one file."""

    family: ModelFamily
    models: Path

    @property
    def folder(self) -> Path:
        return self.models / "folder"

    @property
    def file(self) -> Path:
        return self.models / "photo.safetensors"


@pytest.fixture(scope="module", params=FAMILIES)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Published:
    published = Published(FAMILIES[request.param], tmp_path_factory.mktemp(request.param))
    unet = write_folder(published.folder, published.family)
    write_layers = write_sd15_layers if published.family is SD15 else write_sdxl_layers
    write_layers(published.models / "layers", unet)
    enliven(published.models / "layers", DECODERS[published.family.name])
    write_checkpoint(published.file, published.folder)
    return published


@pytest.fixture
def published(written: Published, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Published:
    monkeypatch.setenv("ACETATE_MODELS_DIR", str(written.models))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    return written


def drawn(source: ModelSource, mode: str, dtype: torch.dtype = torch.float32, steps: int = 3) -> list[Tensor]:
    """The layers of a mode, drawn by the family's own sampler with a prompt and a negative prompt."""
    store = ModelCache(ModelRegistry({"model": source}), torch.device("cpu"), dtype)
    pictures = {"layer": a_picture()} if mode == "refine" else {}
    request = a_request(
        mode, pictures, model="model", sampler=source.family.sampler, negative="a guitar", steps=steps, guidance=5.0
    )
    return [layer.picture for layer in run(request, pictures, store, lambda progress: None)]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("mode", ["text", "refine", "scene"])
def test_folder_hub_cache_and_one_file_draw_the_same(
    published: Published, tmp_path: Path, mode: str, dtype: torch.dtype
) -> None:
    family = published.family
    folder = drawn(ModelSource(published.folder, family, "unknown"), mode, dtype)
    assert len(folder) == (3 if mode == "scene" else 1)
    assert all(float(layer[..., 3].float().std()) > 0 or mode == "scene" for layer in folder)
    write_hub(published.folder, tmp_path / "cache", family)
    assert same(drawn(ModelSource(None, family, "unknown", family.repository), mode, dtype), folder)
    assert same(drawn(ModelSource(None, family, "unknown", file=published.file), mode, dtype), folder)


@pytest.mark.parametrize(
    ("keys", "settings"),
    [
        (("v_pred",), {"prediction_type": "v_prediction"}),
        (
            ("v_pred", "ztsnr"),
            {"prediction_type": "v_prediction", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing"},
        ),
    ],
)
def test_one_file_is_drawn_by_the_schedule_that_its_keys_tell(
    published: Published, tmp_path: Path, keys: tuple[str, ...], settings: dict[str, object]
) -> None:
    family = published.family
    folder = tmp_path / "folder"
    shutil.copytree(published.folder, folder)
    scheduler = folder / "scheduler/scheduler_config.json"
    scheduler.write_text(
        json.dumps({**json.loads(scheduler.read_text(encoding="utf-8")), **settings}), encoding="utf-8"
    )
    source = damaged(
        published, tmp_path / "v.SAFETENSORS", lambda tensors: tensors.update(dict.fromkeys(keys, torch.zeros(0)))
    )
    steps = 12
    told = drawn(source, "text", steps=steps)
    assert same(told, drawn(ModelSource(folder, family, "unknown"), "text", steps=steps))
    assert not same(told, drawn(ModelSource(published.folder, family, "unknown"), "text", steps=steps))


def test_one_file_needs_no_more_than_the_fetched_configuration(published: Published, tmp_path: Path) -> None:
    family = published.family
    snapshot = write_hub(published.folder, tmp_path / "cache", family, configuration=True)
    assert not list(snapshot.rglob("*.safetensors"))
    assert not (snapshot / "feature_extractor").exists()
    single = drawn(ModelSource(None, family, "unknown", file=published.file), "text")
    assert same(single, drawn(ModelSource(published.folder, family, "unknown"), "text"))


def test_a_file_is_of_its_family_whatever_else_it_lacks(published: Published, tmp_path: Path) -> None:
    assert family_of(published.file) is published.family
    bare = write_checkpoint(
        tmp_path / "bare.safetensors", published.folder, lambda name: not name.startswith("model.diffusion_model.")
    )
    assert family_of(bare) is published.family


def missing_in(published: Published, path: Path, network: str) -> ModelSource:
    """The model as one file without one of its networks."""
    prefix = prefixes(published.family)[network]
    write_checkpoint(path, published.folder, lambda name: name.startswith(prefix))
    return ModelSource(None, published.family, "unknown", file=path)


@pytest.mark.parametrize("network", ["vae", "text_encoder", "text_encoder_2"])
def test_what_a_file_lacks_is_taken_from_its_family_or_named(
    published: Published, tmp_path: Path, network: str
) -> None:
    family = published.family
    if network not in prefixes(family):
        return
    source = missing_in(published, tmp_path / "part.safetensors", network)
    snapshot = write_hub(published.folder, tmp_path / "cache", family)
    whole = ModelSource(published.folder, family, "unknown")
    assert same(drawn(source, "text"), drawn(whole, "text"))
    entries = [ModelRegistry({"model": each}).entry("model") for each in (source, whole)]
    part, full = (footprint(entry, entry.recipe("text"), 64, 64, 4) for entry in entries)
    # Checkpoints may hold a few numbers more, such as the positions of the text encoder.
    assert part.weights == pytest.approx(full.weights, abs=400)
    assert (part.denoiser, part.vae, part.drawing) == (full.denoiser, full.vae, full.drawing)
    next((snapshot / network).glob("*.safetensors")).unlink()
    called = {"vae": "no VAE", "text_encoder": "no text encoder", "text_encoder_2": "no second text encoder"}
    with pytest.raises(AcetateError, match=f"{called[network]} inside.*acetate models pull {family.name}$") as refusal:
        ModelRegistry({"model": source}).entry("model")
    assert refusal.value.code == "model_missing"


def damaged(published: Published, path: Path, change: Callable[[dict[str, Tensor]], None]) -> ModelSource:
    tensors = load_file(published.file)
    change(tensors)
    save_file(tensors, path)
    return ModelSource(published.folder, published.family, "unknown", file=path)


SOME_OF = {
    "unet": ("time_embed.0.weight", "middle_block.1.transformer_blocks.0.attn2.to_k.weight", "out.2.bias"),
    "vae": ("encoder.mid.attn_1.q.weight", "decoder.up.3.upsample.conv.weight", "quant_conv.bias"),
    "text_encoder": ("text_model.embeddings.token_embedding.weight", "text_model.encoder.layers.1.mlp.fc1.bias"),
    "text_encoder_2": ("transformer.resblocks.1.attn.in_proj_weight", "text_projection", "ln_final.bias"),
}


@pytest.mark.parametrize(("network", "name"), [(network, name) for network, names in SOME_OF.items() for name in names])
def test_a_weight_that_is_missing_or_of_another_shape_is_named(
    published: Published, tmp_path: Path, network: str, name: str
) -> None:
    words = {"unet": "UNet", "vae": "VAE", "text_encoder": "text encoder", "text_encoder_2": "second text encoder"}
    if network not in prefixes(published.family):
        return
    key = prefixes(published.family)[network] + name
    changes: list[Callable[[dict[str, Tensor]], None]] = [
        lambda tensors: tensors.update({key: tensors[key][..., :0].contiguous()}),
        lambda tensors: (tensors.pop(key), None)[1],
    ]
    for number, change in enumerate(changes):
        source = damaged(published, tmp_path / f"{number}.safetensors", change)
        with pytest.raises(AcetateError, match=f"its {words[network]}") as refusal:
            ModelCache(ModelRegistry({"model": source}), torch.device("cpu"), torch.float32).get("model")
        assert refusal.value.code == "model_missing"


def test_a_file_that_is_cut_short_is_refused_in_words(published: Published, tmp_path: Path) -> None:
    for size in (0, 7, 4000, published.file.stat().st_size - 10):
        path = tmp_path / f"{size}.safetensors"
        path.write_bytes(published.file.read_bytes()[:size])
        source = ModelSource(published.folder, published.family, "unknown", file=path)
        with pytest.raises(AcetateError, match=path.name) as refusal:
            ModelCache(ModelRegistry({"model": source}), torch.device("cpu"), torch.float32).get("model")
        assert refusal.value.code == "model_missing"


def test_files_of_other_models_are_of_no_family(published: Published, tmp_path: Path) -> None:
    if published.family is SDXL:

        def change(tensors: dict[str, Tensor]) -> None:  # SDXL's refiner has a level more
            tensors["model.diffusion_model.input_blocks.9.0.op.weight"] = torch.zeros(8, 8, 3, 3)
    else:

        def change(tensors: dict[str, Tensor]) -> None:  # SD 2 goes into attention by a linear layer
            name = "model.diffusion_model.input_blocks.1.1.proj_in.weight"
            tensors[name] = tensors[name][:, :, 0, 0].contiguous()

    damaged(published, tmp_path / "other.safetensors", change)
    assert family_of(tmp_path / "other.safetensors") is None
    save_file({"weight": torch.zeros(2)}, tmp_path / "lora.safetensors")
    assert family_of(tmp_path / "lora.safetensors") is None


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sdxl-conv"])
def test_the_hint_of_an_absent_model_names_what_can_be_fetched(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from acetate.models.hub_download import download_spec

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(AcetateError, match="acetate models pull") as refusal:
        ModelRegistry().entry(name)
    command = str(refusal.value).rpartition("acetate models pull ")[2]
    assert download_spec(command)[0].repository == ModelRegistry().sources[name].repository
