"""Which part of the canvas a job works on."""

from __future__ import annotations

import random

import pytest
from acetate_wire.geometry import area_around, square_in
from acetate_wire.request import Rect

CANVAS = Rect(0, 0, 2000, 1500)
CHANCE = random.Random(1)
RECTS = [
    Rect(*(CHANCE.randint(-500, 2500) for _ in range(2)), *(CHANCE.randint(1, 3000) for _ in range(2)))
    for _ in range(60)
]


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
