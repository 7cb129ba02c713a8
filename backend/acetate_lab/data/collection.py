"""A data set on disk: a folder of PNG files and a manifest with the subject and licence of each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Literal, TypeAlias

import msgspec
import numpy as np
from acetate.image.reading import UnreadablePictureError, read_picture
from acetate_wire.errors import AcetateError
from numpy.typing import NDArray
from PIL import Image

MANIFEST = "manifest.jsonl"
PICTURES = "pictures"
Split: TypeAlias = Literal["train", "held_out"]
Verdict: TypeAlias = Literal["kept", "dropped", "pending"]


@dataclass(frozen=True)
class Entry:
    """One picture, or one scene of several layers: its files and captions by role.

    `subject` is what it shows, in a word or two; pictures of one subject are all in the same split. `source` is where
    it came from, `fingerprint` tells look-alikes (see `acetate_lab.data.perceptual_hash`). Only what is `kept` is
    learnt from.
    """

    id: str
    files: dict[str, str]
    captions: dict[str, str]
    subject: str
    licence: str
    source: str
    split: Split = "train"
    verdict: Verdict = "kept"
    fingerprint: str = ""


@dataclass(frozen=True)
class Collection:
    """A data set's folder and its manifest."""

    folder: Path
    entries: tuple[Entry, ...] = field(default=())

    def chosen(self, split: Split, roles: Iterable[str]) -> tuple[Entry, ...]:
        """The kept entries of a split that have all of these roles."""
        required = set(roles)
        return tuple(e for e in self.entries if e.split == split and e.verdict == "kept" and required <= e.files.keys())

    def file(self, entry: Entry, role: str) -> Path:
        """The file of one picture of an entry. Raises AcetateError `bad_request` when it is not below the data set."""
        file = PurePath(entry.files[role])
        if file.is_absolute() or ".." in file.parts:
            raise AcetateError(
                "bad_request",
                f"the file {entry.files[role]!r} of the entry {entry.id} is outside the data set",
                field="data.folder",
                hint=f"take the entry out of {self.folder / MANIFEST}",
            )
        return self.folder / file

    def picture(self, entry: Entry, role: str = "foreground") -> Image.Image:
        """One picture of an entry, RGBA. Raises AcetateError `bad_request` when its file is gone or damaged."""
        path = self.file(entry, role)
        try:
            return read_picture(path).picture
        except (OSError, UnreadablePictureError) as error:
            raise AcetateError(
                "bad_request", f"{path} cannot be read ({error})", field="data.folder", hint="build the data again"
            ) from error


def open_collection(folder: Path) -> Collection:
    """Read a data set's manifest. Raises AcetateError `bad_request` when there is none, naming a line that is
    damaged.
    """
    path = folder / MANIFEST
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        hint = f"make one with: acetate data build {folder} PICTURES"
        raise AcetateError("bad_request", f"{folder} holds no data set", field="data.folder", hint=hint) from error
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(msgspec.json.decode(line, type=Entry))
        except msgspec.DecodeError as error:
            if not line.endswith(b"\n") and "truncated" in str(error):
                # It was being written when the building was stopped.
                break
            raise AcetateError(
                "bad_request",
                f"line {number} of {path} is damaged ({error})",
                field="data.folder",
                hint="take the line out, or build the data again",
            ) from error
    return Collection(folder, tuple(entries))


def append_to_manifest(folder: Path, entry: Entry) -> None:
    """Add one entry to the manifest on disk."""
    with (folder / MANIFEST).open("ab") as file:
        file.write(msgspec.json.encode(entry) + b"\n")


def write_manifest(collection: Collection) -> None:
    """Write the manifest, all or nothing."""
    collection.folder.mkdir(parents=True, exist_ok=True)
    part = collection.folder / f"{MANIFEST}.part"
    part.write_bytes(b"".join(msgspec.json.encode(entry) + b"\n" for entry in collection.entries))
    part.replace(collection.folder / MANIFEST)


def fitted(picture: Image.Image, size: int, share: float = 1.0) -> NDArray[np.uint8]:
    """The whole picture in the middle of a clear square of `size` pixels, at most `share` of its side.

    Resampled premultiplied, so that colour under clear pixels does not bleed into edges.
    """
    scale = size * share / max(picture.size)
    sides = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    resized = picture.convert("RGBa").resize(sides, Image.Resampling.LANCZOS).convert("RGBA")
    square = Image.new("RGBA", (size, size))
    square.paste(resized, ((size - sides[0]) // 2, (size - sides[1]) // 2))
    return np.array(square)


def filled(picture: Image.Image, size: int) -> NDArray[np.uint8]:
    """The middle of a picture as a square of `size` pixels without any margin."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    cut = picture.crop((left, top, left + side, top + side)).convert("RGBa")
    return np.array(cut.resize((size, size), Image.Resampling.LANCZOS).convert("RGBA"))
