"""What a model has seen: the words of its captions, and the nearest known thing to a word it never met."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from acetate.models.catalogue import read_json

SMALL_WORDS = (
    "a an and are as at be being by for from has have having his her in into is it its like made my near of off on "
    "onto or our out over some that the their there these this those through to under up very with without your"
)
IGNORED = frozenset(SMALL_WORDS.split())
"""Words that no picture depends on."""
LIKENESS = 0.78
"""How alike the letters of a misspelt word and a known one must be."""
SHORTEST_PART = 4
"""The fewest letters at which the end of a compound word counts as a thing: `fish` in `zebrafish`."""
SHORTEST_START = 3
"""The fewest letters before that end, so that `stable` is not taken for a `table`."""


@dataclass(frozen=True)
class Unknown:
    """A word or phrase of a prompt that the model never saw, and the nearest thing that it knows, if any."""

    text: str
    nearest: str | None


@dataclass(frozen=True)
class Vocabulary:
    """The words a model knows, the things they name, and related words with the thing that comes closest.

    `backgrounds` are the names of what it can draw behind a layer, where it learned scenes.
    `roles` are the marks that its captions begin with, by what the picture is: `layer`, `background` or `blend`.
    """

    words: frozenset[str]
    things: Mapping[str, str]
    related: Mapping[str, str]
    backgrounds: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)

    def marked(self, text: str, frame: str) -> str:
        """A text as the captions of such a frame had it: behind the mark of its role; unchanged without such marks.

        `frame` is a frame's role (`foreground`, `background`, `blend`); a foreground is a layer by itself.
        """
        mark = self.roles.get("layer" if frame == "foreground" else frame)
        return text if mark is None else f"{mark} {text}".rstrip()

    def unknown(self, prompt: str) -> tuple[Unknown, ...]:
        """The parts of a prompt that the model never saw, in order, each once."""
        found: dict[str, Unknown] = {}
        words = split(prompt)
        position = 0
        while position < len(words):
            pair = " ".join(words[position : position + 2])
            if pair in self.things:
                position += 2
                continue
            word = words[position]
            if pair != word and pair in self.related and not all(map(self._knows, pair.split())):
                found.setdefault(pair, Unknown(pair, self.related[pair]))
                position += 2
                continue
            if not self._knows(word):
                found.setdefault(word, Unknown(word, self._nearest(word)))
            position += 1
        return tuple(found.values())

    def _knows(self, word: str) -> bool:
        return word.isdigit() or word in IGNORED or any(form in self.words for form in forms(word))

    def _nearest(self, word: str) -> str | None:
        for form in forms(word):
            if form in self.related:
                return self.related[form]
        for start in range(SHORTEST_START, len(word) - SHORTEST_PART + 1):
            for form in forms(word[start:]):
                if form in self.things:
                    return self.things[form]
        alike = get_close_matches(word, self.things, n=1, cutoff=LIKENESS)
        return self.things[alike[0]] if alike else None


def split(text: str) -> list[str]:
    """The words of a text in lower case; hyphens part them, apostrophes and what follows are dropped."""
    return re.findall(r"\w+", re.sub(r"['’]\w*", "", text.lower()))


def forms(word: str) -> Iterator[str]:
    """A word as it is, then what it may be the plural of."""
    yield word
    for ending, replacement in (("ies", "y"), ("ves", "f"), ("ves", "fe"), ("es", ""), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 1:
            yield word.removesuffix(ending) + replacement


def load_vocabulary(folder: Path) -> Vocabulary | None:
    """The vocabulary of a model folder, None where it has none. Raises ValueError when it is unreadable."""
    path = folder / "vocabulary.json"
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        things = {
            name: thing["name"] for thing in content["things"] for name in [*thing.get("words", ()), thing["name"]]
        }
        backgrounds = {each["name"]: each["words"] for each in content.get("backgrounds", ())}
        known: list[Iterable[str]] = [content.get(key, ()) for key in ("styles", "colours", "words")]
        known += [backgrounds, *backgrounds.values()]
        texts = [*things, *(text for group in known for text in group)]
        related = dict(content.get("related", {}))
        roles = {str(role): str(mark) for role, mark in content.get("roles", {}).items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is not a vocabulary: {error!r}") from error
    return Vocabulary(
        words=frozenset(word for text in texts for word in split(text)),
        things={text.lower(): name for text, name in things.items()},
        related={text.lower(): name for text, name in related.items()},
        backgrounds=tuple(backgrounds),
        roles=roles,
    )
