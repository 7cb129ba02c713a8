"""Checks of single values; each returns the value or raises AcetateError `bad_request` naming the field and its limits.

A value checks itself with these and names its fields alone; `located` adds where in a message the value is.
"""

from __future__ import annotations

import contextlib
import math
import re
import reprlib
from typing import Any, Dict, Iterator, List, Optional, Sequence

from .errors import AcetateError

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 60
_SHORT.maxlevel = 2


@contextlib.contextmanager
def located(where: str) -> Iterator[None]:
    """Have errors about a field of a value name it as the field of `where`."""
    try:
        yield
    except AcetateError as error:
        field = where if error.field is None else f"{where}.{error.field}"
        raise AcetateError(error.code, f"{where}.{error.message}", field=field, hint=error.hint) from None


def mapping(value: object, where: str) -> Dict[str, Any]:
    """A map with text keys."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise _wrong(where, value, "a map with text keys")
    return value


def listing(value: object, where: str, least: int, most: int) -> List[Any]:
    """A list of `least` to `most` items."""
    wanted = f"a list of {least}" if least == most else f"a list of {least} to {most}"
    if not isinstance(value, (list, tuple)) or not least <= len(value) <= most:
        raise _wrong(where, value, wanted)
    return list(value)


def text(value: object, where: str, most: Optional[int] = None) -> str:
    """Text of at most `most` characters, without a NUL."""
    if not isinstance(value, str) or "\0" in value:
        raise _wrong(where, value, "text")
    if most is not None and len(value) > most:
        raise AcetateError(
            "bad_request",
            f"{where} has {len(value)} characters, over the limit of {most}",
            field=where,
            hint="make it shorter",
        )
    return value


def flag(value: object, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _wrong(where, value, "true or false")
    return value


def whole(
    value: object,
    where: str,
    low: Optional[int] = None,
    high: Optional[int] = None,
    field: Optional[str] = None,
) -> int:
    """A whole number from `low` to `high`; `field` is the name to report where it differs from `where`."""
    if (
        isinstance(value, int)
        and not isinstance(value, bool)
        and (low is None or value >= low)
        and (high is None or value <= high)
    ):
        return value
    limits = "" if low is None else f", {low} or more" if high is None else f" from {low} to {high}"
    raise _wrong(where, value, f"a whole number{limits}", field)


def number(value: object, where: str, low: float, high: float) -> float:
    """A finite number from `low` to `high`."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(where, value, f"a number from {low:g} to {high:g}")
    if not (low <= value <= high and math.isfinite(value)):
        raise _wrong(where, value, f"a number from {low:g} to {high:g}")
    return float(value)


def one_of(value: object, where: str, choices: Sequence[str]) -> str:
    """One of these words."""
    if not isinstance(value, str) or value not in choices:
        raise _wrong(where, value, f"one of {', '.join(choices)}")
    return value


def job_id(value: object, where: str = "id") -> str:
    """A UUID in its usual lower-case form, as `str(uuid.uuid4())` writes it."""
    if not isinstance(value, str) or not _UUID.fullmatch(value):
        raise _wrong(where, value, "a UUID in lower case, made by the client")
    return value


def _wrong(where: str, value: object, wanted: str, field: Optional[str] = None) -> AcetateError:
    shown = _SHORT.repr(value)
    return AcetateError("bad_request", f"{where} is {shown}", field=field or where, hint=f"it must be {wanted}")
