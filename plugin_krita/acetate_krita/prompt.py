# SPDX-License-Identifier: GPL-3.0-or-later
"""The prompts: one for the picture, one for what to leave out, and one for each layer of a mode with several."""

from __future__ import annotations

from typing import Any

from .i18n import tr
from .modes import PROMPT_LABELS, Mode
from .qt import QtCore, QtWidgets

LINES = 3


class PromptBox(QtWidgets.QPlainTextEdit):
    """Some lines of text; Shift+Enter generates, Tab goes on to the next field."""

    entered = QtCore.pyqtSignal()

    def __init__(self, hint: str) -> None:
        super().__init__()
        self.setPlaceholderText(hint)
        self.setAccessibleName(hint)
        self.setTabChangesFocus(True)
        self.setFixedHeight(round(self.fontMetrics().lineSpacing() * LINES + 14))

    def event(self, event: Any) -> bool:
        """Keep Shift+Enter from Krita's own shortcuts."""
        if event.type() == QtCore.QEvent.Type.ShortcutOverride and self._enters(event):
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Generate on Shift+Enter."""
        if self._enters(event):
            self.entered.emit()
        else:
            super().keyPressEvent(event)

    @staticmethod
    def _enters(event: Any) -> bool:
        keys = (QtCore.Qt.Key.Key_Return, QtCore.Qt.Key.Key_Enter)
        return event.key() in keys and bool(event.modifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier)


class Prompts(QtWidgets.QWidget):
    """All prompts of the docker."""

    entered = QtCore.pyqtSignal()
    changed = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.prompt = PromptBox(tr("What to draw"))
        self.prompt.setToolTip(tr("Shift+Enter generates"))
        self.prompt.entered.connect(self.entered)
        self.prompt.textChanged.connect(self.changed)
        column.addWidget(self.prompt)
        self._layers: dict[str, Any] = {}
        for role, label in PROMPT_LABELS.items():
            line = QtWidgets.QLineEdit()
            line.setPlaceholderText(tr("{layer}: words of its own").format(layer=tr(label)))
            line.setAccessibleName(tr(label))
            line.returnPressed.connect(self._returned)
            self._layers[role] = line
            column.addWidget(line)
        self.negative = QtWidgets.QLineEdit()
        self.negative.setPlaceholderText(tr("What to leave out"))
        self.negative.setAccessibleName(tr("What to leave out"))
        self.negative.returnPressed.connect(self._returned)
        column.addWidget(self.negative)

    def show_mode(self, mode: Mode) -> None:
        """Show what this mode asks for."""
        for role, line in self._layers.items():
            line.setVisible(role in mode.prompts)
        several = bool(mode.prompts)
        self.prompt.setPlaceholderText(tr("The whole picture") if several else tr("What to draw"))

    def layer_prompts(self) -> dict[str, str]:
        """The words for single layers."""
        return {role: line.text() for role, line in self._layers.items() if line.text().strip()}

    def fill(self, prompt: str, negative: str, layer_prompts: Any) -> None:
        """Put words in."""
        self.prompt.setPlainText(prompt)
        self.negative.setText(negative)
        for role, line in self._layers.items():
            line.setText(layer_prompts.get(role, ""))

    def _returned(self) -> None:
        """Shift+Enter in a single line generates, as it does in the large one."""
        if QtWidgets.QApplication.keyboardModifiers() & QtCore.Qt.KeyboardModifier.ShiftModifier:
            self.entered.emit()
