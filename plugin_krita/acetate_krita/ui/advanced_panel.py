# SPDX-License-Identifier: GPL-3.0-or-later
"""The foldable part of the docker: seed, steps, guidance, sampler, what steers, how results go in, and presets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from acetate_editor.elements import is_formula
from acetate_wire.request import MOST_CLIP_SKIP

from ..document.insert import CLIPS
from ..generation_settings import GenerationSettings
from ..i18n import mark, tr
from ..qt import QtCore, QtGui, QtWidgets
from ..settings import DockerSettings
from .building import beside, check_box, column_in, form_in, number_box
from .control_widget import LoraList
from .presets import Presets
from .structure_list import StructureList
from .theme import ElidedComboBox, ToolButton, tool

MOST_STEPS = 1000
MOST_GUIDANCE = 100.0
CLIP_TITLES = {
    "mask": mark("with a mask"),
    "alpha": mark("in its alpha"),
    "none": mark("not at all"),
}


class AdvancedPanel(QtWidgets.QWidget):
    """Settings that most pictures do without. `document_wanted` tells whether documents are to hold their history.

    `locked_seed` tells of a locked seed, also while its setting is folded away, and a click on it unlocks it.
    """

    document_wanted = QtCore.pyqtSignal(bool)

    def __init__(self, settings: DockerSettings) -> None:
        super().__init__()
        self._settings = settings
        column = column_in(self)
        self.fold = ToolButton("more", "less")
        self.fold.setText(tr("More"))
        self.fold.setCheckable(True)
        self.fold.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        column.addWidget(self.fold)
        self.panel = QtWidgets.QWidget()
        self.panel.hide()
        self.fold.toggled.connect(self.panel.setVisible)
        self.rows = form_in(self.panel)
        self.rows.setContentsMargins(4, 0, 0, 4)
        self.rows.setRowWrapPolicy(QtWidgets.QFormLayout.RowWrapPolicy.WrapLongRows)
        column.addWidget(self.panel)
        self.presets = Presets(settings)
        self.preset, self.keep, self.drop = self.presets.name, self.presets.keep, self.presets.drop
        self.rows.addRow(tr("Preset"), self.presets)
        self._build_seed()
        self._build_numbers()
        self._build_steering()
        self._build_inserting()

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
            self._show_seed()
        self.steps.setValue(form.steps or 0)
        self.guidance.setValue(form.guidance if form.guidance is not None else -0.1)
        at = self.sampler.findData(form.sampler)
        if at < 0 and form.sampler:
            self.sampler.addItem(form.sampler, form.sampler)
            at = self.sampler.count() - 1
        self.sampler.setCurrentIndex(max(0, at))
        self.clip_skip.setValue(form.clip_skip or 0)
        self.loras.fill(form.loras)
        self.structures.fill(form.structures)
        self.detail.setValue(round(form.detail * 100))

    def values(self) -> dict[str, Any]:
        """What a form takes from here; None where the model's own steps, guidance and sampler are meant."""
        guidance = round(self.guidance.value(), 2)
        return {
            "steps": self.steps.value() or None,
            "guidance": guidance if guidance >= 0 else None,
            "sampler": self.sampler.currentData(),
            "clip_skip": (self.clip_skip.value() or None) if self._clip_layers else None,
            "loras": self.loras.values(),
            "structures": self.structures.values(),
            "detail": self.detail.value() / 100,
        }

    def offer(self, model: Mapping[str, Any]) -> None:
        """Offer what the model says that it has; what only a neural network takes is hidden beside a formula."""
        for field in self._of_networks:
            self.rows.labelForField(field).setVisible(not is_formula(model))
            field.setVisible(not is_formula(model))
        self._offer_samplers(tuple(model.get("samplers", ())))
        self._offer_clip_layers(int(model.get("clip_layers", 0)))
        self.loras.offer(tuple(model.get("loras", ())))
        self.structures.offer(tuple(model.get("controls", ())))

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

    def _offer_clip_layers(self, layers: int) -> None:
        self._clip_layers = layers
        if layers:
            self.clip_skip.setMaximum(layers)
        self.rows.labelForField(self.clip_skip).setVisible(layers > 0)
        self.clip_skip.setVisible(layers > 0)

    # How it is built

    def _build_seed(self) -> None:
        self.seed = QtWidgets.QLineEdit()
        self.seed.setPlaceholderText(tr("a new one each time"))
        self.seed.setMinimumWidth(40)
        pattern = QtCore.QRegularExpression(r"\d{0,19}")
        self.seed.textChanged.connect(lambda _text: self._show_seed())
        self.seed.setValidator(QtGui.QRegularExpressionValidator(pattern, self.seed))
        self.lock = tool("unlock", tr("Keep this seed: the same words make the same picture"), None, "lock")
        self.lock.setCheckable(True)
        self.lock.setChecked(self._settings.lock_seed)
        self.lock.toggled.connect(self._locked)
        tip = tr("This seed is locked: click to have a new one each time")
        self.locked_seed = tool("lock", tip, lambda: self.lock.setChecked(False))
        self.locked_seed.setToolButtonStyle(QtCore.Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.locked_seed.hide()
        self.rows.addRow(tr("Seed"), beside(None, self.seed, self.lock))

    def _build_numbers(self) -> None:
        own = tr("the model's own")
        self.steps = number_box(0, MOST_STEPS, special=own)
        self.rows.addRow(tr("Steps"), self.steps)
        self.guidance = number_box(-0.1, MOST_GUIDANCE, special=own)
        self.guidance.setDecimals(1)
        self.guidance.setSingleStep(0.5)
        self.guidance.setValue(-0.1)
        self.rows.addRow(tr("Guidance"), self.guidance)
        self.sampler = ElidedComboBox(6)
        self.rows.addRow(tr("Sampler"), self.sampler)
        self.sampler.addItem(own, None)
        self.sampler.addItem("", "")
        self._offer_samplers(())
        self.clip_skip = number_box(0, MOST_CLIP_SKIP, special=own)
        self.clip_skip.setToolTip(
            tr("Which layer of the text encoder is read, from the last, 1; many anime models want 2")
        )
        self.rows.addRow(tr("Clip skip"), self.clip_skip)
        self._offer_clip_layers(0)

    def _build_steering(self) -> None:
        self.loras = LoraList()
        self.rows.addRow("LoRA", self.loras)
        self.structures = StructureList()
        self.rows.addRow(tr("Structure"), self.structures)
        self.detail = number_box(0, 100, special=tr("off"), suffix=" %")
        self.detail.setToolTip(tr("How strongly a layer larger than the model is drawn over once more, in tiles"))
        self.rows.addRow(tr("Detail"), self.detail)
        self._of_networks = (self.steps, self.guidance, self.sampler, self.loras, self.structures, self.detail)

    def _build_inserting(self) -> None:
        self.clip = ElidedComboBox(6)
        for name in CLIPS:
            self.clip.addItem(tr(CLIP_TITLES[name]), name)
        self.clip.setCurrentIndex(CLIPS.index(self._settings.clip))
        self.clip.currentIndexChanged.connect(lambda row: self._settings.change(clip=CLIPS[row]))
        self.clip.setToolTip(tr("How a selection cuts the layers to its shape"))
        self.rows.addRow(tr("Cut to selection"), self.clip)
        self.at_once = check_box(tr("Insert every result at once"))
        self.at_once.setChecked(self._settings.at_once)
        self.at_once.toggled.connect(lambda wanted: self._settings.change(at_once=wanted))
        self.rows.addRow(self.at_once)
        self.in_document = check_box(
            tr("Keep the history in the document"),
            tr("Words and layers are saved inside the .kra file; otherwise only on this computer"),
        )
        self.in_document.setChecked(self._settings.in_document)
        self.in_document.toggled.connect(self.document_wanted)
        self.rows.addRow(self.in_document)

    def _locked(self, locked: bool) -> None:
        self._settings.change(lock_seed=locked)
        self._show_seed()

    def _show_seed(self) -> None:
        seed = self.seed_value()
        self.locked_seed.setVisible(seed is not None)
        self.locked_seed.setText(tr("Seed {seed}").format(seed=seed))
