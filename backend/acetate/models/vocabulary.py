"""The vocabulary of a model folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from acetate_wire.vocabulary import Vocabulary, split

from acetate.models.backbones.diffusers_layout import read_json

VOCABULARY_FILE = "vocabulary.json"
"""The name of a vocabulary in a model's folder."""


def load_vocabulary(folder: Path) -> Vocabulary | None:
    """The vocabulary of a model folder, None where it has none. Raises ValueError when it is unreadable."""
    path = folder / VOCABULARY_FILE
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
