# SPDX-License-Identifier: GPL-3.0-or-later
"""What steers the drawing besides words: LoRAs with their weights, and the structure of a layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..i18n import mark, tr
from ..qt import QtCore, QtWidgets
from .layer_picker import LayerPicker
from .theme import ElidedComboBox, tool

MOST_LORAS = 16
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
Chosen = Sequence[Sequence[Any]]


class LoraList(QtWidgets.QWidget):
    """LoRAs one below the other, each with a weight; grey with the reason where there are none.

    `approached` tells that the pointer or the keyboard has come here, `folder` opens the folder of their files.
    """

    approached = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._wished: Chosen = ()
        self.rows: list[LoraRow] = []
        self._column = QtWidgets.QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self.more = QtWidgets.QPushButton(tr("Add a LoRA"))
        self.more.clicked.connect(lambda _checked: self._add_first())
        self.folder = tool("folder", tr("Open LoRA folder"), None)
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(2)
        row.addWidget(self.more, 1)
        row.addWidget(self.folder)
        self._column.addLayout(row)
        self.offer(())

    def enterEvent(self, event: Any) -> None:  # noqa: N802
        """The pointer is here."""
        super().enterEvent(event)
        self.approached.emit()

    def offer(self, names: Sequence[str]) -> None:
        """Offer the LoRAs that the daemon has; a chosen one that it lacks goes."""
        if tuple(names) != self._names:
            self._names = tuple(names)
            self.fill(self.values() or self._wished)
        self.more.setText(tr("Add a LoRA") if names else tr("none on this computer"))
        tip = "" if names else tr("Put LoRA files into the folder “lora” of Acetate's models")
        self.more.setToolTip(tip)

    def values(self) -> list[tuple[str, float]]:
        """Names and weights."""
        return [(row.name.currentText(), round(row.weight.value(), 2)) for row in self.rows]

    def fill(self, chosen: Chosen) -> None:
        """Show these, as soon as they are offered."""
        self._wished = () if self._names else chosen
        for row in list(self.rows):
            self._remove(row)
        for name, weight in chosen:
            if name in self._names:
                self._add(str(name), float(weight))
        self._count()

    def _add_first(self) -> None:
        self._add(self._names[0], 1.0)

    def _add(self, name: str, weight: float) -> None:
        row = LoraRow(self._names, name, weight)
        row.away.clicked.connect(lambda _checked: self._remove(row))
        self.rows.append(row)
        self._column.insertWidget(len(self.rows) - 1, row)
        self._count()

    def _remove(self, row: LoraRow) -> None:
        self.rows.remove(row)
        row.hide()
        row.deleteLater()
        self._count()

    def _count(self) -> None:
        self.more.setEnabled(bool(self._names) and len(self.rows) < MOST_LORAS)


class LoraRow(QtWidgets.QWidget):
    """One LoRA."""

    def __init__(self, names: Sequence[str], name: str, weight: float) -> None:
        super().__init__()
        line = QtWidgets.QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        self.name = ElidedComboBox()
        self.name.setAccessibleName("LoRA")
        self.name.addItems(list(names))
        self.name.setCurrentText(name)
        self.weight = QtWidgets.QDoubleSpinBox()
        self.weight.setRange(-HEAVIEST, HEAVIEST)
        self.weight.setSingleStep(0.1)
        self.weight.setValue(weight)
        self.weight.setAccessibleName(tr("Weight"))
        self.weight.setToolTip(tr("Weight"))
        self.away = tool("close", tr("Without this LoRA"), None)
        line.addWidget(self.name, 1)
        line.addWidget(self.weight)
        line.addWidget(self.away)


class ControlWidget(QtWidgets.QWidget):
    """The structure that the drawing follows: a kind, the layer that shows it, and how strongly."""

    def __init__(self) -> None:
        super().__init__()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        self.kind = ElidedComboBox()
        self.kind.currentIndexChanged.connect(self._chosen)
        self.picker = LayerPicker()
        self.picker.offer_whole(True)
        self.strength = QtWidgets.QSpinBox()
        self.strength.setRange(0, round(100 * HEAVIEST))
        self.strength.setSuffix(" %")
        self.strength.setValue(100)
        self.strength.setAccessibleName(tr("How strongly the drawing follows it"))
        self.strength.setToolTip(tr("How strongly the drawing follows it"))
        for widget in (self.kind, self.picker, self.strength):
            column.addWidget(widget)
        self._offered: tuple[str, ...] | None = None
        self._wished = ""
        self.offer(())

    def offer(self, kinds: Sequence[str]) -> None:
        """Offer what the model has; grey with the reason where that is nothing."""
        if tuple(kinds) == self._offered:
            return
        self._offered = tuple(kinds)
        chosen = self.value() or self._wished
        self.kind.clear()
        self.kind.addItem(tr("none") if kinds else tr("none for this model"), "")
        traced = [TRACED[kind] for kind in kinds if kind in TRACED]
        for kind in (*traced, *kinds):
            self.kind.addItem(tr(STRUCTURES.get(kind, kind)), kind)
        self.kind.setEnabled(bool(kinds))
        hint = tr("Fetch one in a terminal, with “acetate models pull sdxl/edge” for instance")
        self.kind.setToolTip(tr("What the drawing follows besides the words") if kinds else hint)
        self.choose(chosen)

    def value(self) -> str:
        """The chosen kind; empty for none."""
        return str(self.kind.currentData() or "")

    def choose(self, kind: str) -> None:
        """Choose a kind, as soon as it is offered; none where the model lacks it."""
        self._wished = "" if self._offered else kind
        self.kind.setCurrentIndex(max(0, self.kind.findData(kind)))

    def _chosen(self, *_row: Any) -> None:
        self.picker.setVisible(bool(self.value()))
        self.strength.setVisible(bool(self.value()))
