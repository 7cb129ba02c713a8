"""The trainings keep their promises: resumable to the bit, harmless to what is frozen, honest captions."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate.transparency import load_upsampler
from acetate_lab.synthetic.backgrounds import BACKDROPS
from acetate_lab.training import packages
from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import EMA, Optimiser, OptimizerConfig, orthogonalised
from acetate_lab.training.rolling import Turnover
from acetate_lab.training.starter.caption_text import caption, train_tokenizer
from acetate_lab.training.starter.colours import dominant_colour, turn_hue
from acetate_lab.training.starter.concepts import load_concepts, without_colour
from acetate_lab.training.starter.dataset import PictureRecord, normalised, open_pictures
from acetate_lab.training.starter.wording import ROLES, article, with_role
from acetate_lab.training.trainer import Trainer
from PIL import Image
from safetensors.torch import load_file
from torch import nn

from tests.tiny_pictures import write_discs, write_keywords

APPLE = PictureRecord("red apple", ("red apple", "apple"), "3d", "set", "MIT", "food", "vocabulary", "red", True)

RUN = """
import sys, torch
from pathlib import Path
from torch import nn
from acetate_lab.training.trainer import Trainer, TrainerConfig
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.optimizer import EMA, OptimizerConfig, Optimiser

torch.manual_seed(0)
hardware = Distributed()
model = nn.Sequential(nn.Linear(16, 32), nn.Dropout(0.2), nn.Linear(32, 8))
average, optimiser = EMA(model), Optimiser([model], OptimizerConfig(1e-2, warm_up=5), hardware)

def take_step(step):
    x = torch.randn(8, 16, generator=Trainer.generator(step))
    loss = (model(x) - x[:, :8]).square().mean()
    loss.backward()
    optimiser.step(step, 150)
    average.update()
    return {"loss": loss.item()}

parts = {"model": model, "average": average, "optimiser": optimiser}
settings = TrainerConfig(steps=150, batch=8, checkpoint_seconds=0.05, report_seconds=5)
Trainer(Path(sys.argv[1]), parts, settings, lambda line: print(line, flush=True), hardware).run(take_step)
"""


def _run(folder: Path, *, kill_after: float | None = None) -> str:
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    if kill_after is not None:
        deadline = time.monotonic() + 60
        while not (folder / "checkpoint.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(kill_after)
        process.send_signal(signal.SIGKILL)
    return process.communicate(timeout=120)[0]


@pytest.mark.slow
def test_a_training_that_was_killed_ends_bit_for_bit_as_if_it_had_not_been(tmp_path: Path) -> None:
    _run(tmp_path / "whole")
    for pause in (0.05, 0.2):
        _run(tmp_path / "killed", kill_after=pause)
    said = _run(tmp_path / "killed")
    whole = torch.load(tmp_path / "whole/checkpoint.pt", weights_only=True)
    killed = torch.load(tmp_path / "killed/checkpoint.pt", weights_only=True)
    assert "going on after step" in said
    assert killed["step"] == whole["step"] == 150
    for name, value in whole["parts"]["model"].items():
        assert torch.equal(value, killed["parts"]["model"][name])
    assert torch.equal(
        whole["parts"]["average"]["values"]["0.weight"], killed["parts"]["average"]["values"]["0.weight"]
    )


def test_muon_steps_have_singular_values_near_one() -> None:
    update = torch.randn(24, 60, generator=torch.Generator().manual_seed(1))
    values = torch.linalg.svdvals(orthogonalised(update))
    assert values.min() > 0.6 and values.max() < 1.3


def test_an_average_leaves_the_module_as_it_was() -> None:
    module = nn.Linear(4, 4)
    average = EMA(module)
    kept = module.weight.detach().clone()
    with torch.no_grad():
        module.weight.add_(1)
    changed = module.weight.detach().clone()
    with average:
        assert torch.equal(module.weight, kept)
    assert torch.equal(module.weight, changed)


def test_the_learning_rate_rises_stays_and_falls_to_nothing() -> None:
    optimiser = Optimiser([nn.Linear(9, 9)], OptimizerConfig(1.0, warm_up=10, cool_down=0.5), Distributed())
    rates = [optimiser.rate(step, 100) for step in range(100)]
    assert rates[0] == 0.1
    assert rates[20] == rates[49] == 1.0
    assert 0 < rates[99] < 0.03


def test_a_turned_hue_is_always_named_and_never_contradicts_the_noun() -> None:
    for seed in range(40):
        text = caption(APPLE, "green", True, random.Random(seed))
        assert "green" in text and "red" not in text and "apple" in text


@pytest.mark.parametrize(
    ("phrase", "wanted"),
    [("apple", "an "), ("cat", "a "), ("glasses", ""), ("cactus", "a "), ("glass", "a ")],
)
def test_articles_are_english(phrase: str, wanted: str) -> None:
    assert article(phrase) == wanted


def test_only_a_colour_in_front_is_taken_from_a_noun() -> None:
    assert (without_colour("red apple"), without_colour("orange"), without_colour("hot dog")) == (
        "apple",
        "orange",
        "hot dog",
    )


def test_the_dominant_colour_is_that_of_the_visible_pixels() -> None:
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[..., :3] = (0, 0, 255)
    picture[2:6, 2:6] = (220, 20, 30, 255)
    assert dominant_colour(picture) == "red"
    assert dominant_colour(np.zeros((4, 4, 4), np.uint8)) == ""


def test_turning_the_hue_keeps_luma_and_a_full_turn_is_none() -> None:
    rgb = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.35
    luma = torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)
    turned = turn_hue(rgb, torch.tensor([0.2, 1.0]))
    assert torch.allclose((turned * luma).sum(1), (rgb * luma).sum(1), atol=2e-2)
    assert torch.allclose(turned[1], rgb[1], atol=1e-2)
    assert not torch.allclose(turned[0], rgb[0], atol=1e-2)


def test_a_view_at_rest_is_the_picture_itself() -> None:
    stored = np.zeros((1, 32, 32, 4), np.uint8)
    stored[0, 8:24, 8:24] = (200, 100, 50, 255)
    view = random_views(from_stored(stored), 16, RandomView((1.0, 1.0), 0.0, 0.0, mirror=False), Trainer.generator(0))
    assert torch.allclose(view[0, :, 4:12, 4:12], torch.tensor([200, 100, 50, 255]).view(4, 1, 1) / 255, atol=1e-4)
    assert view[0, 3, :4].max() == 0


def test_stored_pictures_are_centred_with_a_clear_margin() -> None:
    picture = Image.new("RGBA", (100, 60))
    picture.paste((10, 20, 30, 255), (5, 10, 45, 30))
    alpha = normalised(picture)[..., 3]
    rows, columns = np.where(alpha > 0)
    assert columns.min() + columns.max() == pytest.approx(255, abs=1)
    assert rows.min() + rows.max() == pytest.approx(255, abs=1)
    assert 14 <= columns.min() <= 17


def test_a_picture_with_nothing_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="fully transparent"):
        normalised(Image.new("RGBA", (8, 8)))


def test_held_out_things_are_not_in_the_vocabulary() -> None:
    uses: dict[str, set[str]] = {}
    for concept in load_concepts():
        uses.setdefault(concept.name, set()).add(concept.use)
    assert all(len(found) == 1 for found in uses.values())
    assert {"vocabulary", "held_out"} == {use for found in uses.values() for use in found}


def test_without_npm_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(packages.PackageError, match="install Node"):
        packages.fetch(packages.FLUENT, tmp_path)


@pytest.mark.slow
def test_the_whole_recipe_runs_and_what_it_writes_can_be_loaded(tmp_path: Path) -> None:
    from acetate.adapters.shared_attention import SharedAttention
    from acetate_lab.metrics.held_out import read_held_out
    from acetate_lab.training.starter.export import export_starter
    from acetate_lab.training.starter.recipe import RunControl, Stage, StarterRecipe, train_starter
    from diffusers import AutoencoderKL, UNet2DConditionModel

    write_discs(tmp_path / "runs/data")
    write_keywords(tmp_path / "cache")
    recipe = StarterRecipe(
        size=64,
        scenes=6,
        views=Turnover(4, 2, 2),
        drawings=Turnover(2, 2, 1),
        vae=Stage(3, 2, 1e-3),
        transparency=Stage(4, 2, 1e-3),
        text=Stage(3, 4, 1e-3),
        upsampler=Stage(2, 2, 1e-3),
        decoder=Stage(2, 3, 1e-3),
        layers=Stage(2, 2, 1e-3),
    )
    said: list[str] = []
    trained = train_starter(
        recipe, tmp_path / "runs", tmp_path / "cache", said.append, pace=RunControl(measure=True, processes=1)
    )
    for stage in ("vae", "transparency", "text", "upsampler", "decoder", "layers"):
        shares = [line.split() for line in said if line.startswith(f"{stage}: ")]
        assert shares and {"batch", "forward", "backward", "optimiser"} <= set(shares[-1]), "where the time goes"
        assert any(line.startswith(f"{stage} ") and "pictures/s" in line for line in said)
    export_starter(trained, recipe, tmp_path / "cache", tmp_path / "model")

    vae = AutoencoderKL.from_pretrained(tmp_path / "model/vae")
    assert vae.config.scaling_factor == pytest.approx(trained.scaling_factor)
    unet = UNet2DConditionModel.from_pretrained(tmp_path / "model/unet")
    assert unet.config.in_channels == 4
    assert SharedAttention(unet, 3, load_file(tmp_path / "model/layers/joint.safetensors")).layers.frames == 3
    encoder = load_file(tmp_path / "model/transparency/encoder.safetensors")
    assert encoder["blocks.16.weight"].abs().max() > 0, "the offset was trained"
    assert load_upsampler(tmp_path / "model/upsampler").conv_out.weight.abs().max() > 0, "so was the upsampler"
    held_out = read_held_out(tmp_path / "model/held_out")
    assert len(held_out.about) == 3
    assert held_out.pictures.shape[-1] == 128, "as large as what the upsampler makes"
    assert list((tmp_path / "runs/text").glob("sheet-*.png"))
    assert len(open_pictures(tmp_path / "runs/data").indices("held_out")) == 3


def test_a_training_goes_on_from_a_finished_model_and_leaves_its_vae(tiny_starter: Path, tmp_path: Path) -> None:
    from acetate_lab.training.small_checkpoints import SmallCheckpoints
    from acetate_lab.training.starter.recipe import RunControl, Stage, StarterRecipe, train_starter
    from acetate_lab.training.trainer import Deadline

    write_discs(tmp_path / "runs/data")
    stage, nothing = Stage(1, 2, 1e-3), Stage(0, 2, 1e-3)
    recipe = StarterRecipe(
        size=64,
        scenes=4,
        views=Turnover(4, 1, 9),
        transparency=nothing,
        upsampler=stage,
        text=stage,
        decoder=nothing,
        layers=stage,
    )
    pace = RunControl(small=SmallCheckpoints(tmp_path / "runs/parts", 2**18))
    trained = train_starter(recipe, tmp_path / "runs", tmp_path / "cache", lambda line: None, tiny_starter, pace)
    for file, module in (
        ("vae/diffusion_pytorch_model.safetensors", trained.transparency.vae),
        ("transparency/decoder.safetensors", trained.transparency.decoder),
    ):
        for name, value in load_file(tiny_starter / file).items():
            assert torch.equal(module.state_dict()[name], value.float()), "no steps, no change"
    before = load_file(tiny_starter / "unet/diffusion_pytorch_model.safetensors")
    assert any(not torch.equal(value, before[name]) for name, value in trained.unet.state_dict().items())

    parts = list((tmp_path / "runs/parts").iterdir())
    assert len(parts) > 1 and max(part.stat().st_size for part in parts) <= 2**18
    write_discs(tmp_path / "home/data")
    shutil.copytree(tmp_path / "runs/parts", tmp_path / "home/parts")
    pace = RunControl(Deadline.after(0), small=SmallCheckpoints(tmp_path / "home/parts", None))
    home = train_starter(recipe, tmp_path / "home", tmp_path / "cache", lambda line: None, tiny_starter, pace)
    for name in ("unet", "text_encoder", "upsampler", "sharing"):
        carried, there = getattr(home, name).state_dict(), getattr(trained, name).state_dict()
        trainable = {key for key, _ in getattr(trained, name).named_parameters()}
        for key in trainable:
            assert torch.equal(carried[key], there[key].half().float()), f"{name} {key} came home in half precision"
    assert {path.name for path in (tmp_path / "home").iterdir()} >= {"text", "layers"}
    assert not (tmp_path / "home/scenes").exists(), "and nothing was made for it"


def test_without_time_what_there_is_is_written_and_nothing_is_begun(tiny_starter: Path, tmp_path: Path) -> None:
    from acetate_lab.training.starter.recipe import RunControl, Stage, StarterRecipe, train_starter
    from acetate_lab.training.trainer import Deadline

    write_discs(tmp_path / "runs/data")
    stage = Stage(3, 2, 1e-3)
    recipe = StarterRecipe(size=64, transparency=stage, upsampler=stage, text=stage, decoder=stage, layers=stage)
    pace = RunControl(Deadline.after(0))
    trained = train_starter(recipe, tmp_path / "runs", tmp_path / "cache", lambda line: None, tiny_starter, pace)
    for file, module in (
        ("unet/diffusion_pytorch_model.safetensors", trained.unet),
        ("transparency/decoder.safetensors", trained.transparency.decoder),
    ):
        for name, value in load_file(tiny_starter / file).items():
            assert torch.equal(module.state_dict()[name], value.float())
    made = {path.name for path in (tmp_path / "runs").iterdir()}
    assert not made & {"latents", "drawn", "scenes"}, "nothing was encoded or drawn for it"
    assert trained.scaling_factor == 0.5, "latents keep the scale that the UNet knows"


def test_a_text_encoder_keeps_the_words_that_another_tokenizer_shares(tiny_starter: Path, tmp_path: Path) -> None:
    from acetate_lab.training.text_training import take_words
    from transformers import CLIPTextModel, CLIPTokenizer

    encoder = CLIPTextModel.from_pretrained(tiny_starter / "text_encoder").float().eval()
    before = CLIPTokenizer.from_pretrained(tiny_starter / "tokenizer")
    after = train_tokenizer([APPLE], tmp_path)
    learnt = encoder.get_input_embeddings().weight.clone()
    take_words(encoder, before, after)
    shared = before.get_vocab().keys() & after.get_vocab().keys()
    assert {"<|startoftext|>", "<|endoftext|>", "a</w>"} <= shared
    table = encoder.get_input_embeddings().weight
    for token in shared:
        assert torch.equal(table[after.get_vocab()[token]], learnt[before.get_vocab()[token]])
    assert len(table) == encoder.config.vocab_size == len(after)
    assert encoder.config.eos_token_id == after.eos_token_id


def test_a_role_is_one_token_that_the_saved_tokenizer_keeps(tmp_path: Path) -> None:
    from transformers import CLIPTokenizer

    tokenizer = train_tokenizer([APPLE], tmp_path)
    opened = CLIPTokenizer.from_pretrained(tmp_path)
    assert len(opened) == len(tokenizer)
    start, *words, end = tokenizer("A red apple").input_ids
    marks = set()
    for role in ROLES:
        ids = opened(with_role(role, "A red apple")).input_ids
        assert [ids[0], *ids[2:]] == [start, *words, end]
        assert opened(with_role(role, "")).input_ids == [start, ids[1], end]
        marks.add(ids[1])
    assert len(marks) == len(ROLES) and max(marks) < len(opened)


def test_scenes_are_asked_for_with_one_prompt_or_one_a_layer_and_never_given_whole() -> None:
    from acetate_lab.training.starter.scenes import GIVEN, scene_prompts

    assert sum(share for _, share in GIVEN) == pytest.approx(1)
    assert all(len(frames) < 3 for frames, _ in GIVEN), "something is left to be made"
    ways = {scene_prompts("a cat", "meadow", random.Random(seed)) for seed in range(60)}
    assert any(fore == "a cat" and "meadow" in back and "cat" not in back for fore, back, _ in ways)
    assert any(fore == back == blend and "cat" in fore and "meadow" in fore for fore, back, blend in ways)


@pytest.mark.parametrize("name", sorted(BACKDROPS))
def test_a_backdrop_fills_the_whole_picture_and_is_another_each_time(name: str) -> None:
    first, words = BACKDROPS[name].render(np.random.default_rng(1), 48)
    again, _ = BACKDROPS[name].render(np.random.default_rng(1), 48)
    other, _ = BACKDROPS[name].render(np.random.default_rng(2), 48)
    assert (first[..., 3] == 255).all()
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert set(words) <= set(BACKDROPS[name].colours)


def test_words_of_roles_groups_and_changes_reach_the_vocabulary_and_the_tokenizer(tmp_path: Path) -> None:
    from acetate.models.vocabulary import load_vocabulary
    from acetate_lab.training.starter.caption_text import write_vocabulary

    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/emoji-en-US.json").write_text("{}")
    words = ("woman", "lady", "woman with messy hair")
    woman = replace(APPLE, name="woman", words=words, style="painted", category="people", colour="")
    other = replace(woman, words=("woman", "lady", "woman with curly blue hair"))
    mouse = replace(APPLE, name="mouse", words=("mouse",), colour="grey")
    records = [woman, other, mouse, APPLE]
    write_vocabulary(tmp_path / "vocabulary.json", 128, records, load_concepts(), tmp_path)
    vocabulary = load_vocabulary(tmp_path)
    assert vocabulary is not None
    assert vocabulary.roles == ROLES
    for prompt in (
        "a lady with messy hair and two mice",
        "three red apples next to a woman with curly hair",
        "an old silver apple on a big spotted dark blue mouse",
        "a small shiny gold apple beside a pale copper striped mouse",
    ):
        assert vocabulary.unknown(prompt) == ()
    tokenizer = train_tokenizer(records, tmp_path / "tokenizer")
    for word in ("woman", "messy", "hair", "mice", "apples", "striped", "copper", "next", "three"):
        assert len(tokenizer(word).input_ids) == 3, f"{word} is one piece"
