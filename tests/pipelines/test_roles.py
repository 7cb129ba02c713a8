"""A model whose captions began with a mark of the picture's role is asked in the same way."""

from __future__ import annotations

from dataclasses import replace

import pytest
from acetate.models.model_cache import ModelCache
from torch import equal

from tests.pipelines.conftest import Draw

MARKS = {"layer": "cat", "background": "leaf", "blend": "guitar"}
"""Words that the tiny starter has, so that the same texts can be asked of it without marks."""


@pytest.fixture
def mark(store: ModelCache, monkeypatch: pytest.MonkeyPatch) -> None:
    model = store.get("starter")
    assert model.vocabulary is not None
    monkeypatch.setattr(model, "vocabulary", replace(model.vocabulary, roles=MARKS))


def test_prompt_and_negative_of_a_layer_carry_its_mark(draw: Draw, request: pytest.FixtureRequest) -> None:
    by_hand = draw("text", prompt="cat a red apple", negative="cat", guidance=4.0)
    unmarked = draw("text", prompt="a red apple", guidance=4.0)
    request.getfixturevalue("mark")
    marked = draw("text", prompt="a red apple", guidance=4.0)
    assert equal(marked[0].picture, by_hand[0].picture)
    assert not equal(marked[0].picture, unmarked[0].picture)
    assert marked[0].name == "a red apple", "the artist never sees the mark"


def test_every_frame_of_a_scene_carries_the_mark_of_its_role(draw: Draw, request: pytest.FixtureRequest) -> None:
    prompts = {"foreground": "cat a fish", "background": "leaf a fish", "blend": "guitar a fish"}
    by_hand = draw("scene", layer_prompts=prompts, guidance=1.0)
    request.getfixturevalue("mark")
    marked = draw("scene", prompt="a fish", guidance=1.0)
    assert [layer.role for layer in marked] == [layer.role for layer in by_hand]
    assert all(equal(one.picture, other.picture) for one, other in zip(marked, by_hand, strict=True))
