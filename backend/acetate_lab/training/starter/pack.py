"""All data of a starter's training in one small file, to carry it to a machine that has no network.

A zip archive: `records.json`, the stored pictures as lossless WebP, the keywords of the vocabulary. What is painted
by formula is not in it but painted again where the file is opened; its checksums are in the file.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from acetate_wire.errors import AcetateError
from numpy.typing import NDArray
from PIL import Image

from acetate_lab.training.packages import KEYWORDS, fetch
from acetate_lab.training.starter.dataset import (
    STORED_SIZE,
    PictureRecord,
    PictureSet,
    painted_again,
    records_as_json,
    records_from_json,
    save_pictures,
)

Log = Callable[[str], None]

LIMIT = 64 * 2**20
VERSION = "acetate-starter-data-1"
WORDS = "dist/emoji-en-US.json"
AGAIN = "write one with `acetate train pack`"


def write_pack(file: Path, pictures: PictureSet, cache: Path, log: Log) -> None:
    """Write the pictures and the keywords, which npm fetches into `cache`. Raises AcetateError above 64 MiB."""
    rows = [row for row, record in enumerate(pictures.records) if not record.painted]
    painted = [row for row, record in enumerate(pictures.records) if record.painted]
    words = (fetch(KEYWORDS, cache) / WORDS).read_text(encoding="utf-8")
    part = file.with_name(file.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive, ThreadPoolExecutor() as threads:
        archive.writestr("version", VERSION)
        archive.writestr("records.json", records_as_json(pictures.records))
        archive.writestr("checksums.json", json.dumps([zlib.crc32(pictures.pictures[row]) for row in painted]))
        archive.writestr("keywords.json", words)
        for row, webp in zip(rows, threads.map(lambda row: _webp(pictures.pictures[row]), rows), strict=True):
            archive.writestr(f"pictures/{row:05d}.webp", webp, zipfile.ZIP_STORED)
    size = part.stat().st_size
    if size > LIMIT:
        part.unlink()
        found = (
            f"a pack of these {len(rows)} pictures takes {size / 2**20:.1f} MiB, over its limit of {LIMIT >> 20} MiB"
        )
        raise AcetateError("too_large", found, hint="choose a --runs folder with fewer pictures")
    part.replace(file)
    log(f"{file}: {len(rows)} pictures in {size / 2**20:.1f} MiB; {len(painted)} more are painted where it is opened")


def open_pack(file: Path, runs: Path, log: Log) -> Path:
    """Unpack the pictures into `runs`/data, where the training looks for them, if they are not there yet.

    Returns the folder that holds the package of keywords, a cache for `fetch`. Raises AcetateError for what is no
    pack, or where `runs` has other pictures.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            version = archive.read("version").decode()
            if version != VERSION:
                raise AcetateError("bad_request", f"{file} is a pack of another version ({version[:40]})", hint=AGAIN)
            records = records_from_json(archive.read("records.json").decode())
            words = archive.read("keywords.json")
            done = _is_unpacked(runs / "data", records)
            checksums = json.loads(archive.read("checksums.json"))
            pictures = None if done else _all_pictures(archive, records, checksums, log)
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise AcetateError("damaged", f"{file} is no pack of the starter's data ({error})", hint=AGAIN) from error
    if pictures is not None:
        save_pictures(runs / "data", pictures, records)
    _save_keywords(runs / "packages", words)
    return runs / "packages"


def _is_unpacked(data: Path, records: tuple[PictureRecord, ...]) -> bool:
    written = data / "records.json"
    if not written.is_file():
        return False
    if records_from_json(written.read_text(encoding="utf-8")) != records:
        hint = "choose another folder with --runs"
        raise AcetateError("bad_request", f"{data} holds other pictures than the pack", hint=hint)
    return True


def _all_pictures(
    archive: zipfile.ZipFile, records: tuple[PictureRecord, ...], checksums: list[int], log: Log
) -> NDArray[np.uint8]:
    """The stored picture of each record, uint8 straight RGBA (n, 256, 256, 4)."""
    count = sum(record.painted for record in records)
    log(f"{len(records) - count} pictures out of the pack, {count} painted")
    painted, expected, changed = painted_again(records), iter(checksums), 0
    pictures = np.empty((len(records), STORED_SIZE, STORED_SIZE, 4), np.uint8)
    for row, record in enumerate(records):
        if record.painted:
            pictures[row] = next(painted)
            changed += zlib.crc32(pictures[row]) != next(expected, None)
        else:
            pictures[row] = _picture(archive.read(f"pictures/{row:05d}.webp"))
    if changed:
        log(f"{changed} of these differ by rounding from those of the machine that wrote the pack")
    return pictures


def _save_keywords(cache: Path, words: bytes) -> None:
    """Write the package of keywords as `fetch` would have left it."""
    folder = cache / KEYWORDS.folder_name
    (folder / WORDS).parent.mkdir(parents=True, exist_ok=True)
    (folder / WORDS).write_bytes(words)
    (folder / "package.json").write_text(json.dumps({"name": KEYWORDS.name, "version": KEYWORDS.version}))


def _webp(picture: NDArray[np.uint8]) -> bytes:
    stream = io.BytesIO()
    # `exact` keeps the colour of clear pixels, so that a training finds the same bytes.
    Image.fromarray(np.ascontiguousarray(picture)).save(stream, "WEBP", lossless=True, exact=True, quality=75)
    return stream.getvalue()


def _picture(webp: bytes) -> NDArray[np.uint8]:
    with Image.open(io.BytesIO(webp), formats=("WEBP",)) as image:
        return np.asarray(image.convert("RGBA"))
