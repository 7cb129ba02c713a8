"""Previews: straight from latents, without the VAE, and like what the model decodes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from acetate.models.diffusion_model import DiffusionModel
from acetate.models.families import SD15, SDXL, ModelSource
from acetate.models.latent_preview import PREVIEW_FILE, LinearPreview
from acetate.models.model_cache import ModelCache
from acetate.models.registry import STARTER, ModelRegistry
from acetate.pipelines import run
from acetate_lab.training.starter.preview import fit_preview, preview_pairs
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Rect
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import functional as F

from benchmarks.preview import preview_seconds, step_seconds


@pytest.fixture(scope="module")
def starter() -> DiffusionModel:
    return ModelCache(device=torch.device("cpu")).get("starter")


def test_the_shipped_starters_previews_show_the_layer_that_it_decodes(starter: DiffusionModel) -> None:
    """A starter whose VAE or decoder was trained anew needs its preview fitted again: acetate train preview."""
    assert starter.preview is not None
    [pair] = preview_pairs(starter, 1, 0, seed=99)
    opaque = next(pair for pair in preview_pairs(starter, 0, 1, seed=98) if pair.layer is None)
    assert pair.layer is not None
    shown = starter.preview(pair.latent, True)
    assert shown.shape == (4, 32, 32) and 0 <= float(shown.min()) <= float(shown.max()) <= 1
    assert float((shown[3] - pair.layer[0, 3]).abs().mean()) < 0.15
    assert float((shown[:3] * shown[3] - pair.layer[0, :3]).abs().mean()) < 0.12
    whole = starter.preview(opaque.latent, False)
    assert bool((whole[3] == 1).all())
    assert float((whole[:3] - opaque.picture[0]).abs().mean()) < 0.12


@pytest.mark.parametrize("family", [SD15, SDXL], ids=lambda family: family.name)
def test_the_published_factors_are_linear_in_the_latent(family: object) -> None:
    preview = LinearPreview((SD15 if family is SD15 else SDXL).latent_rgb)
    latent = 0.3 * torch.randn(1, 4, 6, 9, generator=torch.Generator().manual_seed(1))
    shown = preview(latent, True)
    assert shown.shape == (4, 6, 9) and bool((shown[3] == 1).all())
    bias = torch.tensor(preview.factors[-1])[:, None]
    colour = (shown[:3, 2] * 2 - 1) - bias
    assert torch.allclose(colour, torch.tensor(preview.factors[:-1]).T @ latent[0, :, 2], atol=1e-5)
    assert torch.allclose(preview(torch.zeros(1, 4, 2, 2), True)[:3].mean(dim=(1, 2)), 0.5 + bias[:, 0] / 2)


def test_a_preview_asks_neither_the_vae_nor_the_decoder_and_comes_in_tiles_too(
    starter: DiffusionModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = ModelCache(device=torch.device("cpu"))
    model = store.get("starter")
    calls: list[str] = []
    for name, network in (("vae", model.sd.vae), ("decoder", model.decoder)):
        method = "decode" if name == "vae" else "forward"
        inner = getattr(network, method)

        def counted(*arguments: object, name: str = name, inner: object = inner, **named: object) -> object:
            calls.append(name)
            return inner(*arguments, **named)  # type: ignore[operator]

        monkeypatch.setattr(network, method, counted)
    previews = []

    def report(progress: object) -> None:
        picture = getattr(progress, "preview", None)
        if picture is not None:
            previews.append((len(calls), picture))

    request = LayerRequest("text", (192, 192), Rect(0, 0, 192, 192), prompt="a red apple", seed=1, steps=4, detail=0.6)
    monkeypatch.setattr("acetate.pipelines.progress.PREVIEW_TIME_SHARE", 1e9)
    for asked in (False, True):
        calls.clear()
        run(LayerRequest(**{**vars(request), "preview": asked, "passes": 1}), {}, store, report)
        if not asked:
            alone = len(calls)
    assert len(calls) == alone, "previews decode nothing"
    assert {made for made, _ in previews} != {0}, "the second, tiled pass has previews as well"
    assert all(picture.shape == (192, 192, 4) for _, picture in previews)


def test_a_damaged_preview_is_named_and_a_model_without_one_has_none(tiny_starter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_starter, tmp_path / "model")
    registry = ModelRegistry({"starter": ModelSource(folder, STARTER, "")})
    weights = load_file(folder / PREVIEW_FILE)
    save_file({name: value for name, value in weights.items() if name != "first.bias"}, folder / PREVIEW_FILE)
    with pytest.raises(AcetateError, match=r"preview\.safetensors does not fit: it lacks first\.bias"):
        _ = ModelCache(registry, torch.device("cpu")).get("starter").preview
    (folder / PREVIEW_FILE).unlink()
    assert ModelCache(registry, torch.device("cpu")).get("starter").preview is None


def test_the_laboratory_fits_a_preview_that_is_better_than_none(tiny_starter: Path) -> None:
    model = ModelCache(ModelRegistry({"starter": ModelSource(tiny_starter, STARTER, "")}), torch.device("cpu"))
    pairs = list(preview_pairs(model.get("starter"), 3, 0))
    heard: list[str] = []
    first, fitted = fit_preview(pairs, 1, heard.append), fit_preview(pairs, 200, heard.append)
    latents, pictures = torch.cat([pair.latent for pair in pairs]), torch.cat([pair.picture for pair in pairs])

    def error(planes: Tensor) -> float:
        return float(F.l1_loss(planes[:, 4:], pictures))

    with torch.inference_mode():
        assert error(fitted(latents)) < 0.5 * error(first(latents))
    assert len(heard) == 2
    again = fit_preview(pairs, 1, heard.append)
    assert all(torch.equal(a, b) for a, b in zip(again.parameters(), first.parameters(), strict=True))


def test_a_preview_costs_less_than_three_hundredths_of_a_step(starter: DiffusionModel) -> None:
    pairs = [(preview_seconds(starter, 5), step_seconds(starter, 1)) for _ in range(5)]
    preview, step = (min(times) for times in zip(*pairs, strict=True))
    assert preview < 0.03 * step
