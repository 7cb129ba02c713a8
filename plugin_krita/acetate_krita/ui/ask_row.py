# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that asks for layers, and how many of them."""

from __future__ import annotations

from acetate_wire.request import MOST_SPLIT

from ..go_button import GoButton
from ..i18n import tr
from ..modes import Mode
from ..qt import QtWidgets
from .building import line_in, number_box

MOST_AT_ONCE = 8


class AskRow(QtWidgets.QWidget):
    """`count` is how many pictures are made; `layers` how many one is split into, its lowest number for as many as are
    found.
    """

    def __init__(self) -> None:
        super().__init__()
        row = line_in(self, 4)
        self.button = GoButton()
        self.count = number_box(1, MOST_AT_ONCE, tr("How many pictures"))
        self.count.setPrefix("× ")
        self.layers = number_box(1, MOST_SPLIT, tr("How many layers"), special=tr("Auto"))
        self.layers.setToolTip(tr("How many layers, the background among them; automatically as many as are found"))
        row.addWidget(self.button, 1)
        for widget in (self.button.stop, self.count, self.layers):
            row.addWidget(widget)
        for number in (self.count, self.layers):
            number.setMinimumHeight(self.button.minimumHeight())

    def show_mode(self, mode: Mode) -> None:
        """Ask for what this mode takes."""
        self.count.setEnabled(not mode.stacks)
        self.count.setVisible(not mode.splits)
        self.layers.setVisible(mode.splits)
