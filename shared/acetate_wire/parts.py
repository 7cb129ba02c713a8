"""Pictures larger than one message, in parts: sent before their `submit`, and fetched after their `done`."""

from __future__ import annotations

import mmap
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from .errors import AcetateError
from .messages import Message, encode

AHEAD = 2
"""So many parts are on their way at a time: the next one arrives while one is dealt with."""


def split(id: str, frames: Sequence[Any], part_bytes: int) -> Iterator[List[Any]]:
    """The messages that bring the frames of a job to the daemon, in their order."""
    for number, frame in enumerate(frames):
        view = memoryview(frame).cast("B")
        for offset in range(0, len(view), part_bytes):
            part = view[offset : offset + part_bytes]
            yield encode("part", {"id": id, "frame": number, "offset": offset}, [part])


class Assembly:
    """The layers of a job whose `done` came with the sizes of its frames, in bytes, instead of them."""

    def __init__(self, done: Message, part_bytes: int) -> None:
        """`done` is that message. Raises AcetateError `internal` when it cannot be read."""
        sizes = done.fields["sizes"]
        if not part_bytes or not all(isinstance(size, int) and size > 0 for size in sizes):
            raise AcetateError("internal", "the daemon sent sizes that cannot be read")
        self.id = str(done.fields["id"])
        self._fields = done.fields
        # Pages of zeros that the system hands out when they are written: no time is lost on clearing them.
        self._frames = [mmap.mmap(-1, size) for size in sizes]
        self._missing: List[Tuple[int, int]] = [
            (number, offset) for number, size in enumerate(sizes) for offset in range(0, size, part_bytes)
        ]
        self._asked: List[Tuple[int, int]] = []

    def questions(self) -> Iterator[List[Any]]:
        """The messages that ask for what is to come next."""
        while self._missing and len(self._asked) < AHEAD:
            self._asked.append(self._missing.pop(0))
            yield self._question(*self._asked[-1])

    def repeated(self) -> Iterator[List[Any]]:
        """The questions that are open."""
        return (self._question(*each) for each in self._asked)

    def take(self, fields: Mapping[str, Any], part: Any) -> Optional[Message]:
        """Take a part; the whole `done` with the last of them. Parts that nobody asked for are passed over."""
        place = (fields.get("frame"), fields.get("offset"))
        if place not in self._asked:
            return None
        number, offset = self._asked.pop(self._asked.index(place))
        self._frames[number][offset : offset + len(part)] = part
        if self._missing or self._asked:
            return None
        fields = {name: value for name, value in self._fields.items() if name != "sizes"}
        return Message("done", fields, tuple(memoryview(frame) for frame in self._frames))

    def _question(self, number: int, offset: int) -> List[Any]:
        return encode("fetch", {"id": self.id, "frame": number, "offset": offset})


Assemblies = Dict[str, Assembly]
"""By the job's id."""
