"""`acetate data build`: pictures from anywhere become a data set, or join one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from acetate_wire.errors import AcetateError
from PIL import Image

from acetate_lab.data.captions import split_of, subject_of
from acetate_lab.data.collection import (
    MANIFEST,
    PICTURES,
    Collection,
    Entry,
    append_to_manifest,
    open_collection,
    write_manifest,
)
from acetate_lab.data.filters import Filter
from acetate_lab.data.perceptual_hash import KnownHashes, fingerprint, visible_box
from acetate_lab.data.sources import SourceImage, find

UNKNOWN = "unknown"
"""The licence of pictures that state none."""
TOLD = 500
"""The number of added pictures between two progress lines."""


@dataclass(frozen=True)
class BuildSettings:
    """What is taken, and its metadata where its own files have none.

    `largest` is the longest side in pixels at which pictures are stored; `pending` ones are learnt from only after
    a review has kept them.
    """

    filter: Filter = field(default_factory=Filter)
    licence: str = UNKNOWN
    held_out: float = 0.05
    largest: int = 1024
    pending: bool = False


@dataclass(frozen=True)
class Built:
    """The data set as it is now, and what became of the pictures.

    `refused` counts why pictures that could be read were not taken; `unreadable` names each that could not, with why.
    """

    collection: Collection
    added: int
    refused: Counter[str]
    unreadable: tuple[tuple[str, str], ...]
    unlicensed: int


def build(folder: Path, sources: Iterable[Path], settings: BuildSettings, log: Callable[[str], None]) -> Built:
    """Add the pictures in `sources` to the data set in `folder`, which is made where there is none.

    What is there stays; a stopped build is done again without adding anything twice. Raises AcetateError `bad_request`.
    """
    check_apart(folder, sources := tuple(sources))
    before = open_collection(folder).entries if (folder / MANIFEST).is_file() else ()
    entries = {entry.id: entry for entry in before}
    known = KnownHashes()
    for entry in before:
        if entry.fingerprint:
            known.add(entry.fingerprint, entry.id)
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    refused: Counter[str] = Counter()
    unreadable: list[tuple[str, str]] = []
    write_manifest(Collection(folder, before))
    for found in find(sources):
        if found.picture is None:
            unreadable.append((found.source, found.refusal))
            log(f"{found.source} cannot be read: {found.refusal}")
            continue
        added_entry = _added(folder, found, found.picture, settings, known)
        if not isinstance(added_entry, Entry):
            refused[added_entry] += 1
            continue
        entries[added_entry.id] = added_entry
        append_to_manifest(folder, added_entry)
        if (added := len(entries) - len(before)) % TOLD == 0:
            log(f"{added} pictures added")
    collection = Collection(folder, tuple(entries.values()))
    write_manifest(collection)
    unlicensed = sum(entry.licence == UNKNOWN for entry in collection.entries)
    return Built(collection, len(entries) - len(before), refused, tuple(unreadable), unlicensed)


def check_apart(folder: Path, sources: Iterable[Path]) -> None:
    """Raises AcetateError when a data set would be built out of itself."""
    place = folder.resolve()
    for source in sources:
        if place == source.resolve() or source.resolve() in place.parents:
            raise AcetateError(
                "bad_request",
                f"the data set {folder} lies in {source}, its own source",
                field="folder",
                hint="choose a folder elsewhere",
            )


def _added(
    folder: Path, found: SourceImage, seen: Image.Image, settings: BuildSettings, known: KnownHashes
) -> Entry | str:
    """Store a picture and return its entry, or why it is not taken."""
    reason = settings.filter.refusal(seen)
    if reason:
        return reason
    looks = fingerprint(seen)
    if known.find(looks) is not None:
        return "like another"
    name = hashlib.sha256(f"{looks} {found.source}".encode()).hexdigest()[:16]
    picture = seen.crop(visible_box(seen))
    if max(picture.size) > settings.largest:
        scale = settings.largest / max(picture.size)
        smaller = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        picture = picture.convert("RGBa").resize(smaller).convert("RGBA")
    file = f"{PICTURES}/{name}.png"
    part = folder / f"{file}.part"
    picture.save(part, "PNG")
    part.replace(folder / file)
    caption = found.info.caption or "something"
    subject = found.info.subject or subject_of(caption)
    known.add(looks, name)
    return Entry(
        id=name,
        files={"foreground": file},
        captions={"foreground": caption},
        subject=subject,
        licence=found.info.licence or settings.licence,
        source=found.source,
        split=split_of(subject, settings.held_out),
        verdict="pending" if settings.pending else "kept",
        fingerprint=looks,
    )
