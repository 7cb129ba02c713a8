"""The worker's side of the talk about one job: progress out, cancel in, seconds left, previews not too often."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import zmq
from acetate_wire.messages import decode, encode
from acetate_wire.pictures import picture_to_map
from acetate_wire.request import PictureSpec

from acetate.generation import GenerationProgress, JobCancelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREVIEW_S = 0.5
PREVIEW_SIDE = 256


class ProgressReporter:
    """Reports on the open job; as a `Report` it is what the engine calls at every step."""

    def __init__(self, socket: Any) -> None:
        """`socket` is the worker's ZeroMQ socket to the daemon."""
        self._socket = socket
        self._id, self._attempt = "", 0
        self._preview = False
        self._last_preview = float("-inf")
        self._stage = ""
        self._since = 0.0
        self._began = 0

    def send(self, kind: str, fields: Mapping[str, Any], frames: Sequence[Any] = ()) -> None:
        """Send a message to the daemon."""
        self._socket.send_multipart(encode(kind, fields, frames))

    def open(self, id: str, attempt: int, preview: bool) -> None:
        """Begin with an attempt at a job."""
        self._id, self._attempt = id, attempt
        self._preview, self._stage, self._last_preview = preview, "", float("-inf")

    def send_job(self, kind: str, fields: Mapping[str, Any], frames: Sequence[Any] = ()) -> None:
        """Send a message about the open job."""
        self.send(kind, {"id": self._id, "attempt": self._attempt, **fields}, frames)

    def close(self) -> None:
        """The job has ended: what still comes about it is passed over."""
        self._id = ""

    @property
    def wants_preview(self) -> bool:
        """Whether a preview given now would be shown: it was asked for, and the last one is old enough."""
        return self._preview and time.monotonic() - self._last_preview >= PREVIEW_S

    def __call__(self, progress: GenerationProgress) -> None:
        """Report a step to the daemon. Raises JobCancelled when it wants no more of this job."""
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._since, self._began = progress.stage, now, progress.step
        passed, seconds_left = progress.step - self._began, progress.seconds_left
        if seconds_left is None and passed > 0 and progress.steps:
            seconds_left = (now - self._since) / passed * (progress.steps - progress.step)
        fields: dict[str, Any] = {
            "stage": progress.stage,
            "step": progress.step,
            "steps": progress.steps,
            "seconds_left": None if seconds_left is None else round(seconds_left, 2),
        }
        frames: list[bytes] = []
        if progress.preview is not None and self.wants_preview:
            self._last_preview = now
            header, data = _encode_preview(progress.preview)
            fields["preview"], frames = picture_to_map(header), [data]
        self.send_job("progress", fields, frames)
        self._check_cancelled()

    def _check_cancelled(self) -> None:
        while self._socket.get(zmq.EVENTS) & zmq.POLLIN:
            message = decode(self._socket.recv_multipart())
            about = message.fields.get("id"), message.fields.get("attempt")
            if message.kind == "cancel" and about == (self._id, self._attempt):
                raise JobCancelled


def _encode_preview(rgba: NDArray[Any]) -> tuple[PictureSpec, bytes]:
    from acetate.image.pixel_codec import from_rgba, thumbnail

    small = thumbnail(rgba, PREVIEW_SIDE)
    return PictureSpec(0, small.shape[1], small.shape[0]), from_rgba(small, "rgba8", "top-down", "srgb")
