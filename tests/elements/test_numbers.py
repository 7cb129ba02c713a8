"""Random numbers that stay what they are, and functions that have the same bits everywhere."""

from __future__ import annotations

import numpy as np
from acetate.elements.numbers import Numbers, cosine, exp, log, power, sine, turns_of

FIRST = [0.7563751908755812, 0.3254154364972398, 0.8838324117962286]


def test_the_numbers_of_a_seed_are_these_for_ever() -> None:
    assert Numbers(7).uniform("drop.x", 3).tolist() == FIRST
    assert Numbers(7).uniform("drop.x", 1000)[:3].tolist() == FIRST
    assert Numbers(8).uniform("drop.x", 3).tolist() != FIRST


def test_uniform_and_normal_numbers_are_spread_as_they_say() -> None:
    even, normal = Numbers(1).uniform("a", 20000, -2, 4), Numbers(1).normal("b", 20000, 3)
    assert even.min() >= -2
    assert even.max() < 4
    assert abs(even.mean() - 1) < 0.05
    assert abs(normal.mean()) < 0.08
    assert abs(normal.std() - 3) < 0.06


def test_functions_are_as_exact_as_they_say() -> None:
    x = np.linspace(-20, 20, 4001).astype(np.float32)
    wide = x.astype(np.float64)
    assert np.abs(exp(x) / np.exp(wide) - 1).max() < 1e-6
    assert np.abs(sine(x) - np.sin(2 * np.pi * wide)).max() < 5e-6
    assert np.abs(cosine(x) - np.cos(2 * np.pi * wide)).max() < 5e-6
    positive = x[x > 0]
    assert np.abs(log(positive) - np.log(positive.astype(np.float64))).max() < 2e-6
    assert np.abs(power(positive, 0.7) / positive.astype(np.float64) ** 0.7 - 1).max() < 3e-6
    assert power(np.zeros(1, np.float32), 0.7)[0] == 0
    y = x[::-1].copy()
    assert np.abs(turns_of(x, y) - np.arctan2(y.astype(np.float64), wide) / (2 * np.pi)).max() < 1e-5
