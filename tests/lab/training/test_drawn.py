"""The starter's decoder learns on drawn latents; samples are replaced while a run goes on; a run can end in time."""

from __future__ import annotations

import math
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from acetate_lab.training.decoding import DecoderBatch, agreement, settled, train_decoder
from acetate_lab.training.diffusion import InitLatents, sample_latents
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.objectives import DiffusionObjective
from acetate_lab.training.optimizer import Muon, OptimizerConfig, orthogonalised
from acetate_lab.training.rolling import Rolling, Slice, Turnover
from acetate_lab.training.starter.dataset import PictureRecord, PictureSet
from acetate_lab.training.starter.generated_latents import Artist, drawn_batches
from acetate_lab.training.starter.networks import open_transparency
from acetate_lab.training.text_training import noise_scheduler
from acetate_lab.training.trainer import Deadline, Stopwatch, Trainer, TrainerConfig
from diffusers import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

SETTINGS = TrainerConfig(steps=12, batch=4)


class Numbered:
    """Makes slices of three rows, all of them the slice's number, and counts how often it was asked."""

    def __init__(self) -> None:
        self.made: list[int] = []

    def __call__(self, number: int) -> Slice:
        self.made.append(number)
        return Slice({"number": torch.full((3,), number)}, (f"word {number}", "", "last"))


def test_the_oldest_slice_gives_way_to_a_new_one(tmp_path: Path) -> None:
    make = Numbered()
    rolling = Rolling(tmp_path, make, Turnover(size=3, kept=2, steps=5))
    assert rolling.at(0).tensors["number"].tolist() == [0, 0, 0, 1, 1, 1]
    assert rolling.at(4) is rolling.at(0)
    assert rolling.at(5).tensors["number"].tolist() == [1, 1, 1, 2, 2, 2]
    assert rolling.at(5).words == ("word 1", "", "last", "word 2", "", "last")
    assert make.made == [0, 1, 2], "what is there is not made again"
    assert sorted(file.name for file in tmp_path.iterdir()) == [f"slice-0000{n}.safetensors" for n in (1, 2)]


def test_a_run_that_goes_on_finds_the_slices_that_it_would_have_had(tmp_path: Path) -> None:
    turnover = Turnover(size=3, kept=2, steps=5)
    Rolling(tmp_path, Numbered(), turnover).at(7)
    (tmp_path / "slice-00002.safetensors").unlink()
    (tmp_path / "slice-00003.part").write_bytes(b"the plug was pulled here")
    make = Numbered()
    window = Rolling(tmp_path, make, turnover).at(12)
    assert make.made == [2, 3]
    assert window.tensors["number"].tolist() == [2, 2, 2, 3, 3, 3]


def square(inside: float, outside: float) -> torch.Tensor:
    alpha = torch.full((1, 1, 64, 64), outside)
    alpha[..., 24:40, 24:40] = inside
    return alpha


def test_a_solid_thing_ought_to_be_opaque_inside_its_outline_and_clear_outside() -> None:
    target, known = settled(square(0.9, 0.08), torch.tensor([True]))
    assert target[0, 0, 32, 32] == 1 and known[0, 0, 32, 32] == 1
    assert target[0, 0, 5, 5] == 0 and known[0, 0, 5, 5] == 1
    rim = known[0, 0, 32, 20:28]
    assert rim.tolist() == [1, 1, 0, 0, 0, 0, 1, 1], "two pixels on either side of the outline are left alone"


def test_what_may_be_meant_to_be_partial_is_left_alone() -> None:
    _, known = settled(square(0.6, 0.35), torch.tensor([True]))
    assert known.max() == 0, "neither nearly clear nor nearly opaque"
    faint = square(0.9, 0.02)
    target, known = settled(faint, torch.tensor([False]))
    assert torch.equal(target, faint) and known.min() == 1, "a soft thing stays as it is, and so does all around it"


def test_a_drawn_picture_is_believed_as_far_as_it_agrees() -> None:
    feed = torch.zeros(1, 3, 32, 32)
    other = feed.clone()
    other[..., :8] = 1
    trust = agreement(other, feed)
    assert trust[0, 0, 16, 2] == 0 and trust[0, 0, 16, 20] == 1
    assert agreement(feed + 0.125, feed).mean() == pytest.approx(0.5)


def test_matrices_are_orthogonalised_together_as_they_are_alone() -> None:
    several = torch.randn(5, 24, 60, generator=torch.Generator().manual_seed(1))
    alone = torch.stack([orthogonalised(each) for each in several])
    torch.testing.assert_close(orthogonalised(several), alone, rtol=0.02, atol=0.02)
    tall = several.mT
    torch.testing.assert_close(orthogonalised(tall), alone.mT, rtol=0.02, atol=0.02)


def test_muon_steps_matrices_of_one_shape_as_if_each_were_alone() -> None:
    torch.manual_seed(0)
    together = [nn.Parameter(torch.randn(16, 4, 3, 3)) for _ in range(3)] + [nn.Parameter(torch.randn(16, 36))]
    alone = [nn.Parameter(each.detach().clone()) for each in together]
    optimisers = [Muon(together, 0.1, weight_decay=0.1), *(Muon([each], 0.1, weight_decay=0.1) for each in alone)]
    for _ in range(2):
        for mine, other in zip(together, alone, strict=True):
            mine.grad = torch.randn_like(mine)
            other.grad = mine.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for mine, other in zip(together, alone, strict=True):
        torch.testing.assert_close(mine, other, rtol=0.01, atol=0.01)


def _counting(folder: Path, deadline: Deadline, stop_at: int | None = None) -> tuple[list[int], nn.Linear]:
    """Twelve steps of a small training; at `stop_at` its deadline comes."""
    torch.manual_seed(0)
    module, taken = nn.Linear(4, 4), list[int]()
    optimiser = torch.optim.SGD(module.parameters(), 0.1)
    settings = TrainerConfig(steps=12, batch=1, deadline=deadline)

    def step(number: int) -> dict[str, torch.Tensor]:
        taken.append(number)
        loss = (module(torch.randn(2, 4, generator=Trainer.generator(number))) + torch.randn(2, 4)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if number == stop_at:
            object.__setattr__(deadline, "at", -math.inf)
        return {"loss": loss}

    loop = Trainer(folder, {"module": module}, settings, lambda line: None, Distributed())
    loop.run(step)
    return taken, module


def test_a_run_stops_at_its_deadline_and_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    first, _ = _counting(tmp_path / "cut", Deadline(), stop_at=4)
    assert first == [0, 1, 2, 3, 4]
    none, _ = _counting(tmp_path / "cut", Deadline(-math.inf))
    assert none == [], "there is no time at all"
    rest, cut = _counting(tmp_path / "cut", Deadline.after(None))
    assert rest == list(range(5, 12))
    _, whole = _counting(tmp_path / "whole", Deadline())
    assert torch.equal(cut.weight, whole.weight)


def test_a_deadline_is_so_many_minutes_away() -> None:
    assert Deadline.after(0).passed
    assert not Deadline.after(1).passed


def test_a_stopwatch_tells_shares_and_starts_again() -> None:
    watch = Stopwatch()
    watch.seconds = {"short": 1.0, "long": 3.0}
    assert watch.shares() == "long 75%  short 25%"
    with watch.part("once"):
        pass
    assert watch.shares() == "once 100%"


def test_drawing_on_begins_with_as_much_noise_as_its_strength_and_ends_where_the_model_points() -> None:
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(3))
    objective, words = DiffusionObjective(noise_scheduler().config), torch.zeros(4, 1)
    seen: list[torch.Tensor] = []

    def knowing(noisy: torch.Tensor, times: torch.Tensor, words: torch.Tensor, control: object) -> torch.Tensor:
        """A model that knows the clean latents."""
        seen.append(noisy[:2])
        signal = objective.scheduler.alphas_cumprod[times[:2].long()].view(-1, 1, 1, 1)
        noise = (noisy[:2] - signal.sqrt() * latents) / (1 - signal).sqrt()
        velocity: torch.Tensor = signal.sqrt() * noise - (1 - signal).sqrt() * latents
        return velocity.repeat(2, 1, 1, 1)

    def first(strength: float) -> float:
        seen.clear()
        start = InitLatents(latents, strength)
        drawn = sample_latents(knowing, objective, words, 2, (4, 8, 8), Distributed(), start=start)
        torch.testing.assert_close(drawn, latents, rtol=1e-2, atol=1e-2)
        assert len(seen) == round(20 * strength)
        return float((seen[0] - latents).square().mean())

    assert first(0.1) < 0.15 < first(0.3) < 0.9 < first(0.8)


@pytest.fixture(scope="module")
def artist(tiny_starter: Path) -> Artist:
    tokenizer = CLIPTokenizer.from_pretrained(tiny_starter / "tokenizer")
    unet = UNet2DConditionModel.from_pretrained(tiny_starter / "unet").float().eval()
    text_encoder = CLIPTextModel.from_pretrained(tiny_starter / "text_encoder").float().eval()
    return Artist(open_transparency(tiny_starter), unet, text_encoder, tokenizer, 0.5, Distributed())


def discs() -> PictureSet:
    y, x = np.mgrid[:256, :256] - 127.5
    crisp, soft = (np.clip((90 - np.hypot(x, y)) * edge + 128, 0, 255) for edge in (60, 1))
    pictures = np.zeros((2, 256, 256, 4), np.uint8)
    pictures[..., :3] = 200
    pictures[0, ..., 3], pictures[1, ..., 3] = crisp, soft
    kinds = (("cat", "flat", "emoji"), ("fish", "painted", "emoji"))
    return PictureSet(
        pictures,
        tuple(PictureRecord(n, (n,), style, kind, "MIT", "", "vocabulary", "", False) for n, style, kind in kinds),
    )


def test_drawn_batches_depend_on_their_step_alone(artist: Artist, tmp_path: Path) -> None:
    turnover = Turnover(size=8, kept=1, steps=2)

    def encode(step: int) -> torch.Tensor:
        return torch.rand(6, 4, 64, 64, generator=Trainer.generator(step))

    draw = drawn_batches(artist, discs(), encode, 24, turnover, tmp_path / "one")
    batches = [draw(step) for step in range(4)]
    again = drawn_batches(artist, discs(), encode, 24, turnover, tmp_path / "two")(3)
    for name in ("encoded", "partly", "wholly", "rgba", "before", "solid"):
        assert torch.equal(getattr(batches[3], name), getattr(again, name)), name
    assert not torch.equal(batches[1].wholly, batches[3].wholly), "another slice"
    assert batches[0].lengths == [6, 6, 6]
    assert batches[0].encoded.shape[1:] == (4, 8, 8) and batches[0].before.shape == (6, 4, 64, 64)
    assert torch.equal(batches[1].rgba[:6], encode(1)) and len(batches[1].rgba) == 12
    said = {bool(flag) for each in batches for flag in each.solid}
    assert said == {True, False}, "the disc with the soft rim is not solid"


def test_the_decoder_learns_and_nothing_else_does(artist: Artist, tmp_path: Path) -> None:
    parts = deepcopy(artist.transparency)
    chance = torch.Generator().manual_seed(0)
    latents = torch.randn(4, 2, 4, 8, 8, generator=chance)
    rgba = torch.zeros(2, 4, 64, 64)
    rgba[:, :, 16:48, 16:48] = 1
    twice = torch.cat([latents[0], latents[3]])

    def draw(step: int) -> DecoderBatch:
        return DecoderBatch(twice, latents[1], latents[2], rgba.repeat(3, 1, 1, 1), rgba, torch.tensor([True, True]))

    def error() -> float:
        raw = parts.decoder((parts.vae.decode(latents[0]).sample / 2 + 0.5).clamp(0, 1), latents[0])
        return float((raw[:, 0] - rgba[:, 3]).abs().mean())

    with torch.no_grad():
        before = error()
    train_decoder(
        parts, draw, tmp_path / "decoder", SETTINGS, OptimizerConfig(5e-3, warm_up=1), Distributed(), lambda line: None
    )
    with torch.no_grad():
        assert error() < 0.8 * before
    for name in ("vae", "encoder"):
        mine, given = getattr(parts, name).state_dict(), getattr(artist.transparency, name).state_dict()
        assert all(torch.equal(mine[key], given[key]) for key in given), name
    assert list((tmp_path / "decoder").glob("sheet-*.png"))
