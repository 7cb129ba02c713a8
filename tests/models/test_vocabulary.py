"""Which words of a prompt a model never saw, and what comes nearest."""

from __future__ import annotations

from pathlib import Path

import pytest
from acetate.models.vocabulary import load_vocabulary
from acetate_wire.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary(tiny_starter: Path) -> Vocabulary:
    loaded = load_vocabulary(tiny_starter)
    assert loaded is not None
    return loaded


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        ("a red apple", {}),
        ("Two red APPLES, flat", {}),
        ("a cartoon kitten's guitar on the leaf", {}),
        ("a cherry, a leaf and leaves", {}),
        ("a fire engine", {}),
        ("a zebrafish", {"zebrafish": "fish"}),
        ("two violins", {"violins": "guitar"}),
        ("a fire truck", {"fire truck": "fire engine"}),
        ("an aple", {"aple": "red apple"}),
        ("a shiny spaceship", {"shiny": None, "spaceship": None}),
        ("a spaceship and a spaceship", {"spaceship": None}),
        ("a café 猫", {"café": None, "猫": None}),
        ("", {}),
    ],
)
def test_words_that_were_never_seen_are_named_with_the_nearest_thing(
    vocabulary: Vocabulary, prompt: str, unknown: dict[str, str | None]
) -> None:
    assert {found.text: found.nearest for found in vocabulary.unknown(prompt)} == unknown


def test_the_end_of_a_word_is_no_thing_by_accident(vocabulary: Vocabulary) -> None:
    assert [found.nearest for found in vocabulary.unknown("a delicat")] == [None]


def test_a_model_without_a_vocabulary_knows_no_limits(tmp_path: Path) -> None:
    assert load_vocabulary(tmp_path) is None


def test_a_damaged_vocabulary_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.json").write_text('{"things": [3]}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"vocabulary\.json is not a vocabulary"):
        load_vocabulary(tmp_path)


def test_texts_are_marked_by_role_only_where_captions_were(vocabulary: Vocabulary) -> None:
    assert vocabulary.mark("foreground") == ""
    marks = Vocabulary(vocabulary.words, vocabulary.things, {}, roles={"layer": "<|layer|>", "blend": "<|blend|>"})
    assert marks.mark("foreground") == "<|layer|>"
    assert marks.mark("blend") == "<|blend|>"
    assert marks.mark("background") == ""
    assert marks.unknown("a cat") == ()
