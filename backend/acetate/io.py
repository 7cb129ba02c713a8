"""Files that are written whole or not at all, and members of zip archives read with a limit."""

from __future__ import annotations

import errno
import os
import stat
import sys
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

MOST_BYTES = 512 << 20
"""No picture, and no layer of a document, is larger; what unpacks to more is a bomb."""


class TooLargeError(ValueError):
    """A file in an archive unpacks to more than `MOST_BYTES`."""


def zip_member(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of a zip archive. Raises KeyError, TooLargeError, and what zipfile raises for damage and encryption."""
    # The size that the directory states may be a lie.
    with archive.open(name) as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLargeError(f"{name} unpacks to more than {MOST_BYTES >> 20} MB")
    return data


def part_of(path: Path) -> Path:
    """The file that holds what is written to `path` until it is whole: beside it, or beside what it links to."""
    real = _followed(path)
    return real.with_name(f".{real.name}.part")


def _followed(path: Path) -> Path:
    return path.resolve() if path.is_symlink() else path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a `with` block a file to write, which becomes `path` when the block ends, and vanishes when it raises.

    A file that was there stays whole until then, and leaves its permissions to the new one; a symbolic link stays one.
    Raises OSError.
    """
    fresh, real = part_of(path), _followed(path)
    try:
        yield fresh
        with suppress(FileNotFoundError):
            fresh.chmod(stat.S_IMODE(real.stat().st_mode))
        fresh.replace(real)
    except BaseException:
        # Where it cannot be removed it could not be made either, and that is the error to tell of.
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if sys.platform != "win32" else {errno.ENOSPC, errno.EFBIG}


def write_frames(path: Path, frames: Sequence[Any]) -> None:
    """Write frames one after another, on the disk when this returns; no file is left when it raises.

    What a power cut leaves of its name is up to `sync_folder`, and nobody may take the file for whole meanwhile.
    """
    try:
        with path.open("wb") as file:
            for frame in frames:
                file.write(frame)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def atomic_write_frames(path: Path, frames: Sequence[Any]) -> None:
    """Write frames one after another; the file appears complete and on disk, or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    write_frames(part, frames)
    try:
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have a power cut leave the names in a folder as they are now. Raises OSError."""
    if sys.platform != "win32":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_full(error: OSError) -> bool:
    """Whether this error says that the disk, or this user's share of it, is full."""
    return error.errno in _FULL
