# SPDX-License-Identifier: GPL-3.0-or-later
"""The user's own copy of jobs and finished layers: a folder a job, with `job.json` and a PNG file a layer.

Layers may leave only when a saved .blend file holds them, or when the artist says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
from acetate_editor.jobs import FAILED_STATES
from acetate_editor.result_store import EditorStore, StoreEntry
from acetate_wire.request import Rect

from ..pictures.rest import Rest
from .job import SavedLayer, SceneJob

_REST = "rest.rgba"
_SLICE_BYTES = 1 << 20


class LocalJobStore(EditorStore):
    """The jobs in one folder, which is made when something is saved."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "{id}/job.json")

    def write(self, job: SceneJob) -> None:
        """Write the record of this job."""
        self.write_record(job.id, job.to_map())

    def write_layer(self, job: SceneJob, number: int, png: bytes) -> Generator[None, None, str]:
        """A task: write one finished layer and return its file's name."""
        name = f"layer-{number}.png"
        yield from self.write_file(self.folder / job.id / name, [png])
        return name

    def write_rest(self, job: SceneJob, rest: Rest) -> Iterator[None]:
        """A task: write what a job leaves as it is of a layer that it changes."""
        rows = max(1, _SLICE_BYTES // (4 * rest.covers.width))
        strips = (
            np.ascontiguousarray(rest.rgba[top : top + rows]).tobytes() for top in range(0, rest.covers.height, rows)
        )
        yield from self.write_file(self.folder / job.id / _REST, strips)
        job.rest = [rest.covers.x, rest.covers.y, rest.covers.width, rest.covers.height]

    def rest(self, job: SceneJob) -> Rest | None:
        """What is left as it is of the layer that a job changes; None where it draws all of it, or that is lost."""
        file = self.folder / job.id / _REST
        if job.rest is None or not file.is_file():
            return None
        covers = Rect(*job.rest)
        return Rest(covers, np.fromfile(file, np.uint8).reshape(covers.height, covers.width, 4))

    def remove_rest(self, job: SceneJob) -> None:
        """Nothing waits for it any more."""
        (self.folder / job.id / _REST).unlink(missing_ok=True)

    def path(self, job: SceneJob, layer: SavedLayer) -> Path:
        """The file of a saved layer."""
        return self.folder / job.id / layer.file

    def has_layers(self, job: SceneJob) -> bool:
        """Whether all of this job's layers are here."""
        return bool(job.layers) and all(self.path(job, layer).is_file() for layer in job.layers)

    def jobs(self) -> dict[str, SceneJob]:
        """All jobs here, oldest first; records that hold none are passed over."""
        return {job.id: job for job in sorted(self._read(), key=lambda job: job.asked)}

    def entries(self) -> Iterator[StoreEntry]:
        """The jobs; those that a saved file holds or that ended without layers may go."""
        for job in self._read():
            with suppress(FileNotFoundError):
                nbytes = sum(path.stat().st_size for path in (self.folder / job.id).iterdir())
                yield StoreEntry(job.id, job.asked, nbytes, job.saved or job.state in FAILED_STATES)

    def remove(self, id: str) -> None:
        """Remove a job and its layers."""
        shutil.rmtree(self.folder / id, ignore_errors=True)

    def _read(self) -> Iterator[SceneJob]:
        for _, values in self.records():
            with suppress(TypeError, KeyError):
                yield SceneJob.from_map(values)
