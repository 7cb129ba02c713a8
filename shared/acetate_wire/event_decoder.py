"""Messages of the daemon as events."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from .errors import AcetateError
from .events import (
    Accepted,
    Cancelled,
    Connected,
    Event,
    Failed,
    Forgotten,
    JobList,
    ModelVocabulary,
    Progress,
    Rejected,
    Status,
    decode_done,
    decode_picture,
)
from .limits import Limits
from .messages import Message
from .vocabulary import Vocabulary


def decode_event(message: Message) -> Event:
    """The event that a message brings. Raises AcetateError when the kind is unknown or a field is missing."""
    try:
        return _decode(message)
    except (KeyError, TypeError, ValueError) as error:
        raise AcetateError("internal", f"the daemon's {message.kind} cannot be read ({error!r})") from None


def _decode(message: Message) -> Event:
    fields = message.fields
    kind = message.kind
    if kind == "progress":
        return _decode_progress(fields, message.frames)
    if kind == "done":
        try:
            return decode_done(fields, message.frames)
        except AcetateError as error:
            return Failed(fields["id"], error.code, error.message, "update the older of editor and acetate", False)
    if kind == "accepted":
        return Accepted(fields["id"], int(fields["position"]))
    if kind == "rejected":
        field: Optional[str] = fields.get("field")
        return Rejected(fields.get("id") or "", fields["code"], field, fields["message"], fields.get("hint", ""))
    if kind == "failed":
        hint, retry = fields.get("hint", ""), bool(fields.get("retry"))
        return Failed(fields["id"], fields["code"], fields["message"], hint, retry, fields.get("field"))
    if kind == "cancelled":
        return Cancelled(fields["id"])
    if kind == "forgotten":
        return Forgotten(fields["id"], fields.get("reason", "unknown"))
    if kind == "jobs":
        return JobList(tuple(fields["jobs"]), float(fields["keep_days"]), int(fields["keep_bytes"]))
    if kind == "vocabulary":
        found = fields.get("vocabulary")
        return ModelVocabulary(fields["model"], None if found is None else Vocabulary.from_map(found))
    if kind in ("status", "stopping"):
        return Status("stop" if kind == "stopping" else kind, dict(fields))
    if kind == "welcome":
        limits = Limits.from_map(fields["limits"])
        return Connected(fields["version"], fields["device"], tuple(fields["models"]), limits)
    raise AcetateError("internal", f"the daemon sent a message of the unknown kind {kind!r}")


def _decode_progress(fields: Mapping[str, Any], frames: Any) -> Progress:
    preview = fields.get("preview")
    left = fields.get("seconds_left")
    return Progress(
        fields["id"],
        fields["stage"],
        int(fields["step"]),
        int(fields["steps"]),
        None if left is None else float(left),
        None if preview is None else decode_picture(preview, frames),
    )
