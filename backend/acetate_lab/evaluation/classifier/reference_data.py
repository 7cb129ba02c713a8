"""The pictures that generated layers are judged by: those of a starter's training, a data set, or any folder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from acetate_lab.data.collection import MANIFEST, Collection, Entry, open_collection
from acetate_lab.evaluation.image_folder import SUFFIXES, kind_of, spread
from acetate_lab.metrics.coverage import Coverage, coverage_of, mean_coverage
from acetate_lab.training.starter.dataset import SOFT_SET, PictureRecord, PictureSet, normalised, open_pictures

MOST_THINGS = 500
MOST_OF_ONE = 24
"""Of a large data set, so many pictures of each of so many subjects, evenly spread: all are held in memory."""
MOST_HELD_OUT = 200


@dataclass(frozen=True)
class ReferenceData:
    """Pictures by which layers are judged.

    A record's first word is a prompt for its picture. `held_out` is the coverage of pictures that no training saw,
    None where the data keeps none. Of a `taught` model everything is asked that the data shows; of others only what
    their own vocabulary has, too.
    """

    pictures: PictureSet
    held_out: Coverage | None = None
    taught: bool = False


def open_reference_data(folder: Path) -> ReferenceData:
    """The data in a folder: with a manifest as `acetate data build` writes it, of a starter's training, or any other.

    Raises ValueError of one line when there are no pictures, or one is unreadable, and AcetateError for a manifest that
    is damaged.
    """
    if (folder / MANIFEST).is_file():
        return _of_collection(open_collection(folder))
    if (folder / "records.json").is_file():
        return ReferenceData(open_pictures(folder))
    return ReferenceData(folder_pictures(folder))


def folder_pictures(folder: Path) -> PictureSet:
    """Any folder of transparent pictures as data: named after their sub-folders, else after their files.

    Digits at the end of a file's name are no part of it: `cat-01.png` and `cat-02.png` show a cat. Raises ValueError
    of one line when there are none, or one is unreadable.
    """
    rows, records = [], []
    for path in sorted(each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES):
        try:
            with Image.open(path) as picture:
                pixels = normalised(picture)
        except (OSError, ValueError, UnidentifiedImageError) as error:
            raise ValueError(f"{path} cannot be read as a picture: {error}") from None
        own = path.stem if path.parent == folder else path.parent.name
        name = re.sub(r"[\s_-]+", " ", re.sub(r"[\s_-]*\d+$", "", own)).strip().lower() or own
        rows.append(pixels)
        records.append(_record(name, name, "unknown", pixels))
    if not rows:
        raise ValueError(f"{folder} holds no pictures")
    return PictureSet(np.stack(rows), tuple(records))


def _of_collection(collection: Collection) -> ReferenceData:
    """The kept pictures of a data set: by subject those that are learnt from, and the coverage of the held out."""
    rows, records = [], []
    for entry in _chosen(collection):
        pixels = normalised(collection.picture(entry))
        rows.append(pixels)
        records.append(_record(entry.subject, entry.captions["foreground"], entry.licence, pixels))
    if not rows:
        raise ValueError(f"{collection.folder} has no kept pictures to learn from: look through it, or add pictures")
    unseen = collection.chosen("held_out", ["foreground"])
    shares = [
        coverage_of(torch.from_numpy(normalised(collection.picture(unseen[row]))[..., 3] / 255))
        for row in spread(len(unseen), MOST_HELD_OUT)
    ]
    return ReferenceData(PictureSet(np.stack(rows), tuple(records)), mean_coverage(shares) if shares else None, True)


def _chosen(collection: Collection) -> Iterator[Entry]:
    by_subject: dict[str, list[Entry]] = {}
    for entry in collection.chosen("train", ["foreground"]):
        by_subject.setdefault(entry.subject, []).append(entry)
    subjects = list(by_subject.values())
    for row in spread(len(subjects), MOST_THINGS):
        same = subjects[row]
        yield from (same[each] for each in spread(len(same), MOST_OF_ONE))


def _record(name: str, caption: str, licence: str, pixels: NDArray[np.uint8]) -> PictureRecord:
    soft = kind_of(torch.tensor(pixels[..., 3] / 255)) == "soft"
    return PictureRecord(
        name=name,
        words=(caption,),
        style="",
        set=SOFT_SET if soft else "folder",
        licence=licence,
        category="",
        use="vocabulary",
        colour="",
        # Names such as `red apple` and `green apple` are told apart by colour alone.
        hue_turns=False,
    )
