# SPDX-License-Identifier: GPL-3.0-or-later
"""Offers layers that finished while their document was closed."""

from __future__ import annotations

from collections.abc import Sequence

from ..i18n import tr
from ..qt import QtCore, QtWidgets
from ..results import Result
from .building import button, card, grid_in
from .theme import plain


class OfferFrame(QtWidgets.QFrame):
    """Seen only while there is something to offer. `taken` and `left` carry the results."""

    taken = QtCore.pyqtSignal(object)
    left = QtCore.pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self._results: list[Result] = []
        card(self)
        inside = grid_in(self, 2, (6, 4, 6, 4))
        self.words = QtWidgets.QLabel()
        self.words.setWordWrap(True)
        self.take = button(tr("Insert"), lambda: self.taken.emit(self._results))
        self.leave = button(tr("Not now"), lambda: self.left.emit(self._results))
        inside.addWidget(self.words, 0, 0, 1, 2)
        inside.addWidget(self.take, 1, 0)
        inside.addWidget(self.leave, 1, 1)
        self.hide()

    def show_results(self, results: Sequence[Result]) -> None:
        """Offer these; nothing where there are none."""
        self._results = list(results)
        self.setVisible(bool(results))
        words = tr("Finished while the document was closed: {number}").format(number=len(results))
        if any(result.never_saved for result in results):
            words += "\n" + tr("Some are for a document that was never saved.")
        self.words.setText(words)
        self.setToolTip(plain("\n".join(result.prompt for result in results)))
