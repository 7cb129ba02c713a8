"""Which part of the canvas a job works on."""

from __future__ import annotations

import random

import pytest
from acetate_wire.geometry import area_around, area_around_mask, intersection, square_in, union
from acetate_wire.request import Rect

CANVAS = Rect(0, 0, 2000, 1500)
CHANCE = random.Random(1)
RECTS = [
    Rect(*(CHANCE.randint(-500, 2500) for _ in range(2)), *(CHANCE.randint(1, 3000) for _ in range(2)))
    for _ in range(60)
]


def test_rectangles_are_joined_and_cut() -> None:
    one, other = Rect(-10, 5, 30, 40), Rect(0, 0, 100, 20)
    assert intersection(one, other) == intersection(other, one) == Rect(0, 5, 20, 15)
    assert intersection(one, Rect(20, 5, 5, 5)) is None, "they touch"
    assert union([one, other]) == Rect(-10, 0, 110, 45)
    assert union([one]) == one


def test_a_small_layer_is_worked_on_at_its_own_place() -> None:
    assert area_around(Rect(800, 500, 320, 320), CANVAS, 1.0) == Rect(760, 460, 400, 400)


def test_a_layer_in_a_corner_is_worked_on_inside_the_canvas() -> None:
    area = area_around(Rect(0, 1300, 100, 200), CANVAS, 1.0)
    assert area == Rect(0, 1250, 250, 250)


def test_a_wide_layer_keeps_the_shape_that_the_family_learned() -> None:
    area = area_around(Rect(100, 700, 1200, 200), CANVAS, 1.5)
    assert (area.width, area.height) == (1500, 1000)


@pytest.mark.parametrize("aspect", [1.0, 1.5, 2.4])
@pytest.mark.parametrize("bounds", RECTS)
def test_all_of_a_layer_is_in_its_area(bounds: Rect, aspect: float) -> None:
    area = area_around(bounds, CANVAS, aspect)
    assert area.x <= bounds.x
    assert area.y <= bounds.y
    assert area.x + area.width >= bounds.x + bounds.width
    assert area.y + area.height >= bounds.y + bounds.height
    assert max(area.width, area.height) <= aspect * (min(area.width, area.height) + 1)


@pytest.mark.parametrize("aspect", [1.0, 1.5, 2.4])
@pytest.mark.parametrize("area", RECTS)
def test_the_square_lies_in_the_middle_of_its_area(area: Rect, aspect: float) -> None:
    part = square_in(area, aspect)
    assert max(part.width, part.height) <= aspect * min(part.width, part.height) + 1
    left, right = part.x - area.x, area.x + area.width - part.x - part.width
    above, below = part.y - area.y, area.y + area.height - part.y - part.height
    assert 0 <= right - left <= 1
    assert 0 <= below - above <= 1


def test_a_mask_over_half_of_a_wide_canvas_is_worked_on_at_a_shape_that_was_learned() -> None:
    assert area_around_mask(Rect(0, 0, 320, 360), Rect(0, 0, 640, 360), 1.0) == Rect(0, 0, 360, 360)
    assert area_around_mask(Rect(330, 60, 270, 270), Rect(0, 0, 640, 360), 1.0) == Rect(280, 0, 360, 360)


def test_a_small_mask_is_seen_with_what_the_model_draws_around_it() -> None:
    assert area_around_mask(Rect(1000, 700, 40, 20), CANVAS, 1.5, 128) == Rect(956, 646, 128, 128)
    assert area_around_mask(Rect(1000, 700, 40, 20), CANVAS, 1.5) == Rect(990, 690, 60, 40)


@pytest.mark.parametrize("aspect", [1.0, 1.5, 2.4])
@pytest.mark.parametrize("bounds", RECTS)
def test_all_of_a_mask_is_in_its_area_and_only_the_canvas_spoils_the_shape(bounds: Rect, aspect: float) -> None:
    area = area_around_mask(bounds, CANVAS, aspect)
    assert area.x <= bounds.x
    assert area.y <= bounds.y
    assert area.x + area.width >= bounds.x + bounds.width
    assert area.y + area.height >= bounds.y + bounds.height
    assert area.width <= max(CANVAS.width, bounds.width)
    assert area.height <= max(CANVAS.height, bounds.height)
    if area.width > aspect * (area.height + 1):
        assert (area.width, area.height) == (bounds.width, max(CANVAS.height, bounds.height))
    if area.height > aspect * (area.width + 1):
        assert (area.width, area.height) == (max(CANVAS.width, bounds.width), bounds.height)
