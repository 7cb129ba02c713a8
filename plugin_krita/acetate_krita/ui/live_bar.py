# SPDX-License-Identifier: GPL-3.0-or-later
"""The switch for Live, what it is doing, and the button that keeps what it shows."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Callable

from acetate_wire.request import RANDOM_SEED_RANGE

from ..controller import JobController
from ..generation_settings import GenerationSettings
from ..i18n import tr
from ..live import LiveRefiner
from ..qt import QtCore, QtWidgets
from .building import check_box, grid_in
from .theme import paragraph


class LiveBar(QtWidgets.QWidget):
    """One line; `ask` gives the docker's settings."""

    def __init__(self, controller: JobController, ask: Callable[[], GenerationSettings]) -> None:
        super().__init__()
        self._ask, self._seed = ask, 0
        self.live = LiveRefiner(controller, self._form)
        self.live.changed.connect(self._show)
        grid = grid_in(self, 4)
        self.toggle = check_box(
            tr("Live"), tr("Refine the active layer whenever the pen is up, and show it on the canvas")
        )
        self.keep = QtWidgets.QPushButton(tr("Keep as a layer"))
        self.keep.setToolTip(tr("Put what Live shows into the document; one Ctrl+Z takes it away"))
        for widget in (self.toggle, self.keep):
            widget.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self.toggle.toggled.connect(self._toggled)
        self.keep.clicked.connect(lambda _checked: self.live.keep())
        self.words = paragraph()
        grid.addWidget(self.toggle, 0, 0, QtCore.Qt.AlignmentFlag.AlignLeft)
        grid.addWidget(self.keep, 0, 1)
        grid.addWidget(self.words, 1, 0, 1, 2)
        grid.setColumnStretch(0, 1)
        self._show()

    def offer(self, wanted: bool, reason: str) -> None:
        """Show it in the mode that it belongs to; `reason` says why the model cannot do it."""
        self.setVisible(wanted)
        self.toggle.setEnabled(not reason)
        if not wanted or reason:
            self.toggle.setChecked(False)

    def _form(self) -> GenerationSettings:
        """The settings; a seed that is not locked stays the same while Live is on, so that only strokes change it."""
        form = self._ask()
        return form if form.seed is not None else replace(form, seed=self._seed)

    def _toggled(self, on: bool) -> None:
        if on:
            self._seed = secrets.randbelow(RANDOM_SEED_RANGE)
            self.live.start()
        else:
            self.live.stop()

    def _show(self) -> None:
        self.words.setText(self.live.words)
        self.words.setVisible(bool(self.live.words))
        self.keep.setVisible(self.toggle.isChecked())
        self.keep.setEnabled(self.live.shown is not None)
