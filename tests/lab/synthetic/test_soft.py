"""Promises of the procedural soft-alpha subjects that the starter model learns from."""

from __future__ import annotations

import colorsys
import functools

import numpy as np
import pytest
from acetate_lab.synthetic.soft import SOFT_SUBJECTS, SoftSubject
from acetate_lab.synthetic.soft.paint import HUES, Canvas, Noise, Strands
from numpy.typing import NDArray

SIZE = 48
# The least share of the visible pixels that must be partly transparent; edges alone give about 0.1.
LEAST_PARTIAL = {
    **{"fur ball": 0.12, "hair tuft": 0.15, "burning match": 0.3, "torch fire": 0.3},
    **{"woman": 0.1, "man": 0.08, "girl": 0.1, "leafy plant": 0.1, "rock": 0.05, "burning firewood": 0.3},
}
USUAL_PARTIAL = 0.35

every_subject = pytest.mark.parametrize("subject", SOFT_SUBJECTS.values(), ids=lambda s: s.name.replace(" ", "-"))


@functools.cache
def picture(subject: SoftSubject, seed: int, size: int = SIZE) -> NDArray[np.uint8]:
    return subject.render(np.random.default_rng(seed), size).picture


@every_subject
def test_a_picture_is_square_rgba_bytes_of_the_asked_size(subject: SoftSubject) -> None:
    with np.errstate(invalid="raise", divide="raise"):
        painted = picture(subject, 1, 40)
    assert painted.shape == (40, 40, 4)
    assert painted.dtype == np.uint8


@every_subject
def test_a_seed_always_paints_the_same_picture(subject: SoftSubject) -> None:
    again = subject.render(np.random.default_rng(2), SIZE).picture
    assert np.array_equal(picture(subject, 2), again)


@every_subject
def test_another_seed_paints_another_picture(subject: SoftSubject) -> None:
    difference = np.abs(picture(subject, 0).astype(int) - picture(subject, 1).astype(int))
    assert difference.mean() > 1


@every_subject
def test_the_border_is_clear(subject: SoftSubject) -> None:
    for seed in range(3):
        alpha = picture(subject, seed)[..., 3]
        border = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert border.max() == 0


@every_subject
def test_the_subject_fills_most_of_the_frame(subject: SoftSubject) -> None:
    for seed in range(3):
        rows, columns = np.nonzero(picture(subject, seed)[..., 3] > 12)
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 0.55 * SIZE <= longer <= SIZE - 2


@every_subject
def test_alpha_is_soft(subject: SoftSubject) -> None:
    alpha = np.stack([picture(subject, seed)[..., 3] for seed in range(3)])
    visible = alpha > 0
    partial = visible & (alpha < 255)
    assert partial.sum() / visible.sum() >= LEAST_PARTIAL.get(subject.name, USUAL_PARTIAL)


@every_subject
def test_colour_words_are_among_the_subjects_colours(subject: SoftSubject) -> None:
    for seed in range(6):
        assert set(subject.render(np.random.default_rng(seed), 32).caption_words) <= set(subject.colours)


@pytest.mark.parametrize("name", ["fog bank", "steam", "spider web", "fluffy cloud"])
def test_pale_subjects_keep_their_colour_where_alpha_is_faint(name: str) -> None:
    painted = picture(SOFT_SUBJECTS[name], 3, 64)
    faint = (painted[..., 3] > 2) & (painted[..., 3] < 40) & (np.arange(64)[:, None] < 36)
    assert painted[faint][:, :3].mean(axis=1).min() > 120


@pytest.mark.parametrize("seed", range(8))
def test_a_glow_has_the_hue_that_its_caption_names(seed: int) -> None:
    glow = SOFT_SUBJECTS["glow"].render(np.random.default_rng(seed), 48)
    ring = glow.picture[(glow.picture[..., 3] > 40) & (glow.picture[..., 3] < 120)][:, :3].mean(axis=0) / 255
    hue, saturation, _ = colorsys.rgb_to_hsv(*ring)
    centres = {word: (low + high) / 2 for word, (low, high) in HUES.items()}
    nearest = min(centres, key=lambda word: abs((hue - centres[word] + 0.5) % 1 - 0.5))
    assert glow.caption_words == ((nearest if saturation > 0.2 else "white"),)


def test_names_and_synonyms_are_not_shared_between_subjects() -> None:
    words = [word for subject in SOFT_SUBJECTS.values() for word in (subject.name, *subject.synonyms)]
    assert len(words) == len(set(words))


def test_noise_is_the_same_one_period_further() -> None:
    noise = Noise(np.random.default_rng(0), period=8)
    x, y = np.meshgrid(np.linspace(0, 3, 20), np.linspace(0, 3, 20))
    assert np.allclose(noise(x, y), noise(x + 8, y - 16))


def test_a_translucent_strand_covers_by_its_alpha_and_keeps_its_colour() -> None:
    canvas = Canvas(32, 1)
    line = np.stack([np.linspace(-0.8, 0.8, 5), np.zeros(5)], axis=-1)[None]
    canvas.splat(Strands(line, 0.25, (0.2, 0.4, 0.6), 0.5))
    middle = canvas.finished().picture[16, 16]
    assert abs(int(middle[3]) - 127) <= 13
    assert np.allclose(middle[:3], [51, 102, 153], atol=2)


def test_opaque_strands_are_painted_in_order() -> None:
    canvas = Canvas(32, 2)
    line = np.array([[[-0.8, 0.0], [0.8, 0.0]]])
    canvas.draw(Strands(np.concatenate([line, line]), 0.3, np.array([[[1.0, 0, 0]], [[0, 0, 1.0]]])))
    assert canvas.finished().picture[16, 16].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("who", ["woman", "man", "girl"])
def test_a_person_is_asked_for_by_the_hair_that_was_painted(who: str) -> None:
    found = [SOFT_SUBJECTS[who].render(np.random.default_rng(seed), 32).phrases for seed in range(12)]
    assert all(phrase.startswith(f"{who} with ") for phrases in found for phrase in phrases)
    kinds = {phrases[0] for phrases in found}
    assert f"{who} with messy hair" in kinds and len(kinds) >= 3


def test_a_window_is_painted_as_the_same_part_of_the_whole() -> None:
    whole, part = Canvas(16, 1), Canvas(16, 1)
    cover, window = np.zeros((16, 16)), (slice(4, 9), slice(2, 12))
    cover[window] = np.linspace(0, 1, 50).reshape(5, 10)
    for canvas in (whole, part):
        canvas.over(np.full((16, 16), 0.5), (0.9, 0.5, 0.1))
    whole.over(cover, (0.1, 0.2, 0.9))
    part.over(cover[window], (0.1, 0.2, 0.9), window)
    assert np.array_equal(whole.colour, part.colour) and np.array_equal(whole.alpha, part.alpha)
    assert part.alpha[8, 11] == 1
