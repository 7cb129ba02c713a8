"""`acetate data layers`: (foreground, background, blend) triples out of transparent pictures and backgrounds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from acetate.image.reading import UnreadablePictureError, read_picture
from acetate_wire.errors import AcetateError
from numpy.typing import NDArray
from PIL import Image

from acetate_lab.data.captions import CaptionInfo, from_name, from_sidecar
from acetate_lab.data.collection import (
    MANIFEST,
    PICTURES,
    Collection,
    Entry,
    filled,
    fitted,
    open_collection,
    write_manifest,
)
from acetate_lab.data.sources import SIDECARS

OPAQUE = frozenset({".png", ".jpg", ".jpeg", ".webp", ".avif"})
SHARES = (0.55, 0.95)
"""How much of the frame's side a foreground takes, from and to."""
JOINTS = ("{fore}, {back}", "{fore} in front of {back}", "{fore}, {back} background")


def build_scenes(
    folder: Path,
    pictures: Collection,
    backgrounds: Sequence[Path],
    count: int,
    size: int,
    licence: str,
    seed: int,
    log: Callable[[str], None],
) -> Collection:
    """Write `count` scenes of `size` pixels a side as a data set in `folder`, every foreground about equally often.

    Scenes that are there already stay, so that a stopped run goes on. Held-out foregrounds make held-out scenes.
    Raises AcetateError `bad_request` when there is nothing to make them of.
    """
    kept = [e for e in pictures.entries if e.verdict == "kept" and "foreground" in e.files]
    if not kept:
        raise AcetateError(
            "bad_request",
            f"{pictures.folder} has no kept picture",
            field="pictures",
            hint=f"add some with: acetate data build {pictures.folder} PICTURES",
        )
    grounds = list(_grounds(backgrounds))
    if not grounds:
        raise AcetateError(
            "bad_request",
            "there is no picture among the backgrounds",
            field="backgrounds",
            hint="give a folder of opaque pictures, .jpg, .png or .webp",
        )
    present = open_collection(folder).entries if (folder / MANIFEST).is_file() else ()
    entries = {entry.id: entry for entry in present}
    (folder / PICTURES).mkdir(parents=True, exist_ok=True)
    order = random.Random(seed).sample(range(len(kept)), len(kept))
    for number in range(count):
        name = f"scene-{seed}-{number:06d}"
        if name in entries:
            continue
        fore = kept[order[number % len(kept)]]
        chance = random.Random(f"{seed} {number}")
        entries[name] = _scene(folder, name, pictures, fore, chance.choice(grounds), size, licence, chance)
        if number % 200 == 199:
            write_manifest(Collection(folder, tuple(entries.values())))
            log(f"scenes {number + 1}/{count}")
    collection = Collection(folder, tuple(entries.values()))
    write_manifest(collection)
    return collection


def blended(fore: NDArray[np.uint8], back: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A straight-alpha picture over an opaque one, as the paper blends: sRGB values, 8 bits."""
    alpha = fore[..., 3:].astype(np.float32) / 255
    colour = fore[..., :3] * alpha + back[..., :3] * (1 - alpha)
    return np.dstack([np.round(colour), np.full(fore.shape[:2], 255)]).astype(np.uint8)


def _grounds(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in files if file.suffix.lower() in OPAQUE)


def _scene(
    folder: Path,
    name: str,
    pictures: Collection,
    fore: Entry,
    ground: Path,
    size: int,
    licence: str,
    chance: random.Random,
) -> Entry:
    try:
        back = filled(read_picture(ground).picture, size)
    except (OSError, UnreadablePictureError) as error:
        raise AcetateError(
            "bad_request", f"{ground} cannot be read ({error})", field="backgrounds", hint="take it out"
        ) from error
    share = chance.uniform(*SHARES)
    placed = fitted(pictures.picture(fore), size, share)
    room = round(size * (1 - share) / 2)
    shift = (chance.randint(-room, room), chance.randint(-room, room))
    layer = np.roll(placed, shift, axis=(0, 1))
    back[..., 3] = 255
    files = {role: f"{PICTURES}/{name}-{role}.png" for role in ("foreground", "background", "blend")}
    for role, pixels in (("foreground", layer), ("background", back), ("blend", blended(layer, back))):
        Image.fromarray(pixels, "RGBA").save(folder / files[role])
    info, shown = _info(ground), fore.captions["foreground"]
    joint = chance.choice(JOINTS).format(fore=shown, back=info.caption)
    return Entry(
        id=name,
        files=files,
        captions={"foreground": shown, "background": info.caption, "blend": joint},
        subject=fore.subject,
        licence=f"{fore.licence}; background: {info.licence or licence}",
        source=f"{fore.source}; background: {ground}",
        split=fore.split,
    )


def _info(ground: Path) -> CaptionInfo:
    info = CaptionInfo(caption=from_name(str(ground)) or "a background")
    for beside in (ground.with_suffix(ending) for ending in SIDECARS):
        if beside.is_file():
            read = from_sidecar(beside.suffix, beside.read_bytes())
            info = CaptionInfo(read.caption or info.caption, read.subject, read.licence or info.licence)
    return info
