# SPDX-License-Identifier: GPL-3.0-or-later
"""Which layer *Active layer* stands for: the one that the artist chose, not one that a job has made active.

A second press of the button then makes a variation of the first result instead of working on that result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from krita import Document

from .document import annotation_store, lookup


@dataclass
class DocumentPins:
    """Of one open document: the layer that was active at the last look, and by mode the one that a job worked on."""

    active: str = ""
    by_mode: dict[str, str] = field(default_factory=dict)


class Pins:
    """The pinned layers of all open documents; all layers are given by their ids."""

    def __init__(self) -> None:
        self._documents: dict[str, DocumentPins] = {}
        self._held = 0

    @contextmanager
    def holding(self, document: Document) -> Iterator[list[str]]:
        """While results go into a document, which Krita makes the active layer: that is no choice of the artist's. The
        block puts the layer that came in into the list.
        """
        landed: list[str] = []
        self._held += 1
        try:
            yield landed
        finally:
            self._held -= 1
            if document.rootNode() is not None:
                self._look(document, landed)

    def pin(self, document: Document, mode: str) -> None:
        """A job of this mode works on what *Active layer* stands for now: so will the next one."""
        layer = self.layer(document, mode)
        self._of(document).by_mode[mode] = layer

    def layer(self, document: Document, mode: str) -> str:
        """The layer that *Active layer* stands for in a mode; empty in a document without layers."""
        pins = self._of(document) if self._held else self._look(document, ())
        pinned = pins.by_mode.get(mode, "")
        return pinned if lookup.find_layer(document, pinned) is not None else pins.active

    def pinned(self, document: Document, mode: str) -> bool:
        """Whether that is another one than the layer that is active."""
        return self.layer(document, mode) != self._of(document).active

    def _look(self, document: Document, landed: Sequence[str]) -> DocumentPins:
        """Forget what was pinned when the artist has gone to another layer than those that landed."""
        pins = self._of(document)
        now = _active(document)
        if now != pins.active:
            # Where the layer is gone, by undo for instance, Krita has chosen the next one.
            if lookup.find_layer(document, pins.active) is not None and now not in landed:
                pins.by_mode.clear()
            pins.active = now
        return pins

    def _of(self, document: Document) -> DocumentPins:
        return self._documents.setdefault(annotation_store.open_document_id(document), DocumentPins())


def _active(document: Document) -> str:
    """The active layer, a mask standing for the one it belongs to; the uppermost where that is the whole picture."""
    active = lookup.layer_id(lookup.owner(document.activeNode()))
    if lookup.find_layer(document, active) is not None:
        return active
    return next((lookup.layer_id(layer) for layer, _ in lookup.layers(document)), "")
