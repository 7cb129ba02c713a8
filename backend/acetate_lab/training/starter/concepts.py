"""The starter's vocabulary: which things it learns, and what artists may call them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

CONCEPTS_FILE = Path(__file__).with_name("concepts.json")

COLOUR_WORDS = (
    "red",
    "orange",
    "yellow",
    "green",
    "blue",
    "purple",
    "pink",
    "brown",
    "white",
    "grey",
    "black",
)
TINT_WORDS = ("gold", "silver", "copper", "pale", "dark")
ATTRIBUTE_WORDS = ("big", "small", "old", "shiny", "spotted", "striped")
"""What a picture can be made besides its colour."""
STYLE_WORDS = ("3d", "cartoon", "flat", "painted")

CORE_WEIGHT = 2.0
CORE = frozenset(
    {
        *("red apple", "cat", "dog", "rocket", "burning match", "flame", "smoke plume", "house", "tree", "car"),
        *("fish", "bird", "rose", "mushroom", "strawberry", "star", "red heart", "sun", "cloud", "fire", "soap bubble"),
        *("hair tuft", "feather", "candle", "castle", "skull", "robot", "ghost", "butterfly", "airplane", "sailboat"),
        *(
            "woman",
            "man",
            "girl",
            "burning firewood",
            "campfire",
            "burning match with smoke",
            "potion flask",
            "lantern",
        ),
        *("balloon", "banana", "cupcake", "hamburger", "guitar", "umbrella", "crown", "book", "key", "mountain"),
        *("crescent moon", "cup of coffee", "pine tree", "elephant", "glass bottle", "lightning", "glow", "rainbow"),
    }
)
"""What artists try first: captions teach these `CORE_WEIGHT` times as often."""


@dataclass(frozen=True)
class Concept:
    """One thing: its name and synonyms, its emoji code point, and which share of the data it belongs to.

    `use` is `vocabulary` (captions teach it) or `held_out` (nothing sees it but the evaluation).
    """

    name: str
    synonyms: tuple[str, ...]
    code: str
    category: str
    use: str

    @property
    def words(self) -> tuple[str, ...]:
        """Every name that captions use for it."""
        return (self.name, *self.synonyms)


def load_concepts() -> list[Concept]:
    """Read the concepts in the order of the file."""
    rows = json.loads(CONCEPTS_FILE.read_text(encoding="utf-8"))
    return [Concept(r["name"], tuple(r["synonyms"]), r["code"], r["category"], r["use"]) for r in rows]


def without_colour(noun: str) -> str:
    """`red apple` -> `apple`: the noun that a recoloured picture of it is called by."""
    first, _, rest = noun.partition(" ")
    return rest if rest and first in COLOUR_WORDS else noun
