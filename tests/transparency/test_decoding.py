"""Promises of decoding: views, passes and tiles."""

from __future__ import annotations

import pytest
import torch
from acetate.transparency import Passes, decode_augmented, decode_tiled
from acetate.transparency.augmentation import ORIENTATIONS, Decoder
from acetate.transparency.tiling import blend_weights, spans
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F


class Counting:
    """A decoder that counts the views it is asked for."""

    def __init__(self, decode: Decoder) -> None:
        self.decode = decode
        self.views = 0

    def __call__(self, picture: Tensor, latent: Tensor) -> Tensor:
        self.views += picture.shape[0]
        return self.decode(picture, latent)


def brightness(picture: Tensor, latent: Tensor) -> Tensor:
    """A decoder that is the same for all views: alpha is the brightness, the colour that of the picture."""
    return torch.cat([picture.mean(dim=1, keepdim=True), picture], dim=1)


def blurring(radius: int) -> Decoder:
    """A decoder that looks `radius` pixels around, in the picture and in the latent."""

    def decode(picture: Tensor, latent: Tensor) -> Tensor:
        size = 2 * radius + 1
        wide = F.avg_pool2d(F.pad(picture, (radius,) * 4, mode="replicate"), (size, 1), stride=1)
        wide = F.avg_pool2d(wide, (1, size), stride=1)
        near = F.interpolate(latent[:, :1], scale_factor=8.0, mode="nearest")
        return torch.cat([(wide.mean(dim=1, keepdim=True) + near) / 2, wide], dim=1)

    return decode


def leaning(step: float) -> Decoder:
    """A decoder whose alpha grows from left to right of whatever view it is shown."""

    def decode(picture: Tensor, latent: Tensor) -> Tensor:
        ramp = torch.linspace(0.5 - step, 0.5 + step, picture.shape[3]).expand_as(picture[:, :1])
        return torch.cat([ramp, picture], dim=1)

    return decode


def a_picture(height: int = 64, width: int = 64) -> tuple[Tensor, Tensor]:
    """A random picture in [0, 1] and a latent for it."""
    generator = torch.Generator().manual_seed(height * 10_000 + width)
    picture = torch.rand(1, 3, height, width, generator=generator)
    return picture, torch.rand(1, 4, height // 8, width // 8, generator=generator)


def test_the_eight_views_are_all_different_and_each_can_be_undone() -> None:
    picture = torch.arange(24.0).view(1, 1, 4, 6)
    views = [view.of(picture) for view in ORIENTATIONS]
    assert len({tuple(view.flatten().tolist()) + tuple(view.shape) for view in views}) == 8
    assert all(torch.equal(view.back(turned), picture) for view, turned in zip(ORIENTATIONS, views, strict=True))


@pytest.mark.parametrize("passes", [1, 2, 4, 8, "auto"])
def test_colour_comes_first_and_upright_after_any_number_of_passes(passes: Passes) -> None:
    picture, latent = a_picture(48, 80)
    rgba = decode_augmented(brightness, picture, latent, passes)
    assert torch.allclose(rgba[:, :3], picture)
    assert torch.allclose(rgba[:, 3:], picture.mean(dim=1, keepdim=True))


def test_eight_passes_give_the_lower_median_of_all_views() -> None:
    picture, latent = a_picture()
    decode = leaning(0.4)
    views = torch.stack([view.back(decode(view.of(picture), view.of(latent))) for view in ORIENTATIONS])
    lower = views.sort(dim=0).values[3, :, :1]
    assert torch.equal(decode_augmented(decode, picture, latent)[:, 3:], lower)


def test_every_view_shows_picture_and_latent_alike() -> None:
    latent = torch.rand(1, 4, 6, 10)
    picture = F.interpolate(latent[:, :3], scale_factor=8.0, mode="nearest")

    def difference(picture: Tensor, latent: Tensor) -> Tensor:
        enlarged = F.interpolate(latent[:, :3], scale_factor=8.0, mode="nearest")
        return torch.cat([(picture - enlarged).abs().sum(dim=1, keepdim=True), picture], dim=1)

    assert decode_augmented(difference, picture, latent)[:, 3].max() == 0


def test_answers_outside_the_range_are_clipped() -> None:
    picture, latent = a_picture()
    rgba = decode_augmented(lambda p, _: torch.cat([p[:, :1] * 9 - 4, p * 3 - 1], dim=1), picture, latent)
    assert rgba.min() == 0
    assert rgba.max() == 1


def test_auto_stops_as_soon_as_the_views_agree() -> None:
    decoder = Counting(leaning(0.001))
    decode_augmented(decoder, *a_picture(), "auto")
    assert decoder.views == 2


def test_auto_takes_all_eight_views_when_they_disagree() -> None:
    decoder = Counting(unsettled)
    decode_augmented(decoder, *a_picture(), "auto")
    assert decoder.views == 8


def unsettled(picture: Tensor, latent: Tensor) -> Tensor:
    """A decoder whose alpha is noise, different for every view."""
    seed = int(picture[0, 0, 0, 0] * 1e6)
    alpha = torch.rand(picture[:, :1].shape, generator=torch.Generator().manual_seed(seed))
    return torch.cat([alpha, picture], dim=1)


def test_auto_takes_all_passes_when_one_picture_of_a_batch_needs_them() -> None:
    def first_is_calm(picture: Tensor, latent: Tensor) -> Tensor:
        calm = brightness(picture, latent)
        return torch.where(torch.arange(len(picture)).view(-1, 1, 1, 1) % 2 == 0, calm, unsettled(picture, latent))

    decoder = Counting(first_is_calm)
    decode_augmented(decoder, torch.rand(2, 3, 64, 64), torch.rand(2, 4, 8, 8), "auto")
    assert decoder.views == 2 * 8


def test_another_number_of_passes_is_refused_with_the_choices() -> None:
    with pytest.raises(ValueError, match="choose 1, 2, 4, 8 or auto"):
        decode_augmented(brightness, *a_picture(), passes=3)  # type: ignore[arg-type]


@given(
    side=st.integers(1, 6000),
    tile=st.sampled_from([256, 512, 1024]),
    overlap=st.sampled_from([64, 128]),
)
def test_tiles_cover_every_pixel_with_a_whole_weight(side: int, tile: int, overlap: int) -> None:
    parts = spans(side, tile, overlap)
    total = torch.zeros(side)
    for part, weight in zip(parts, blend_weights(parts, overlap), strict=True):
        assert part.start % 64 == 0
        assert 0 < part.stop - part.start <= tile
        assert weight.min() >= 0
        total[part.start : part.stop] += weight
    assert torch.allclose(total, torch.ones(side), atol=1e-6)


@given(side=st.integers(1025, 6000))
def test_the_border_of_a_tile_inside_the_picture_does_not_count(side: int) -> None:
    parts = spans(side, 1024, 256)
    weights = blend_weights(parts, 256)
    assert all(weight[:64].abs().max() < 1e-6 for weight in weights[1:])
    assert all(weight[-64:].abs().max() < 1e-6 for weight in weights[:-1])


@pytest.mark.parametrize("size", [(64, 64), (520, 328), (72, 904)])
@pytest.mark.parametrize("passes", [1, 8])
def test_tiles_of_local_content_show_no_seams(size: tuple[int, int], passes: Passes) -> None:
    picture, latent = a_picture(*size)
    decode = blurring(radius=15)
    whole = decode_augmented(decode, picture, latent, passes)
    tiled = decode_tiled(decode, picture, latent, passes, tile=256, overlap=64)
    assert (tiled - whole).abs().max() < 1 / 255


def test_tiles_that_differ_meet_in_a_smooth_ramp() -> None:
    picture, latent = a_picture(64, 704)
    tone = iter([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])

    def each_tile_another_tone(picture: Tensor, latent: Tensor) -> Tensor:
        return torch.full((1, 4, *picture.shape[2:]), next(tone))

    alpha = decode_tiled(each_tile_another_tone, picture, latent, 1, tile=256, overlap=128)[0, 3]
    assert alpha.max() > 0.99
    assert alpha.diff(dim=1).abs().max() < 2 / 64


def test_no_tile_is_larger_than_asked_for() -> None:
    sizes: list[tuple[int, int]] = []

    def watching(picture: Tensor, latent: Tensor) -> Tensor:
        sizes.append((picture.shape[0] * picture.shape[2], picture.shape[3]))
        return brightness(picture, latent)

    decode_tiled(watching, *a_picture(1100, 900), 1, tile=512, overlap=128)
    assert len(sizes) == 3 * 3
    assert max(max(size) for size in sizes) <= 512


@pytest.mark.parametrize(("tile", "overlap"), [(500, 64), (512, 100), (512, 320), (512, 0)])
def test_tiles_that_cannot_meet_are_refused(tile: int, overlap: int) -> None:
    with pytest.raises(ValueError, match="multiples of 64"):
        decode_tiled(brightness, *a_picture(), 1, tile=tile, overlap=overlap)
