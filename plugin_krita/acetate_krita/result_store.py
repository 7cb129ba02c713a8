# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug-in's own folder: running jobs and finished layers.

`jobs/` has a small file for each job on its way, `results/` finished layers, each with an empty file beside it: `.new`
while the artist has not been shown them, `.star` while the artist wants to keep them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from acetate_editor.result_store import EditorStore, StoreEntry
from acetate_wire.paths import config_dir, ensure_private_dir

from .results import Result, read_header
from .task_scheduler import aside


class ResultStore(EditorStore):
    """Reads and writes the folder; see the module."""

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(ensure_private_dir(folder or config_dir() / "krita"), "jobs/{id}.json")
        ensure_private_dir(self.folder / "jobs")
        self._results = ensure_private_dir(self.folder / "results")

    def jobs(self) -> dict[str, dict[str, Any]]:
        """All jobs on their way, by id."""
        return dict(self.records())

    def save(self, result: Result, body: list[bytes]) -> Iterator[float | None]:
        """A task: write a result that the artist has not been shown; it is on the disk when the task is done."""
        self._mark(result.id).touch()
        yield from aside(lambda: deque(self.write_file(self._path(result.id), [result.header(), *body]), maxlen=0))

    def open(self, id: str) -> BinaryIO | None:
        """A result's file; None when it is not there."""
        try:
            return self._path(id).open("rb")
        except FileNotFoundError:
            return None

    def results(self, found: list[Result]) -> Iterator[None]:
        """A task: add every result to `found`."""
        for path in self._results.glob("*.layers"):
            try:
                with path.open("rb") as file:
                    found.append(read_header(file))
            except (OSError, ValueError):
                continue
            yield

    def unseen(self, id: str) -> bool:
        """Whether the artist has not been shown this result."""
        return self._mark(id).exists()

    def seen(self, id: str) -> None:
        """The artist has been shown this result."""
        if self.unseen(id):
            self._mark(id).unlink()

    def holds(self, id: str) -> bool:
        """Whether a result's pixels are here."""
        return self._path(id).exists()

    def starred(self, id: str) -> bool:
        """Whether the artist wants to keep this result."""
        return self._mark(id, "star").exists()

    def star(self, id: str, starred: bool) -> None:
        """Keep this result until the star is taken away."""
        if starred:
            self._mark(id, "star").touch()
        else:
            self._mark(id, "star").unlink(missing_ok=True)

    def entries(self) -> Iterator[StoreEntry]:
        """The results; those that the artist has been shown may go, unless they are starred."""
        for path in self._results.glob("*.layers"):
            with suppress(FileNotFoundError):
                status = path.stat()
                yield StoreEntry(path.stem, status.st_mtime, status.st_size, self._expendable(path.stem))

    def remove(self, id: str) -> None:
        """Forget a result."""
        self.seen(id)
        self.star(id, False)
        if self._path(id).exists():
            self._path(id).unlink()

    def _path(self, id: str) -> Path:
        return self._results / f"{id}.layers"

    def _expendable(self, id: str) -> bool:
        return not self.unseen(id) and not self.starred(id)

    def _mark(self, id: str, kind: str = "new") -> Path:
        return self._results / f"{id}.{kind}"
