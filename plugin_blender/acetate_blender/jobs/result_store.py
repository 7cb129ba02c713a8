# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own copy of jobs and finished layers: a folder a job, with `job.json` and a PNG file a layer.

Layers are here before the daemon is told that it may forget them, and leave only when a saved .blend file holds
them (then the oldest go first) or the artist says so.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Generator
from pathlib import Path

import numpy as np
from acetate_editor.jobs import FAILED_STATES
from acetate_wire.request import Rect

from ..pictures.rest import Rest
from .job import SavedLayer, SceneJob

KEEP_SAVED = 40
"""Jobs whose layers a saved file holds that stay at hand for the history."""
_RECORD = "job.json"
_REST = "rest.rgba"
_SLICE_BYTES = 1 << 20


class LocalJobStore:
    """The jobs in one folder, which is made when something is kept."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, job: SceneJob) -> None:
        """Keep the record of this job, whole or not at all."""
        place = self.folder / job.id
        place.mkdir(parents=True, exist_ok=True)
        _write(place / _RECORD, json.dumps(job.to_map(), indent=1).encode())

    def write_layer(self, job: SceneJob, number: int, png: bytes) -> Generator[None, None, str]:
        """Keep one finished layer and return its file's name; yields every few milliseconds."""
        name = f"layer-{number}.png"
        place = self.folder / job.id
        place.mkdir(parents=True, exist_ok=True)
        part = (place / name).with_suffix(".part")
        with part.open("wb") as file:
            for start in range(0, len(png), _SLICE_BYTES):
                file.write(png[start : start + _SLICE_BYTES])
                yield
            file.flush()
            os.fsync(file.fileno())
        part.replace(place / name)
        return name

    def write_rest(self, job: SceneJob, rest: Rest) -> Generator[None, None, None]:
        """Keep what a job leaves as it is of a layer that it changes; yields every few milliseconds."""
        place = self.folder / job.id
        place.mkdir(parents=True, exist_ok=True)
        rows = max(1, _SLICE_BYTES // (4 * rest.covers.width))
        with (place / _REST).open("wb") as file:
            for top in range(0, rest.covers.height, rows):
                file.write(np.ascontiguousarray(rest.rgba[top : top + rows]).tobytes())
                yield
        job.rest = [rest.covers.x, rest.covers.y, rest.covers.width, rest.covers.height]

    def rest(self, job: SceneJob) -> Rest | None:
        """What was kept of the layer that a job changes; None where it draws all of it, or where that is lost."""
        file = self.folder / job.id / _REST
        if job.rest is None or not file.is_file():
            return None
        covers = Rect(*job.rest)
        return Rest(covers, np.fromfile(file, np.uint8).reshape(covers.height, covers.width, 4))

    def remove_rest(self, job: SceneJob) -> None:
        """Nothing waits for it any more."""
        (self.folder / job.id / _REST).unlink(missing_ok=True)

    def path(self, job: SceneJob, layer: SavedLayer) -> Path:
        """The file of a kept layer."""
        return self.folder / job.id / layer.file

    def has_layers(self, job: SceneJob) -> bool:
        """Whether all of this job's layers are here."""
        return bool(job.layers) and all(self.path(job, layer).is_file() for layer in job.layers)

    def jobs(self) -> dict[str, SceneJob]:
        """All jobs here, oldest first; folders that hold none are passed over."""
        found = [job for job in map(_read, self.folder.glob(f"*/{_RECORD}")) if job is not None]
        return {job.id: job for job in sorted(found, key=lambda job: job.asked)}

    def remove(self, id: str) -> None:
        """Forget a job and its layers."""
        shutil.rmtree(self.folder / id, ignore_errors=True)

    def tidy(self) -> None:
        """Remove what a saved file holds or what ended without layers, apart from the newest."""
        finished = [job for job in self.jobs().values() if job.saved or job.state in FAILED_STATES]
        for job in finished[:-KEEP_SAVED]:
            self.remove(job.id)


def _read(record: Path) -> SceneJob | None:
    try:
        return SceneJob.from_map(json.loads(record.read_text("utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _write(path: Path, data: bytes) -> None:
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
