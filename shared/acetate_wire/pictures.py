"""Raw pixel frames: how many bytes a picture has, and whether a frame holds what its header says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, Sequence

from .errors import AcetateError
from .request import FORMATS, PictureSpec


def nbytes(header: PictureSpec) -> int:
    """The bytes of this picture's frame: rows follow each other without padding."""
    return header.width * header.height * FORMATS[header.format]


def picture_to_map(header: PictureSpec) -> Dict[str, Any]:
    """A picture's header as it stands in a message; a profile's frame only where there is one."""
    fields = asdict(header)
    if header.profile_frame is None:
        del fields["profile_frame"]
    return fields


def check_frames(header: PictureSpec, sizes: Sequence[int], where: str) -> None:
    """Compare a picture's header with the sizes of the message's frames. Raises AcetateError `bad_request`."""
    if header.frame >= len(sizes):
        raise AcetateError(
            "bad_request",
            f"{where}.frame is {header.frame}, but the message has {len(sizes)} frames",
            field=f"{where}.frame",
            hint="frames are counted from 0, the header not included",
        )
    wanted, got = nbytes(header), sizes[header.frame]
    if wanted != got:
        raise AcetateError(
            "bad_request",
            f"{where} says {header.width} x {header.height} {header.format}, which is {wanted} bytes, "
            f"but its frame has {got}",
            field=where,
            hint="send rows one after another, without padding",
        )
    if header.profile_frame is not None and header.profile_frame >= len(sizes):
        raise AcetateError(
            "bad_request",
            f"{where}.profile_frame is {header.profile_frame}, but the message has {len(sizes)} frames",
            field=f"{where}.profile_frame",
            hint="put the ICC profile into a frame of its own",
        )
