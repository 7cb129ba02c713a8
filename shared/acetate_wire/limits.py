"""How much one message, one job and one client may ask for."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Dict, Mapping


@dataclass(frozen=True)
class Limits:
    """The daemon sends these in `welcome` and enforces them before it allocates anything.

    `side` in pixels; `message_bytes` counts all frames of a message after the header; `job_bytes` all pictures of one
    job, in either direction, which go in parts of `part_bytes` where they are more than a message takes; `waiting_jobs`
    a client; `pictures` layers out of one job; `frames` pictures and profiles in one message.
    """

    side: int = 16384
    message_bytes: int = 256 << 20
    job_bytes: int = 1152 << 20
    part_bytes: int = 16 << 20
    header_bytes: int = 1 << 20
    frames: int = 64
    waiting_jobs: int = 64
    pictures: int = 10
    prompt_characters: int = 10_000

    def to_map(self) -> Dict[str, int]:
        """These limits as they stand in `welcome`."""
        return asdict(self)

    def for_machine(self) -> Limits:
        """The limits for another machine: parts of half the size, and everything larger than one of them in parts."""
        small = self.part_bytes // 2
        return replace(self, message_bytes=min(self.message_bytes, small), part_bytes=small) if small else self

    @classmethod
    def from_map(cls, values: Mapping[str, object]) -> Limits:
        """The limits that a `welcome` holds; names of a newer daemon are passed over.

        A daemon that does not name `job_bytes` takes no parts.
        """
        known = {name: int(value) for name, value in values.items() if name in _NAMES and isinstance(value, int)}
        limits = cls(**known)
        return limits if "job_bytes" in known else replace(limits, job_bytes=limits.message_bytes, part_bytes=0)


_NAMES = frozenset(Limits.__dataclass_fields__)
