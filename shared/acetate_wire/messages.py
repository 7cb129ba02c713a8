"""One message: `[header, frame, frame, …]`, the header one MessagePack map with `v` and `kind`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Sequence, Tuple

import msgpack

from .errors import AcetateError
from .limits import Limits

VERSION = 1

_DEFAULT_LIMITS = Limits()


@dataclass(frozen=True)
class Message:
    """A message that came in: its kind, the header's other fields, and the raw frames after the header."""

    kind: str
    fields: Mapping[str, Any]
    frames: Tuple[Any, ...]


def pack_header(kind: str, fields: Mapping[str, Any]) -> bytes:
    """The header frame of a message of this kind."""
    header: Dict[str, Any] = {"v": VERSION, "kind": kind}
    header.update(fields)
    return bytes(msgpack.packb(header))


def encode(kind: str, fields: Mapping[str, Any], frames: Sequence[Any] = ()) -> List[Any]:
    """A message as the list of frames that goes into the socket."""
    return [pack_header(kind, fields), *frames]


def decode(parts: Sequence[Any], limits: Limits = _DEFAULT_LIMITS) -> Message:
    """Take a message apart. `parts` are bytes-like. Raises AcetateError `bad_request` or `too_large`."""
    if not parts:
        raise AcetateError("bad_request", "the message is empty", hint="send a header frame first")
    if len(parts) - 1 > limits.frames:
        raise AcetateError(
            "too_large",
            f"{len(parts) - 1} frames in one message are over the limit of {limits.frames}",
            hint="send fewer pictures in one job",
        )
    header = unpack_header(parts[0], limits)
    total = sum(len(part) for part in parts[1:])
    if total > limits.message_bytes:
        raise AcetateError(
            "too_large",
            f"{total} bytes of pictures in one message are over the limit of {limits.message_bytes}",
            hint="send smaller pictures, or an 8-bit format",
        )
    version = header.pop("v", None)
    if version != VERSION or isinstance(version, bool):
        raise AcetateError(
            "bad_request",
            f"the message speaks version {version!r} of the protocol, this side speaks {VERSION}",
            field="v",
            hint="update the older of editor plug-in and acetate",
        )
    kind = header.pop("kind", None)
    if not isinstance(kind, str):
        raise AcetateError("bad_request", "the header has no kind", field="kind", hint="name the message's kind")
    return Message(kind, header, tuple(parts[1:]))


def unpack_header(frame: Any, limits: Limits = _DEFAULT_LIMITS) -> Dict[str, Any]:
    """The map in a header frame. Raises AcetateError when it is no MessagePack map with text keys, or too long."""
    if len(frame) == 0:
        raise AcetateError("bad_request", "the header frame is empty", hint="use a DEALER socket, without a delimiter")
    if len(frame) > limits.header_bytes:
        raise AcetateError(
            "too_large",
            f"a header of {len(frame)} bytes is over the limit of {limits.header_bytes}",
            hint="pictures belong into frames of their own",
        )
    try:
        header = msgpack.unpackb(frame, raw=False, strict_map_key=True, max_ext_len=0)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException) as error:
        raise AcetateError("bad_request", "the header is not valid MessagePack", hint=_reason(error)) from None
    if not isinstance(header, dict) or not all(isinstance(key, str) for key in header):
        raise AcetateError("bad_request", "the header is not a map with text keys", hint="send one MessagePack map")
    return header


def _reason(error: Exception) -> str:
    text = str(error).split("\n", 1)[0]
    return text[:120] if text else type(error).__name__
