# SPDX-License-Identifier: GPL-3.0-or-later
"""What a mode is given besides words: the layers that it works from, and how much of them may change."""

from __future__ import annotations

from collections.abc import Iterator

from .i18n import tr
from .modes import KNOWN_ROLES, Mode
from .qt import QtCore, QtWidgets
from .ui.building import check_box, column_in, form_in, number_box
from .ui.layer_picker import LayerPicker
from .ui.theme import ElidedComboBox


class Given(QtWidgets.QWidget):
    """A picker for each layer that the mode asks for; `known` tells what the known layer of `extract` is."""

    def __init__(self) -> None:
        super().__init__()
        self._rows = form_in(self)
        self._mode = ""
        self._labels = [QtWidgets.QLabel() for _ in range(2)]
        self.pickers = [LayerPicker() for _ in range(2)]
        for label, picker in zip(self._labels, self.pickers):
            label.setBuddy(picker)
            label.setSizePolicy(QtWidgets.QSizePolicy.Policy.Preferred, QtWidgets.QSizePolicy.Policy.Expanding)
            self._rows.addRow(label, picker)
        self.known = ElidedComboBox(6)
        self.known.setAccessibleName(tr("Known layer"))
        for role, words in KNOWN_ROLES:
            self.known.addItem(tr(words), role)
        self._rows.addRow(self.known)

    def show_mode(self, mode: Mode) -> None:
        """Ask for what this mode works from; the docker then refreshes the pickers."""
        changed, self._mode = mode.name != self._mode, mode.name
        for number, (label, picker) in enumerate(zip(self._labels, self.pickers)):
            shown = number < len(mode.wanted)
            label.setVisible(shown)
            picker.setVisible(shown)
            if shown:
                label.setText(tr(mode.wanted[number].label))
                picker.offer_whole(mode.wanted[number].whole)
                if changed:
                    picker.begin(mode.wanted[number].seen_first)
        # Two long labels beside the pickers would leave no room for the names of layers.
        policy = QtWidgets.QFormLayout.RowWrapPolicy
        self._rows.setRowWrapPolicy(policy.WrapAllRows if len(mode.wanted) > 1 else policy.DontWrapRows)
        self.known.setVisible(mode.name == "extract")
        self.setVisible(bool(mode.wanted))

    def sources(self, mode: Mode) -> dict[str, str]:
        """The chosen layers' ids by role, or PROJECTION."""
        return {role: picker.source() for role, picker in self._by_role(mode)}

    def followed(self, mode: Mode) -> frozenset[str]:
        """The roles for which *Active layer* is chosen."""
        return frozenset(role for role, picker in self._by_role(mode) if picker.follows)

    def _by_role(self, mode: Mode) -> Iterator[tuple[str, LayerPicker]]:
        for wanted, picker in zip(mode.wanted, self.pickers):
            known = mode.name == "extract" and wanted.role == "background"
            yield (str(self.known.currentData()) if known else wanted.role), picker


class StrengthRow(QtWidgets.QWidget):
    """How much may change, in percent, as a slider and a number; and whether the `matte`, the alpha, may not at all."""

    def __init__(self) -> None:
        super().__init__()
        column = column_in(self)
        row = QtWidgets.QHBoxLayout()
        column.addLayout(row)
        row.addWidget(QtWidgets.QLabel(tr("Strength")))
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setAccessibleName(tr("Strength"))
        self.slider.setMinimumWidth(60)
        self.slider.setToolTip(tr("How much may change: 0 % nothing, 100 % everything"))
        share = number_box(0, 100, suffix=" %")
        self.slider.valueChanged.connect(share.setValue)
        share.valueChanged.connect(self.slider.setValue)
        row.addWidget(self.slider, 1)
        row.addWidget(share)
        self.matte = check_box(
            tr("Keep the matte"), tr("Draw the colours alone: the layer's transparency stays exactly as it is")
        )
        column.addWidget(self.matte)

    def show_mode(self, mode: Mode) -> None:
        """Ask for what this mode takes."""
        self.setVisible(mode.strength)
        self.matte.setVisible(mode.name == "refine")
