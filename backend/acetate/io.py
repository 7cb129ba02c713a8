"""Files that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def part_of(path: Path) -> Path:
    """The file beside `path` that holds what is written until it is whole."""
    return path.with_name(f".{path.name}.part")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a `with` block a file to write, which becomes `path` when the block ends, and vanishes when it raises.

    A file that was there stays whole until then. Raises OSError.
    """
    fresh = part_of(path)
    try:
        yield fresh
        fresh.replace(path)
    except BaseException:
        # Where it cannot be removed it could not be made either, and that is the error to tell of.
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG} if sys.platform != "win32" else {errno.ENOSPC, errno.EFBIG}


def atomic_write_frames(path: Path, frames: Sequence[Any]) -> None:
    """Write frames one after another; the file appears complete and on disk, or not at all."""
    part = path.with_suffix(path.suffix + ".part")
    try:
        with part.open("wb") as file:
            for frame in frames:
                file.write(frame)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if sys.platform != "win32":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def is_full(error: OSError) -> bool:
    """Whether this error says that the disk, or this user's share of it, is full."""
    return error.errno in _FULL
