# SPDX-License-Identifier: GPL-3.0-or-later
"""The LoRAs that change how the model draws, with their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..i18n import tr
from ..qt import QtCore, QtWidgets
from .theme import ElidedComboBox, tool

MOST_LORAS = 16
HEAVIEST = 4.0
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
