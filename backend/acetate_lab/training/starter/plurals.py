"""Plurals of the vocabulary's things, for pictures that show several of one."""

from __future__ import annotations

IRREGULAR = {
    "mouse": "mice",
    "goose": "geese",
    "tooth": "teeth",
    "snowman": "snowmen",
    "sheep": "sheep",
    "fish": "fish",
    "deer": "deer",
    "wolf": "wolves",
    "knife": "knives",
    "scarf": "scarves",
    "loaf": "loaves",
    "man": "men",
    "woman": "women",
}
UNCOUNTED = frozenset(
    [
        "corn",
        "fire",
        "smoke",
        "steam",
        "hair",
        "lightning",
        "popcorn",
        "spaghetti",
        "broccoli",
        "garlic",
        "tea",
        "lavender",
        "coral",
        "wheat",
        "dust",
        "fog",
        "mist",
        "sushi",
        "explosion",
        "sun",
        "moon",
        "desert",
        "water",
        "web",
        "claus",
        "clover",
        "cheese",
        "glow",
        "head",
        "eyes",
        "dust",
        "sparkle",
        "lace",
        "fireworks",
        "firewood",
        "milk",
        "coffee",
        "noodles",
        "rain",
        "ice",
        "snow",
        "yarn",
        "thread",
    ]
)
"""Last words of names of which there are no two, or which show several already."""


def plural(name: str) -> str:
    """`slice of cake` -> `slices of cake`; an empty string for what is not counted."""
    for link in (" of ", " in ", " with "):
        if link in name:
            head, tail = name.split(link, 1)
            several = plural(head)
            return several and f"{several}{link}{tail}"
    words = name.split()
    last = words[-1]
    if " and " in name or last in UNCOUNTED or (last.endswith("s") and not last.endswith(("ss", "us"))):
        return ""
    return " ".join([*words[:-1], IRREGULAR.get(last) or _regular(last)])


def _regular(word: str) -> str:
    if word.endswith("y") and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + ("es" if word.endswith(("s", "x", "ch", "sh", "z")) else "s")
