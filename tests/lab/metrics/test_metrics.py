"""The metrics against numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from acetate.transparency.padding import pad_rgb
from acetate_lab.metrics.coverage import Coverage, coverage_of, island_sizes, mean_coverage, shape_of
from acetate_lab.metrics.image_quality import (
    PSNR_LIMIT,
    alpha_iou,
    alpha_mae,
    alpha_sad,
    padded_colour_psnr,
    psnr,
    ssim,
)
from acetate_lab.metrics.over_backgrounds import BACKGROUNDS, compare_over_nine, over_colour


def layer(red: float, green: float, blue: float, alpha: float, size: int = 16) -> torch.Tensor:
    values = torch.tensor([red, green, blue, alpha], dtype=torch.float32)
    return values.view(1, 4, 1, 1).expand(1, 4, size, size).clone()


def test_an_error_of_a_tenth_everywhere_is_20_decibels() -> None:
    assert psnr(torch.full((1, 3, 8, 8), 0.4), torch.full((1, 3, 8, 8), 0.5)).item() == pytest.approx(20, abs=1e-4)


def test_psnr_is_taken_for_each_picture_alone() -> None:
    target = torch.zeros(2, 1, 4, 4)
    result = torch.stack([torch.full((1, 4, 4), 0.1), torch.full((1, 4, 4), 0.01)])
    assert psnr(result, target).tolist() == pytest.approx([20, 40], abs=1e-3)


def test_identical_pictures_have_a_finite_psnr() -> None:
    picture = torch.rand(1, 3, 8, 8)
    assert psnr(picture, picture).item() == PSNR_LIMIT


def test_pictures_of_different_sizes_are_refused_by_their_sizes() -> None:
    with pytest.raises(ValueError, match=r"\(1, 3, 8, 8\) and \(1, 3, 4, 4\)"):
        psnr(torch.zeros(1, 3, 8, 8), torch.zeros(1, 3, 4, 4))


def test_ssim_of_a_picture_with_itself_is_one() -> None:
    picture = torch.rand(2, 3, 20, 24)
    assert ssim(picture, picture).tolist() == pytest.approx([1, 1], abs=1e-6)


def test_ssim_of_two_plain_pictures_is_the_luminance_term() -> None:
    a, b, c1 = 0.2, 0.6, 0.01**2
    expected = (2 * a * b + c1) / (a * a + b * b + c1)
    assert ssim(torch.full((1, 1, 16, 16), a), torch.full((1, 1, 16, 16), b)).item() == pytest.approx(expected)


def test_ssim_of_one_window_is_wangs_formula_summed_pixel_by_pixel() -> None:
    generator = np.random.default_rng(3)
    a, b = generator.random((11, 11)), generator.random((11, 11))
    weights = np.array(
        [[math.exp(-((y - 5) ** 2 + (x - 5) ** 2) / (2 * 1.5**2)) for x in range(11)] for y in range(11)]
    )
    weights /= weights.sum()
    mean_a, mean_b = (weights * a).sum(), (weights * b).sum()
    variance_a, variance_b = (weights * (a - mean_a) ** 2).sum(), (weights * (b - mean_b) ** 2).sum()
    covariance = (weights * (a - mean_a) * (b - mean_b)).sum()
    c1, c2 = 0.0001, 0.0009
    expected = ((2 * mean_a * mean_b + c1) * (2 * covariance + c2)) / (
        (mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2)
    )
    measured = ssim(torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None]).item()
    assert measured == pytest.approx(expected, abs=1e-6)


def test_ssim_refuses_a_picture_smaller_than_its_window() -> None:
    with pytest.raises(ValueError, match="10 x 12 is too small for SSIM: each side needs 11"):
        ssim(torch.zeros(1, 1, 12, 10), torch.zeros(1, 1, 12, 10))


def test_alpha_measures_count_what_differs() -> None:
    target = torch.zeros(1, 1, 10, 10)
    target[..., :4, :] = 1
    result = target.clone()
    result[..., 3, :] = 0.25
    assert alpha_mae(result, target).item() == pytest.approx(0.075)
    assert alpha_sad(result, target).item() == pytest.approx(0.0075)
    assert alpha_iou(result, target).item() == pytest.approx(30 / 40)


def test_two_empty_alphas_overlap_fully() -> None:
    assert alpha_iou(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)).item() == 1


def test_padded_colour_counts_the_colour_under_clear_pixels() -> None:
    target = layer(1, 0, 0, 1)
    target[..., 8:] = 0
    right = pad_rgb(target)
    black_where_clear = target[:, :3]
    assert padded_colour_psnr(right, target).item() == PSNR_LIMIT
    # Red is off by 1 in half the pixels and one of three channels: a mean square of 1/6.
    assert padded_colour_psnr(black_where_clear, target).item() == pytest.approx(10 * math.log10(6), abs=1e-3)


def test_a_half_clear_red_over_cyan_is_grey() -> None:
    seen = over_colour(layer(1, 0, 0, 0.5), BACKGROUNDS["cyan"])
    assert seen[0, :, 0, 0].tolist() == [0.5, 0.5, 0.5]


def test_the_nine_backgrounds_are_the_published_ones() -> None:
    corners = {(r, g, b) for r in (0.0, 1.0) for g in (0.0, 1.0) for b in (0.0, 1.0)}
    assert set(BACKGROUNDS.values()) == corners | {(0.5, 0.5, 0.5)}


def test_a_missing_black_layer_costs_what_each_background_shows_of_it() -> None:
    # Alpha 0.1 against 0 of black: over a colour c the error is 0.1 c in each channel.
    nine = compare_over_nine(layer(0, 0, 0, 0.1), layer(0, 0, 0, 0))
    measured = dict(zip(BACKGROUNDS, nine.psnr[:, 0].tolist(), strict=True))
    assert measured["black"] == PSNR_LIMIT
    assert measured["white"] == pytest.approx(20, abs=1e-3)
    assert measured["grey"] == pytest.approx(20 + 10 * math.log10(4), abs=1e-3)
    assert measured["red"] == pytest.approx(20 + 10 * math.log10(3), abs=1e-3)
    assert measured["yellow"] == pytest.approx(20 + 10 * math.log10(1.5), abs=1e-3)


def test_colour_under_a_clear_layer_is_not_seen() -> None:
    nine = compare_over_nine(layer(1, 0, 1, 0), layer(0, 1, 0, 0))
    assert nine.psnr.min().item() == PSNR_LIMIT
    assert nine.ssim.min().item() == pytest.approx(1)


def test_coverage_counts_the_two_outermost_levels_as_clear_and_opaque() -> None:
    levels = torch.tensor([0, 1, 2, 100, 128, 253, 254, 255, 255, 255]) / 255
    assert astuple(coverage_of(levels)) == pytest.approx((0.2, 0.4, 0.4), abs=1e-6)


def test_the_mean_coverage_is_that_of_each_share() -> None:
    mean = mean_coverage([Coverage(1, 0, 0), Coverage(0, 0.5, 0.5)])
    assert mean == Coverage(0.5, 0.25, 0.25)


def test_islands_that_touch_by_a_corner_are_one() -> None:
    drawn = ["##..#", "..#..", ".....", "###.#", "#.#.#", "###.."]
    visible = np.array([[cell == "#" for cell in row] for row in drawn])
    assert sorted(island_sizes(visible)) == [1, 2, 3, 8]


def test_a_spiral_is_one_island() -> None:
    drawn = ["#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"]
    visible = np.array([[cell == "#" for cell in row] for row in drawn])
    assert island_sizes(visible) == [int(visible.sum())]


def test_a_loose_bit_and_a_cut_edge_are_shares_of_the_shape_and_the_frame() -> None:
    alpha = torch.zeros(1, 10, 10)
    alpha[:, 0:3, 0:3] = 1
    alpha[:, 6, 6] = 0.5
    shape = shape_of(alpha)
    assert shape.outside_largest_island == pytest.approx(1 / 10)
    assert shape.edge_contact == pytest.approx(5 / 36)


def test_an_empty_layer_has_no_loose_bits() -> None:
    shape = shape_of(torch.zeros(1, 8, 8))
    assert (shape.outside_largest_island, shape.edge_contact) == (0, 0)
