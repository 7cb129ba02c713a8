"""Training of a flow model: a tiny FLUX.2 klein learns to draw transparent layers, and draws them as any job does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.image.sizes import Size
from acetate.models.backbones.flow_schedule import FlowSchedule
from acetate.models.backbones.stable_diffusion.samplers import get_sampler
from acetate.models.families import KLEIN, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.layers import run_layers
from acetate_lab.training.configs.runner import Finished, RunOptions
from acetate_lab.training.configs.schema import TextSettings
from acetate_lab.training.configs.text import run_text
from acetate_lab.training.configs.toml_reader import read_settings
from acetate_lab.training.configs.transparency import run_transparency
from acetate_lab.training.objectives import FlowObjective, NoiseLevels
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Lora, Rect
from diffusers import Flux2KleinPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.models.rgba_vae import trained_vae
from tests.models.tiny_native import KLEIN_SCHEDULE, flux2_vae, write_klein, write_qwen_layered
from tests.tiny_data import write_scenes, write_settings

LORA = '[method]\nlayers = "all"\nrank = 32\n'
QUICK = "[learning]\nrate = 1e-2\nwarm_up = 20\naverage = 0.95\n"
SIDE = 64


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "scenes"
    write_scenes(folder)
    return folder


@pytest.fixture(scope="module")
def klein(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / "klein"
    write_klein(folder, trained_vae())
    return folder


def order(config: Path, *, dry_run: bool = False) -> RunOptions:
    return RunOptions(config, dry_run, lambda line: None)


def store(folder: Path, files: dict[str, Path]) -> ModelCache:
    """Draws in the size of the training."""
    source = ModelSource(folder, replace(KLEIN, native_size=SIDE), KLEIN.licence, files=files)
    return ModelCache(ModelRegistry({"klein": source}), torch.device("cpu"), torch.float32)


def drawn(models: ModelCache, **fields: Any) -> Tensor:
    """The RGBA of one layer, "h w 4"."""
    request = LayerRequest(
        mode="text", model="klein", canvas=(SIDE, SIDE), target=Rect(0, 0, SIDE, SIDE),
        **{"prompt": "a red disc", "steps": 8, "guidance": 1.0, "seed": 3, "reply_format": "rgbaf32", **fields},
    )  # fmt: skip
    [layer] = run(request, {}, models, lambda progress: None)
    return layer.picture


def corners_and_middle(picture: Tensor) -> tuple[float, float]:
    """The largest alpha in the corners and the mean alpha in the middle."""
    alpha = picture[..., 3]
    parts = [alpha[rows, columns] for rows in (slice(0, 6), slice(-6, None)) for columns in (slice(0, 6), slice(-6, None))]
    return max(float(part.max()) for part in parts), float(alpha[24:40, 24:40].mean())


def unlearnt(file: Path, place: Path) -> Path:
    """The same LoRA before it was trained."""
    save_file({name: torch.zeros_like(value) for name, value in load_file(file).items()}, place)
    return place


@pytest.mark.slow
def test_klein_learns_to_draw_layers_with_clear_corners_and_an_opaque_middle(
    klein: Path, scenes: Path, tmp_path: Path
) -> None:
    config = write_settings(tmp_path / "a.toml", klein, scenes, steps=130, more=LORA + QUICK)
    config.write_text(config.read_text().replace("batch = 2", "batch = 6"))
    result = run_text(order(config))
    assert isinstance(result, Finished)
    [lora] = result.written
    assert all(name.startswith("transformer.") and ".lora_" in name for name in load_file(lora))

    nothing = store(klein, {"transparent_lora": unlearnt(lora, tmp_path / "unlearnt.safetensors")})
    models = store(klein, {"transparent_lora": lora})
    before, after = drawn(nothing), drawn(models)
    print(corners_and_middle(before), corners_and_middle(after))
    corner, middle = corners_and_middle(before)
    assert corner > 0.5 or middle < 0.5, "an untrained transformer draws no layer"
    for picture in (after, drawn(models, seed=4), drawn(models, prompt="a blue disc", seed=5)):
        corner, middle = corners_and_middle(picture)
        assert corner < 0.1 and middle > 0.9

    # As an artist's own LoRA it does the same, and with the opposite weight it undoes itself.
    assert torch.allclose(drawn(nothing, loras=(Lora(str(lora)),)), after, atol=1e-3)
    assert torch.allclose(drawn(models, loras=(Lora(str(lora), -1.0),)), before, atol=1e-2)
    assert torch.allclose(by_diffusers(klein, lora), after, atol=1e-3)


def by_diffusers(folder: Path, lora: Path) -> Tensor:
    """The layer that diffusers' own pipeline draws with a LoRA file."""
    pipeline = Flux2KleinPipeline.from_pretrained(folder)
    pipeline.load_lora_weights(str(lora))
    found = pipeline(
        prompt="a red disc", height=SIDE, width=SIDE, num_inference_steps=8, guidance_scale=1.0,
        generator=torch.Generator().manual_seed(3), output_type="pt",
    )  # fmt: skip
    picture: Tensor = found.images[0].permute(1, 2, 0)
    return picture
