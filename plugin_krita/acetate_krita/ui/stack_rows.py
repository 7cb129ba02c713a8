# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of a stack, the uppermost first as in Krita's list of layers: words, and the place on the canvas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from krita import Document

from ..document import lookup, selection_mask
from ..i18n import tr
from ..jobs import PROJECTION
from ..qt import QtCore, QtWidgets
from .building import RowList, card, grid_in, named
from .theme import ElidedComboBox, paragraph, small, tool

MOST = 7
"""A daemon makes eight layers at once, and one of them is the background."""


class StackRows(RowList):
    """Adds, removes and reorders layers. `changed` tells of every change; `entered` that Shift+Enter was pressed."""

    changed = QtCore.pyqtSignal()
    entered = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__(tr("Add a layer above"), MOST)
        self._document: Document | None = None
        self.column.addWidget(self.more)
        self.behind = ElidedComboBox()
        named(self.behind, tr("What is behind"))
        self.behind.addItem(tr("Behind them: a background is drawn"), "")
        self.behind.addItem(tr("Behind them: everything that is seen"), PROJECTION)
        self.behind.currentIndexChanged.connect(lambda _row: self.changed.emit())
        self.column.addWidget(self.behind)
        self.honest = small(paragraph())
        self.column.addWidget(self.honest)
        self.add()

    # What is set

    def values(self) -> list[dict[str, Any]]:
        """The layers from below, each with its `prompt` and `region`."""
        return [row.value() for row in reversed(self.rows)]

    def fill(self, stack: Sequence[Mapping[str, Any]], behind: str) -> None:
        """Show these layers, given from below."""
        self.clear()
        for value in stack:
            row = self.add()
            row.words.setText(str(value["prompt"]))
            row.place.choose(value["region"])
        if not stack:
            self.add()
        self.behind.setCurrentIndex(max(0, self.behind.findData(behind)))

    def sources(self) -> dict[str, str]:
        """The background by its role, where it is not drawn."""
        chosen = str(self.behind.currentData())
        return {"background": chosen} if chosen else {}

    def tell(self, words: str) -> None:
        """Say what the model does less well; nothing where that is empty."""
        self.honest.setText(words)
        self.honest.setVisible(bool(words))

    def refresh(self, document: Document | None) -> None:
        """Look which layers there are now."""
        self._document = document
        for row in self.rows:
            row.place.refresh(document)

    # Its rows

    def add_pressed(self) -> None:
        """Add a layer, and go on with its words."""
        self.add().words.setFocus()

    def add(self) -> StackRow:
        """Add a layer above the others; its place is what is selected now."""
        row = StackRow(self)
        row.place.refresh(self._document)
        row.place.take_selection()
        self.rows.insert(0, row)
        self._arrange()
        return row

    def remove(self, row: StackRow) -> None:
        """Remove a layer; one stays."""
        self.take(row)
        if not self.rows:
            self.add()
        self._arrange()

    def move(self, row: StackRow, by: int) -> None:
        """Move a layer up (-1) or down (1)."""
        at = self.rows.index(row)
        self.rows.insert(max(0, at + by), self.rows.pop(at))
        self._arrange()

    def _arrange(self) -> None:
        for number, row in enumerate(self.rows):
            self.column.insertWidget(number + 1, row)
            row.up.setEnabled(number > 0)
            row.down.setEnabled(number < len(self.rows) - 1)
            row.away.setEnabled(len(self.rows) > 1)
        self.count()
        self.changed.emit()


class StackRow(QtWidgets.QFrame):
    """One layer."""

    def __init__(self, rows: StackRows) -> None:
        super().__init__()
        card(self)
        grid = grid_in(self, 2, (4, 4, 4, 4))
        self.words = _Words()
        self.words.setPlaceholderText(tr("What this layer shows"))
        self.words.setAccessibleName(tr("What this layer shows"))
        self.words.entered.connect(rows.entered)
        self.words.textChanged.connect(lambda _text: rows.changed.emit())
        self.place = PlaceBox()
        self.place.currentIndexChanged.connect(lambda _row: rows.changed.emit())
        self.up = tool("up", tr("Move this layer up"), lambda: rows.move(self, -1))
        self.down = tool("down", tr("Move this layer down"), lambda: rows.move(self, 1))
        self.away = tool("close", tr("Without this layer"), lambda: rows.remove(self))
        grid.addWidget(self.words, 0, 0)
        grid.addWidget(self.away, 0, 1, 1, 2, QtCore.Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.place, 1, 0)
        grid.addWidget(self.up, 1, 1)
        grid.addWidget(self.down, 1, 2)

    def value(self) -> dict[str, Any]:
        """The layer's words and place."""
        return {"prompt": self.words.text().strip(), "region": self.place.value()}


class PlaceBox(ElidedComboBox):
    """Where a layer stands: the whole canvas, what was selected when it was chosen, or where another layer is."""

    def __init__(self) -> None:
        super().__init__()
        named(self, tr("Where this layer stands"))
        self._document: Document | None = None
        self._entries: list[tuple[str, Any]] = []
        self._list()

    def value(self) -> Any:
        """The place as in GenerationSettings."""
        return self.currentData()

    def choose(self, region: Any) -> None:
        """Choose a place."""
        self._list(list(region) if isinstance(region, (list, tuple)) else region)

    def take_selection(self) -> None:
        """Choose what is selected now, if anything is."""
        found = self._selected()
        if found is not None:
            self._list(found)

    def refresh(self, document: Document | None) -> None:
        """Look which layers there are, and what is selected."""
        self._document = document
        self._list(self.value())

    def _selected(self) -> list[int] | None:
        rect = None if self._document is None else selection_mask.selected(self._document)
        return None if rect is None else [rect.x, rect.y, rect.width, rect.height]

    def _list(self, chosen: Any = None) -> None:
        entries: list[tuple[str, Any]] = [(tr("The whole canvas"), None)]
        for rect in filter(None, (chosen if isinstance(chosen, list) else None, self._selected())):
            if rect not in (data for _, data in entries):
                line = tr("Selection: {width} × {height} at {x}, {y}")
                entries.append((line.format(x=rect[0], y=rect[1], width=rect[2], height=rect[3]), rect))
        if self._document is not None:
            for layer, _ in lookup.layers(self._document):
                entries.append((tr("Where “{layer}” is").format(layer=layer.name()), lookup.layer_id(layer)))
        if isinstance(chosen, str) and chosen not in (data for _, data in entries):
            entries.append((tr("Where a layer was that is gone"), chosen))
        at = next((n for n, (_, data) in enumerate(entries) if data == chosen), 0)
        if entries == self._entries and at == self.currentIndex():
            return
        changed = self.currentData() != chosen
        self.blockSignals(True)
        self.clear()
        for words, data in entries:
            self.addItem(words, data)
        self._entries = entries
        self.setCurrentIndex(at)
        self.blockSignals(False)
        if changed:
            self.currentIndexChanged.emit(at)


class _Words(QtWidgets.QLineEdit):
    entered = QtCore.pyqtSignal()

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Shift+Enter generates, as it does in the large prompt."""
        keys = (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
        if event.key() in keys and event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
        else:
            super().keyPressEvent(event)
