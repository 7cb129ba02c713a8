"""Elements along the outline of a mask: they follow its contours, in every frame, and refuse what has none."""

from __future__ import annotations

import numpy as np
import pytest
from acetate.elements import KINDS, paint
from acetate.elements.outline import Mask, Outline

OUTLINED = [name for name, kind in KINDS.items() if kind.outlined]
SIDE = 96


def disc(width: int = SIDE, height: int = SIDE, hole: float = 0.0) -> Mask:
    """A disc in the middle, with the radius of a fifth of the shorter side, perhaps with a hole in it."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    far = np.sqrt((x - width / 2) ** 2 + (y - height / 2) ** 2) / min(width, height)
    return np.where((far < 0.2) & (far >= hole), np.uint8(255), np.uint8(0))


def distance(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width] + 0.5
    return np.asarray(np.abs(np.sqrt((x - width / 2) ** 2 + (y - height / 2) ** 2) / min(width, height) - 0.2))


@pytest.mark.parametrize(("width", "height"), [(200, 200), (300, 150), (150, 600)])
def test_the_contour_of_a_disc_is_a_circle_whose_normals_point_out(width: int, height: int) -> None:
    outline = Outline.of(disc(width, height))
    far = np.sqrt((outline.points**2).sum(axis=1))
    assert len(outline.loops) == 1
    assert np.abs(far - 0.2).max() < 0.008
    assert abs(outline.length - 2 * np.pi * 0.2) < 0.06
    assert ((outline.points * outline.normals).sum(axis=1) / far).min() > 0.95


def test_a_hole_has_a_contour_of_its_own_whose_normals_point_into_it() -> None:
    outline = Outline.of(disc(200, 200, hole=0.1))
    sizes = {}
    for loop in outline.loops:
        points, normals = outline.points[loop], outline.normals[loop]
        sizes[round(float(np.sqrt((points**2).sum(axis=1)).mean()), 1)] = float((points * normals).sum(axis=1).mean())
    assert set(sizes) == {0.1, 0.2}
    assert sizes[0.1] < 0 < sizes[0.2]


@pytest.mark.parametrize("kind", OUTLINED)
def test_it_grows_along_the_outline_and_leaves_the_middle_of_the_shape_clear(kind: str) -> None:
    for width, height in ((SIDE, SIDE), (SIDE, 2 * SIDE)):
        alpha = paint(kind, {}, width, height, 1, mask=disc(width, height))[..., 3]
        near = distance(width, height)
        assert alpha[near < 0.02].mean() > 3 * alpha[near > 0.12].mean()
        assert alpha[near < 0.02].max() > 0.3
        assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) < 1.5 / 255


@pytest.mark.parametrize("kind", [name for name in OUTLINED if KINDS[name].loops])
def test_its_loop_ends_where_it_begins(kind: str) -> None:
    first, second, last = (paint(kind, {}, 64, 64, 3, index, 4, mask=disc(64, 64)) for index in (0, 1, 4))
    assert np.array_equal(first, last)
    assert not np.array_equal(first, second)


def test_grass_grows_on_top_and_icicles_hang_below() -> None:
    half = SIDE // 2
    grass, icicles = (paint(kind, {}, SIDE, SIDE, 1, mask=disc())[..., 3] for kind in ("grass", "icicles"))
    assert grass[:half].sum() > 4 * grass[half + SIDE // 8 :].sum()
    assert icicles[half:].sum() > 4 * icicles[: half - SIDE // 8].sum()


def test_what_has_no_outline_is_refused() -> None:
    for empty in (np.zeros((64, 64), np.uint8), np.full((64, 64), 255, np.uint8)):
        with pytest.raises(ValueError, match="the mask has no outline"):
            paint("glow", {}, 64, 64, 1, mask=empty)
    with pytest.raises(
        ValueError, match="Rain does not grow along an outline: there are Flame, Glow, Fur, Grass, Icicles"
    ):
        paint("rain", {}, 64, 64, 1, mask=disc(64, 64))
