"""The starter's evaluation with tiny untrained parts, and with parts whose answers are known."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.files import Transparency
from acetate_lab.evaluation.generation.generator import evaluation_prompts
from acetate_lab.evaluation.outline import outline_of
from acetate_lab.evaluation.starter import StarterReport, as_json, evaluate_starter, layer_figures
from acetate_lab.evaluation.transparency.reconstruction import Autoencoder
from acetate_lab.evaluation.transparency.summary import by_kind, reconstruction_figures
from acetate_lab.metrics.coverage import Coverage
from acetate_lab.metrics.held_out import HeldOut, HeldOutPicture
from acetate_lab.metrics.image_quality import PSNR_LIMIT
from acetate_lab.metrics.over_backgrounds import BACKGROUNDS
from diffusers import AutoencoderKL
from torch import nn


def tiny_parts() -> Autoencoder:
    torch.manual_seed(0)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8),
        norm_num_groups=2,
        layers_per_block=1,
    ).eval()
    decoder = TransparentDecoder(block_out_channels=(4, 4, 8, 8), layers_per_block=1).eval()
    return Autoencoder(vae, Transparency(OffsetEncoder(channels=(4,) * 8).eval(), decoder), passes=1)


def held_out(count: int) -> HeldOut:
    generator = torch.Generator().manual_seed(5)
    pictures = torch.rand(count, 4, 64, 64, generator=generator)
    kinds = ["hard" if index % 2 == 0 else "soft" for index in range(count)]
    about = tuple(HeldOutPicture(f"thing {i}", "drawn", "CC0-1.0", kind) for i, kind in enumerate(kinds))
    return HeldOut(about, pictures, Coverage(0.6, 0.1, 0.3))


def half_covered(prompt: str, seed: int) -> torch.Tensor:
    """A layer whose upper half is opaque and whose lower quarter is half clear."""
    layer = torch.zeros(1, 4, 64, 64)
    layer[:, :, :32] = 1
    layer[:, 3, 48:] = 0.5
    return layer


@pytest.fixture(scope="module")
def report() -> StarterReport:
    return evaluate_starter(tiny_parts(), held_out(3), half_covered, ["a cat", "an apple"], seed=40)


def test_every_held_out_picture_gets_every_figure(report: StarterReport) -> None:
    assert [result.about.name for result in report.reconstructions] == ["thing 0", "thing 1", "thing 2"]
    for result in report.reconstructions:
        assert result.original.shape == result.decoded.shape == (4, 64, 64)
        assert set(result.background_psnr) == set(result.background_ssim) == set(BACKGROUNDS)


def test_a_fresh_encoder_hides_nothing_and_costs_nothing(report: StarterReport) -> None:
    figures = {figure.key: figure.value for figure in reconstruction_figures(report.reconstructions)}
    assert figures["rgb_between"] == PSNR_LIMIT
    assert figures["rgb_cost"] == 0


def test_an_offset_that_spoils_the_picture_shows_as_cost() -> None:
    parts = known_parts(offset=0.2)
    grey = torch.full((1, 4, 64, 64), 0.5)
    grey[:, 3] = 1
    about = (HeldOutPicture("grey", "drawn", "CC0-1.0", "hard"),)
    result = evaluate_starter(parts, HeldOut(about, grey, Coverage(0, 0, 1)), half_covered, []).reconstructions[0]
    assert result.rgb_without_offset == PSNR_LIMIT
    assert result.rgb_with_offset == pytest.approx(20, abs=1e-3)
    assert result.rgb_between == pytest.approx(20, abs=1e-3)


def test_a_decoder_that_is_a_twentieth_off_in_alpha_is_measured_so() -> None:
    grey = torch.full((1, 4, 64, 64), 0.5)
    about = (HeldOutPicture("grey", "drawn", "CC0-1.0", "soft"),)
    result = evaluate_starter(known_parts(alpha=0.55), HeldOut(about, grey, Coverage(0, 1, 0)), half_covered, [])
    (measured,) = result.reconstructions
    assert measured.alpha_mae == pytest.approx(0.05, abs=1e-6)
    assert measured.alpha_sad == pytest.approx(0.05 * 64 * 64 / 1000, abs=1e-4)
    assert measured.alpha_iou == 0
    assert measured.colour_psnr == PSNR_LIMIT
    assert measured.background_psnr["grey"] == PSNR_LIMIT
    assert measured.background_psnr["white"] == pytest.approx(32.0412, abs=1e-3)


def test_generated_layers_are_counted_next_to_the_data(report: StarterReport) -> None:
    assert [(layer.prompt, layer.seed) for layer in report.layers] == [("a cat", 40), ("an apple", 41)]
    figures = {figure.key: figure for figure in layer_figures(report)}
    assert figures["partial"].value == pytest.approx(0.25)
    assert figures["partial"].text() == "25.0%"
    assert "10.0%" in figures["partial"].meaning
    assert figures["outside"].value == pytest.approx(16 / 48)


def disc(edge: float, haze: float) -> torch.Tensor:
    """The alpha of a disc whose edge is so many pixels wide, with a haze far around it."""
    y, x = torch.meshgrid(torch.arange(64) - 31.5, torch.arange(64) - 31.5, indexing="ij")
    distance = torch.hypot(x, y)
    return ((16 - distance) / edge + 0.5).clamp(haze, 1)[None]


def test_a_crisp_outline_is_opaque_inside_and_clear_outside() -> None:
    crisp = outline_of(disc(edge=1, haze=0))
    assert (crisp.within, crisp.beyond, crisp.far, crisp.hazy) == (1, 0, 0, False)


def test_a_soft_outline_and_a_haze_show_in_their_figures() -> None:
    soft = outline_of(disc(edge=14, haze=0))
    # Three to four pixels from the line, with half a pixel from its own last pixel to the line.
    assert soft.within == pytest.approx(0.5 + 3 / 14, abs=0.04)
    assert soft.beyond == pytest.approx(0.5 - 3 / 14, abs=0.04)
    assert not soft.hazy
    faint = outline_of(disc(edge=1, haze=0.05))
    assert faint.far == 1 and faint.hazy and faint.beyond == pytest.approx(0.05)
    assert not outline_of(disc(edge=1, haze=1 / 255)).hazy, "that is clear at eight bits"


def test_nothing_visible_has_no_outline_to_find_fault_with() -> None:
    nothing = outline_of(torch.zeros(1, 16, 16))
    assert (nothing.within, nothing.beyond, nothing.far) == (1, 0, 0)


def test_outlines_are_those_of_solid_things_alone() -> None:
    def layer(prompt: str, seed: int) -> torch.Tensor:
        alpha = disc(edge=14 if prompt == "smoke" else 1, haze=0.05 if prompt == "smoke" else 0)
        return torch.cat([alpha, alpha, alpha, alpha])[None]

    measured = evaluate_starter(tiny_parts(), held_out(2), layer, ["a cat", "smoke"], soft=["smoke"])
    figures = {figure.key: figure for figure in layer_figures(measured)}
    assert (figures["within"].value, figures["beyond"].value, figures["hazy"].value) == (1, 0, 0)
    assert "held-out" in figures["within"].meaning
    assert as_json(measured)["layers"]["each"][1]["far"] == 1
    only_soft = evaluate_starter(tiny_parts(), held_out(2), layer, ["smoke"], soft=["smoke"])
    assert "within" not in {figure.key for figure in layer_figures(only_soft)}


def test_progress_counts_both_stages() -> None:
    told: list[tuple[str, int, int]] = []
    evaluate_starter(tiny_parts(), held_out(9), half_covered, ["a cat"], report=lambda *step: told.append(step))
    assert told == [("held-out", 8, 9), ("held-out", 9, 9), ("layers", 1, 1)]


def test_figures_are_kept_apart_by_kind(report: StarterReport) -> None:
    kinds = by_kind(report.reconstructions)
    assert {kind: len(results) for kind, results in kinds.items()} == {"hard": 2, "soft": 1}


def test_the_json_holds_every_figure_and_no_picture(report: StarterReport) -> None:
    document = json.loads(json.dumps(as_json(report), allow_nan=False))
    assert document["held_out"]["pictures"] == 3
    assert set(document["held_out"]["by_background"]) == set(BACKGROUNDS)
    assert document["layers"]["each"][1]["prompt"] == "an apple"
    assert document["layers"]["mean"]["partial"] == pytest.approx(0.25)
    assert document["data"] == {"clear": 0.6, "partial": 0.1, "opaque": 0.3}


def test_no_layers_are_made_without_prompts() -> None:
    report = evaluate_starter(tiny_parts(), held_out(1), half_covered, [])
    assert "layers" not in as_json(report)


def test_prompts_are_spread_over_the_vocabulary() -> None:
    things = [f"thing {index}" for index in range(10)]
    assert evaluation_prompts(things, 5) == tuple(f"thing {index}" for index in (0, 2, 4, 6, 8))
    assert evaluation_prompts(["apple", "cat"], 3) == ("apple", "cat", "apple")


def test_an_empty_vocabulary_is_refused() -> None:
    with pytest.raises(ValueError, match="names no things"):
        evaluation_prompts([], 4)


class Plain(nn.Module):
    """A module with one unused weight, so that its number type can be asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class Shrinking(Plain):
    """A VAE of one value a cell of 8 x 8: exact for plain pictures."""

    def encode(self, picture: torch.Tensor) -> SimpleNamespace:
        mean = nn.functional.avg_pool2d(picture, 8)
        return SimpleNamespace(latent_dist=SimpleNamespace(mean=mean, std=torch.ones_like(mean)))

    def decode(self, latent: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(sample=nn.functional.interpolate(latent, scale_factor=8))


class ConstantOffset(Plain):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, seen: torch.Tensor) -> torch.Tensor:
        return torch.full((len(seen), 3, seen.shape[2] // 8, seen.shape[3] // 8), self.value)


class ConstantAlpha(Plain):
    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, picture: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.full_like(picture[:, :1], self.alpha), torch.full_like(picture, 0.5)], dim=1)


def known_parts(offset: float = 0.0, alpha: float = 1.0) -> Autoencoder:
    """Parts that keep plain pictures, but for the offset (of values in [-1, 1]) and the alpha asked for."""
    transparency: Any = SimpleNamespace(encoder=ConstantOffset(offset), decoder=ConstantAlpha(alpha), multiplier=1.0)
    return Autoencoder(Shrinking(), transparency, 1)
