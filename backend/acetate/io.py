"""Files that are written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


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
