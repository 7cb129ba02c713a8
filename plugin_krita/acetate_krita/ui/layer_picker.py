# SPDX-License-Identifier: GPL-3.0-or-later
"""Chooses a layer of the document by its thumbnail; follows new layers, renames and removals."""

from __future__ import annotations

from collections import deque
from typing import Any

from krita import Document, Node

from ..document import lookup
from ..i18n import tr
from ..jobs import PROJECTION
from ..qt import QtCore, QtGui
from .theme import ElidedComboBox, over_checker

ACTIVE = "active"
THUMB = 24


class LayerPicker(ElidedComboBox):
    """A list of layers, the uppermost first; the first entry is the active layer, or the one pinned in its stead."""

    def __init__(self) -> None:
        super().__init__()
        self._whole = False
        self._document: Document | None = None
        self._active, self._pinned = "", False
        self._known: list[tuple[str, str]] = []
        self.setIconSize(QtCore.QSize(THUMB, THUMB))
        self._unseen: deque[int] = deque()
        self._timer = QtCore.QTimer(self)
        self._timer.timeout.connect(self._next_thumb)
        self.currentIndexChanged.connect(self._draw_chosen)

    def offer_whole(self, offered: bool) -> None:
        """Whether everything that is seen can be chosen."""
        self._whole = offered

    def refresh(self, document: Document | None, active: str, pinned: bool) -> None:
        """Look which layers there are now; the choice stays with its layer. `active` is the layer that *Active layer*
        stands for, by its id, and `pinned` whether it is another one than the active.
        """
        self._document, self._active, self._pinned = document, active, pinned
        entries: list[tuple[str, str]] = [(ACTIVE, self._active_name())]
        if self._whole:
            entries.append((PROJECTION, tr("Everything that is seen")))
        if document is not None:
            for layer, depth in lookup.layers(document):
                entries.append((lookup.layer_id(layer), "    " * depth + layer.name()))
        if entries != self._known:
            self._fill(entries)

    def source(self) -> str:
        """The chosen layer's id, or PROJECTION; empty when there is no document."""
        chosen = str(self.currentData() or "")
        return self._active if chosen == ACTIVE else chosen

    @property
    def follows(self) -> bool:
        """Whether the choice is *Active layer*."""
        return bool(self.currentData() == ACTIVE)

    def begin(self, seen_first: bool) -> None:
        """Begin anew for another mode; a layer that the artist chose from the list stays."""
        if seen_first:
            self.refresh(self._document, self._active, self._pinned)
            self.choose(PROJECTION)
        elif self.currentData() == PROJECTION:
            self.choose(ACTIVE)

    def choose(self, id: str) -> None:
        """Choose a layer by its id, or PROJECTION."""
        self.setCurrentIndex(max(0, self.findData(id)))

    def showPopup(self) -> None:  # noqa: N802
        """Open the list; thumbnails appear one after the other."""
        self.refresh(self._document, self._active, self._pinned)
        self._unseen = deque(range(self.count()))
        self._timer.start(0)
        super().showPopup()

    def hidePopup(self) -> None:  # noqa: N802
        """Close the list."""
        self._timer.stop()
        super().hidePopup()

    def _next_thumb(self) -> None:
        if not self._unseen or self._document is None:
            self._timer.stop()
            return
        row = self._unseen.popleft()
        if not 0 <= row < self.count():
            return
        id = str(self.itemData(row))
        layer = lookup.find_layer(self._document, self._active if id == ACTIVE else id)
        if layer is not None:
            self.setItemIcon(row, QtGui.QIcon(self._thumb(_small(layer))))

    def _fill(self, entries: list[tuple[str, str]]) -> None:
        chosen = self.currentData()
        self.blockSignals(True)
        self.clear()
        for id, name in entries:
            self.addItem(name, id)
        self._known = entries
        self.choose(str(chosen or ACTIVE))
        self.blockSignals(False)
        self._draw_chosen()

    def _draw_chosen(self, *_row: Any) -> None:
        self._unseen.append(self.currentIndex())
        self._timer.start(0)

    def _thumb(self, image: Any) -> Any:
        pixmap = QtGui.QPixmap(THUMB * 2, THUMB * 2)
        pixmap.fill(QtCore.Qt.GlobalColor.transparent)
        if not image.isNull():
            painter = QtGui.QPainter(pixmap)
            over_checker(painter, pixmap.rect(), image, self)
            painter.end()
        return pixmap

    def _active_name(self) -> str:
        layer = None if self._document is None else lookup.find_layer(self._document, self._active)
        if layer is None:
            return tr("Active layer")
        if self._pinned:
            return tr("{layer}, as before").format(layer=layer.name())
        return tr("Active layer") + f" ({layer.name()})"


def _small(layer: Node) -> Any:
    """A layer's thumbnail with the proportions of what is on it."""
    box = layer.bounds()
    size = QtCore.QSize(max(1, box.width()), max(1, box.height()))
    size.scale(THUMB * 2, THUMB * 2, QtCore.Qt.AspectRatioMode.KeepAspectRatio)
    return layer.thumbnail(max(1, size.width()), max(1, size.height()))
