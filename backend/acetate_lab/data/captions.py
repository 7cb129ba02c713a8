"""What a picture shows, from its name or from the file beside it."""

from __future__ import annotations

import codecs
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from acetate_lab.data.collection import Split

FILLER = frozenset(
    {"img", "image", "picture", "pic", "photo", "png", "webp", "render", "final", "copy", "untitled", "layer"}
    | {"clipart", "icon", "transparent"}
)
"""Words of file names that do not describe the content."""
ARTICLES = ("a ", "an ", "the ", "some ")


@dataclass(frozen=True)
class CaptionInfo:
    """A picture's caption, subject and licence; empty where unknown."""

    caption: str = ""
    subject: str = ""
    licence: str = ""


def from_sidecar(suffix: str, content: bytes) -> CaptionInfo:
    """The caption data of a text or JSON file beside a picture; empty when it is unreadable."""
    text = _decoded(content).strip()
    if suffix == ".txt":
        return CaptionInfo(caption=" ".join(text.split()))
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        return CaptionInfo()
    return from_map(info) if isinstance(info, dict) else CaptionInfo()


def _decoded(content: bytes) -> str:
    """The text of a file in UTF-8 (with or without its mark) or UTF-16 with its mark, else in Latin-1."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", errors="replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def from_map(info: dict[str, Any]) -> CaptionInfo:
    """The caption data of a map, under the usual names."""

    def first(*names: str) -> str:
        return next((" ".join(info[name].split()) for name in names if isinstance(info.get(name), str)), "")

    return CaptionInfo(
        first("caption", "prompt", "text", "title"), first("subject", "class", "label"), first("licence", "license")
    )


def from_name(name: str) -> str:
    """`props/red-apple_03.png` -> `red apple`; the folder's name when the file's does not describe it."""
    path = PurePath(name)
    for part in (path.stem, path.parent.name):
        spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", part)
        words = [word for word in re.findall(r"[^\W\d_]+", spaced) if len(word) > 1 or not word.isascii()]
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
