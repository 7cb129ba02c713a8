# SPDX-License-Identifier: GPL-3.0-or-later
"""Where layers are to go: the selection's rectangle and shape, else the whole canvas."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from acetate_wire.request import Rect
from krita import Document

from ..color import strips


@dataclass(frozen=True)
class SelectionMask:
    """How much of each pixel of `rect` is selected: 0 to 255, in compressed strips of rows."""

    rect: Rect
    packed: tuple[bytes, ...]

    def rows(self) -> Iterator[tuple[range, bytes]]:
        """Each strip's rows, counted from the rectangle's top, and its bytes."""
        width = self.rect.width
        for rows, strip in zip(strips(width, self.rect.height, 1), self.packed):
            yield rows, zlib.decompress(strip)

    def to_map(self) -> dict[str, Any]:
        """The shape for a file of JSON."""
        rect = self.rect
        texts = [base64.b64encode(strip).decode() for strip in self.packed]
        return {"rect": [rect.x, rect.y, rect.width, rect.height], "packed": texts}

    @classmethod
    def from_map(cls, fields: dict[str, Any]) -> SelectionMask:
        """The inverse of `to_map`."""
        return cls(Rect(*fields["rect"]), tuple(base64.b64decode(text) for text in fields["packed"]))


def selected(document: Document) -> Rect | None:
    """The selection's rectangle; None when nothing is selected. It may reach beyond the canvas."""
    selection = document.selection()
    if selection is None or selection.width() <= 0 or selection.height() <= 0:
        return None
    return Rect(selection.x(), selection.y(), selection.width(), selection.height())


def canvas(document: Document) -> Rect:
    """The whole canvas."""
    return Rect(0, 0, document.width(), document.height())


def read_selection_mask(document: Document, rect: Rect, found: list[SelectionMask]) -> Iterator[None]:
    """A task: put the selection's shape into `found`, unless all of its rectangle is selected."""
    selection = document.selection()
    if selection is None:
        return
    packed: list[bytes] = []
    full = True
    for rows in strips(rect.width, rect.height, 1):
        strip = bytes(selection.pixelData(rect.x, rect.y + rows.start, rect.width, len(rows)))
        full = full and strip.count(255) == len(strip)
        packed.append(zlib.compress(strip, 1))
        yield
    if not full:
        found.append(SelectionMask(rect, tuple(packed)))


def full_mask(rect: Rect) -> SelectionMask:
    """The shape of a rectangle that is selected as a whole."""
    return SelectionMask(
        rect,
        tuple(zlib.compress(bytes([255]) * (rect.width * len(rows)), 1) for rows in strips(rect.width, rect.height, 1)),
    )
