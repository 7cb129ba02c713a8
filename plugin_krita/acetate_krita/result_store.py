# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug-in's own folder: running jobs and finished layers, safe on this disk before the daemon forgets them.

`jobs/` has a small file for each job on its way, `results/` finished layers, each with an empty file beside it (`.new`)
while the artist has not been shown them. The oldest results go when they are over KEEP_S or take more than KEEP_BYTES.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from acetate_wire.paths import atomic_write, config_dir, ensure_private_dir

from .results import Result, read_header

KEEP_S = 30 * 86400.0
KEEP_BYTES = 1 << 30
PIECE_BYTES = 1 << 18


class ResultStore:
    """Reads and writes the folder; see the module."""

    def __init__(self, folder: Path | None = None) -> None:
        base = ensure_private_dir(folder or config_dir() / "krita")
        self._jobs = ensure_private_dir(base / "jobs")
        self._results = ensure_private_dir(base / "results")

    def write_job(self, id: str, fields: dict[str, Any]) -> None:
        """Write down a job on its way."""
        atomic_write(self._jobs / f"{id}.json", json.dumps(fields).encode())

    def remove_job(self, id: str) -> None:
        """The job has ended and what it brought is safe."""
        path = self._jobs / f"{id}.json"
        if path.exists():
            path.unlink()

    def jobs(self) -> dict[str, dict[str, Any]]:
        """All jobs on their way, by id; files that cannot be read are passed over."""
        read = {path.stem: _noted(path) for path in sorted(self._jobs.glob("*.json"))}
        return {id: fields for id, fields in read.items() if fields}

    def save(self, result: Result, body: list[bytes], unseen: bool) -> Iterator[None]:
        """A chore: write a result; it is on the disk when the chore is done."""
        part = self._results / f".{result.id}.part"
        handle = os.open(str(part), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(result.header())
            for strip in body:
                for start in range(0, len(strip), PIECE_BYTES):
                    file.write(strip[start : start + PIECE_BYTES])
                    file.flush()
                    os.fsync(file.fileno())
                    yield
        if unseen:
            (self._results / f"{result.id}.new").touch()
        part.replace(self._path(result.id))
        self._tidy()

    def open(self, id: str) -> BinaryIO | None:
        """A result's file; None when it is not there."""
        try:
            return self._path(id).open("rb")
        except FileNotFoundError:
            return None

    def results(self, found: list[Result]) -> Iterator[None]:
        """A chore: add every result to `found`, the newest first."""
        for path in sorted(self._results.glob("*.layers"), key=_age):
            try:
                with path.open("rb") as file:
                    found.append(read_header(file))
            except (OSError, ValueError):
                continue
            yield

    def unseen(self, id: str) -> bool:
        """Whether the artist has not been shown this result."""
        return (self._results / f"{id}.new").exists()

    def seen(self, id: str) -> None:
        """The artist has been shown this result."""
        mark = self._results / f"{id}.new"
        if mark.exists():
            mark.unlink()

    def remove(self, id: str) -> None:
        """Forget a result."""
        self.seen(id)
        if self._path(id).exists():
            self._path(id).unlink()

    def _path(self, id: str) -> Path:
        return self._results / f"{id}.layers"

    def _tidy(self) -> None:
        total = 0
        oldest = time.time() - KEEP_S
        for path in sorted(self._results.glob("*.layers"), key=_age):
            status = path.stat()
            total += status.st_size
            if status.st_mtime < oldest or total > KEEP_BYTES:
                self.remove(path.stem)


def _noted(path: Path) -> dict[str, Any]:
    """The fields of a job's file; none when it cannot be read."""
    try:
        fields: dict[str, Any] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return fields


def _age(path: Path) -> float:
    return -path.stat().st_mtime
