# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements in the docker: which kind, its sliders as the daemon offers them, and the frames of a loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from acetate_editor.connection import EditorConnection
from acetate_editor.elements import ABOUT, CHOICE, COLOUR, WHOLE, ElementKind, Setting, fitting, kinds_of, words_of
from acetate_wire.element import ELEMENTS, MOST_FRAMES

from .. import canvas
from ..i18n import tr
from ..qt import QtCore, QtGui, QtWidgets
from .theme import ElidedComboBox, small, tool

SWATCH = QtCore.QSize(28, 14)


class ElementPanel(QtWidgets.QWidget):
    """The settings of an element; `changed` tells of each. What the artist has not moved is as the words say.

    Beside another model it offers to draw the words as an element, where they name one; `taken` then carries the model.
    """

    changed = QtCore.pyqtSignal()
    taken = QtCore.pyqtSignal(str)

    def __init__(self) -> None:
        super().__init__()
        self._kinds: tuple[ElementKind, ...] = ()
        self._moved: dict[str, Any] = {}
        self._wished = ""
        self._words: list[str] = []
        self._shown: ElementKind | None = None
        self.rows: dict[str, SettingRow] = {}
        self._form = QtWidgets.QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setSpacing(4)
        self._form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.as_element = small(tool("elements", tr(ABOUT), lambda: self.taken.emit(ELEMENTS)))
        self.as_element.setText(tr("Draw as element?"))
        self.as_element.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._form.addRow(self.as_element)
        self.kind = ElidedComboBox(8)
        self.kind.setAccessibleName(tr("Element"))
        self.kind.currentIndexChanged.connect(self._kind_chosen)
        self.reset = tool("again", tr("All sliders as the words say"), self._reset)
        self._own = [QtWidgets.QLabel(tr("Element")), _beside(self.kind, self.reset)]
        self._form.addRow(*self._own)
        self.along = QtWidgets.QCheckBox(tr("Along the selection"))
        self.along.setToolTip(tr("Let it grow along the edge of what is selected, instead of inside it"))
        self.along.clicked.connect(lambda _checked: self._tell())
        self._form.addRow(self.along)
        self._selected = False
        self.frames = QtWidgets.QSpinBox()
        self.frames.setRange(1, MOST_FRAMES)
        self.frames.setSpecialValueText(tr("still"))
        self.frames.setAccessibleName(tr("Frames"))
        self.frames.setToolTip(
            tr("How many frames the loop has, a layer for each in a group; the last one leads back to the first")
        )
        self.frames.valueChanged.connect(lambda _count: self._tell())
        self._loop = [QtWidgets.QLabel(tr("Frames")), self.frames]
        self._form.addRow(*self._loop)
        self._show()

    # What is set

    def values(self) -> dict[str, Any]:
        """The element as a form holds it: `kind`, the `parameters` that were moved, `frames`, and whether it grows
        `along` the selection; nothing beside another model.
        """
        if not self._kinds:
            return {}
        return {
            "kind": str(self.kind.currentData() or ""),
            "parameters": dict(self._moved),
            "frames": self.frames.value(),
            "along": self.along.isChecked() and self.shown is not None and self.shown.outlined,
        }

    def fill(self, values: Mapping[str, Any]) -> None:
        """Take over what a form holds."""
        self._wished = str(values.get("kind", ""))
        self.kind.setCurrentIndex(max(0, self.kind.findData(self._wished)))
        # Another kind has let go of what was moved.
        self._moved = dict(values.get("parameters", {}))
        self.frames.setValue(int(values.get("frames", 1)))
        self.along.setChecked(bool(values.get("along", False)))
        self._show()

    def offer(self, model: Mapping[str, Any]) -> None:
        """Offer the kinds of the chosen model; its settings are seen where it has any."""
        kinds = kinds_of(model)
        if kinds != self._kinds:
            self._kinds = kinds
            self.kind.blockSignals(True)
            self.kind.clear()
            self.kind.addItem(tr("as the words say"), "")
            for kind in kinds:
                self.kind.addItem(tr(kind.label), kind.name)
            self.kind.setCurrentIndex(max(0, self.kind.findData(self._wished)))
            self.kind.blockSignals(False)
        self._show()

    def read(self, prompt: str, connection: EditorConnection, mode: str, model: str) -> None:
        """Show what the prompt says, to a model of elements or another one."""
        self._words = words_of(prompt)
        kinds = () if model == ELEMENTS or mode != "text" else kinds_of(connection.model(ELEMENTS))
        self.as_element.setVisible(fitting(kinds, prompt) is not None)
        self._show()

    def show_selection(self, selected: bool) -> None:
        """Offer to grow along a selection where there is one."""
        if selected != self._selected:
            self._selected = selected
            self._show()

    @property
    def shown(self) -> ElementKind | None:
        """The kind that is chosen, else the one that the words name."""
        chosen = next((kind for kind in self._kinds if kind.name == self.kind.currentData()), None)
        return chosen or fitting(self._kinds, " ".join(self._words))

    # What is shown

    def _show(self) -> None:
        kind = self.shown
        if kind != self._shown:
            self._shown = kind
            for row in self.rows.values():
                self._form.removeRow(row)
            self.rows = {}
            for number, setting in enumerate(() if kind is None else kind.settings, 2):
                row = self.rows[setting.name] = SettingRow(setting)
                row.moved.connect(self._set)
                self._form.insertRow(number, tr(setting.label), row)
        for name, row in self.rows.items():
            row.show_value(self._moved.get(name, row.setting.said(self._words)))
            font = row.font()
            font.setBold(name in self._moved)
            self._form.labelForField(row).setFont(font)
        for widget in self._own:
            widget.setVisible(bool(self._kinds))
        self.along.setVisible(self._selected and kind is not None and kind.outlined)
        loops = bool(self._kinds) and (kind is None or kind.loops)
        for widget in self._loop:
            widget.setVisible(loops)
        self.reset.setEnabled(bool(self._moved))

    def _kind_chosen(self, _row: int) -> None:
        self._wished = str(self.kind.currentData() or "")
        self._moved = {}
        self._tell()

    def _set(self, name: str, value: Any) -> None:
        self._moved[name] = value
        self._tell()

    def _reset(self) -> None:
        self._moved = {}
        self._tell()

    def _tell(self) -> None:
        self._show()
        self.changed.emit()


class SettingRow(QtWidgets.QWidget):
    """One parameter: a slider with its number, a menu, or a colour. `moved` carries its name and value."""

    moved = QtCore.pyqtSignal(str, object)

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self._row = QtWidgets.QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(4)
        build = {CHOICE: self._build_menu, COLOUR: self._build_colour}.get(setting.type, self._build_slider)
        build()

    def show_value(self, value: Any) -> None:
        """Show a value, without telling of it."""
        self.blockSignals(True)
        self._show_value(value)
        self.blockSignals(False)

    def _build_slider(self) -> None:
        setting = self.setting
        self.slider = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.slider.setRange(0, round((setting.high - setting.low) / setting.step))
        self.slider.setMinimumWidth(50)
        self.slider.setAccessibleName(tr(setting.label))
        self.number: Any = QtWidgets.QSpinBox() if setting.type == WHOLE else QtWidgets.QDoubleSpinBox()
        kind = int if setting.type == WHOLE else float
        self.number.setRange(kind(setting.low), kind(setting.high))
        self.number.setSingleStep(kind(setting.step))
        self.slider.valueChanged.connect(lambda place: self._moved_to(setting.low + place * setting.step))
        self.number.valueChanged.connect(self._moved_to)
        self._row.addWidget(self.slider, 1)
        self._row.addWidget(self.number)

        def show_value(value: Any) -> None:
            self.slider.setValue(round((value - setting.low) / setting.step))
            self.number.setValue(kind(value))

        self._show_value = show_value

    def _moved_to(self, value: float) -> None:
        if self.signalsBlocked():
            return
        whole = self.setting.type == WHOLE
        self.moved.emit(self.setting.name, round(value) if whole else round(value, 4))

    def _build_menu(self) -> None:
        self.menu = ElidedComboBox(6)
        self.menu.setAccessibleName(tr(self.setting.label))
        for name, label in self.setting.options:
            self.menu.addItem(tr(label), name)
        self.menu.currentIndexChanged.connect(lambda _row: self.moved.emit(self.setting.name, self.menu.currentData()))
        self._row.addWidget(self.menu, 1)
        self._show_value = lambda value: self.menu.setCurrentIndex(max(0, self.menu.findData(value)))

    def _build_colour(self) -> None:
        self.swatch = QtWidgets.QToolButton()
        self.swatch.setIconSize(SWATCH)
        self.swatch.setAccessibleName(tr(self.setting.label))
        self.swatch.clicked.connect(lambda _checked: self._choose_colour())
        self.own = small(QtWidgets.QPushButton(tr("Foreground colour")))
        self.own.setToolTip(tr("Take the colour that you paint with"))
        self.own.clicked.connect(lambda _checked: self._take_own())
        self._row.addWidget(self.swatch)
        self._row.addWidget(self.own, 1)

        def show_value(value: Any) -> None:
            self._colour = str(value)
            filled = QtGui.QPixmap(SWATCH)
            filled.fill(QtGui.QColor(self._colour))
            self.swatch.setIcon(QtGui.QIcon(filled))

        self._show_value = show_value

    def _choose_colour(self) -> None:
        chosen = QtWidgets.QColorDialog.getColor(QtGui.QColor(self._colour), self.window(), tr(self.setting.label))
        if chosen.isValid():
            self.moved.emit(self.setting.name, chosen.name())

    def _take_own(self) -> None:
        colour = canvas.foreground_colour()
        if colour:
            self.moved.emit(self.setting.name, colour)


def _beside(*widgets: Any) -> Any:
    """Widgets in one row, the last but one stretched where it can be."""
    holder = QtWidgets.QWidget()
    row = QtWidgets.QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(4)
    for widget in widgets:
        row.addWidget(widget, 1 if isinstance(widget, ElidedComboBox) else 0)
    return holder
