"""Pictures put together for the starter's training show what their captions say."""

from __future__ import annotations

import json
import random
from dataclasses import asdict

import numpy as np
import pytest
from acetate_lab.training.starter import groups, recolour
from acetate_lab.training.starter.colours import dominant_colour, hue_saturation_value
from acetate_lab.training.starter.dataset import PictureRecord, PictureSet
from acetate_lab.training.starter.distractors import distracted
from acetate_lab.training.starter.plurals import plural
from acetate_lab.training.starter.samples import group_sample, is_symmetric, thing_sample
from acetate_lab.training.starter.wording import ROLES, Wording, article, with_role
from numpy.typing import NDArray

SIDE = 256


def disc(colour: tuple[int, int, int], alpha: int = 255, radius: int = 90) -> NDArray[np.uint8]:
    """A shaded disc with a soft edge."""
    y, x = np.mgrid[:SIDE, :SIDE] - 127.5
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    shade = 1 - 0.25 * (x + y + 2 * radius) / (4 * radius)
    picture[..., :3] = np.clip(np.array(colour) * shade[..., None], 0, 255)
    picture[..., 3] = np.clip((radius - np.hypot(x, y)) * 40 + 128, 0, alpha)
    return picture


def apple() -> NDArray[np.uint8]:
    """A red disc with a green leaf and a dark brown stem on it."""
    picture = disc((225, 30, 40))
    picture[20:60, 130:190] = (70, 170, 60, 255)
    picture[10:70, 118:128] = (90, 50, 25, 255)
    return picture


def the_set() -> PictureSet:
    kinds = {
        "red apple": (apple(), "food"),
        "blueberry": (disc((40, 60, 200)), "food"),
        "cat": (disc((240, 160, 60)), "animal"),
        "top hat": (disc((30, 30, 30), radius=60), "clothing"),
        "bed": (disc((150, 100, 220)), "furniture"),
    }
    records = tuple(
        PictureRecord(name, (name,), "3d", "set", "MIT", category, "vocabulary", dominant_colour(picture), True)
        for name, (picture, category) in kinds.items()
    )
    return PictureSet(np.stack([picture for picture, _ in kinds.values()]), records)


PICTURES = the_set()


@pytest.mark.parametrize("word", ["red", "orange", "yellow", "green", "blue", "purple", "pink", "brown"])
def test_a_recoloured_body_has_the_colour_that_its_word_names(word: str) -> None:
    painted = recolour.recoloured(disc((60, 90, 210)), word)
    assert painted is not None and dominant_colour(painted) == word


@pytest.mark.parametrize(("word", "low", "high"), [("black", 0, 0.35), ("grey", 0.4, 0.75), ("white", 0.8, 1.0)])
def test_black_grey_and_white_have_no_hue_and_their_own_lightness(word: str, low: float, high: float) -> None:
    painted = recolour.recoloured(disc((200, 60, 60)), word)
    assert painted is not None
    _, saturation, value = hue_saturation_value(painted[100:150, 100:150, :3] / 255)
    assert np.median(saturation) < 0.15 and low <= np.median(value) <= high


def test_pale_and_dark_are_lighter_and_darker_of_the_same_hue() -> None:
    pale, plain, dark = (recolour.recoloured(disc((200, 60, 60)), f"{tint}blue") for tint in ("pale ", "", "dark "))
    assert pale is not None and plain is not None and dark is not None
    middles = [picture[128, 128, :3].astype(int) for picture in (pale, plain, dark)]
    assert middles[0].sum() > middles[1].sum() > middles[2].sum()
    assert all(middle.argmax() == 2 for middle in middles)


def test_a_leaf_and_a_stem_keep_their_colour_and_alpha_never_changes() -> None:
    for word in recolour.TARGETS:
        painted = recolour.recoloured(apple(), word)
        assert painted is not None
        assert np.array_equal(painted[..., 3], apple()[..., 3])
        assert np.abs(painted[30:50, 140:180].astype(int) - apple()[30:50, 140:180]).max() <= 2
        assert np.abs(painted[15:30, 119:127].astype(int) - apple()[15:30, 119:127]).max() <= 12


def test_light_and_shade_of_a_body_stay() -> None:
    painted = recolour.recoloured(disc((200, 60, 60)), "green")
    assert painted is not None
    assert painted[90, 90, 1] > painted[165, 165, 1] + 10


def test_a_picture_of_many_colours_has_no_body() -> None:
    picture = disc((255, 0, 0))
    for row, colour in enumerate([(255, 0, 0), (255, 255, 0), (0, 255, 0), (0, 0, 255), (255, 0, 255)]):
        picture[row * 52 : row * 52 + 52, :, :3] = colour
    assert recolour.recoloured(picture, "blue") is None


@pytest.mark.parametrize("change", ["old", "shiny", "spotted", "striped"])
def test_conditions_change_the_picture_inside_its_own_outline(change: str) -> None:
    before, rng = disc((60, 90, 210)), np.random.default_rng(3)
    if change in ("spotted", "striped"):
        after = recolour.patterned(before, change, rng)
    else:
        after = (recolour.aged if change == "old" else recolour.polished)(before, rng)
    assert after is not None and np.array_equal(after[..., 3], before[..., 3])
    changed = np.abs(after[..., :3].astype(int) - before[..., :3]).max(axis=-1) > 25
    assert changed[before[..., 3] > 200].mean() > 0.03


def bounds(picture: NDArray[np.uint8], colour: int) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of what is mostly red (0) or blue (2)."""
    rest = [channel for channel in (0, 1, 2) if channel != colour]
    mine = (picture[..., colour] > 1.6 * picture[..., rest].max(axis=-1)) & (picture[..., 3] > 127)
    rows, columns = np.nonzero(mine)
    return float(columns.min()), float(rows.min()), float(columns.max()), float(rows.max())


RED, BLUE = disc((220, 20, 20)), disc((20, 20, 220))


@pytest.mark.parametrize("seed", range(5))
def test_things_side_by_side_do_not_overlap_and_fit_the_frame(seed: int) -> None:
    row = groups.in_a_row([RED, BLUE], SIDE, np.random.default_rng(seed))
    red, blue = bounds(row, 0), bounds(row, 2)
    assert red[2] <= blue[0] + 1
    assert row[0, :, 3].max() == row[-1, :, 3].max() == row[:, 0, 3].max() == row[:, -1, 3].max() == 0


@pytest.mark.parametrize("seed", range(5))
def test_a_thing_on_another_is_above_it_and_touches_it(seed: int) -> None:
    pile = groups.stacked(RED, BLUE, SIDE, np.random.default_rng(seed))
    red, blue = bounds(pile, 0), bounds(pile, 2)
    assert red[1] < blue[1] and red[3] < (blue[1] + blue[3]) / 2, "above"
    middle = round((red[0] + red[2]) / 2)
    column = pile[:, middle, 3]
    seen = np.nonzero(column > 127)[0]
    assert len(seen) == seen[-1] - seen[0] + 1, "no gap between them"


@pytest.mark.parametrize("seed", range(5))
def test_a_thing_with_another_overlaps_it(seed: int) -> None:
    both = groups.held(RED, BLUE, SIDE, np.random.default_rng(seed))
    red, blue = bounds(both, 0), bounds(both, 2)
    assert red[0] < blue[2] and blue[0] < red[2] and red[1] < blue[3] and blue[1] < red[3]
    assert (blue[2] - blue[0]) < 0.7 * (red[3] - red[1])


@pytest.mark.parametrize("count", [2, 3])
def test_copies_are_as_many_as_their_word_says(count: int) -> None:
    for seed in range(5):
        picture = groups.copies(disc((220, 20, 20), radius=70), count, SIDE, np.random.default_rng(seed))
        assert islands(picture[..., 3] > 127) == count


def islands(mask: NDArray[np.bool_]) -> int:
    """How many parts a mask has, those that touch a little at their rims apart (eroded before)."""
    for _ in range(14):
        mask = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
    found = 0
    while mask.any():
        found += 1
        region = np.zeros_like(mask)
        region[np.unravel_index(mask.argmax(), mask.shape)] = True
        while True:
            wider = region | np.roll(region, 1, 0) | np.roll(region, -1, 0) | np.roll(region, 1, 1)
            wider = (wider | np.roll(region, -1, 1)) & mask
            if (wider == region).all():
                break
            region = wider
        mask = mask & ~region
    return found


def test_alpha_of_overlapping_things_is_that_of_premultiplied_over() -> None:
    half = groups.cut_out(disc((220, 20, 20), alpha=128), SIDE, SIDE)
    frame = groups.clear(SIDE)
    groups.over(frame, half, 0, 0)
    groups.over(frame, half, 0, 0)
    middle = groups.straight(frame)[SIDE // 2, SIDE // 2]
    assert middle[3] == pytest.approx(255 * (1 - (127 / 255) ** 2), abs=2)
    assert middle[0] > 150, "straight colour is not darkened by alpha"


@pytest.mark.parametrize("seed", range(30))
def test_a_sample_is_the_same_again_and_says_its_role_first(seed: int) -> None:
    for first, again in (
        (group_sample(PICTURES, seed), group_sample(PICTURES, seed)),
        (thing_sample(PICTURES, seed % 5, seed), thing_sample(PICTURES, seed % 5, seed)),
    ):
        assert np.array_equal(first.picture, again.picture)
        assert first.picture.shape == (SIDE, SIDE, 4) and first.picture.dtype == np.uint8
        text = with_role(first.wording.role, first.wording.phrase(random.Random(seed)))
        assert text.startswith(ROLES["layer"] + " ")
        kept = Wording(**json.loads(json.dumps(asdict(first.wording))))
        assert with_role(kept.role, kept.phrase(random.Random(seed))) == text


def test_words_of_no_effect_come_one_time_in_five_and_keep_what_is_shown() -> None:
    chance = random.Random(3)
    asked = [distracted("a cat", "layer", chance) for _ in range(1000)]
    changed = [text for text in asked if text != "a cat"]
    assert 150 <= len(changed) <= 250
    assert all("cat" in text.replace(",", "").split() for text in changed), "what is shown is still said"
    assert any(place in text for text in changed for place in ("water", "wood", "meadow"))
    assert any(text.endswith(" cat") and len(text.split()) > 2 for text in changed), "adjectives stand before the noun"
    backgrounds = {distracted("a meadow", "background", chance) for _ in range(300)}
    assert all(text.startswith("a meadow") for text in backgrounds) and len(backgrounds) > 20
    assert any("meadow with a" in text for text in backgrounds)


def test_groups_are_of_every_kind_and_another_each_time() -> None:
    samples = [group_sample(PICTURES, seed) for seed in range(60)]
    patterns = {sample.wording.patterns[0] for sample in samples}
    wanted = {"{0} and {1}", "{0} next to {1}", "two {0}", "three {0}", "{0} on {1}", "{0} with {1}"}
    assert wanted <= patterns
    assert len({sample.picture.tobytes() for sample in samples}) == 60


def test_the_first_view_is_the_stored_picture_and_a_change_is_always_said() -> None:
    assert np.array_equal(thing_sample(PICTURES, 0, 0).picture, PICTURES.pictures[0])
    seen = set()
    for seed in range(1, 90):
        sample = thing_sample(PICTURES, 0, seed)
        if sample.wording.said[0]:
            adjective = sample.wording.adjectives[0]
            seen.add(adjective)
            assert adjective in sample.wording.phrase(random.Random(seed))
            assert not np.array_equal(sample.picture, PICTURES.pictures[0])
    assert {"big", "small", "old", "shiny", "spotted", "striped"} <= seen
    assert seen & set(recolour.TARGETS)


def test_only_what_looks_like_its_mirror_is_mirrored() -> None:
    assert not is_symmetric(apple())
    even = disc((220, 20, 20))
    even[..., 0] = 220
    even[..., 1:3] = 20
    assert is_symmetric(even)
    samples = [thing_sample(PICTURES, 0, seed) for seed in range(30)]
    assert {sample.picture.tobytes() for sample in samples if not sample.wording.said[0]} == {apple().tobytes()}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("red apple", "red apples"),
        ("mouse", "mice"),
        ("slice of cake", "slices of cake"),
        ("woman with messy hair", "women with messy hair"),
        ("fox", "foxes"),
        ("strawberry", "strawberries"),
        ("monkey", "monkeys"),
        ("glasses", ""),
        ("smoke", ""),
        ("bow and arrow", ""),
    ],
)
def test_plurals_are_english(name: str, wanted: str) -> None:
    assert plural(name) == wanted


@pytest.mark.parametrize(
    ("phrase", "wanted"), [("nest with eggs", "a "), ("logs with fire", ""), ("old stack of books", "an ")]
)
def test_the_article_is_that_of_the_head_noun(phrase: str, wanted: str) -> None:
    assert article(phrase) == wanted
