"""What can go wrong, in one code for programs and one sentence for people."""

from __future__ import annotations

from typing import Dict, Optional

CODES = (
    "bad_request",
    "too_large",
    "unknown_model",
    "model_missing",
    "mode_unsupported",
    "out_of_memory",
    "too_slow",
    "worker_lost",
    "damaged",
    "cancelled",
    "busy",
    "not_allowed",
    "internal",
)


class AcetateError(Exception):
    """A refusal or failure: `code` out of CODES, the `field` it is about, what is wrong, and the way out."""

    def __init__(
        self, code: str, message: str, *, field: Optional[str] = None, hint: str = "", retry: bool = False
    ) -> None:
        """`retry` tells that the same request may succeed later."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.hint = hint
        self.retry = retry

    def __str__(self) -> str:
        """The message and, where there is one, the hint."""
        return f"{self.message}: {self.hint}" if self.hint else self.message

    def fields(self) -> Dict[str, object]:
        """The fields of a `rejected` or `failed` message."""
        return {
            "code": self.code,
            "field": self.field,
            "message": self.message,
            "hint": self.hint,
            "retry": self.retry,
        }


def bad_request(message: str, hint: str, field: Optional[str] = None) -> AcetateError:
    """The refusal of something that was asked for: what is wrong with it, the way out, and the field it is about."""
    return AcetateError("bad_request", message, field=field, hint=hint)
