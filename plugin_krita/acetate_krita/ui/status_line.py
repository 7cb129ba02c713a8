# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker's first line: how the connection is, and which model draws."""

from __future__ import annotations

from acetate_editor.connection import ABSENT

from ..daemon_connection import DaemonConnection
from ..generation_settings import GenerationSettings
from ..i18n import tr
from ..qt import QtWidgets
from .building import grid_in
from .model_menu import ModelMenu
from .models_dialog import ModelsDialog
from .theme import COLOURS, ElidedLabel, paragraph, plain, tool


class StatusLine(QtWidgets.QWidget):
    """A coloured dot with a line of words, the menu of models, and below them the way out where there is no daemon."""

    def __init__(self, connection: DaemonConnection) -> None:
        super().__init__()
        self._connection = connection
        self.dialog: ModelsDialog | None = None
        grid = grid_in(self)
        grid.setHorizontalSpacing(6)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(0, 0)
        grid.setColumnStretch(1, 1)
        self.dot = QtWidgets.QLabel()
        self.dot.setFixedSize(8, 8)
        self.line = ElidedLabel()
        self.model = ModelMenu(GenerationSettings.model)
        self.models = tool("models", tr("Models …"), self._open_models)
        for place, widget in enumerate((self.dot, self.line, self.model, self.models)):
            grid.addWidget(widget, 0, place)
        self.help = paragraph()
        grid.addWidget(self.help, 1, 0, 1, 4)
        connection.state_changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        state = self._connection.state
        self.line.setText(state.line)
        self.line.setToolTip(plain(state.hint or state.line))
        self.dot.setStyleSheet(f"background: {COLOURS[state.kind]}; border-radius: 4px;")
        self.help.setText(state.hint.split("\n")[0])
        self.help.setVisible(state.kind == ABSENT)

    def _open_models(self) -> None:
        if self.dialog is None:
            self.dialog = ModelsDialog(self._connection, self.window())
        self.dialog.show()
        self.dialog.raise_()
