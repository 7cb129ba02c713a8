"""What a model has seen: the words of its captions, and the nearest known thing to a word it never met."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Dict, FrozenSet, Iterator, List, Mapping, Optional, Tuple

from .prompt import plain_words

SMALL_WORDS = (
    "a an and are as at be being by for from has have having his her in into is it its like made my near of off on "
    "onto or our out over some that the their there these this those through to under up very with without your"
)
IGNORED = frozenset(SMALL_WORDS.split())
"""Words that no picture depends on."""
PICTOGRAPH = "[\u2190-\u2bff\U0001f000-\U0001f3fa\U0001f400-\U0001faff]"
"""Arrows, symbols and emoji, without the modifiers of skin tones (U+1F3FB to U+1F3FF)."""
LIKENESS = 0.78
"""How alike the letters of a misspelt word and a known one must be."""
SHORTEST_PART = 4
"""The fewest letters at which the end of a compound word counts as a thing: `fish` in `zebrafish`."""
SHORTEST_START = 3
"""The fewest letters before that end, so that `stable` is not taken for a `table`."""


@dataclass(frozen=True)
class UnknownPhrase:
    """A word or phrase of a prompt that the model never saw, and the nearest thing that it knows, if any."""

    text: str
    nearest: Optional[str]


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows, the things they name, and related words with the thing that comes closest.

    `backgrounds` are the names of what it can draw behind a layer, where it learned scenes. `roles` are the marks that
    its captions begin with, by what the picture is: `layer`, `background` or `blend`.
    """

    words: FrozenSet[str]
    things: Mapping[str, str]
    related: Mapping[str, str]
    backgrounds: Tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_map(cls, fields: Mapping[str, Any]) -> Vocabulary:
        """The inverse of `to_map`. Raises ValueError, KeyError or TypeError when it is not one."""
        return cls(
            words=frozenset(fields["words"]),
            things=dict(fields["things"]),
            related=dict(fields["related"]),
            backgrounds=tuple(fields["backgrounds"]),
            roles=dict(fields.get("roles", {})),
        )

    def to_map(self) -> Dict[str, Any]:
        """The vocabulary as it stands in a message."""
        return {
            "words": sorted(self.words),
            "things": dict(self.things),
            "related": dict(self.related),
            "backgrounds": list(self.backgrounds),
            "roles": dict(self.roles),
        }

    def mark(self, frame: str) -> str:
        """What the captions of such a frame began with, empty without such marks.

        `frame` is a frame's role (`foreground`, `background`, `blend`); a foreground is a layer by itself.
        """
        return self.roles.get("layer" if frame == "foreground" else frame, "")

    def completions(self, prompt: str, most: int = 8) -> Tuple[str, ...]:
        """Things, backgrounds and words that begin as the prompt's last word (two letters or more), shortest first."""
        match = re.search(r"\w{2,}$", prompt.lower())
        if match is None:
            return ()
        begun = match.group()
        known = {*self.things, *self.backgrounds, *(word for word in self.words if len(word) > 2)}
        found = (text for text in known if text.startswith(begun) and text != begun)
        return tuple(sorted(found, key=_by_length)[:most])

    def unknown(self, prompt: str) -> Tuple[UnknownPhrase, ...]:
        """The parts of a prompt that the model never saw, in order, each once; its syntax is none of them."""
        found: Dict[str, UnknownPhrase] = {}
        words = split(plain_words(prompt))
        position = 0
        while position < len(words):
            pair = " ".join(words[position : position + 2])
            if pair in self.things:
                position += 2
                continue
            word = words[position]
            if pair != word and pair in self.related and not all(map(self._knows, pair.split())):
                found.setdefault(pair, UnknownPhrase(pair, self.related[pair]))
                position += 2
                continue
            if not self._knows(word):
                found.setdefault(word, UnknownPhrase(word, self._nearest(word)))
            position += 1
        return tuple(found.values())

    def _knows(self, word: str) -> bool:
        return word.isdigit() or word in IGNORED or any(form in self.words for form in forms(word))

    def _nearest(self, word: str) -> Optional[str]:
        for form in forms(word):
            if form in self.related:
                return self.related[form]
        for start in range(SHORTEST_START, len(word) - SHORTEST_PART + 1):
            for form in forms(word[start:]):
                if form in self.things:
                    return self.things[form]
        alike = get_close_matches(word, self.things, n=1, cutoff=LIKENESS)
        return self.things[alike[0]] if alike else None


def split(text: str) -> List[str]:
    """The words of a text in lower case, and its pictographs; hyphens part words, apostrophes and what follows go."""
    return re.findall(rf"\w+|{PICTOGRAPH}", re.sub(r"['’]\w*", "", text.lower()))


def forms(word: str) -> Iterator[str]:
    """A word as it is, then what it may be the plural of."""
    yield word
    for ending, replacement in (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word[: -len(ending)] + replacement


def _by_length(text: str) -> Tuple[int, str]:
    return len(text), text
