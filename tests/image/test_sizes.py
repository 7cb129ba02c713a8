"""Which size is drawn for a target, and how it lies in it."""

from __future__ import annotations

import pytest
from acetate.image.sizes import CROP_LOSS, Cover, Learned, Size, Window, cover, cover_exactly, fit, model_size
from acetate.models.families import families
from acetate_wire.request import Rect
from hypothesis import given
from hypothesis import strategies as st

SIDES = st.integers(1, 16384)


LEARNED = {name: Learned(family.native_size, family.max_aspect, family.sizes) for name, family in families().items()}
ASPECTS = {"16:9": (16, 9), "3:2": (3, 2), "A4": (297, 210), "4:3": (4, 3), "1:1": (1, 1)}
SHAPES = st.builds(Learned, st.sampled_from([64, 128, 256, 512, 1024]), st.sampled_from([1.0, 1.5, 2.4]))


@pytest.mark.parametrize(
    ("family", "aspect", "drawn"),
    [
        *(("starter", name, Size(128, 128)) for name in ASPECTS),
        ("sd15", "16:9", Size(576, 384)),
        ("sd15", "3:2", Size(576, 384)),
        ("sd15", "4:3", Size(576, 448)),
        ("sd15", "1:1", Size(512, 512)),
        ("sdxl", "16:9", Size(1344, 768)),
        ("sdxl", "3:2", Size(1216, 832)),
        ("sdxl", "A4", Size(1216, 832)),
        ("sdxl", "4:3", Size(1152, 896)),
        ("sdxl", "1:1", Size(1024, 1024)),
    ],
)
def test_a_lone_subject_is_drawn_at_a_shape_that_its_family_learned(family: str, aspect: str, drawn: Size) -> None:
    across, down = ASPECTS[aspect]
    for scale in (1, 13, 55):
        assert model_size(Size(across * scale, down * scale), LEARNED[family]) == drawn
        assert model_size(Size(down * scale, across * scale), LEARNED[family]) == Size(drawn.height, drawn.width)


@given(SIDES, SIDES, SHAPES)
def test_model_sizes_suit_every_decoder_and_stay_within_what_was_learned(
    width: int, height: int, learned: Learned
) -> None:
    for size in (model_size(Size(width, height), learned), cover(Size(width, height), learned).drawn):
        assert size.width % 64 == size.height % 64 == 0
        assert learned.side**2 / 2 <= size.width * size.height <= learned.side**2 * 2
        assert size.aspect <= learned.max_aspect


@given(SIDES, SIDES)
def test_sdxl_draws_at_the_sizes_it_was_trained_at(width: int, height: int) -> None:
    sizes = {(1024, 1024), (1152, 896), (1216, 832), (1344, 768), (1536, 640)}
    for size in (model_size(Size(width, height), LEARNED["sdxl"]), cover(Size(width, height), LEARNED["sdxl"]).drawn):
        assert (max(size.width, size.height), min(size.width, size.height)) in sizes


@pytest.mark.parametrize("target", [Size(640, 480), Size(512, 288), Size(210, 297), Size(100, 1000)])
def test_from_4_to_3_on_all_of_a_square_is_shown_centred(target: Size) -> None:
    lie = fit(model_size(target, LEARNED["starter"]), target)
    side = min(target.width, target.height)
    assert lie.window == Window(0, 0, 128, 128)
    assert lie.paste == Rect((target.width - side) // 2, (target.height - side) // 2, side, side)


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


@given(SIDES, SIDES, SHAPES)
def test_nothing_is_ever_stretched_by_as_much_as_a_pixel(width: int, height: int, learned: Learned) -> None:
    drawn = model_size(Size(width, height), learned)
    lie = fit(drawn, Size(width, height))
    scale = max(lie.paste.width / lie.window.width, lie.paste.height / lie.window.height)
    assert abs(lie.window.width * scale - lie.paste.width) < 1 + scale * 0.51
    assert abs(lie.window.height * scale - lie.paste.height) < 1 + scale * 0.51
    assert lie.paste.x >= 0 and lie.paste.x + lie.paste.width <= width
    assert lie.paste.y >= 0 and lie.paste.y + lie.paste.height <= height
    lost = 1 - lie.window.width * lie.window.height / (drawn.width * drawn.height)
    assert lost <= CROP_LOSS + 1e-9


@given(SIDES, SIDES, SHAPES, st.booleans())
def test_a_target_is_covered_whole_and_in_its_proportions(
    width: int, height: int, learned: Learned, any_shape: bool
) -> None:
    covering = cover(Size(width, height), learned, any_shape)
    drawn, window = covering.drawn, covering.window
    assert drawn.width % 64 == drawn.height % 64 == 0
    assert window.x >= 0 and window.x + window.width <= drawn.width + 1e-6
    assert window.y >= 0 and window.y + window.height <= drawn.height + 1e-6
    assert window.width / width == pytest.approx(window.height / height)


@given(st.integers(64, 16384), st.floats(1 / 4, 4), st.sampled_from([128, 256, 512, 1024]))
def test_a_covering_size_is_near_what_the_model_learned(width: int, aspect: float, native: int) -> None:
    drawn = cover(Size(width, max(1, round(width / aspect))), Learned(native), any_shape=True).drawn
    assert native**2 / 3 <= drawn.width * drawn.height <= native**2 * 3


def test_a_target_of_the_models_size_is_drawn_as_it_is() -> None:
    for any_shape in (False, True):
        assert cover(Size(512, 512), Learned(512), any_shape) == Cover(Size(512, 512), Window(0, 0, 512, 512))


def test_what_is_wider_than_the_model_learned_lies_in_a_square() -> None:
    assert cover(Size(1600, 900), Learned(128)) == Cover(Size(128, 128), Window(0, 28, 128, 72))
    assert cover(Size(1600, 1000), Learned(128), any_shape=True).drawn == Size(192, 128)


@given(SIDES, SIDES)
def test_an_exact_cover_keeps_every_pixel(width: int, height: int) -> None:
    covering = cover_exactly(Size(width, height))
    assert covering.drawn.width % 64 == covering.drawn.height % 64 == 0
    assert (covering.window.width, covering.window.height) == (width, height)
    assert 0 <= covering.window.x == int(covering.window.x) <= covering.drawn.width - width
    assert 0 <= covering.window.y == int(covering.window.y) <= covering.drawn.height - height
