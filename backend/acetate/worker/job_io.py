"""Jobs out of the spool's files, and finished layers as the frames that go back there."""

from __future__ import annotations

import mmap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from acetate_wire.errors import AcetateError
from acetate_wire.pictures import picture_to_map
from acetate_wire.request import LayerRequest, PictureSpec
from acetate_wire.request_codec import decode_request

from acetate.image.pixel_codec import from_rgba, to_rgba
from acetate.io import is_full, write_frames
from acetate.worker.engine import EngineJob, EngineResult


def read_job(fields: Mapping[str, Any], frames: Sequence[Any]) -> tuple[EngineJob, bytes | None]:
    """The job that a `run` message describes, and the ICC profile that its layers are to have.

    Its pictures are the message's `frames`, or lie in the file that it names as `input`. Raises AcetateError
    `bad_request` for a picture with pixels that are not numbers.
    """
    request = decode_request(fields["request"])
    if "input" in fields:
        frames = read_frames(Path(fields["input"]), fields["sizes"])

    def picture(header: PictureSpec, field: str) -> Any:
        profile = None if header.profile_frame is None else bytes(frames[header.profile_frame])
        return to_rgba(header, frames[header.frame], profile, field)

    inputs = {role: picture(header, f"inputs.{role}") for role, header in request.inputs.items()}
    controls = tuple(
        picture(each.picture, f"controls[{number}].picture") for number, each in enumerate(request.controls)
    )
    reply = request.reply_profile_frame
    return EngineJob(fields["id"], request, inputs, controls), None if reply is None else bytes(frames[reply])


def read_frames(path: Path, sizes: Sequence[int]) -> list[memoryview]:
    """The frames of a job that the spool holds one after another in a file; no file where all are empty."""
    if not sum(sizes):
        return [memoryview(b"")] * len(sizes)
    with path.open("rb") as file:
        whole = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    frames, start = [], 0
    for size in sizes:
        frames.append(whole[start : start + size])
        start += size
    return frames


def save_layers(path: Path, frames: Sequence[Any]) -> None:
    """Write the frames of finished layers to the disk; the daemon, which is told of them then, makes their name last.

    Raises AcetateError on a full disk.
    """
    try:
        write_frames(path, frames)
    except OSError as error:
        if not is_full(error):
            raise
        raise AcetateError(
            "busy",
            "the layers are finished, but the disk is too full to keep them",
            hint="free some space in the daemon's folder and submit again",
            retry=True,
        ) from None


def encode_reply(
    made: EngineResult, request: LayerRequest, profile: bytes | None
) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The `layers` of a `done` message, and its frames in the format, row order and space that were asked for."""
    layers: list[dict[str, Any]] = []
    frames: list[bytes] = []
    for layer in made.layers:
        height, width = layer.picture.shape[:2]
        header = PictureSpec(
            frame=len(frames),
            width=width,
            height=height,
            format=request.reply_format,
            rows=request.reply_rows,
            space=request.reply_space,
            profile_frame=None if profile is None else len(made.layers),
        )
        frames.append(from_rgba(layer.picture, header.format, header.rows, header.space, profile))
        picture = picture_to_map(header)
        place = {"name": layer.name, "role": layer.role, "x": layer.x, "y": layer.y, "picture": picture}
        layers.append(place if layer.blend == "normal" else {**place, "blend": layer.blend})
    if profile is not None:
        frames.append(profile)
    return layers, frames
