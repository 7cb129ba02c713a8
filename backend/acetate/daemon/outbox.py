"""What waits for a client that does not take its messages at the moment, with a bound."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

ENDS = ("accepted", "rejected", "done", "failed", "cancelled", "forgotten")
"""Messages that end a request, or a job: all else gives way to them."""
NEWEST = ("accepted", "progress", "ping")
"""Messages of which a client needs the newest alone, for each job."""
MOST_BYTES = 1 << 20
"""So much waits for one client."""
OVERHEAD_BYTES = 200
"""What a message takes in memory besides its bytes."""


class Outbox:
    """Messages in their order. When there are too many, the oldest that is no end goes first."""

    def __init__(self) -> None:
        """Empty."""
        self._messages: OrderedDict[object, Sequence[bytes]] = OrderedDict()
        self._spare: dict[object, None] = {}
        self._bytes = 0
        self._number = 0

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._messages)

    def add(self, kind: str, fields: Mapping[str, Any], parts: Sequence[bytes]) -> bool:
        """Put a message behind the others, or in the place of the one that it makes outdated; False without room."""
        self._number += 1
        key: object = (kind, fields.get("id")) if kind in NEWEST else self._number
        old = self._messages.get(key)
        if old is None and kind not in ENDS:
            self._spare[key] = None
        self._messages[key] = parts
        self._bytes += _size(parts) - (0 if old is None else _size(old))
        while self._bytes > MOST_BYTES and self._spare:
            self._remove(next(iter(self._spare)))
        if self._bytes > MOST_BYTES and key in self._messages:
            self._remove(key)
        return key in self._messages

    def flush(self, send: Callable[[Sequence[bytes]], bool]) -> None:
        """Send what can be sent: `send` says whether a message is on its way."""
        while self._messages:
            key, parts = next(iter(self._messages.items()))
            if not send(parts):
                return
            self._remove(key)

    def _remove(self, key: object) -> None:
        self._bytes -= _size(self._messages.pop(key))
        self._spare.pop(key, None)


def _size(parts: Sequence[bytes]) -> int:
    return OVERHEAD_BYTES + sum(map(len, parts))
