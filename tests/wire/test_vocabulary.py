"""What a client finds out about a prompt by itself, from the words that a model lists."""

from __future__ import annotations

from acetate_wire.vocabulary import Vocabulary

WORDS = Vocabulary(
    frozenset({"red", "apple", "apples", "fish", "wooden", "table"}),
    {"apple": "apple", "fish": "fish", "apple tree": "apple tree"},
    {"trout": "fish"},
    ("wooden table",),
)


def unknown(prompt: str) -> list[tuple[str, str | None]]:
    return [(each.text, each.nearest) for each in WORDS.unknown(prompt)]


def test_the_nearest_known_thing_is_named() -> None:
    assert unknown("a red zebrafish") == [("zebrafish", "fish")]
    assert unknown("a trout") == [("trout", "fish")]


def test_other_languages_and_emoji_are_unknown() -> None:
    assert [text for text, _ in unknown("ein roter Apfel")] == ["ein", "roter", "apfel"]
    assert unknown("赤いりんご") == [("赤いりんご", None)]
    assert unknown("🍎 👍🏽") == [("🍎", None), ("👍", None)]
    assert unknown("<b>") == [("b", None)]


def test_words_are_completed_from_what_the_model_knows() -> None:
    assert WORDS.completions("a red ap") == ("apple", "apples", "apple tree")
    assert WORDS.completions("woo") == ("wooden", "wooden table")
    assert WORDS.completions("a red ") == ()
    assert WORDS.completions("a") == ()


def test_a_vocabulary_goes_through_a_message() -> None:
    assert Vocabulary.from_map(WORDS.to_map()) == WORDS
