"""Training of a flow model: a tiny FLUX.2 klein learns to draw transparent layers, and draws them as any job does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from acetate.models.backbones.flow_schedule import FlowSchedule
from acetate.models.families import KLEIN, QWEN_IMAGE21, ModelSource
from acetate.models.model_cache import ModelCache
from acetate.models.registry import ModelRegistry
from acetate.pipelines import run
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.layers import run_layers
from acetate_lab.training.configs.runner import Finished, RunOptions
from acetate_lab.training.configs.text import run_text
from acetate_lab.training.configs.transparency import run_transparency
from acetate_lab.training.objectives import FlowObjective, NoiseLevels
from acetate_wire.errors import AcetateError
from acetate_wire.request import LayerRequest, Lora, Rect
from diffusers import Flux2KleinPipeline
from safetensors.torch import load_file, save_file
from torch import Tensor

from tests.models.rgba_vae import trained_vae
from tests.models.tiny_native import KLEIN_SCHEDULE, flux2_vae, write_klein, write_qwen_image21, write_qwen_layered
from tests.tiny_data import write_scenes, write_settings

LORA = '[method]\nlayers = "all"\nrank = 32\n'
QUICK = "[learning]\nrate = 2e-2\nwarm_up = 20\naverage = 0.95\n"
SIDE = 64
RUN = 'precision = "float32"\nsheet_prompts = ["a red disc"]\n'
"""Sample sheets of one picture."""


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
        mode="text", canvas=(SIDE, SIDE), target=Rect(0, 0, SIDE, SIDE),
        reply_format="rgbaf32",
        **{"model": "klein", "prompt": "a red disc", "steps": 8, "guidance": 1.0, "seed": 3, **fields},
    )  # fmt: skip
    [layer] = run(request, {}, models, lambda progress: None)
    return layer.picture


def corners_and_middle(picture: Tensor) -> tuple[float, float]:
    """The largest alpha in the corners and the mean alpha in the middle."""
    alpha = picture[..., 3]
    parts = [
        alpha[rows, columns] for rows in (slice(0, 6), slice(-6, None)) for columns in (slice(0, 6), slice(-6, None))
    ]
    return max(float(part.max()) for part in parts), float(alpha[24:40, 24:40].mean())


@pytest.mark.parametrize("levels", ["logit_normal", "sampler", "uniform"])
def test_noise_levels_are_those_between_picture_and_noise(levels: NoiseLevels) -> None:
    objective = flow_objective(levels)
    times = objective.draw_times(4000, torch.Generator().manual_seed(1))
    assert 0 <= float(times.min()) < 100 and 900 < float(times.max()) <= 1000
    middle = {"logit_normal": 0.5, "uniform": 0.5, "sampler": 0.75}[levels]
    assert float(times.mean()) / 1000 == pytest.approx(middle, abs=0.1)
    near = float(((times - 500).abs() < 250).float().mean())
    assert (near > 0.65) == (levels == "logit_normal"), "a logit-normal level is mostly in the middle"


def test_what_is_learnt_leads_from_noise_to_the_picture_along_the_sampler_s_path() -> None:
    objective = flow_objective("uniform")
    latents, noise = torch.randn(2, 3, 16, 4, 4, generator=torch.Generator().manual_seed(1))
    schedule = objective.schedule(5, (16, 4, 4))
    for index, time in enumerate(schedule.timesteps):
        times = time.expand(3)
        noisy = objective.add_noise(latents, noise, times)
        assert torch.allclose(noisy, schedule.add_noise(latents, noise, index), atol=1e-5)
        velocity = objective.target(latents, noise, times)
        assert torch.allclose(schedule.predict_x0(noisy, velocity, index), latents, atol=1e-5)
    assert torch.equal(objective.add_noise(latents, noise, torch.zeros(3)), latents), "time 0 is without noise"


def flow_objective(levels: NoiseLevels) -> FlowObjective:
    def schedule(steps: int, shape: tuple[int, int, int]) -> FlowSchedule:
        return FlowSchedule.of(KLEIN_SCHEDULE, [1 - step / steps for step in range(steps)], 1.2, "cpu")

    return FlowObjective(schedule, 6, (16, 4, 4), levels)


def test_a_training_that_was_broken_off_ends_as_if_it_had_not_been(
    klein: Path, scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for name in ("whole", "broken"):
        run = RUN + 'checkpoint_seconds = 1e-6\nnoise_levels = "sampler"'
        config = write_settings(tmp_path / f"{name}.toml", klein, scenes, steps=5, more=LORA + QUICK, run=run)
        if name == "broken":
            with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
                patched.setattr(FlowObjective, "target", interrupted(FlowObjective.target, after=3))
                run_text(order(config))
            assert torch.load(tmp_path / "broken-run/checkpoint.pt", weights_only=True)["step"] == 3
        result = run_text(order(config))
        assert isinstance(result, Finished)
        files.append(result.written[0].read_bytes())
    assert files[0] == files[1]


def interrupted(method: Any, after: int) -> Any:
    calls = 0

    def wrapped(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > after:
            raise KeyboardInterrupt
        return method(*given)

    return wrapped


def test_a_dry_run_counts_what_is_trained_and_leaves_nothing(klein: Path, scenes: Path, tmp_path: Path) -> None:
    config = write_settings(tmp_path / "a.toml", klein, scenes, steps=500, more="[method]\nrank = 4\n", run=RUN)
    found = run_text(order(config, dry_run=True))
    assert isinstance(found, Estimate)
    shapes = load_file(klein / "transformer/diffusion_pytorch_model.safetensors")
    attention = [value for name, value in shapes.items() if ".attn." in name and value.ndim == 2]
    assert found.trained == sum(4 * 4 * sum(value.shape) for value in attention)
    assert found.step_seconds is not None and found.weights > found.trained
    assert not (tmp_path / "a-result").exists() and not (tmp_path / "a-run/checkpoint.pt").exists()


def test_alpha_hidden_in_the_latents_of_a_vae_without_it_is_trained_learnt_and_drawn(
    scenes: Path, tmp_path: Path
) -> None:
    base = tmp_path / "opaque"
    write_klein(base, flux2_vae(3))
    networks = "[networks]\nencoder = [8, 8, 8, 8, 8, 8, 8, 8]\ndecoder = [8, 8, 8, 8]\ndecoder_layers = 1\n"
    hidden = run_transparency(order(write_settings(tmp_path / "vae.toml", base, scenes, more=networks + QUICK)))
    assert isinstance(hidden, Finished)
    config = write_settings(
        tmp_path / "a.toml", base, scenes, steps=2, more='[method]\nrank = 2\nsave = ["model"]\n', run=RUN
    )
    with pytest.raises(AcetateError) as refused:
        run_text(order(config))
    assert refused.value.field == "model.transparency"
    config.write_text(config.read_text().replace("[model]", f'[model]\ntransparency = "{hidden.written[0]}"', 1))
    result = run_text(order(config))
    assert isinstance(result, Finished)
    [model] = result.written
    assert store(base, {}).registry.entry("klein").modes == ()
    models = store(model, {})
    assert models.registry.entry("klein").modes == ("text",)
    layer = drawn(models, steps=2)
    loaded: Any = models.get("klein").backbone
    plain = loaded.vae.config.in_channels
    assert plain == 3 and loaded.transparency.multiplier > 0
    assert layer.shape == (SIDE, SIDE, 4) and float(layer[..., 3].std()) > 0, "alpha is not that of an opaque picture"


def test_qwen_image_21_learns_too_and_draws_with_its_lora(scenes: Path, tmp_path: Path) -> None:
    base = tmp_path / "qwen"
    write_qwen_image21(base)
    config = write_settings(tmp_path / "a.toml", base, scenes, more=LORA + QUICK, run=RUN)
    result = run_text(order(config))
    assert isinstance(result, Finished)
    [lora] = result.written
    source = ModelSource(base, replace(QWEN_IMAGE21, native_size=SIDE), QWEN_IMAGE21.licence)
    models = ModelCache(ModelRegistry({"qwen": source}), torch.device("cpu"), torch.float32)
    plain = drawn(models, model="qwen", steps=2)
    learnt = drawn(models, model="qwen", steps=2, loras=(Lora(str(lora)),))
    assert learnt.shape == (SIDE, SIDE, 4) and bool(learnt.isfinite().all()) and not torch.equal(learnt, plain)
    assert torch.equal(drawn(models, model="qwen", steps=2), plain)
    with pytest.raises(AcetateError) as refused:
        run_transparency(order(write_settings(tmp_path / "vae.toml", base, scenes)))
    assert refused.value.field == "model.base" and "acetate train text" in str(refused.value)


@pytest.mark.parametrize(
    ("more", "run", "field", "hint"),
    [
        ('[method]\ntrain = "attention"\n', "", "method.train", '"lora"'),
        ('[method]\nlayers = "some"\n', "", "method.layers", "attention, all"),
        ("", 'noise_levels = "cosine"', "run.noise_levels", "logit_normal, sampler, uniform"),
    ],
)
def test_what_a_transformer_cannot_learn_is_named(
    klein: Path, scenes: Path, tmp_path: Path, more: str, run: str, field: str, hint: str
) -> None:
    with pytest.raises(AcetateError) as refused:
        run_text(order(write_settings(tmp_path / "a.toml", klein, scenes, more=more, run=run)))
    assert refused.value.field == field and hint in str(refused.value)


def test_trainings_that_do_not_go_with_a_model_say_which_do(klein: Path, scenes: Path, tmp_path: Path) -> None:
    layered = tmp_path / "layered"
    write_qwen_layered(layered)
    for train, base, way in (
        (run_transparency, klein, "acetate train text"),
        (run_layers, klein, "acetate train text"),
        (run_text, layered, "another family"),
    ):
        with pytest.raises(AcetateError) as refused:
            train(order(write_settings(tmp_path / "a.toml", base, scenes)))
        assert refused.value.field == "model.base" and way in str(refused.value)


def unlearnt(file: Path, place: Path) -> Path:
    """The same LoRA before it was trained."""
    save_file({name: torch.zeros_like(value) for name, value in load_file(file).items()}, place)
    return place


@pytest.mark.slow
def test_klein_learns_to_draw_layers_with_clear_corners_and_an_opaque_middle(
    klein: Path, scenes: Path, tmp_path: Path
) -> None:
    config = write_settings(tmp_path / "a.toml", klein, scenes, steps=130, more=LORA + QUICK, run=RUN)
    config.write_text(config.read_text().replace("batch = 2", "batch = 6"))
    result = run_text(order(config))
    assert isinstance(result, Finished)
    [lora] = result.written
    assert all(name.startswith("transformer.") and ".lora_" in name for name in load_file(lora))

    nothing = store(klein, {"transparent_lora": unlearnt(lora, tmp_path / "unlearnt.safetensors")})
    models = store(klein, {"transparent_lora": lora})
    before, after = drawn(nothing), drawn(models)
    corner, middle = corners_and_middle(before)
    assert corner > 0.2 and middle < 0.8, "an untrained transformer draws no layer"
    for picture in (after, drawn(models, seed=4), drawn(models, prompt="a blue disc", seed=5)):
        corner, middle = corners_and_middle(picture)
        assert corner < 0.12 and middle > 0.9

    # As an artist's own LoRA it does the same, and with the opposite weight it undoes itself.
    assert torch.allclose(drawn(nothing, loras=(Lora(str(lora)),)), after, atol=1e-3)
    assert torch.allclose(drawn(models, loras=(Lora(str(lora), -1.0),)), before, atol=1e-2)
    assert torch.allclose(by_diffusers(klein, lora), after, atol=1e-3)


def by_diffusers(folder: Path, lora: Path) -> Tensor:
    """The layer that diffusers' own pipeline draws with a LoRA file."""
    backbone: Any = store(folder, {"transparent_lora": lora}).get("klein").backbone
    pipeline: Flux2KleinPipeline = backbone._pipeline
    pipeline.load_lora_weights(str(lora))
    found = pipeline(
        prompt="a red disc", height=SIDE, width=SIDE, num_inference_steps=8, guidance_scale=1.0,
        generator=torch.Generator().manual_seed(3), output_type="pt",
    )  # fmt: skip
    picture: Tensor = found.images[0].permute(1, 2, 0)
    return picture
