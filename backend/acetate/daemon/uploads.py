"""The pictures of jobs that are larger than a message: parts that arrive before their `submit`."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from acetate_wire import field_readers
from acetate_wire.errors import AcetateError
from acetate_wire.limits import Limits
from acetate_wire.messages import Message
from acetate_wire.request_codec import megabytes

from acetate.daemon.clients import ClientConnection
from acetate.daemon.spool import Spool

UNFINISHED_S = 60.0
"""A job whose next part does not come within this time is given up."""


class Upload:
    """The frames of one job, one after another in a file; `sizes` are the bytes of each, as far as they have come."""

    def __init__(self, id: str, path: Path) -> None:
        """Begin with an empty file. Raises OSError."""
        self.id = id
        self.path = path
        self.sizes: list[int] = []
        self.last = time.monotonic()
        self._file: BinaryIO = path.open("wb", buffering=0)

    def add(self, frame: int, offset: int, part: Any) -> None:
        """Write the next part. Raises AcetateError `bad_request` for any other one, and OSError."""
        if frame == len(self.sizes) and offset == 0:
            self.sizes.append(0)
        elif frame != len(self.sizes) - 1 or offset != self.sizes[-1]:
            raise AcetateError(
                "bad_request",
                f"part {offset} of frame {frame} does not follow what has come",
                field="offset",
                hint="send the frames in their order, each from its first byte to its last",
            )
        self._file.write(part)
        self.sizes[-1] += len(part)
        self.last = time.monotonic()

    def close(self) -> None:
        """Write everything to the disk. Raises OSError."""
        os.fsync(self._file.fileno())
        self._file.close()

    def drop(self) -> None:
        """Delete it."""
        self._file.close()
        self.path.unlink(missing_ok=True)


class Uploads:
    """What clients have begun to send: one job of each at a time, within the limits of one job for each machine."""

    def __init__(self, spool: Spool, limits: Limits) -> None:
        """`spool` is where the parts lie until their job is submitted."""
        self._spool = spool
        self._limits = limits
        self._open: dict[tuple[int, bytes], tuple[ClientConnection, Upload]] = {}

    def add(self, peer: ClientConnection, message: Message) -> None:
        """Take a part. Raises AcetateError `bad_request`, `too_large` and `busy`; the whole upload is gone then."""
        id = field_readers.job_id(message.fields.get("id"))
        frame = field_readers.whole(message.fields.get("frame"), "frame", 0, self._limits.frames - 1)
        offset = field_readers.whole(message.fields.get("offset"), "offset", 0, self._limits.job_bytes)
        try:
            part = self._checked(peer, message.frames)
            if frame == offset == 0:
                self.drop(peer)
                path = self._spool.part_path(id, peer.owner)
                self._open[peer.address] = peer, Upload(id, path)
            upload = self.of(peer, id)
            if upload is None:
                raise AcetateError("bad_request", "the first part has not come", field="offset", hint="begin with it")
            with self._spool.telling_full(len(part)):
                upload.add(frame, offset, part)
        except AcetateError:
            self.drop(peer)
            raise

    def of(self, peer: ClientConnection, id: str) -> Upload | None:
        """What a client has sent of a job; None where that is nothing."""
        found = self._open.get(peer.address)
        return None if found is None or found[1].id != id else found[1]

    def taken(self, peer: ClientConnection) -> None:
        """The job has its pictures now."""
        self._open.pop(peer.address, None)

    def drop(self, peer: ClientConnection) -> None:
        """Delete what a client has sent of a job that is not submitted."""
        found = self._open.pop(peer.address, None)
        if found is not None:
            found[1].drop()

    def drop_abandoned(self, present: Sequence[ClientConnection]) -> None:
        """Delete what clients that are gone, or that send no more, have left."""
        oldest = time.monotonic() - UNFINISHED_S
        for peer, upload in list(self._open.values()):
            if peer not in present or upload.last < oldest:
                self.drop(peer)

    def _checked(self, peer: ClientConnection, frames: Sequence[Any]) -> Any:
        """The one frame of a part, when it and what is there already are within the limits."""
        if len(frames) != 1 or not 0 < len(frames[0]) <= self._limits.part_bytes:
            raise AcetateError(
                "bad_request",
                f"a part has one frame of at most {self._limits.part_bytes} bytes",
                field="frame",
                hint="split it",
            )
        whose = [(each, upload) for each, upload in self._open.values() if _same_machine(each, peer)]
        size = sum(sum(upload.sizes) for _, upload in whose) + len(frames[0])
        if size > self._limits.job_bytes:
            raise AcetateError(
                "too_large",
                f"the pictures are over the limit of {megabytes(self._limits.job_bytes)} MB",
                field="inputs",
                hint="choose a smaller selection, or an 8-bit format",
            )
        self._spool.check_room(len(frames[0]))
        return frames[0]


def _same_machine(one: ClientConnection, other: ClientConnection) -> bool:
    return one.machine == other.machine if other.machine else one.owner == other.owner
