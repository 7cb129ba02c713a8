"""Caption texts of a training picture, stored with it: captions are sampled from it at every step."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from acetate_lab.training.starter.concepts import without_colour

STYLE_DROPPED = {"3d": 0.7, "cartoon": 0.35, "flat": 0.35, "painted": 0.8}
"""How often a style's word is left out: a prompt without a style should mostly give the richest look."""

COLOUR_NAMED = 0.4
BARE = 0.4
"""How often a caption has no articles."""

ROLES = {"layer": "<|layer|>", "background": "<|background|>", "blend": "<|blend|>"}
"""The mark, one token, that a caption begins with: what the picture is. A layer's words can then not ask for an
opaque backdrop.
"""


def with_role(role: str, text: str) -> str:
    """A caption behind the mark of its role in `ROLES`; a dropped (empty) caption keeps the mark."""
    return f"{ROLES[role]} {text}".rstrip()


def article(phrase: str) -> str:
    """`a` or `an`, or nothing before a plural: `a nest with eggs`, `logs with fire`."""
    head = re.split(r" (?:of|with|in|on) ", phrase)[0]
    if head.endswith("s") and not head.endswith(("ss", "us")):
        return ""
    return "an " if phrase[0] in "aeiou" else "a "


@dataclass(frozen=True)
class Wording:
    """The things that a picture shows, and the patterns that put them into a sentence.

    `names` has, for every thing, what it may be called, the usual name first. `adjectives` has a word for each,
    empty without one; it is always said where `said` has it, otherwise now and then. `patterns` place the things
    by number ("{0} next to {1}"); of one with a counting word the names are plurals. All fields survive JSON.
    """

    names: Sequence[Sequence[str]]
    adjectives: Sequence[str]
    said: Sequence[bool]
    style: str = ""
    patterns: Sequence[str] = ("{0}",)
    role: str = "layer"

    def phrase(self, chance: random.Random) -> str:
        """One way to ask for the picture, without the mark of its role."""
        bare = chance.random() < BARE
        things = [self._thing(number, chance) for number in range(len(self.names))]
        style = "" if not self.style or chance.random() < STYLE_DROPPED[self.style] else self.style
        if style and len(things) == 1 and chance.random() < 0.5:
            things, style = [f"{style} {things[0]}"], ""
        pattern = chance.choice(self.patterns)
        if not bare and not pattern.startswith(COUNTS):
            things = [article(thing) + thing for thing in things]
        text = pattern.format(*things)
        return f"{text}, {style}" if style else text

    def _thing(self, number: int, chance: random.Random) -> str:
        noun = chance.choice((self.names[number][0], self.names[number][0], *self.names[number]))
        adjective, said = self.adjectives[number], self.said[number]
        if not adjective or not (said or chance.random() < COLOUR_NAMED):
            return noun
        if said:
            noun = without_colour(noun)
        return noun if set(adjective.split()) <= set(noun.split()) else f"{adjective} {noun}"


COUNTS = ("two ", "three ", "some ")
"""How the patterns of plurals begin."""
