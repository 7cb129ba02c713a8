"""What a picture shows, from its name or from the file beside it."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from acetate.data.collection import Split

FILLER = frozenset(
    {"img", "image", "picture", "pic", "photo", "png", "webp", "render", "final", "copy", "untitled", "layer"}
    | {"clipart", "icon", "transparent"}
)
"""Words of file names that say nothing about what is shown."""
ARTICLES = ("a ", "an ", "the ", "some ")


@dataclass(frozen=True)
class Told:
    """What is told of a picture; empty where nothing is."""

    caption: str = ""
    subject: str = ""
    licence: str = ""


def from_sidecar(suffix: str, content: bytes) -> Told:
    """What a text or JSON file beside a picture tells; nothing when it is unreadable."""
    text = content.decode("utf-8", errors="replace").strip()
    if suffix == ".txt":
        return Told(caption=" ".join(text.split()))
    try:
        told = json.loads(text)
    except ValueError:
        return Told()
    return from_map(told) if isinstance(told, dict) else Told()


def from_map(told: dict[str, Any]) -> Told:
    """What a map tells, under the names that are in use for it."""

    def first(*names: str) -> str:
        return next((" ".join(told[name].split()) for name in names if isinstance(told.get(name), str)), "")

    return Told(
        first("caption", "prompt", "text", "title"), first("subject", "class", "label"), first("licence", "license")
    )


def from_name(name: str) -> str:
    """`props/red-apple_03.png` -> `red apple`; the folder's name when the file's says nothing."""
    path = PurePath(name)
    for part in (path.stem, path.parent.name):
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part)
        words = [word for word in re.split(r"[^A-Za-zÀ-ɏ]+", spaced) if len(word) > 1]
        words = [word.lower() for word in words if word.lower() not in FILLER]
        if words:
            return " ".join(words)
    return ""


def subject_of(caption: str) -> str:
    """What a caption is about, as far as telling subjects apart goes: without article, case and numbers."""
    text = re.sub(r"\d+", "", caption.lower()).split(",")[0].strip()
    for article in ARTICLES:
        text = text.removeprefix(article)
    return " ".join(text.split())


def split_of(subject: str, held_out: float) -> Split:
    """The split that a subject belongs to, always the same one; `held_out` is the share that is held out."""
    drawn = int.from_bytes(hashlib.sha256(subject.encode()).digest()[:8], "big") / 2**64
    return "held_out" if drawn < held_out else "train"
