"""From a prompt to an element: its kind, its parameters, and the words that were not understood.

A prompt names an element where the head of its first phrase is one: "thick black smoke from a chimney", "a puff of
smoke", but not "smoke detector", "a man with a candle" or "firefighter".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType

from acetate.elements.kind import Kind
from acetate.elements.kinds import KINDS
from acetate.elements.light import mix, rgb
from acetate.elements.params import Choice, ColourValue, Number, Parameter

COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "red": "#e0231c", "crimson": "#b3122c", "scarlet": "#f0301a", "orange": "#ff8a1c", "amber": "#ffb01f",
        "gold": "#ffc640", "golden": "#ffc640", "yellow": "#ffe03a", "lime": "#a8ea2a", "green": "#2fb53a",
        "emerald": "#14a866", "teal": "#149a94", "turquoise": "#2ccfc4", "cyan": "#2fd9f0", "aqua": "#3ee0e6",
        "blue": "#2a62f0", "azure": "#2f92ff", "navy": "#182a66", "indigo": "#4430b8", "violet": "#8038e0",
        "purple": "#8a35d6", "lavender": "#b59cf0", "magenta": "#e02aa8", "pink": "#ff7fb8", "rose": "#f0567f",
        "brown": "#74492a", "black": "#1c1b1e", "white": "#ffffff", "grey": "#8c8e92", "gray": "#8c8e92",
        "silver": "#c2c8d0",
    }
)  # fmt: skip
"""Colour words and what they mean where a kind does not say otherwise."""
SHADES: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "dark": ("#000000", 0.45), "deep": ("#000000", 0.3), "light": ("#ffffff", 0.45), "pale": ("#ffffff", 0.55),
        "bright": ("#ffffff", 0.12), "pastel": ("#ffffff", 0.5), "neon": ("#ffffff", 0.08),
    }
)  # fmt: skip
"""Words before a colour word, and which colour they mix in, by which share."""
COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_PORTIONS = (
    "ball bit blast bolt burst cloud column crack curl curtain drop explosion flake flash flicker flurry "
    "fountain haze jet layer lick lock mass mop orb patch pile plume pool puff pulse ray shaft sheet shower "
    "spark spray spot strand streak stream swarm swirl tongue trace trail tuft wall wave wisp"
)
PORTIONS = frozenset(_PORTIONS.split())
"""Words before "of" that name a portion of what follows: a puff of smoke."""
_PREPOSITIONS = (
    "above across against along among around as at before behind below beneath beside between beyond by down "
    "during for from in inside into near of off on onto out outside over through to toward towards under "
    "underneath up upon while with within without that which who"
)
PREPOSITIONS = frozenset(_PREPOSITIONS.split())
_IGNORED = (
    "a an the some this these and but very really quite slightly extremely so just only please draw paint make "
    "generate isolated transparent background realistic photorealistic cinematic beautiful gorgeous nice cool "
    "awesome epic detailed high quality hd 4k 8k element effect effects overlay texture png vfx fx layer "
    "rising falling burning lit drifting floating flying glowing shining natural magical magic mystical "
    "fantasy flowing swirling single lone is are its it seamless animated loop looping real digital visible "
    "soft hanging raging roaring flickering crackling gentle steady fresh"
)
IGNORED = frozenset(_IGNORED.split())
"""Words that say nothing which a parameter could show."""
_CLASHES = (
    "football tennis soccer chess cricket boxing wrestling rugby death perfect friendly pattern string facial "
    "cease holy school sticky tag word data thought speech tea"
)
CLASHES = frozenset(_CLASHES.split())
"""Words before a noun that give it another meaning: a football match, friendly fire."""
_THINGS = (
    "building ceiling clothing computing drawing earring evening fishing lighting meeting painting parking racing "
    "sibling training warning wedding welding writing"
)
THINGS = frozenset(_THINGS.split())
"""Words that end as "rising" does and name a thing."""
NAMES = frozenset({("snow", "white"), ("rain", "man")})
"""What is called by the name of an element."""


@dataclass(frozen=True)
class Understood:
    """What a prompt asks for: a kind, the parameters that it sets, and the words that nothing came of."""

    kind: str
    values: dict[str, object]
    not_understood: tuple[str, ...]


@dataclass
class _Reading:
    """The words that describe an element of one kind, while they are read."""

    kind: Kind
    values: dict[str, object] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)

    def read(self, words: Sequence[str]) -> None:
        """Set what the words say; what says nothing is noted."""
        position = 0
        while position < len(words):
            used = self._parameter(words[position:]) or self._colour(words[position:]) or self._count(words[position])
            if not used:
                used = 1
                if words[position] not in IGNORED and words[position] not in PREPOSITIONS:
                    self.unknown.append(words[position])
            position += used

    def _parameter(self, words: Sequence[str]) -> int:
        """How many of the first words set a number or a choice."""
        coloured = len(words) > 1 and words[0] in SHADES and self._named(words[1]) is not None
        for length in (3, 2, 1):
            phrase = "_".join(words[:length])
            hits = [(one, one.words[phrase]) for one in self.kind.parameters() if phrase in _said(one)]
            if hits and not (length == 1 and coloured):
                for parameter, value in hits:
                    self.values[parameter.name] = value
                return min(length, len(words))
        return 0

    def _colour(self, words: Sequence[str]) -> int:
        """How many of the first words set the colour."""
        for shade in (1, 0):
            name = words[shade] if len(words) > shade else ""
            value = self._named(name)
            if value is None or (shade and words[0] not in SHADES):
                continue
            if shade:
                other, share = SHADES[words[0]]
                value = "#" + "".join(f"{round(part * 255):02x}" for part in mix(rgb(value), rgb(other), share))
            self.values["colour"] = value
            return shade + 1
        return 0

    def _named(self, name: str) -> str | None:
        """The colour that a word names for this kind, None where it has no colour or the word is none."""
        target = next((one for one in self.kind.parameters() if one.name == "colour"), None)
        if not isinstance(target, ColourValue):
            return None
        plain = name[:-3] if name.endswith("ish") else name
        own = target.words.get(plain) or COLOURS.get(plain)
        return own or (name.lower() if re.fullmatch(r"#[0-9a-f]{6}", name) else None)

    def _count(self, word: str) -> int:
        """1 where the word is a number of things and the kind can draw several."""
        number = int(word) if word.isdigit() else COUNTS.index(word) + 1 if word in COUNTS else 0
        target = next((one for one in self.kind.parameters() if one.name == "count"), None)
        if not number or not isinstance(target, Number):
            return 0
        self.values["count"] = int(min(max(number, target.low), target.high))
        return 1


def understand(prompt: str) -> Understood | None:
    """The element that a prompt asks for; None where it asks for none."""
    text = re.sub(r"['’]s?\b", "", prompt.lower()).replace("-", " ")
    phrases = [re.findall(r"#[0-9a-f]{6}|\w+", part) for part in re.split(r"[,.;:()\[\]|]+", text)]
    phrases = [phrase for phrase in phrases if phrase]
    if not phrases:
        return None
    head, rest = _split(phrases[0])
    while rest[:1] == ["of"] and _singular(head[-1]) in PORTIONS and not _spans(head, rest):
        following, rest = _split(rest[1:])
        head = head[:-1] + following
    if _spans(head, rest):
        following, rest = _split(rest[1:])
        head = [*head, "of", *following]
    found = _found(head)
    if found is None or tuple(head[-2:]) in NAMES:
        return None
    reading = _Reading(found.kind)
    reading.read(head[: found.first])
    before = [word for word in head[: found.first] if word in reading.unknown]
    if head[found.last :] and not _describes(found.kind, head[found.last :]):
        return None
    if len(before) > 1 or CLASHES.intersection(before) or _does(head[: found.first], before):
        return None
    noticed = list(reading.unknown)
    reading.read(head[found.first : found.last])
    reading.unknown = noticed
    for words in (head[found.last :], rest, *phrases[1:]):
        reading.read(words)
    return Understood(found.kind.name, reading.values, tuple(dict.fromkeys(reading.unknown)))


@dataclass(frozen=True)
class _Found:
    """A kind's name in a phrase: words `first` up to `last`."""

    kind: Kind
    first: int
    last: int


def _found(words: Sequence[str]) -> _Found | None:
    """The last and longest name of a kind in a phrase."""
    best: _Found | None = None
    for kind, name in _names():
        length = len(name)
        for first in range(len(words) - length + 1):
            if [_singular(word) for word in words[first : first + length]] != name:
                continue
            here = _Found(kind, first, first + length)
            if best is None or (here.last, length) > (best.last, best.last - best.first):
                best = here
    return best


def _spans(head: Sequence[str], rest: Sequence[str]) -> bool:
    """Whether a name reaches over a preposition: "orb of light"."""
    found = _found([*head, *rest[:2]])
    return found is not None and found.first < len(head) < found.last


def _names() -> Iterator[tuple[Kind, list[str]]]:
    for kind in KINDS.values():
        for name in kind.words:
            yield kind, [_singular(word) for word in name.split()]


def _does(words: Sequence[str], unknown: Sequence[str]) -> bool:
    """Whether something else acts on what is named: "a girl blowing a dandelion", but not "dragon fire"."""
    return any(first in unknown and second.endswith("ing") for first, second in pairwise(words))


def _describes(kind: Kind, words: Sequence[str]) -> bool:
    """Whether the words after a noun only describe it: "smoke rising", not "smoke detector" and not "smoke ring"."""
    reading = _Reading(kind)
    reading.read(words)
    return all(re.fullmatch(r".*[aeiouy].*ing", word) and word not in THINGS for word in reading.unknown)


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """A phrase up to its first preposition, and from there on."""
    for place, word in enumerate(words):
        if word in PREPOSITIONS and place > 0:
            return list(words[:place]), list(words[place:])
    return list(words), []


def _said(parameter: Parameter) -> Mapping[str, object]:
    """The adjectives that set a parameter; a colour's are read as colours."""
    return parameter.words if isinstance(parameter, (Number, Choice)) else {}


def _singular(word: str) -> str:
    """A noun without its plural ending."""
    for ending, replacement in (("ches", "ch"), ("shes", "sh"), ("sses", "ss"), ("ies", "y"), ("s", "")):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            return word[: -len(ending)] + replacement
    return word
