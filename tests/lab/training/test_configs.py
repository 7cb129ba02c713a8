"""Trainings from a TOML file: what they write can be loaded by others, and nothing that is frozen moves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from acetate.adapters.deltas import read_deltas
from acetate.adapters.shared_attention import SharedAttention
from acetate.models.transparency_loader import new_decoder, new_encoder
from acetate.transparency import OffsetEncoder, TransparentDecoder
from acetate.transparency.files import load, save
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.export import original_names, save_transparency
from acetate_lab.training.configs.layers import run_layers
from acetate_lab.training.configs.loading import open_transparency, open_vae
from acetate_lab.training.configs.runner import Finished, RunOptions
from acetate_lab.training.configs.schema import ModelSettings, TextSettings
from acetate_lab.training.configs.text import run_text
from acetate_lab.training.configs.toml_reader import read_settings
from acetate_lab.training.configs.transparency import run_transparency
from acetate_wire.errors import AcetateError
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file, save_file

from tests.tiny_data import write_scenes, write_settings

NETWORKS = """
[networks]
encoder = [8, 8, 8, 8, 8, 8, 8, 8]
decoder = [8, 8, 8, 8]
decoder_layers = 1
"""


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "scenes"
    write_scenes(folder)
    return folder


def order(config: Path, *, dry_run: bool = False) -> RunOptions:
    return RunOptions(config, dry_run, lambda line: None)


def unet_of(model: Path) -> UNet2DConditionModel:
    return UNet2DConditionModel.from_pretrained(model / "unet").float()


def test_transparency_is_trained_around_a_vae_that_stays_as_it_is(
    tiny_starter: Path, scenes: Path, tmp_path: Path
) -> None:
    bare = tmp_path / "bare"
    for part in ("vae", "unet"):
        bare.joinpath(part).parent.mkdir(exist_ok=True)
        bare.joinpath(part).symlink_to(tiny_starter / part)
    before = load_file(bare / "vae/diffusion_pytorch_model.safetensors")
    config = write_settings(tmp_path / "a.toml", bare, scenes, steps=4, more=NETWORKS)
    result = run_transparency(order(config))
    assert isinstance(result, Finished)
    found = load(tmp_path / "a-result/transparency")
    assert found.encoder.state_dict()["blocks.16.weight"].abs().max() > 0, "the offset was trained"
    assert found.multiplier > 0
    assert list((tmp_path / "a-run").glob("sheet-*.png"))
    for name, value in load_file(bare / "vae/diffusion_pytorch_model.safetensors").items():
        assert torch.equal(value, before[name])


def test_published_transparency_files_are_read_and_written_with_the_factor_in_the_weights(
    tiny_starter: Path, tmp_path: Path
) -> None:
    encoder = OffsetEncoder(channels=(8, 8, 16, 16, 16, 16, 8, 8))
    decoder = TransparentDecoder(block_out_channels=(8, 8, 8, 16, 16), layers_per_block=1)
    with torch.no_grad():
        encoder.get_parameter("blocks.16.weight").normal_(std=1e-3)
    for name, part in (("encoder", encoder), ("decoder", decoder)):
        save_file(part.state_dict(), tmp_path / f"{name}.safetensors")
    settings = ModelSettings(
        str(tiny_starter), None, tmp_path / "encoder.safetensors", tmp_path / "decoder.safetensors", 300.0
    )
    model = open_transparency(settings, tiny_starter, open_vae(tiny_starter))
    assert model is not None and model.multiplier == 300
    save_transparency(tmp_path / "result", model)

    again = new_encoder(weights := load_file(tmp_path / "result/vae_transparent_encoder.safetensors"))
    again.load_state_dict(weights)
    picture = torch.rand(1, 4, 64, 64, generator=torch.Generator().manual_seed(1))
    assert torch.allclose(again.forward(picture), encoder.forward(picture) * 300, atol=1e-3)
    read = new_decoder(weights := load_file(tmp_path / "result/vae_transparent_decoder.safetensors"))
    read.load_state_dict(weights)
    assert load(tmp_path / "result/transparency").multiplier == 300


@pytest.mark.parametrize("method", ["lora", "attention", "convolutions"])
def test_what_text_training_writes_says_the_same_in_every_form(
    tiny_starter: Path, scenes: Path, tmp_path: Path, method: str
) -> None:
    more = f'[method]\ntrain = "{method}"\nrank = 2\nsave = ["published", "diffusers", "model"]\n'
    more += "[learning]\nrate = 0.1\nwarm_up = 1\naverage = 0.1\n"
    config = write_settings(
        tmp_path / "a.toml", tiny_starter, scenes, steps=6, more=more, run="gradient_checkpointing = true"
    )
    result = run_text(order(config))
    assert isinstance(result, Finished)
    published, full, model = result.written
    kind = "::lora::" if method == "lora" else "::diff::"
    assert all(key.startswith("diffusion_model.") and kind in key for key in load_file(published))

    base, merged, whole = unet_of(tiny_starter), unet_of(model).state_dict(), load_file(full)
    compact = read_deltas(published, base)
    assert compact.keys() == whole.keys()
    for name, value in base.state_dict().items():
        delta = whole[name].float() if name in whole else torch.zeros_like(value)
        assert torch.allclose(merged[name], value + delta, atol=1e-3)
        if name in compact:
            assert torch.allclose(compact[name].unscaled(torch.device("cpu")) * compact[name].scale, delta, atol=1e-3)
    assert max(value.abs().max() for value in whole.values()) > 2e-3, "something was learnt"
    assert (model / "vocabulary.json").is_file(), "the model is whole"


def test_a_model_is_saved_with_the_transparency_that_it_was_trained_with_and_without_its_bases_card(
    tiny_starter: Path, scenes: Path, tmp_path: Path
) -> None:
    base = shutil.copytree(tiny_starter, tmp_path / "base")
    (base / "README.md").write_text("The base reaches 31 dB.")
    own = load(tiny_starter / "transparency")
    for weights in own.encoder.requires_grad_(False).parameters():
        weights.add_(0.25)
    save(tmp_path / "own", own)
    more = '[method]\nrank = 2\nsave = ["model"]\n'
    config = write_settings(tmp_path / "a.toml", base, scenes, steps=1, more=more)
    config.write_text(config.read_text().replace("[model]", '[model]\ntransparency = "own"', 1))
    result = run_text(order(config))
    assert isinstance(result, Finished)
    (model,) = result.written
    assert not (model / "README.md").exists()
    found, wanted = load(model / "transparency").encoder.state_dict(), own.encoder.state_dict()
    assert all(torch.allclose(found[name], value, atol=1e-3) for name, value in wanted.items())


@pytest.mark.parametrize(
    ("sharing", "name", "frames", "control"),
    [
        ('frames = ["foreground"]', "transparent_attn", 1, False),
        ("given = 0.5", "joint", 3, False),
        ('frames = ["background", "blend"]\ncontrol = "foreground"\ncontrol_channels = 16', "fg2bg", 2, True),
    ],
)
def test_layers_are_trained_and_written_under_the_published_names(
    tiny_starter: Path, scenes: Path, tmp_path: Path, sharing: str, name: str, frames: int, control: bool
) -> None:
    more = f"[sharing]\nrank = 2\n{sharing}\n"
    config = write_settings(tmp_path / "a.toml", tiny_starter, scenes, more=more)
    result = run_layers(order(config))
    assert isinstance(result, Finished)
    [path] = result.written
    assert path.stem == name
    weights = load_file(path)
    attached = SharedAttention(unet_of(tiny_starter), frames, {k: v.float() for k, v in weights.items()})
    assert (attached.layers.kwargs_encoder is not None) == control
    assert any(value.abs().max() > 0 for key, value in weights.items() if "temporal_o" in key or "lora" in key)


def test_the_settings_lie_beside_the_result_with_every_default(
    tiny_starter: Path, scenes: Path, tmp_path: Path
) -> None:
    config = write_settings(tmp_path / "a.toml", tiny_starter, scenes, steps=1, more="[method]\nrank = 2\n")
    run_text(order(config))
    assert (tmp_path / "a-result/training.toml").read_text() == config.read_text()
    complete = json.loads((tmp_path / "a-result/training.json").read_text())
    assert complete["settings"]["method"] == {
        "train": "lora",
        "layers": "attention",
        "rank": 2,
        "save": ["published", "diffusers"],
    }
    assert complete["versions"]["torch"].startswith(torch.__version__.split("+")[0])


def test_a_dry_run_measures_and_leaves_nothing(tiny_starter: Path, scenes: Path, tmp_path: Path) -> None:
    config = write_settings(tmp_path / "a.toml", tiny_starter, scenes, steps=500, more=NETWORKS)
    found = run_transparency(order(config, dry_run=True))
    assert isinstance(found, Estimate)
    own = load(tiny_starter / "transparency")
    assert found.trained == sum(4 * p.numel() for part in (own.encoder, own.decoder) for p in part.parameters())
    assert found.weights > found.trained and found.peak > found.weights
    assert found.step_seconds is not None and found.seconds == pytest.approx(500 * found.step_seconds)
    assert found.fits
    assert not (tmp_path / "a-run").exists() and not (tmp_path / "a-result").exists()


RESUMED = """
import sys
from pathlib import Path
from acetate_lab.training.configs.runner import RunOptions
from acetate_lab.training.configs.layers import run_layers
run_layers(RunOptions(Path(sys.argv[1]), False, lambda line: print(line, flush=True)))
"""


@pytest.mark.slow
def test_layers_that_were_killed_while_they_were_trained_end_as_if_they_had_not_been(
    tiny_starter: Path, scenes: Path, tmp_path: Path
) -> None:
    more = "[sharing]\nrank = 2\ngiven = 0.5\n"
    results = []
    for name in ("whole", "killed"):
        config = write_settings(
            tmp_path / f"{name}.toml", tiny_starter, scenes, steps=40, more=more, run="checkpoint_seconds = 0.05"
        )
        command = [sys.executable, "-c", RESUMED, str(config)]
        quiet = {**os.environ, "OMP_NUM_THREADS": "1"}
        if name == "killed":
            process = subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL)
            deadline = time.monotonic() + 120
            while not (tmp_path / "killed-run/checkpoint.pt").exists() and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
        said = subprocess.run(command, env=quiet, capture_output=True, text=True, check=True, timeout=300).stdout
        assert ("going on after step" in said) == (name == "killed")
        results.append(load_file(tmp_path / f"{name}-result/joint.safetensors"))
    assert all(torch.equal(value, results[1][key]) for key, value in results[0].items())


@pytest.mark.slow
def test_two_processes_learn_as_one_does_from_both_their_batches(
    tiny_starter: Path, scenes: Path, tmp_path: Path
) -> None:
    def settings(name: str, accumulate: int) -> Path:
        more = "[sharing]\nrank = 2\n[learning]\nrate = 1e-2\nwarm_up = 1\n"
        run = f'precision = "float32"\naccumulate = {accumulate}'
        return write_settings(tmp_path / f"{name}.toml", tiny_starter, scenes, more=more, run=run)

    run_layers(order(settings("one", 2)))
    launch = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "acetate"]
    command = [sys.executable, "-m", *launch, "train", "layers"]
    done = subprocess.run(
        [*command, str(settings("two", 1))],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("written: ") == 1, "one of them writes"
    one, two = (load_file(tmp_path / f"{name}-result/joint.safetensors") for name in ("one", "two"))
    for key, value in one.items():
        if "temporal_o" in key:  # these start at zero
            assert (value - two[key]).float().abs().mean() < value.float().abs().mean() / 50


@pytest.mark.parametrize(
    ("wrong", "field", "hint"),
    [
        ("stepz = 3", "run.stepz", "did you mean steps?"),
        ("accumulate = 0", "run.accumulate", ">= 1"),
        ('precision = "fp16"', "run.precision", "auto, bf16, float32"),
        ("seed = 1.5", "run.seed", "int"),
    ],
)
def test_a_wrong_setting_is_named_with_the_way_out(tmp_path: Path, wrong: str, field: str, hint: str) -> None:
    config = write_settings(tmp_path / "a.toml", tmp_path, tmp_path, run=wrong)
    with pytest.raises(AcetateError) as refused:
        read_settings(config, TextSettings)
    assert refused.value.field == field and hint in str(refused.value)


@pytest.mark.parametrize(
    ("sharing", "field"),
    [
        ('frames = ["blend", "blend"]', "sharing.frames"),
        ('control = "blend"', "sharing.control"),
        ('frames = ["foreground"]\ngiven = 0.5', "sharing.given"),
    ],
)
def test_layers_that_contradict_one_another_are_refused(tmp_path: Path, sharing: str, field: str) -> None:
    config = write_settings(tmp_path / "a.toml", tmp_path, tmp_path, more=f"[sharing]\n{sharing}\n")
    with pytest.raises(AcetateError) as refused:
        run_layers(order(config))
    assert refused.value.field == field


def test_every_parameter_of_the_published_models_has_its_original_name() -> None:
    sdxl = {
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "block_out_channels": (320, 640, 1280),
        "transformer_layers_per_block": (1, 2, 10),
        "cross_attention_dim": 2048,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 2816,
    }
    for shape in (sdxl, {"cross_attention_dim": 768}):
        with torch.device("meta"):
            unet = UNet2DConditionModel(**shape)
        names = original_names(unet)
        assert names.keys() == {name for name, _ in unet.named_parameters()}
        assert len(set(names.values())) == len(names)
    assert names["up_blocks.0.upsamplers.0.conv.weight"] == "output_blocks.2.1.conv.weight"
    assert names["up_blocks.1.upsamplers.0.conv.weight"] == "output_blocks.5.2.conv.weight"
    assert names["down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q.weight"] == (
        "input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight"
    )
