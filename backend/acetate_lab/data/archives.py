"""Files inside zip and tar archives, read with a limit on what they unpack to."""

from __future__ import annotations

import tarfile
from pathlib import PurePosixPath

from acetate.io import MOST_BYTES, TooLargeError

DATA_PIXELS = 100_000_000
"""Pictures of a data set are stored at a thousandth of that or less; larger ones would only fill memory."""


def tar_member(archive: tarfile.TarFile, found: tarfile.TarInfo) -> bytes:
    """A file of a tar archive. Raises TooLargeError, and what tarfile raises for damage."""
    if found.size > MOST_BYTES:
        raise TooLargeError(f"{found.name} is larger than {MOST_BYTES >> 20} MB")
    stream = archive.extractfile(found)
    return stream.read() if stream else b""


def is_hidden(name: str) -> bool:
    """Whether a file is one of those that systems put beside a person's own (`.DS_Store`, `__MACOSX/._cat.png`)."""
    parts = PurePosixPath(name).parts
    return parts[:1] == ("__MACOSX",) or any(part.startswith(".") and part != ".." for part in parts)
