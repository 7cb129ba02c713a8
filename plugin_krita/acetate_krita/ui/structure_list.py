# SPDX-License-Identifier: GPL-3.0-or-later
"""The structures that the drawing follows: several at once, each from a layer and in its own part of the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..generation_settings import STRUCTURE
from ..i18n import mark, tr
from ..qt import QtWidgets
from .building import RowList, card, grid_in, number_box
from .layer_picker import LayerPicker
from .theme import ElidedComboBox, tool

MOST = 8
HEAVIEST = 4.0
TRACED = {"edge": "edge:edges", "scribble": "scribble:lines", "tile": "tile:picture"}
"""Kinds whose picture the daemon can make from a painted layer."""
STRUCTURES = {
    "edge:edges": mark("Edges of a layer"),
    "scribble:lines": mark("Lines of a layer"),
    "tile:picture": mark("Large shapes of a layer"),
    "edge": mark("Edges, white on black"),
    "scribble": mark("Scribble, white on black"),
    "line": mark("Lines, white on black"),
    "depth": mark("Depth, near is white"),
    "normal": mark("Normals"),
    "pose": mark("Pose"),
    "segmentation": mark("Segmentation"),
    "tile": mark("Large shapes"),
}
Structures = Sequence[Mapping[str, Any]]


class StructureList(RowList):
    """Structures one below the other; grey with the reason where the model has none."""

    def __init__(self) -> None:
        super().__init__("", MOST)
        self._kinds: tuple[str, ...] | None = None
        self._wished: Structures = ()
        self.column.addWidget(self.more)
        self.offer(())

    @property
    def addable(self) -> bool:
        """Whether the model has any."""
        return bool(self._kinds)

    @property
    def pickers(self) -> list[LayerPicker]:
        """The choosers of their layers."""
        return [row.picker for row in self.rows]

    def offer(self, kinds: Sequence[str]) -> None:
        """Offer what the model has; a chosen one that it lacks goes, and comes back with a model that has it."""
        if tuple(kinds) == self._kinds:
            return
        wished = self.values() or self._wished
        self._kinds = tuple(kinds)
        self.fill(wished)
        self.more.setText(tr("Add a structure") if kinds else tr("none for this model"))
        hint = tr("Fetch one in a terminal, with “acetate models pull sdxl/edge” for instance")
        self.more.setToolTip(tr("What the drawing follows besides the words") if kinds else hint)

    def values(self) -> list[dict[str, Any]]:
        """Kind, weight, start and end of each."""
        return [row.value() for row in self.rows]

    def sources(self) -> dict[str, str]:
        """The layer of each, by its role."""
        return {f"{STRUCTURE}{number}": row.picker.source() for number, row in enumerate(self.rows)}

    def followed(self) -> frozenset[str]:
        """The roles for which *Active layer* is chosen."""
        return frozenset(f"{STRUCTURE}{number}" for number, row in enumerate(self.rows) if row.picker.follows)

    def fill(self, chosen: Structures) -> None:
        """Show these, as far as they are offered."""
        offered = self._offered()
        self._wished = chosen if any(each["kind"] not in offered for each in chosen) else ()
        self.clear()
        for each in chosen:
            if each["kind"] in offered:
                self.add(**each)
        self.count()

    def add_pressed(self) -> None:
        """Add the first kind that is offered."""
        self.add()

    def add(self, kind: str = "", weight: float = 1.0, start: float = 0.0, end: float = 1.0) -> StructureRow:
        """Add one; the first kind that is offered where none is named."""
        row = StructureRow(self._offered(), kind, weight, start, end)
        self.put(row)
        return row

    def _offered(self) -> list[str]:
        kinds = self._kinds or ()
        return [*(TRACED[kind] for kind in kinds if kind in TRACED), *kinds]


class StructureRow(QtWidgets.QFrame):
    """One structure: a kind, the layer that shows it, how strongly and in which part of the steps it steers."""

    def __init__(self, kinds: Sequence[str], kind: str, weight: float, start: float, end: float) -> None:
        super().__init__()
        card(self)
        grid = grid_in(self, 2, (4, 4, 4, 4))
        grid.setColumnStretch(1, 1)
        self.kind = ElidedComboBox()
        self.kind.setAccessibleName(tr("Structure"))
        for each in kinds:
            self.kind.addItem(tr(STRUCTURES.get(each, each)), each)
        self.kind.setCurrentIndex(max(0, self.kind.findData(kind)))
        self.away = tool("close", tr("Without this structure"), None)
        self.picker = LayerPicker()
        self.picker.offer_whole(True)
        self.strength = _percent(tr("How strongly the drawing follows it"), round(100 * HEAVIEST), weight)
        self.start = _percent(tr("From which part of the steps it steers"), 100, start)
        self.end = _percent(tr("To which part of the steps it steers"), 100, end)
        self.start.setPrefix(tr("from") + " ")
        self.end.setPrefix(tr("to") + " ")
        self.start.valueChanged.connect(self.end.setMinimum)
        self.end.setMinimum(self.start.value())
        grid.addWidget(self.kind, 0, 0, 1, 2)
        grid.addWidget(self.away, 0, 2)
        grid.addWidget(self.picker, 1, 0, 1, 2)
        grid.addWidget(self.strength, 2, 0, 1, 2)
        grid.addWidget(self.start, 3, 0)
        grid.addWidget(self.end, 3, 1)

    def value(self) -> dict[str, Any]:
        """The fields of a control, but for its picture."""
        return {
            "kind": str(self.kind.currentData()),
            "weight": self.strength.value() / 100,
            "start": self.start.value() / 100,
            "end": self.end.value() / 100,
        }


def _percent(words: str, most: int, value: float) -> Any:
    box = number_box(0, most, words, suffix=" %")
    box.setSingleStep(5)
    box.setValue(round(100 * value))
    return box
