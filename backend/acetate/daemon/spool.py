"""Pixels on disk: what a job was given and what it made, one file each, written whole or not at all.

`ID.in` holds a job's frames one after another, `ID.out` those of its layers, of which `ID.N.attempt` is what attempt N
writes; the journal knows their sizes.
"""

from __future__ import annotations

import errno
import mmap
import shutil
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from acetate_wire.errors import AcetateError

from acetate.io import atomic_write_frames, is_full, sync_folder

READ_BYTES = 1 << 20


_PASSING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
"""Errors of this process and moment, which say nothing about the file."""


class DamagedError(Exception):
    """A job's finished layers are not what was written; the message says in which way."""


class Spool:
    """The folder of the jobs' pixels. `reserve` bytes of its disk are left to the journal."""

    def __init__(self, folder: Path, reserve: int) -> None:
        """Create `folder`, readable by this user alone, where it is missing; `reserve` is in bytes."""
        self.folder = folder
        self._reserve = reserve
        self._checked: set[tuple[str, int]] = set()
        self._undeleted: set[Path] = set()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def input_path(self, job: str) -> Path:
        """Where a job's own pictures lie."""
        return self.folder / f"{job}.in"

    def has_input(self, job: str, sizes: Sequence[int]) -> bool:
        """Whether a job's own pictures, of these sizes, are here; true where it has none."""
        return not sum(sizes) or self.input_path(job).exists()

    def output_path(self, job: str) -> Path:
        """Where a job's finished layers lie."""
        return self.folder / f"{job}.out"

    def attempt_path(self, job: str, attempt: int) -> Path:
        """Where one attempt at a job writes its layers, so that a late one overwrites nothing."""
        return self.folder / f"{job}.{attempt}.attempt"

    def part_path(self, job: str, owner: str) -> Path:
        """Where the parts of a job lie that this client has not submitted yet."""
        return self.folder / f"{job}.{owner[:16]}.part"

    def check_room(self, size: int) -> None:
        """Raise AcetateError `busy` when `size` more bytes would not fit on the disk."""
        free = shutil.disk_usage(self.folder).free
        if free < size + self._reserve:
            raise disk_full(self.folder, size, free)

    def save_input(self, job: str, frames: Sequence[Any]) -> None:
        """Write a job's pictures so that they outlive a power cut. Raises AcetateError `busy` on a full disk."""
        path = self.input_path(job)
        try:
            with self.telling_full(sum(len(frame) for frame in frames)):
                atomic_write_frames(path, frames)
        except (AcetateError, OSError):
            self._delete(path)
            raise

    def adopt_input(self, job: str, path: Path) -> None:
        """Take a file of this folder for a job's pictures; it must be on the disk. Raises OSError."""
        path.replace(self.input_path(job))
        sync_folder(self.folder)

    def adopt_outputs(self, attempts: Sequence[tuple[str, int]]) -> dict[str, OSError]:
        """Take what attempts (job and number) wrote for the layers of their jobs; it must be on the disk.

        Returns the jobs of which that cannot be done, and why.
        """
        lost: dict[str, OSError] = {}
        for job, attempt in attempts:
            try:
                self.attempt_path(job, attempt).replace(self.output_path(job))
            except OSError as error:
                lost[job] = error
        try:
            if len(lost) < len(attempts):
                sync_folder(self.folder)
        except OSError as error:
            lost = {job: lost.get(job, error) for job, _ in attempts}
        return lost

    def remove_attempt(self, job: str, attempt: int) -> None:
        """Delete what an attempt wrote, whole or not."""
        self._delete(self.attempt_path(job, attempt))

    @contextmanager
    def telling_full(self, size: int) -> Iterator[None]:
        """Raise AcetateError `busy` where a `with` block that writes `size` bytes finds the disk full."""
        try:
            yield
        except OSError as error:
            if is_full(error):
                raise disk_full(self.folder, size, shutil.disk_usage(self.folder).free) from None
            raise

    def read_output(self, job: str, sizes: Sequence[int], digest: int | None) -> list[Any]:
        """The frames of a job's layers: views of the file, which stays out of the daemon's own memory.

        `digest` is the CRC-32 of the whole file, looked at once in a daemon's life; None where an older daemon wrote
        none. Raises DamagedError when the file is missing, cut, grown, changed or unreadable, and OSError when the
        system lacks files or memory at the moment.
        """
        path = self.output_path(job)
        if not sum(sizes):
            return [b""] * len(sizes)
        try:
            with path.open("rb") as file:
                if sys.platform == "win32":
                    whole = memoryview(file.read())
                else:
                    whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except FileNotFoundError:
            raise DamagedError(f"{path.name} is missing") from None
        except (OSError, ValueError) as error:
            if getattr(error, "errno", None) in _PASSING:
                raise
            raise DamagedError(f"{path.name} cannot be read ({error})") from None
        if len(whole) != sum(sizes):
            raise DamagedError(f"{path.name} has {len(whole)} bytes instead of {sum(sizes)}")
        if digest is not None and (job, digest) not in self._checked:
            if _digest(path) != digest:
                raise DamagedError(f"{path.name} is not what was written")
            self._checked.add((job, digest))
        frames, start = [], 0
        for size in sizes:
            frames.append(whole[start : start + size])
            start += size
        return frames

    def remove_input(self, job: str) -> None:
        """Delete what a job was given."""
        self._delete(self.input_path(job))

    def remove(self, job: str) -> None:
        """Delete all pixels of a job."""
        for path in (self.input_path(job), self.output_path(job)):
            self._delete(path)

    def delete_leftovers(self) -> None:
        """Try again to delete what could not be deleted (on Windows: while it was being sent)."""
        for path in list(self._undeleted):
            self._undeleted.discard(path)
            self._delete(path)

    def _delete(self, path: Path) -> None:
        try:
            path.unlink(missing_ok=True)
        except OSError:
            self._undeleted.add(path)

    def remove_orphans(self, keep: Iterable[str]) -> None:
        """Remove what belongs to no job, left by a process that was killed."""
        wanted = set(keep)
        for path in self.folder.iterdir():
            if path.name.split(".", 1)[0] not in wanted or path.suffix in (".part", ".attempt"):
                self._delete(path)


def _digest(path: Path) -> int:
    """The CRC-32 of a file, read piece by piece: as a view, all of it would count as this process's memory."""
    crc = 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            crc = zlib.crc32(piece, crc)
    return crc


def disk_full(folder: Path, needed: int, free: int) -> AcetateError:
    """The refusal of a job for want of room."""
    return AcetateError(
        "busy",
        f"the disk of {folder} is full: {needed} bytes are needed, {free} are free",
        hint="free some space there, or acknowledge finished jobs, and submit again",
        retry=True,
    )
