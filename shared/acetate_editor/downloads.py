"""Models that can be fetched: what an editor's list of them shows, in words."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, List, Mapping, Optional, Sequence

from .messages import Translate, mark

FAMILIES = {
    "sd15": "Stable Diffusion 1.5",
    "klein": "FLUX.2 klein",
    "qwen-layered": "Qwen-Image-Layered",
    "qwen-image-2.1": "Qwen-Image-2.1",
    "sdxl": "Stable Diffusion XL",
}
KINDS = {
    "scribble": mark("Scribble"),
    "line": mark("Lines"),
    "edge": mark("Edges"),
    "depth": mark("Depth"),
    "pose": mark("Pose"),
    "segmentation": mark("Segmentation"),
    "tile": mark("Large shapes"),
    "style": mark("Style of a picture"),
}
ALLOWED = {
    "research": mark("This licence allows research and evaluation alone: no commercial work."),
    "noncommercial": mark("This licence does not allow commercial work."),
}
FREE = ("apache", "mit", "bsd", "cc0", "cc-by-4", "openrail", "creativeml")
"""The beginnings of licences that allow commercial work; what else there is, an artist should read first."""


@dataclass(frozen=True)
class Download:
    """One entry of `downloads` (docs/protocol.md): `bytes` is None while the hub has not named the size.

    `restricted` are the licences that have to be agreed to first.
    """

    name: str
    family: str = ""
    kind: str = ""
    here: bool = False
    bytes: Optional[int] = None
    licence: str = ""
    page: str = ""
    state: str = ""
    bytes_done: int = 0
    message: str = ""
    hint: str = ""
    restricted: Sequence[Mapping[str, str]] = ()

    @classmethod
    def from_map(cls, values: Mapping[str, Any]) -> Download:
        """An entry; fields of a newer daemon are passed over."""
        known = {entry.name for entry in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})

    @property
    def busy(self) -> bool:
        """Whether it is being fetched, or waits for it."""
        return self.state in ("waiting", "fetching")

    @property
    def share(self) -> Optional[float]:
        """How much has come, 0 to 1; None while that cannot be told."""
        return min(1.0, self.bytes_done / self.bytes) if self.bytes and self.state == "fetching" else None

    def title(self, tr: Translate) -> str:
        """What it is called."""
        family = FAMILIES.get(self.family, self.family)
        if not self.kind:
            return family
        return tr("{what} for {model}").format(what=tr(KINDS.get(self.kind, self.kind)), model=family)

    def about(self, tr: Translate) -> str:
        """Its size and licence in one line, or how its download does, or why it failed."""
        if self.state == "waiting":
            return tr("Waits for the download before it")
        if self.state == "fetching":
            done = size_words(self.bytes_done)
            return f"{done} / {size_words(self.bytes)}" if self.bytes else done
        if self.state == "failed" or (self.bytes is None and self.message):
            words = ": ".join(filter(None, (self.message, self.hint)))
            return words[:1].upper() + words[1:]
        if self.bytes is None:
            return tr("Asking for its size …")
        return " · ".join(filter(None, (size_words(self.bytes), self.licence or tr("licence not stated"))))

    @property
    def to_accept(self) -> List[str]:
        """The names of the licences that have to be agreed to first."""
        return [each["name"] for each in self.restricted]

    @property
    def terms(self) -> str:
        """The page where its licence can be read."""
        return next((each["link"] for each in self.restricted), self.page)

    def warning(self, tr: Translate) -> str:
        """What an artist should know of the licence before the download; empty where there is nothing."""
        if self.restricted:
            return "\n".join(tr(ALLOWED.get(each["allows"], ALLOWED["noncommercial"])) for each in self.restricted)
        words = self.licence.lower()
        if not words or not all(any(free in each for free in FREE) for each in words.split(", ")):
            return tr("This is not a common free licence: read it first.")
        return ""


def decoded(entries: Sequence[Mapping[str, Any]]) -> List[Download]:
    """The entries of a list, models before what steers them."""
    return sorted((Download.from_map(each) for each in entries), key=lambda each: bool(each.kind))


def size_words(size: Optional[int]) -> str:
    """Bytes in MB or GB, as the hub counts them (powers of ten)."""
    number = size or 0
    return f"{number / 1e9:.1f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"
