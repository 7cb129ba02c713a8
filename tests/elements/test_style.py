"""Styles: a few flat tones with sharp edges, or brush strokes, of the same shape at every size."""

from __future__ import annotations

import numpy as np
import pytest
from acetate.elements import KINDS, paint
from acetate.elements.style import FLAT, PAINTED, TONES

STYLED = [name for name, kind in KINDS.items() if any(each.name == "style" for each in kind.parameters())]


def test_the_kinds_that_have_styles_are_these() -> None:
    assert STYLED == ["smoke", "flame", "campfire", "cloud", "explosion", "splash", "splatter"]


@pytest.mark.parametrize("kind", STYLED)
def test_a_flat_element_has_few_colours_and_hard_edges_at_the_same_place(kind: str) -> None:
    usual, flat = (paint(kind, {"style": style}, 128, 128, 1) for style in ("realistic", FLAT))
    inside = flat[..., 3] > 0.9 * flat[..., 3].max()
    _shades, counts = np.unique(np.rint(flat[inside][:, :3] * 255), axis=0, return_counts=True)
    plain = counts >= 0.02 * inside.sum()
    assert 2 <= plain.sum() <= len(TONES) + 1
    assert counts[plain].sum() > 0.5 * inside.sum()
    between = (flat[..., 3] > 0.05 * flat[..., 3].max()) & ~inside
    assert between.sum() < 0.35 * inside.sum()
    dense = usual[..., 3] > 0.8
    assert not dense.any() or flat[dense][:, 3].mean() > 0.85


@pytest.mark.parametrize("style", [PAINTED, FLAT])
def test_a_style_is_the_same_at_twice_the_size_and_stays_clear_of_the_border(style: str) -> None:
    small, large = (paint("smoke", {"style": style}, side, side, 1) for side in (256, 512))
    for layer in (small, large):
        layer[..., :3] *= layer[..., 3:]
    halved = large.reshape(256, 2, 256, 2, 4).mean(axis=(1, 3))
    assert np.abs(small - halved).mean() <= 0.006
    assert max(small[0, :, 3].max(), small[-1, :, 3].max(), small[:, 0, 3].max(), small[:, -1, 3].max()) < 1.5 / 255


def test_a_loop_stays_a_loop_in_any_style() -> None:
    for style in (PAINTED, FLAT):
        first, second, last = (paint("flame", {"style": style}, 64, 64, 3, index, 4) for index in (0, 1, 4))
        assert np.array_equal(first, last)
        assert not np.array_equal(first, second)
