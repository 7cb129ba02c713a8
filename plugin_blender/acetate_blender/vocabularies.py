# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that models know: asked for once a model when they are first wanted, then kept."""

from __future__ import annotations

import re
from functools import lru_cache

from acetate_wire.events import ModelVocabulary
from acetate_wire.vocabulary import UnknownPhrase, Vocabulary

_known: dict[str, Vocabulary | None] = {}
_wanted: dict[str, None] = {}


def of(model: str) -> Vocabulary | None:
    """What this model says of its words; None while that is not known, and where it says nothing."""
    if model not in _known:
        _wanted[model] = None
    return _known.get(model)


def learn(event: ModelVocabulary) -> None:
    """Keep what a model said."""
    _known[event.model] = event.vocabulary
    _wanted.pop(event.model, None)
    unknown.cache_clear()


def wanted() -> tuple[str, ...]:
    """The models whose words are wanted and not known yet."""
    return tuple(_wanted)


@lru_cache(maxsize=32)
def unknown(model: str, prompt: str) -> tuple[UnknownPhrase, ...]:
    """The parts of a prompt that this model never saw, as far as that is known."""
    vocabulary = of(model)
    return () if vocabulary is None else vocabulary.unknown(prompt)


def completions(model: str, prompt: str) -> tuple[str, ...]:
    """The known words that the last word of this prompt may become."""
    vocabulary = of(model)
    return () if vocabulary is None else vocabulary.completions(prompt)


def completed(prompt: str, word: str) -> str:
    """The prompt with its last word completed to this one."""
    return re.sub(r"\w+$", "", prompt) + word


def replaced(prompt: str, unknown_text: str, known: str) -> str:
    """The prompt with a word or phrase that the model does not know replaced where it first stands."""
    spaced = r"\W+".join(map(re.escape, unknown_text.split()))
    edge = r"\b" if unknown_text[0].isalnum() else ""
    return re.sub(f"{edge}{spaced}{edge}", lambda _: known, prompt, count=1, flags=re.IGNORECASE)
