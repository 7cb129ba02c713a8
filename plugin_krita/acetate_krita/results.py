# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished layers as they are kept: lossless, in strips of rows that can be read one at a time.

A file starts with MAGIC, the length of a JSON header in four bytes, the header, and the strips of all layers,
zlib-compressed, one after the other. The same bytes are kept in the plug-in's own folder and in the document.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Callable

from acetate_wire.events import Done, Layer
from acetate_wire.request import Rect

from . import thumbnails
from .color import BYTES, ColorSpace, stored_space, strips
from .document.selection_mask import SelectionMask

MAGIC = b"acetate1"


@dataclass(frozen=True)
class StoredLayer:
    """One layer: its place on the canvas, how its pixels are stored, and the size of each compressed strip; `blend` is
    `add` for light.
    """

    name: str
    role: str
    rect: Rect
    format: str
    space: str
    sizes: tuple[int, ...]
    blend: str = "normal"

    @property
    def color_space(self) -> ColorSpace:
        """The space of its pixels."""
        return stored_space(self.format, self.space)

    def strips(self) -> Iterator[tuple[range, int]]:
        """The rows of each strip and its compressed size."""
        yield from zip(strips(self.rect.width, self.rect.height, BYTES[self.format]), self.sizes)


@dataclass(frozen=True)
class Result:
    """One picture out of a job, without its pixels: what the history shows.

    `settings` are the docker's settings with the seed that made it; `made` is in seconds since 1970; `anchor` is the
    layer that the layers belong next to; `shape` clips them; `file` is where the document was saved, empty for nowhere;
    `replaces` is the layer whose place they take, empty for none; `warnings` are codes with words for the artist.
    """

    id: str
    job: str
    document: str
    made: float
    seconds: float
    settings: dict[str, Any]
    anchor: str
    shape: SelectionMask | None
    thumb: thumbnails.Thumb
    layers: tuple[StoredLayer, ...]
    file: str = ""
    replaces: str = ""
    warnings: tuple[tuple[str, str], ...] = ()

    @property
    def prompt(self) -> str:
        """What was to be drawn."""
        return str(self.settings.get("prompt", ""))

    @property
    def siblings(self) -> int:
        """How many pictures were asked for with it, itself included."""
        count = self.settings.get("count", 1)
        return count if isinstance(count, int) else 1

    @property
    def number(self) -> int:
        """Which of them it is, from 1."""
        last = self.id.rpartition("-")[2]
        return int(last) + 1 if last.isdecimal() else 1

    @property
    def is_loop(self) -> bool:
        """Whether its layers are the frames of a loop."""
        return len(self.layers) > 1 and (self.settings.get("element") or {}).get("frames", 1) > 1

    @property
    def never_saved(self) -> bool:
        """Whether the document was never saved, so that nobody can open it again."""
        return not self.file

    @property
    def nbytes(self) -> int:
        """About how long its file is, in bytes: the strips of its layers, and its thumbnail."""
        return len(self.thumb.rgba) + sum(sum(layer.sizes) for layer in self.layers)

    def header(self) -> bytes:
        """The beginning of the file."""
        fields: dict[str, Any] = {
            **self.__dict__,
            "shape": None if self.shape is None else self.shape.to_map(),
            "thumb": [self.thumb.width, self.thumb.height, base64.b64encode(zlib.compress(self.thumb.rgba)).decode()],
            "layers": [
                {**layer.__dict__, "rect": [layer.rect.x, layer.rect.y, layer.rect.width, layer.rect.height]}
                for layer in self.layers
            ],
        }
        text = json.dumps(fields).encode()
        return MAGIC + len(text).to_bytes(4, "little") + text


def read_header(stream: BinaryIO) -> Result:
    """The result at the beginning of a file; the stream then stands at its first strip. Raises ValueError."""
    if stream.read(len(MAGIC)) != MAGIC:
        raise ValueError("these are no layers of Acetate")
    fields: dict[str, Any] = json.loads(stream.read(int.from_bytes(stream.read(4), "little")))
    try:
        width, height, packed = fields["thumb"]
        fields["thumb"] = thumbnails.Thumb(width, height, zlib.decompress(base64.b64decode(packed)))
        fields["shape"] = None if fields["shape"] is None else SelectionMask.from_map(fields["shape"])
        fields["layers"] = tuple(
            StoredLayer(**{**layer, "rect": Rect(*layer["rect"]), "sizes": tuple(layer["sizes"])})
            for layer in fields["layers"]
        )
        fields["warnings"] = tuple((str(code), str(words)) for code, words in fields.get("warnings", ()))
        return Result(**fields)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise ValueError(f"these layers were kept by another version of Acetate ({error!r})") from None


@dataclass(frozen=True)
class ResultContext:
    """What every picture of a job has in common; see Result."""

    job: str
    document: str
    made: float
    settings: dict[str, Any]
    anchor: str
    shape: SelectionMask | None
    file: str
    replaces: str


def pictures(done: Done, count: int) -> list[tuple[Layer, ...]]:
    """The layers of each picture of a job: `count` pictures of equally many layers."""
    each = max(1, len(done.layers) // max(1, count))
    return [done.layers[start : start + each] for start in range(0, len(done.layers), each)]


def compress(origin: ResultContext, number: int, done: Done, layers: Sequence[Layer], out: list[Any]) -> Iterator[None]:
    """A task: compress one picture's layers and add the result and its strips to `out`."""
    kept: list[StoredLayer] = []
    body: list[bytes] = []
    samples: list[thumbnails.Thumb] = []
    corners: list[tuple[int, int]] = []
    longest = max(max(layer.picture.header.width, layer.picture.header.height) for layer in layers)
    for layer in layers:
        head = layer.picture.header
        row_bytes = head.width * BYTES[head.format]
        sizes: list[int] = []
        for rows in strips(head.width, head.height, BYTES[head.format]):
            packed = zlib.compress(layer.picture.pixels[rows.start * row_bytes : rows.stop * row_bytes], 1)
            body.append(packed)
            sizes.append(len(packed))
            yield
        rect = Rect(layer.x, layer.y, head.width, head.height)
        kept.append(StoredLayer(layer.name, layer.role, rect, head.format, head.space, tuple(sizes), layer.blend))
        # Of a loop, whose frames all have this role, the first is shown.
        shown = not samples if layer.role == "layer" else layer.role != "blend" or len(layers) == 1
        if shown:
            yield from thumbnails.sample(head, layer.picture.pixels, longest, samples)
            corners.append((layer.x - layers[0].x, layer.y - layers[0].y))
    settings = {**origin.settings, "seed": _seed(number, done)}
    result = Result(
        id=f"{origin.job}-{number}",
        job=origin.job,
        document=origin.document,
        made=origin.made,
        seconds=float(done.settings.get("seconds", 0.0)),
        settings=settings,
        anchor=origin.anchor,
        shape=origin.shape,
        thumb=thumbnails.stack(samples, corners, longest),
        layers=tuple(kept),
        file=origin.file,
        replaces=origin.replaces,
        warnings=tuple((each.code, " ".join(filter(None, (each.message, each.hint)))) for each in done.warnings),
    )
    out.append((result, body))


class Strips:
    """The strips of a result in memory, read one after another as from its file."""

    def __init__(self, body: Sequence[bytes]) -> None:
        self._strips = iter(body)

    def __enter__(self) -> Strips:
        """As a file."""
        return self

    def __exit__(self, *reason: object) -> None:
        """There is nothing to close."""

    def read(self, size: int) -> bytes:
        """The next strip, which has `size` bytes."""
        return next(self._strips)


Opener = Callable[[Result], "BinaryIO | Strips"]
"""Opens the compressed strips of a result."""


def _seed(number: int, done: Done) -> int:
    """The seed of one picture: a job's pictures count up from its first seed."""
    return (done.seed + number) % (1 << 64)
