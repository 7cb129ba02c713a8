"""Words in a caption that change nothing in its picture.

A word pulls a drawing towards what it was learned with: "water", known from seas alone, makes of a layer an opaque
picture of a sea. So layers are also asked for with the words of backgrounds and with adjectives of no visible effect,
and backgrounds with the things that will stand before them.
"""

from __future__ import annotations

import random

from acetate_lab.synthetic.backgrounds import BACKDROPS
from acetate_lab.training.starter.concepts import CORE
from acetate_lab.training.starter.wording import article

HOW_OFTEN = 0.2
ADJECTIVES = (
    *(
        "wooden",
        "spooky",
        "beautiful",
        "cute",
        "funny",
        "scary",
        "modern",
        "ancient",
        "fantasy",
        "magical",
        "realistic",
    ),
    *(
        "detailed",
        "fresh",
        "single",
        "simple",
        "lovely",
        "nice",
        "pretty",
        "strange",
        "famous",
        "happy",
        "sad",
        "angry",
    ),
    *("young", "clean", "dirty", "heavy", "long", "short", "thin", "thick", "round", "wet", "dry"),
    *("cold", "plastic", "metal", "rusty", "medieval", "futuristic", "japanese", "summer", "christmas"),
    *("high quality", "hand drawn", "close up", "isolated", "professional", "elegant", "tasty"),
)
PLACES = tuple(word for each in BACKDROPS.values() for word in (each.name, *each.synonyms))
THINGS = tuple(sorted(CORE))


def distracted(phrase: str, role: str, chance: random.Random) -> str:
    """The caption `phrase`, one time in five with words that its picture does not show; `role` is one of `ROLES`."""
    if chance.random() >= HOW_OFTEN:
        return phrase
    if role == "background":
        thing = chance.choice(THINGS)
        return f"{phrase} {chance.choice(('with', 'behind', 'for'))} {article(thing)}{thing}"
    if role != "layer" or chance.random() < 0.5:
        return _described(phrase, chance.choice(ADJECTIVES))
    place = chance.choice(PLACES)
    return phrase + chance.choice((f" in a {place}", f" on a {place}", f" of {place}", f" in {place}", f", {place}"))


def _described(phrase: str, adjective: str) -> str:
    """`a wooden chair` of `a chair`; behind the phrase where it has no article."""
    head, _, rest = phrase.partition(" ")
    if head not in ("a", "an"):
        return f"{phrase}, {adjective}"
    return f"{'an' if adjective[0] in 'aeiou' else 'a'} {adjective} {rest}"
