"""Transparent pictures in another size."""

from __future__ import annotations

import pytest
import torch
from acetate.image import resample as module
from acetate.image.resample import crop_to_working, fit_to_target, resample
from acetate.image.sizes import Cover, Learned, Size, Window, cover, cover_exactly
from torch import Tensor


def noise(height: int, width: int) -> Tensor:
    return torch.rand(4, height, width, generator=torch.Generator().manual_seed(1))


def whole(rgba: Tensor) -> Window:
    return Window(0, 0, rgba.shape[2], rgba.shape[1])


def test_a_layer_at_its_own_size_keeps_every_pixel() -> None:
    rgba = noise(64, 128)
    assert torch.equal(fit_to_target(rgba, Size(128, 64)), rgba.permute(1, 2, 0))


@pytest.mark.parametrize(("dtype", "full"), [(torch.uint8, 255), (torch.uint16, 65535)])
def test_integer_pixels_come_back_exactly(dtype: torch.dtype, full: int) -> None:
    stored = torch.randint(0, full + 1, (4, 64, 64), generator=torch.Generator().manual_seed(2))
    placed = fit_to_target(stored / full, Size(64, 64), dtype)
    assert torch.equal(placed.to(torch.int64), stored.permute(1, 2, 0))


@pytest.mark.parametrize("size", [Size(37, 29), Size(64, 32), Size(1, 1)])
def test_shrinking_keeps_the_amount_of_paint(size: Size) -> None:
    rgba = noise(64, 128)
    small = resample(rgba, whole(rgba), size)
    assert small[3].mean().item() == pytest.approx(rgba[3].mean().item(), abs=1e-5)
    paint = (rgba[:3] * rgba[3:]).mean(dim=(1, 2))
    assert torch.allclose((small[:3] * small[3:]).mean(dim=(1, 2)), paint, atol=1e-5)


@pytest.mark.parametrize("size", [Size(200, 150), Size(50, 40)])
def test_colour_under_clear_pixels_never_bleeds_into_the_edge(size: Size) -> None:
    rgba = torch.zeros(4, 64, 64)
    rgba[1] = 1.0
    rgba[:, 16:48, 16:48] = torch.tensor([1.0, 0.0, 0.0, 1.0])[:, None, None]
    resized = resample(rgba, whole(rgba), size)
    seen = resized[3] > 0.01
    assert resized[0][seen].min() > 0.999
    assert resized[1][seen].max() < 0.001


@pytest.mark.parametrize("size", [Size(300, 200), Size(64, 64), Size(21, 17)])
def test_an_even_layer_stays_even(size: Size) -> None:
    rgba = torch.tensor([0.2, 0.4, 0.6, 0.5])[:, None, None].expand(4, 64, 64)
    resized = resample(rgba, Window(3.3, 2.1, 50, 55), size)
    assert torch.allclose(resized, rgba[:, :1, :1], atol=1e-5)


def test_a_gradient_stays_where_it_is_when_enlarged() -> None:
    ramp = torch.linspace(0, 1, 64).expand(4, 64, 64).clone()
    ramp[3] = 1
    large = resample(ramp, whole(ramp), Size(256, 256))
    expected = ((torch.arange(256) + 0.5) / 4 - 0.5) / 63
    assert torch.allclose(large[0, 128, 16:-16], expected[16:-16], atol=1e-4)


def test_bands_leave_no_seams(monkeypatch: pytest.MonkeyPatch) -> None:
    rgba = noise(64, 64)
    at_once = fit_to_target(rgba, Size(200, 200))
    monkeypatch.setattr(module, "BAND_PIXELS", 200 * 7)
    assert torch.allclose(fit_to_target(rgba, Size(200, 200)), at_once, atol=1e-5)


def test_margins_beside_a_layer_of_other_proportions_are_clear() -> None:
    placed = fit_to_target(torch.ones(4, 64, 64), Size(256, 64))
    assert placed[:, :96].max() == 0
    assert placed[:, 96:160].min() == 1
    assert placed[:, 160:].max() == 0


@pytest.mark.parametrize("target", [Size(130, 70), Size(64, 128), Size(1, 200)])
def test_a_picture_laid_into_its_exact_cover_comes_back_bit_for_bit(target: Size) -> None:
    picture = torch.rand(4, target.height, target.width)
    covering = cover_exactly(target)
    drawn = crop_to_working(picture, covering)
    assert drawn.shape == (4, covering.drawn.height, covering.drawn.width)
    assert torch.equal(fit_to_target(drawn, target, window=covering.window), picture.permute(1, 2, 0))


@pytest.mark.parametrize("target", [Size(300, 200), Size(150, 40), Size(91, 130)])
def test_a_gathered_picture_lies_where_it_is_placed_again(target: Size) -> None:
    across = torch.linspace(0, 1, target.width).expand(target.height, -1)
    down = torch.linspace(0, 1, target.height)[:, None].expand(-1, target.width)
    picture = torch.stack([across, down, 1 - across, torch.ones_like(across)])
    covering = cover(target, Learned(128), any_shape=True)
    again = fit_to_target(crop_to_working(picture, covering), target, window=covering.window).permute(2, 0, 1)
    inner = (slice(None), slice(3, -3), slice(3, -3))
    assert (again - picture)[inner].abs().max() < 0.01


def test_around_the_target_its_outermost_pixels_go_on() -> None:
    picture = torch.zeros(4, 40, 40)
    picture[0, :, :20], picture[1, :, 20:], picture[3] = 1, 1, 1
    covering = Cover(Size(128, 64), Window(32.5, 0.25, 63, 63))
    drawn = crop_to_working(picture, covering)
    assert torch.allclose(drawn[:, :, :30], torch.tensor([1.0, 0, 0, 1])[:, None, None], atol=1e-5)
    assert torch.allclose(drawn[:, :, 98:], torch.tensor([0.0, 1, 0, 1])[:, None, None], atol=1e-5)


def test_a_large_picture_is_gathered_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = torch.rand(4, 700, 300)
    covering = cover(Size(300, 700), Learned(128))
    whole = crop_to_working(picture, covering)
    monkeypatch.setattr(module, "BAND_PIXELS", 300 * 50)
    assert torch.allclose(crop_to_working(picture, covering), whole, atol=1e-5)
