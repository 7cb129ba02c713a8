"""The words that models know, each model's asked of the daemon once, and prompts completed and corrected by them."""

from __future__ import annotations

import re
from typing import Callable, Dict, Optional, Tuple

from acetate_wire.events import ModelVocabulary
from acetate_wire.vocabulary import UnknownPhrase, Vocabulary

MOST_REMEMBERED = 32
"""Prompts whose unknown words are remembered; a panel asks anew at every draw."""


class Vocabularies:
    """The vocabularies of one daemon's models.

    `ask` sends the question for one model, and returns False where that model has none; one question is open at a time.
    """

    def __init__(self, ask: Callable[[str], bool]) -> None:
        """Know no words yet."""
        self._ask = ask
        self._known: Dict[str, Optional[Vocabulary]] = {}
        self._unknown: Dict[Tuple[str, str], Tuple[UnknownPhrase, ...]] = {}
        self._asked = ""

    def of(self, model: str) -> Optional[Vocabulary]:
        """A model's vocabulary; None while it is not known, and for a model that has none."""
        # The client holds one open question of a kind.
        if model not in self._known and not self._asked and self._ask(model):
            self._asked = model
        return self._known.get(model)

    def unknown(self, model: str, prompt: str) -> Tuple[UnknownPhrase, ...]:
        """The parts of a prompt that a model never saw, as far as that is known."""
        vocabulary = self.of(model)
        if vocabulary is None:
            return ()
        if len(self._unknown) > MOST_REMEMBERED:
            self._unknown.clear()
        if (model, prompt) not in self._unknown:
            self._unknown[model, prompt] = vocabulary.unknown(prompt)
        return self._unknown[model, prompt]

    def completions(self, model: str, prompt: str) -> Tuple[str, ...]:
        """The known words that the last word of a prompt may become."""
        vocabulary = self.of(model)
        return () if vocabulary is None else vocabulary.completions(prompt)

    def learn(self, event: ModelVocabulary) -> None:
        """Take the daemon's answer."""
        self._known[event.model] = event.vocabulary
        self._asked = ""

    def clear(self) -> None:
        """Forget everything: another daemon may have other models."""
        self._known.clear()
        self._unknown.clear()
        self._asked = ""


def completed(prompt: str, word: str) -> str:
    """The prompt with its last word completed to this one."""
    return re.sub(r"\w+$", "", prompt) + word


def replaced(prompt: str, unknown_text: str, known: str) -> str:
    """The prompt with a word or phrase that the model does not know replaced where it first stands."""
    spaced = r"\W+".join(map(re.escape, unknown_text.split()))
    edge = r"\b" if unknown_text[0].isalnum() else ""
    return re.sub(f"{edge}{spaced}{edge}", lambda _: known, prompt, count=1, flags=re.IGNORECASE)
