# SPDX-License-Identifier: GPL-3.0-or-later
"""Named settings: chosen from a list or by typing their name, kept and removed when the artist has agreed."""

from __future__ import annotations

from typing import Any, Callable

from ..generation_settings import PRESET_FIELDS, GenerationSettings
from ..i18n import tr
from ..qt import QtCore, QtWidgets
from ..settings import DockerSettings
from .building import beside
from .theme import fit, tool


class Presets(QtWidgets.QWidget):
    """`chosen` hands out the values of a preset; `saved` asks for the present settings under a name."""

    chosen = QtCore.pyqtSignal(object)
    saved = QtCore.pyqtSignal(str)

    def __init__(self, settings: DockerSettings) -> None:
        super().__init__()
        self._settings = settings
        self.question: Any = None
        self.name = QtWidgets.QComboBox()
        self.name.setEditable(True)
        self.name.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        fit(self.name, 3)
        self.name.lineEdit().setPlaceholderText(tr("Name"))
        self.name.activated.connect(self._choose)
        self.name.lineEdit().returnPressed.connect(self._choose)
        self.keep = tool("save", tr("Save these settings under this name"), self._keep_pressed)
        self.drop = tool("close", tr("Remove this preset"), self._drop_pressed)
        beside(self, self.name, self.keep, self.drop)
        self._list("")

    def save(self, name: str, form: GenerationSettings) -> None:
        """Keep these settings under a name."""
        values = form.to_map()
        self._settings.presets[name] = {field: values[field] for field in PRESET_FIELDS}
        self._settings.save()
        self._list(name)

    def _list(self, chosen: str) -> None:
        self.name.clear()
        self.name.addItems(sorted(self._settings.presets, key=str.lower))
        self.name.setCurrentIndex(self.name.findText(chosen))
        self.name.setEditText(chosen)

    def _choose(self, *_row: Any) -> None:
        values = self._settings.presets.get(self.name.currentText().strip())
        if values is not None:
            self.chosen.emit(dict(values))

    def _keep_pressed(self) -> None:
        name = self.name.currentText().strip()
        if not name:
            self.name.setFocus()
        elif name in self._settings.presets:
            words = tr("Replace the preset “{name}” by the settings of now?").format(name=name)
            self._ask(words, tr("Replace"), lambda: self.saved.emit(name))
        else:
            self.saved.emit(name)

    def _drop_pressed(self) -> None:
        name = self.name.currentText().strip()
        if name in self._settings.presets:
            words = tr("Remove the preset “{name}”?").format(name=name)
            self._ask(words, tr("Remove"), lambda: self._remove(name))

    def _remove(self, name: str) -> None:
        del self._settings.presets[name]
        self._settings.save()
        self._list("")

    def _ask(self, words: str, verb: str, agreed: Callable[[], None]) -> None:
        """Ask before something is lost; Krita goes on meanwhile."""
        box = self.question = QtWidgets.QMessageBox(self.window())
        box.setWindowTitle("Acetate")
        box.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        box.setText(words)
        yes = box.addButton(verb, QtWidgets.QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QtWidgets.QMessageBox.StandardButton.Cancel))
        box.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        yes.clicked.connect(agreed)
        box.finished.connect(self._answered)
        box.open()

    def _answered(self, _result: int) -> None:
        self.question = None
