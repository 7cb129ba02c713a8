# SPDX-License-Identifier: GPL-3.0-or-later
"""The foldable part of the docker: seed, steps, guidance, sampler, what steers, how results go in, and presets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..document.insert import CLIPS
from ..generation_settings import PRESET_FIELDS, GenerationSettings
from ..i18n import mark, tr
from ..qt import QtCore, QtGui, QtWidgets
from ..settings import DockerSettings
from .control_widget import ControlWidget, LoraList
from .theme import icon, tool

MOST_STEPS = 1000
MOST_GUIDANCE = 100.0
CLIP_TITLES = {
    "mask": mark("with a mask"),
    "alpha": mark("in its alpha"),
    "none": mark("not at all"),
}


class AdvancedPanel(QtWidgets.QWidget):
    """Settings that most pictures do without. `preset_chosen` hands out the values of a preset."""

    preset_chosen = QtCore.pyqtSignal(object)
    preset_saved = QtCore.pyqtSignal(str)

    def __init__(self, settings: DockerSettings) -> None:
        super().__init__()
        self._settings = settings
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        self.fold = QtWidgets.QToolButton()
        self.fold.setText(tr("More"))
        self.fold.setCheckable(True)
        self.fold.setAutoRaise(True)
        self.fold.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.fold.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self.fold.toggled.connect(self._folded)
        column.addWidget(self.fold)
        self.panel = QtWidgets.QWidget()
        self.rows = QtWidgets.QFormLayout(self.panel)
        self.rows.setContentsMargins(4, 0, 0, 4)
        self.rows.setSpacing(4)
        self.rows.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        self.rows.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        column.addWidget(self.panel)
        self._build_presets()
        self._build_seed()
        self._build_numbers()
        self._build_steering()
        self._build_inserting()
        self._folded(False)

    def draw_icons(self) -> None:
        """Draw the pictures in the present theme's colours."""
        self.fold.setIcon(icon("less" if self.fold.isChecked() else "more", self, 16))
        self.lock.setIcon(icon("lock" if self.lock.isChecked() else "unlock", self, 16))

    # What is set

    def seed_value(self) -> int | None:
        """The seed, when it is locked."""
        text = self.seed.text().strip()
        return int(text) if self.lock.isChecked() and text else None

    def show_seed(self, seed: int) -> None:
        """Show the seed of the newest picture, unless the artist has locked one."""
        if not self.lock.isChecked():
            self.seed.setText(str(seed))

    def fill(self, form: GenerationSettings) -> None:
        """Take over settings; a seed that is given gets locked."""
        if form.seed is not None:
            self.seed.setText(str(form.seed))
            self.lock.setChecked(True)
        self.steps.setValue(form.steps or 0)
        self.guidance.setValue(form.guidance if form.guidance is not None else -0.1)
        at = self.sampler.findData(form.sampler)
        if at < 0 and form.sampler:
            self.sampler.addItem(form.sampler, form.sampler)
            at = self.sampler.count() - 1
        self.sampler.setCurrentIndex(max(0, at))
        self.loras.fill(form.loras)
        self.structure.choose(form.structure)
        self.structure.strength.setValue(round(form.structure_weight * 100))
        self.detail.setValue(round(form.detail * 100))

    def values(self) -> dict[str, Any]:
        """What a form takes from here; None where the model's own steps, guidance and sampler are meant."""
        guidance = round(self.guidance.value(), 2)
        return {
            "steps": self.steps.value() or None,
            "guidance": guidance if guidance >= 0 else None,
            "sampler": self.sampler.currentData(),
            "loras": self.loras.values(),
            "structure": self.structure.value(),
            "structure_weight": self.structure.strength.value() / 100,
            "detail": self.detail.value() / 100,
        }

    def offer(self, model: Mapping[str, Any]) -> None:
        """Offer what the model says that it has."""
        self._offer_samplers(tuple(model.get("samplers", ())))
        self.loras.offer(tuple(model.get("loras", ())))
        self.structure.offer(tuple(model.get("controls", ())))

    def _offer_samplers(self, names: Sequence[str]) -> None:
        if [self.sampler.itemData(row) for row in range(1, self.sampler.count())] == list(names):
            return
        chosen = self.sampler.currentData()
        self.sampler.clear()
        self.sampler.addItem(tr("the model's own"), None)
        for name in names:
            self.sampler.addItem(name, name)
        self.sampler.setCurrentIndex(max(0, self.sampler.findData(chosen)))
        self.rows.labelForField(self.sampler).setVisible(bool(names))
        self.sampler.setVisible(bool(names))

    def save_preset(self, name: str, form: GenerationSettings) -> None:
        """Keep the present settings under a name."""
        values = form.to_map()
        self._settings.presets[name] = {field: values[field] for field in PRESET_FIELDS}
        self._settings.save()
        self._list_presets(name)

    # How it is built

    def _build_presets(self) -> None:
        self.preset = QtWidgets.QComboBox()
        self.preset.setEditable(True)
        self.preset.setInsertPolicy(QtWidgets.QComboBox.InsertPolicy.NoInsert)
        self.preset.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.preset.setMinimumContentsLength(3)
        self.preset.lineEdit().setPlaceholderText(tr("Name"))
        self.preset.activated.connect(self._choose_preset)
        self.keep = tool(icon("save", self, 16), tr("Save these settings under this name"), self._save_pressed)
        self.drop = tool(icon("close", self, 16), tr("Remove this preset"), self._remove_pressed)
        self.rows.addRow(tr("Preset"), _row(self.preset, self.keep, self.drop))
        self._list_presets("")

    def _build_seed(self) -> None:
        self.seed = QtWidgets.QLineEdit()
        self.seed.setPlaceholderText(tr("a new one each time"))
        self.seed.setMinimumWidth(40)
        pattern = QtCore.QRegularExpression(r"\d{0,19}")
        self.seed.setValidator(QtGui.QRegularExpressionValidator(pattern, self.seed))
        self.lock = tool(icon("unlock", self, 16), tr("Keep this seed: the same words make the same picture"), None)
        self.lock.setCheckable(True)
        self.lock.setChecked(self._settings.lock_seed)
        self.lock.toggled.connect(self._locked)
        self.rows.addRow(tr("Seed"), _row(self.seed, self.lock))

    def _build_numbers(self) -> None:
        self.steps = QtWidgets.QSpinBox()
        self.steps.setRange(0, MOST_STEPS)
        self.steps.setSpecialValueText(tr("the model's own"))
        self.rows.addRow(tr("Steps"), self.steps)
        self.guidance = QtWidgets.QDoubleSpinBox()
        self.guidance.setRange(-0.1, MOST_GUIDANCE)
        self.guidance.setDecimals(1)
        self.guidance.setSingleStep(0.5)
        self.guidance.setValue(-0.1)
        self.guidance.setSpecialValueText(tr("the model's own"))
        self.rows.addRow(tr("Guidance"), self.guidance)
        self.sampler = QtWidgets.QComboBox()
        self.sampler.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.sampler.setMinimumContentsLength(6)
        self.rows.addRow(tr("Sampler"), self.sampler)
        self.sampler.addItem(tr("the model's own"), None)
        self.sampler.addItem("", "")
        self._offer_samplers(())

    def _build_steering(self) -> None:
        self.loras = LoraList()
        self.rows.addRow("LoRA", self.loras)
        self.structure = ControlWidget()
        self.rows.addRow(tr("Structure"), self.structure)
        self.detail = QtWidgets.QSpinBox()
        self.detail.setRange(0, 100)
        self.detail.setSuffix(" %")
        self.detail.setSpecialValueText(tr("off"))
        self.detail.setToolTip(tr("How strongly a layer larger than the model is drawn over once more, in tiles"))
        self.rows.addRow(tr("Detail"), self.detail)

    def _build_inserting(self) -> None:
        self.clip = QtWidgets.QComboBox()
        for name in CLIPS:
            self.clip.addItem(tr(CLIP_TITLES[name]), name)
        self.clip.setCurrentIndex(CLIPS.index(self._settings.clip))
        self.clip.currentIndexChanged.connect(self._clip_chosen)
        self.clip.setToolTip(tr("How a selection cuts the layers to its shape"))
        self.rows.addRow(tr("Cut to selection"), self.clip)
        self.at_once = QtWidgets.QCheckBox(tr("Insert every result at once"))
        self.at_once.setChecked(self._settings.at_once)
        self.at_once.toggled.connect(self._at_once_chosen)
        self.rows.addRow(self.at_once)

    def _folded(self, opened: bool) -> None:
        self.panel.setVisible(opened)
        self.draw_icons()

    def _locked(self, locked: bool) -> None:
        self._settings.lock_seed = locked
        self._settings.save()
        self.draw_icons()

    def _clip_chosen(self, row: int) -> None:
        self._settings.clip = CLIPS[row]
        self._settings.save()

    def _at_once_chosen(self, wanted: bool) -> None:
        self._settings.at_once = wanted
        self._settings.save()

    def _list_presets(self, chosen: str) -> None:
        self.preset.clear()
        self.preset.addItems(sorted(self._settings.presets, key=str.lower))
        self.preset.setCurrentIndex(self.preset.findText(chosen))
        self.preset.setEditText(chosen)

    def _choose_preset(self, *_row: Any) -> None:
        values: Mapping[str, Any] | None = self._settings.presets.get(self.preset.currentText())
        if values is not None:
            self.preset_chosen.emit(dict(values))

    def _save_pressed(self) -> None:
        name = self.preset.currentText().strip()
        if name:
            self.preset_saved.emit(name)
        else:
            self.preset.setFocus()

    def _remove_pressed(self) -> None:
        if self._settings.presets.pop(self.preset.currentText(), None) is not None:
            self._settings.save()
            self._list_presets("")


def _row(*widgets: Any) -> Any:
    row = QtWidgets.QHBoxLayout()
    row.setSpacing(2)
    for number, widget in enumerate(widgets):
        row.addWidget(widget, 0 if number else 1)
    return row
