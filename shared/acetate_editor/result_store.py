"""Jobs and finished layers in a folder of the editor's own, safe on this disk before the daemon forgets them.

One retention for all: what is expendable goes when it is older than KEEP_S or lies beyond the newest KEEP_BYTES. Layers
that the artist has not been given stay.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from acetate_wire.paths import atomic_write

KEEP_S = 30 * 86400.0
KEEP_BYTES = 1 << 30
SLICE_BYTES = 1 << 18


@dataclass(frozen=True)
class StoreEntry:
    """Something in the folder: when it was written (seconds since 1970), its size, and whether it may go."""

    id: str
    written: float
    nbytes: int
    expendable: bool


class EditorStore:
    """Records of jobs in `folder`, each in a file of JSON whose name is `record` with the job's id for `{id}`.

    An editor's own store adds its files of layers, and says what is here (`entries`) and how it goes (`remove`).
    """

    def __init__(self, folder: Path, record: str) -> None:
        """Name the folder, which is made when something is written."""
        self.folder = folder
        self._record = record

    def write_record(self, id: str, fields: Dict[str, Any]) -> None:
        """Write a job down, whole or not at all. Raises OSError."""
        path = self._path_of(id)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, json.dumps(fields, indent=1).encode())

    def remove_record(self, id: str) -> None:
        """The job has ended, and what it brought is safe."""
        self._path_of(id).unlink(missing_ok=True)

    def records(self) -> Iterator[Tuple[str, Dict[str, Any]]]:
        """Every job's id and what was written down; files that cannot be read are passed over."""
        before, after = self._record.split("{id}")
        for path in sorted(self.folder.glob(self._record.format(id="*"))):
            id = path.relative_to(self.folder).as_posix()[len(before) : -len(after)]
            try:
                fields = json.loads(path.read_bytes())
            except (OSError, ValueError):
                continue
            if isinstance(fields, dict) and fields:
                yield id, fields

    def write_file(self, path: Path, chunks: Iterable[Any]) -> Iterator[None]:
        """A task: write bytes-like chunks to a file that only this user reads; whole and on the disk at its end.

        The disk is waited for once, at the end.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        # Two editors may write at the same time.
        part = path.with_name(f".{path.name}.{os.getpid()}.part")
        handle = os.open(str(part), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                for chunk in chunks:
                    for start in range(0, len(chunk), SLICE_BYTES):
                        file.write(chunk[start : start + SLICE_BYTES])
                        yield
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def entries(self) -> Iterable[StoreEntry]:
        """What is in the folder and falls under the retention."""
        raise NotImplementedError

    def remove(self, id: str) -> None:
        """Remove an entry and all that belongs to it."""
        raise NotImplementedError

    def tidy(self) -> Iterator[None]:
        """A task: remove what the retention no longer holds."""
        entries: List[StoreEntry] = []
        for entry in self.entries():
            entries.append(entry)
            yield
        total, oldest = 0, time.time() - KEEP_S
        for entry in sorted(entries, key=lambda entry: -entry.written):
            total += entry.nbytes
            if entry.expendable and (entry.written < oldest or total > KEEP_BYTES):
                self.remove(entry.id)
                yield

    def _path_of(self, id: str) -> Path:
        return self.folder / self._record.format(id=id)
