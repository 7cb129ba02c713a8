"""Model folders: found, measured, loaded, refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from acetate.models.families import ModelSource
from acetate.models.latents import scale_latents, unscale_latents
from acetate.models.model_cache import ModelCache
from acetate.models.registry import STARTER, ModelRegistry
from acetate_wire.errors import AcetateError


def catalogue(folder: Path) -> ModelRegistry:
    return ModelRegistry({"starter": ModelSource(folder, STARTER, "Apache-2.0")})


def store(folder: Path) -> ModelCache:
    return ModelCache(catalogue(folder), torch.device("cpu"), torch.float32)


def test_a_model_is_loaded_once_and_kept(tiny_starter: Path) -> None:
    models = store(tiny_starter)
    assert models.get("starter") is models.get("starter")


def test_a_loaded_model_is_ready_to_draw_and_not_to_learn(tiny_starter: Path) -> None:
    model = store(tiny_starter).get("starter")
    parts = (
        model.sd.vae,
        model.sd.unet,
        model.sd.text.encoders[0],
        model.transparency.encoder,
        model.transparency.decoder,
    )
    assert not any(part.training or any(p.requires_grad for p in part.parameters()) for part in parts)


def test_only_safetensors_are_ever_loaded(tiny_starter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_starter, tmp_path / "model")
    weights = folder / "unet/diffusion_pytorch_model.safetensors"
    torch.save(store(tiny_starter).get("starter").sd.unet.state_dict(), weights.with_suffix(".bin"))
    weights.unlink()
    with pytest.raises(AcetateError, match="pickle, which can contain code") as refusal:
        store(folder).get("starter")
    assert refusal.value.code == "model_missing"


@pytest.mark.parametrize(
    "file",
    [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
        "transparency/decoder.safetensors",
        "vae/config.json",
        "tokenizer/tokenizer.json",
        "vocabulary.json",
    ],
)
def test_a_damaged_file_is_a_refusal_in_words(tiny_starter: Path, tmp_path: Path, file: str) -> None:
    folder = shutil.copytree(tiny_starter, tmp_path / "model")
    (folder / file).write_bytes((folder / file).read_bytes()[:20])
    with pytest.raises(AcetateError) as refusal:
        store(folder).get("starter")
    assert refusal.value.code == "model_missing"
    assert str(folder) in str(refusal.value)


def test_an_unknown_model_is_answered_with_the_nearest(tiny_starter: Path) -> None:
    with pytest.raises(AcetateError, match=r"there is no model 'startr': did you mean starter\?") as refusal:
        catalogue(tiny_starter).entry("startr")
    assert refusal.value.code == "unknown_model"


def test_the_native_size_of_a_plain_diffusers_folder_is_its_unets(tiny_starter: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_starter, tmp_path / "model")
    (folder / "vocabulary.json").unlink()
    assert catalogue(folder).entry("starter").native_size == 64


def test_the_text_encoder_reads_prompts_of_full_length(tiny_starter: Path) -> None:
    model = store(tiny_starter).get("starter")
    with torch.inference_mode():
        states = model.sd.text.encode(["", "a red apple"]).prompt_embeds
    assert states.shape == (2, 24, 16)
    assert states.dtype == torch.float32


@pytest.mark.parametrize(
    ("config", "factor", "shift"),
    [
        ({"scaling_factor": 0.5}, 2.0, 0.0),
        ({"scaling_factor": 0.5, "shift_factor": 0.25}, 2.0, 0.25),
        ({"scaling_factor": 0.5, "latents_mean": [0.25] * 4, "latents_std": [3.0] * 4}, 6.0, 0.25),
    ],
)
def test_latents_are_scaled_as_the_vae_says(config: dict[str, object], factor: float, shift: float) -> None:
    latent = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    assert torch.allclose(unscale_latents(latent, config), latent * factor + shift)
    assert torch.allclose(scale_latents(unscale_latents(latent, config), config), latent, atol=1e-6)
