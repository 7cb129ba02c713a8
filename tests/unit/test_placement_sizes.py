"""Which size is drawn for a target, and how it lies in it."""

from __future__ import annotations

import pytest
from acetate.placement.sizes import CROP_LOSS, Size, Window, cover, cover_exactly, fit, model_size
from acetate_wire.request import Rect
from hypothesis import given
from hypothesis import strategies as st

SIDES = st.integers(1, 16384)


@pytest.mark.parametrize(
    ("target", "native", "drawn"),
    [
        (Size(128, 128), 128, Size(128, 128)),
        (Size(4000, 4000), 128, Size(128, 128)),
        (Size(1920, 1280), 128, Size(192, 128)),
        (Size(1280, 1920), 128, Size(128, 192)),
        (Size(1024, 1024), 512, Size(512, 512)),
        (Size(1600, 900), 512, Size(704, 384)),
        (Size(16384, 1), 512, Size(704, 384)),
    ],
)
def test_a_model_draws_near_its_own_area_in_the_targets_proportions(target: Size, native: int, drawn: Size) -> None:
    size = model_size(target, native)
    if target.width / target.height <= 2:
        assert size == drawn
    assert max(size.width, size.height) <= 2 * min(size.width, size.height)


@given(SIDES, SIDES, st.sampled_from([64, 128, 256, 512]))
def test_model_sizes_suit_every_decoder(width: int, height: int, native: int) -> None:
    size = model_size(Size(width, height), native)
    assert size.width % 64 == size.height % 64 == 0
    assert native**2 / 2 <= size.width * size.height <= native**2 * 2


def test_a_picture_of_the_targets_size_is_used_as_it_is() -> None:
    lie = fit(Size(128, 192), Size(128, 192))
    assert lie.window == Window(0, 0, 128, 192)
    assert lie.paste == Rect(0, 0, 128, 192)


def test_a_small_difference_in_proportion_is_cropped_in_the_middle() -> None:
    lie = fit(Size(128, 128), Size(1000, 960))
    assert lie.paste == Rect(0, 0, 1000, 960)
    assert lie.window.width == 128
    assert lie.window.y == pytest.approx((128 - lie.window.height) / 2)


def test_a_large_difference_in_proportion_leaves_clear_margins_instead_of_cutting_things_off() -> None:
    lie = fit(Size(128, 64), Size(1000, 100))
    assert lie.window == Window(0, 0, 128, 64)
    assert lie.paste == Rect(400, 0, 200, 100)


@given(SIDES, SIDES, st.sampled_from([64, 128, 512]))
def test_nothing_is_ever_stretched_by_as_much_as_a_pixel(width: int, height: int, native: int) -> None:
    drawn = model_size(Size(width, height), native)
    lie = fit(drawn, Size(width, height))
    scale = max(lie.paste.width / lie.window.width, lie.paste.height / lie.window.height)
    assert abs(lie.window.width * scale - lie.paste.width) < 1 + scale * 0.51
    assert abs(lie.window.height * scale - lie.paste.height) < 1 + scale * 0.51
    assert lie.paste.x >= 0 and lie.paste.x + lie.paste.width <= width
    assert lie.paste.y >= 0 and lie.paste.y + lie.paste.height <= height
    lost = 1 - lie.window.width * lie.window.height / (drawn.width * drawn.height)
    assert lost <= CROP_LOSS + 1e-9


@given(SIDES, SIDES, st.sampled_from([64, 128, 512, 1024]))
def test_a_target_is_covered_whole_and_in_its_proportions(width: int, height: int, native: int) -> None:
    covering = cover(Size(width, height), native)
    drawn, window = covering.drawn, covering.window
    assert drawn.width % 64 == drawn.height % 64 == 0
    assert window.x >= 0 and window.x + window.width <= drawn.width + 1e-6
    assert window.y >= 0 and window.y + window.height <= drawn.height + 1e-6
    assert window.width / width == pytest.approx(window.height / height)


@given(st.integers(64, 16384), st.floats(1 / 4, 4), st.sampled_from([128, 256, 512, 1024]))
def test_a_covering_size_is_near_what_the_model_learned(width: int, aspect: float, native: int) -> None:
    drawn = cover(Size(width, max(1, round(width / aspect))), native).drawn
    assert native**2 / 3 <= drawn.width * drawn.height <= native**2 * 3


def test_a_target_of_the_models_size_is_drawn_as_it_is() -> None:
    assert cover(Size(512, 512), 512).window == Window(0, 0, 512, 512)
    assert cover(Size(512, 512), 512).drawn == Size(512, 512)


@given(SIDES, SIDES)
def test_an_exact_cover_keeps_every_pixel(width: int, height: int) -> None:
    covering = cover_exactly(Size(width, height))
    assert covering.drawn.width % 64 == covering.drawn.height % 64 == 0
    assert (covering.window.width, covering.window.height) == (width, height)
    assert 0 <= covering.window.x == int(covering.window.x) <= covering.drawn.width - width
    assert 0 <= covering.window.y == int(covering.window.y) <= covering.drawn.height - height
