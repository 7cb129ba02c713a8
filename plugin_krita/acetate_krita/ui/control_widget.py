# SPDX-License-Identifier: GPL-3.0-or-later
"""The LoRAs that change how the model draws, with their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..i18n import tr
from ..qt import QtCore, QtWidgets
from .building import RowList, beside, number_box
from .theme import ElidedComboBox, tool

MOST_LORAS = 16
HEAVIEST = 4.0
Chosen = Sequence[Sequence[Any]]


class LoraList(RowList):
    """LoRAs one below the other, each with a weight; grey with the reason where there are none.

    `approached` tells that the pointer or the keyboard has come here, `folder` opens the folder of their files.
    """

    approached = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__(tr("Add a LoRA"), MOST_LORAS, 2)
        self._names: tuple[str, ...] = ()
        self._wished: Chosen = ()
        self.folder = tool("folder", tr("Open LoRA folder"), None)
        self.column.addLayout(beside(None, self.more, self.folder))
        self.offer(())

    def enterEvent(self, event: Any) -> None:  # noqa: N802
        """The pointer is here."""
        super().enterEvent(event)
        self.approached.emit()

    @property
    def addable(self) -> bool:
        """Whether there is any."""
        return bool(self._names)

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
        self.clear()
        for name, weight in chosen:
            if name in self._names:
                self.put(LoraRow(self._names, str(name), float(weight)))
        self.count()

    def add_pressed(self) -> None:
        """Add the first one."""
        self.put(LoraRow(self._names, self._names[0], 1.0))


class LoraRow(QtWidgets.QWidget):
    """One LoRA."""

    def __init__(self, names: Sequence[str], name: str, weight: float) -> None:
        super().__init__()
        self.name = ElidedComboBox()
        self.name.setAccessibleName("LoRA")
        self.name.addItems(list(names))
        self.name.setCurrentText(name)
        self.weight = number_box(-HEAVIEST, HEAVIEST, tr("Weight"))
        self.weight.setSingleStep(0.1)
        self.weight.setValue(weight)
        self.away = tool("close", tr("Without this LoRA"), None)
        beside(self, self.name, self.weight, self.away)
