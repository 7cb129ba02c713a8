"""A job as a row of the journal, and what can still be read of a damaged row."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import NoneType
from typing import Any

import msgpack
from acetate_wire.errors import AcetateError

ACTIVE_STATES = ("waiting", "running")
RETAINED_STATES = ("done", "failed", "cancelled")
ENDED_STATES = (*RETAINED_STATES, "expired")
COLUMNS = (
    *("number", "id", "owner", "machine", "state", "submitted", "ended", "ended_at", "attempts", "deaths"),
    *("runs", "input_size", "size", "request", "outcome"),
)
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("id", "owner", "machine", "state"), str),
    **dict.fromkeys(("number", "attempts", "deaths", "runs", "input_size", "size"), int),
    **dict.fromkeys(("ended", "ended_at"), (float, int, NoneType)),
    "submitted": (float, int),
}
_NO_REQUEST = msgpack.packb({"request": {}, "sizes": [], "resolved": True})


@dataclass(frozen=True)
class JobRecord:
    """One job as the journal holds it.

    `machine` is the public key of the paired machine that submitted it, empty for this user's own clients. `request` is
    the header's map, empty where it could not be decoded, `resolved` unless an earlier version wrote it, which left
    defaults open; `sizes` are the bytes of its frames, `input_size` their sum. `outcome` is what ended it (the fields
    of `done` or `failed`), `size` the bytes of its layers. `attempts` is how often it was begun, `deaths` how many of
    them ended with a worker, `runs` the number of the latest one, which no later one gets again. Times are seconds
    since 1970, `ended_at` is on the journal's clock.
    """

    number: int
    id: str
    owner: str
    machine: str
    state: str
    submitted: float
    ended: float | None
    ended_at: float | None
    attempts: int
    deaths: int
    runs: int
    input_size: int
    size: int
    request: dict[str, Any]
    sizes: tuple[int, ...]
    resolved: bool
    outcome: dict[str, Any] | None

    @property
    def account(self) -> str:
        """Whose quota and turn it takes: all clients of a paired machine are one, for a client makes up its own id."""
        return self.machine or self.owner


def decode_text(value: bytes) -> str:
    """A text of the journal; one damaged byte does not hide the other rows of a query."""
    return value.decode("utf-8", "replace")


def decode_row(row: tuple[Any, ...]) -> JobRecord:
    """The job of a row of `COLUMNS`. Raises ValueError when a value of it is not what a daemon writes."""
    values = dict(zip(COLUMNS, row, strict=True))
    for name, types in _TYPES.items():
        if not isinstance(values[name], types):
            raise ValueError(f"its {name} is of the type {type(values[name]).__name__}")
    if values["state"] not in (*ACTIVE_STATES, *ENDED_STATES):
        raise ValueError("its state is unknown")
    request, sizes, resolved = decode_stored_request(values.pop("request"))
    outcome = _decode_outcome(values.pop("outcome"))
    return JobRecord(**values, request=request, sizes=sizes, resolved=resolved, outcome=outcome)


def decode_stored_request(blob: object) -> tuple[dict[str, Any], tuple[int, ...], bool]:
    """Request, sizes and `resolved`. Raises ValueError."""
    given = _unpack(blob, "request")
    request: Any = given.get("request")
    sizes: Any = given.get("sizes")
    if not isinstance(request, dict) or not _are_sizes(sizes):
        raise ValueError("its request is not a map with sizes")
    if request and not all(isinstance(request.get(name), str) for name in ("mode", "prompt")):
        raise ValueError("its request has no mode or prompt")
    return request, tuple(sizes), bool(given.get("resolved", False))


def _decode_outcome(blob: object) -> dict[str, Any] | None:
    """What ended the job. Raises ValueError."""
    if blob is None:
        return None
    outcome = _unpack(blob, "outcome")
    if not _are_sizes(outcome.get("sizes", [])) or not isinstance(outcome.get("message", ""), str):
        raise ValueError("its outcome has wrong types")
    return outcome


def _unpack(blob: object, what: str) -> dict[str, Any]:
    try:
        found = msgpack.unpackb(blob)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise ValueError(f"its {what} is not MessagePack: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"its {what} is no map")
    return found


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(size) is int and size >= 0 for size in value)


def mend_row(row: tuple[Any, ...], now: float) -> tuple[Any, ...]:
    """A damaged row with all that can be read of it; a job whose state or outcome cannot be read has failed."""
    values = dict(zip(COLUMNS, row, strict=True))
    for name, types in _TYPES.items():
        if not isinstance(values[name], types):
            values[name] = str(values[name]) if types is str else 0
    again = False
    try:
        _, sizes, _ = decode_stored_request(values["request"])
        again = not sum(sizes)
    except ValueError:
        values["request"] = _NO_REQUEST
    try:
        _decode_outcome(values["outcome"])
        ended = values["state"] in ENDED_STATES
    except ValueError:
        ended, values["outcome"] = False, None
    if not ended and values["state"] not in ACTIVE_STATES:
        lost = AcetateError(
            "damaged",
            "how this job ended cannot be read: its entry in the journal is damaged",
            hint="run the job again" if again else "submit it again",
            retry=again,
        )
        ended_at = {"ended": values["ended"] or time.time(), "ended_at": now}
        values.update(state="failed", outcome=msgpack.packb(lost.fields()), size=0, **ended_at)
    return tuple(values.values())
