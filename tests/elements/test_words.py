"""What a prompt asks for: the kind, its parameters, and no element where the words name another thing."""

from __future__ import annotations

import pytest
from acetate.elements import KINDS, understand
from acetate.elements.params import Number

from tests.elements.phrases import FOREIGN, PHRASES


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def right(kind: str, values: dict[str, object], unknown: tuple[str, ...], mark: str) -> bool:
    """Whether what was understood is what one mark of a phrase says."""
    defaults = {one.name: one.default for one in KINDS[kind].parameters() if isinstance(one, Number)}
    if mark.startswith("?"):
        return mark[1:] in unknown
    if "=" in mark:
        name, chosen = mark.split("=")
        return values.get(name) == chosen
    if mark.startswith("colour:"):
        parts = [int(str(values.get("colour", "#000000"))[at : at + 2], 16) for at in (1, 3, 5)]
        wanted = mark[-1]
        if wanted in "kw":
            return "colour" in values and (max(parts) < 90 if wanted == "k" else min(parts) > 200)
        return "colour" in values and parts["rgb".index(wanted)] == max(parts)
    value, usual = values.get(mark[:-1]), defaults[mark[:-1]]
    if not isinstance(value, int | float):
        return False
    return value > usual if mark.endswith("+") else value < usual


def understood(line: str) -> bool:
    prompt, kind, marks = (part.strip() for part in line.split("|"))
    found = understand(prompt)
    if found is None or found.kind != kind:
        return False
    KINDS[kind].build(found.values)
    return all(right(kind, found.values, found.not_understood, mark) for mark in marks.split())


def test_of_two_hundred_prompts_at_least_95_of_a_hundred_give_their_kind_and_parameters() -> None:
    phrases = lines(PHRASES)
    wrong = [line for line in phrases if not understood(line)]
    assert len(phrases) >= 200
    assert len(wrong) <= 0.05 * len(phrases), wrong


@pytest.mark.parametrize("prompt", lines(FOREIGN))
def test_a_prompt_for_another_thing_asks_for_no_element(prompt: str) -> None:
    assert understand(prompt) is None


def test_words_that_nothing_came_of_are_named() -> None:
    found = understand("thick smoke from a rusty chimney")
    assert found is not None
    assert found.not_understood == ("rusty", "chimney")


def test_a_number_of_things_is_held_in_what_the_kind_can_draw() -> None:
    found = understand("99 lightning bolts")
    assert found is not None
    assert found.values == {"count": 6}
