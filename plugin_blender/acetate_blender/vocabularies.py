# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that models know: asked for once a model when they are first wanted, then kept."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from acetate_wire.events import ModelVocabulary
from acetate_wire.vocabulary import Unknown, Vocabulary

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
def unknown(model: str, prompt: str) -> tuple[Unknown, ...]:
    """The parts of a prompt that this model never saw, as far as that is known."""
    vocabulary = of(model)
    return () if vocabulary is None else vocabulary.unknown(prompt)


def complete(owner: Any, context: Any, text: str) -> list[str]:
    """What a prompt that is being typed may become, for Blender's suggestions; `owner` has the `model`."""
    vocabulary = of(owner.model)
    if vocabulary is None:
        return []
    start = re.sub(r"\w+$", "", text)
    return [start + found for found in vocabulary.completions(text)]
