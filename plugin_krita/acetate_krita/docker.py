# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker: what the artist sees and presses. What happens then is the studio's business."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from krita import DockWidget, Document, Krita

from . import VERSION, area, notes
from .form import PRESET_FIELDS, STRUCTURE, Form
from .history_view import HistoryView
from .i18n import tr
from .layer_picker import LayerPicker
from .link import ABSENT
from .looks import COLOURS, ElidedLabel
from .mode_menu import ModeMenu
from .modes import KNOWN_ROLES, Mode, mode_named, why_not
from .more import More
from .prompt import Prompts
from .qt import QtCore, QtWidgets
from .queue_view import QueueView
from .studio import Studio

LOOK_MS = 400
SAY_S = 8.0
MOST_AT_ONCE = 8
NARROWEST = 200


@lru_cache(maxsize=1)
def the_studio() -> Studio:
    """The one studio of this Krita, made when the first docker is."""
    return Studio(VERSION, f"Krita {Krita.instance().version()}")


class Docker(DockWidget):
    """Acetate's docker in one of Krita's windows."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Acetate")
        self.studio = the_studio()
        self.document: Document | None = None
        self._seen = ""
        self._said = ("", 0.0)
        self._build()
        self.studio.link.changed.connect(self._show_link)
        self.studio.link.happened.connect(self._show_offers)
        self.studio.said.connect(self._say)
        self.studio.used_seed.connect(self.more.show_seed)
        self._fill(Form.from_map(self.studio.settings.last))
        self._show_offers()
        self._show_link()
        self._timer = QtCore.QTimer(self.body)
        self._timer.timeout.connect(self.look)
        self._timer.start(LOOK_MS)

    def canvasChanged(self, _canvas: Any) -> None:  # noqa: N802
        """Krita shows another document, or none."""
        self.look()

    # What the artist has set

    def form(self) -> Form:
        """The settings as they stand."""
        return Form(
            mode=self.modes.mode,
            model=self.model.currentData() or self._wished_model,
            prompt=self.prompts.prompt.toPlainText().strip(),
            negative=self.prompts.negative.text().strip(),
            layer_prompts=self.prompts.layer_prompts(),
            count=self.count.value(),
            strength=self.strength.value() / 100,
            seed=self.more.seed_value(),
            **self.more.values(),
        )

    def generate(self) -> None:
        """Ask for layers as the settings say."""
        if self.document is None or not self.button.isEnabled():
            return
        form = self.form()
        self.studio.settings.last = form.to_map()
        self.studio.settings.save()
        self.studio.generate(self.document, form, self._sources(mode_named(form.mode)))

    def _sources(self, mode: Mode) -> dict[str, str]:
        sources = {wanted.role: self.pickers[number].source() for number, wanted in enumerate(mode.wanted)}
        if mode.name == "extract":
            known = sources.pop("background")
            sources[str(self.known.currentData())] = known
        if self.more.structure.value():
            sources[STRUCTURE] = self.more.structure.picker.source()
        return sources

    def use_again(self, values: Mapping[str, Any]) -> None:
        """Take over the settings of a finished result."""
        self._fill(Form.from_map(values))

    def _use_preset(self, values: Mapping[str, Any]) -> None:
        present = self.form().to_map()
        self._fill(Form.from_map({**present, **{name: values[name] for name in PRESET_FIELDS if name in values}}))

    def _fill(self, form: Form) -> None:
        self.modes.choose(form.mode)
        self._wished_model = form.model
        self.model.setCurrentIndex(max(0, self.model.findData(form.model)))
        self.prompts.fill(form.prompt, form.negative, form.layer_prompts)
        self.count.setValue(form.count)
        self.strength.setValue(round(form.strength * 100))
        self.more.fill(form)
        self._mode_chosen()

    # What is shown

    def look(self) -> None:
        """Look at the document again: it, its selection, or its layers may have changed."""
        document = Krita.instance().activeDocument()
        self.document = document if document is not None and document.rootNode() is not None else None
        session = "" if self.document is None else notes.session_key(self.document)
        if session != self._seen:
            self._seen = session
            self.studio.look(self.document)
            self.history.show_document(self.document)
        self._show_target()
        for picker in (*self.pickers, self.more.structure.picker):
            if picker.isVisible():
                picker.refresh(self.document)
        self._show_button()

    def _show_target(self) -> None:
        if self.document is None:
            self.target.setText(tr("Open or make a document first"))
            return
        selection = area.selected(self.document)
        rect = selection or area.canvas(self.document)
        size = f"{rect.width} × {rect.height}"
        if selection is None:
            self.target.setText(tr("Whole canvas, {size}").format(size=size))
        else:
            words = tr("Selection, {size} at {x}, {y}")
            self.target.setText(words.format(size=size, x=rect.x, y=rect.y))

    def _show_button(self) -> None:
        mode = mode_named(self.modes.mode)
        reason = ""
        if self.document is None:
            reason = tr("Open or make a document first")
        elif self.studio.link.state.kind == ABSENT:
            reason = self.studio.link.state.line
        elif mode.selection and area.selected(self.document) is None:
            reason = tr("Select what is to change first")
        else:
            reason = why_not(mode, self.model.currentData() or "", self.studio.link.models)
        self.button.setEnabled(not reason)
        self.button.setToolTip(reason or tr("Shift+Enter in the words does the same"))
        self.hint.setText(reason)
        told = self.document is None or self.studio.link.state.kind == ABSENT
        self.hint.setVisible(bool(reason) and not told)

    def _show_link(self) -> None:
        state = self.studio.link.state
        line, until = self._said
        self.line.setText(line if time.monotonic() < until else state.line)
        self.line.setToolTip(state.hint or state.line)
        self.dot.setStyleSheet(f"background: {COLOURS[state.kind]}; border-radius: 4px;")
        self.help.setText(state.hint.split("\n")[0])
        self.help.setVisible(state.kind == ABSENT)
        self._show_button()

    def _say(self, words: str) -> None:
        self._said = (words, time.monotonic() + SAY_S)
        self._show_link()
        QtCore.QTimer.singleShot(round(SAY_S * 1000) + 50, self._show_link)

    def _show_offers(self, *_event: Any) -> None:
        """Show which models there are and what the chosen one can do."""
        models = self.studio.link.models
        names = [str(entry["name"]) for entry in models]
        if names != [self.model.itemData(row) for row in range(self.model.count())]:
            wished = self.model.currentData() or self._wished_model
            self.model.blockSignals(True)
            self.model.clear()
            for name in names:
                self.model.addItem(name, name)
            self.model.setCurrentIndex(max(0, self.model.findData(wished)))
            self.model.blockSignals(False)
        self.model.setVisible(bool(names))
        self._model_chosen()

    def _model_chosen(self, *_row: Any) -> None:
        chosen = self.model.currentData() or self._wished_model
        self._wished_model = chosen
        models = self.studio.link.models
        self.modes.offer(chosen, models)
        entry = next((entry for entry in models if entry["name"] == chosen), {})
        self.model.setToolTip(str(entry.get("missing") or tr("Model")))
        self.more.offer(entry)
        self._show_button()

    def _mode_chosen(self, *_row: Any) -> None:
        mode = mode_named(self.modes.mode)
        self.modes.setToolTip(tr(mode.about))
        self.prompts.show_mode(mode)
        self.strength_row.setVisible(mode.strength)
        for number, (label, picker) in enumerate(zip(self.picker_labels, self.pickers)):
            shown = number < len(mode.wanted)
            label.setVisible(shown)
            picker.setVisible(shown)
            if shown:
                label.setText(tr(mode.wanted[number].label))
                picker.offer_whole(mode.wanted[number].whole)
                picker.refresh(self.document)
        self.known.setVisible(mode.name == "extract")
        self._show_button()

    # How it is built

    def _build(self) -> None:
        self.more: More
        self.modes: ModeMenu
        self.prompts: Prompts
        self.body = _Body(self._theme_changed)
        column = QtWidgets.QVBoxLayout(self.body)
        column.setContentsMargins(6, 4, 6, 6)
        column.setSpacing(6)
        self._wished_model = Form.model
        column.addLayout(self._build_line())
        self.help = QtWidgets.QLabel()
        self.help.setWordWrap(True)
        column.addWidget(self.help)
        self.modes = ModeMenu()
        self.modes.currentIndexChanged.connect(self._mode_chosen)
        column.addWidget(self.modes)
        column.addWidget(self._build_pickers())
        self.prompts = Prompts()
        self.prompts.entered.connect(self.generate)
        column.addWidget(self.prompts)
        column.addWidget(self._build_strength())
        self.target = ElidedLabel()
        column.addWidget(self.target)
        column.addLayout(self._build_button())
        self.hint = QtWidgets.QLabel()
        self.hint.setWordWrap(True)
        self.hint.setEnabled(False)
        column.addWidget(self.hint)
        self.more = More(self.studio.settings)
        self.more.preset_chosen.connect(self._use_preset)
        self.more.preset_saved.connect(lambda name: self.more.save_preset(name, self.form()))
        column.addWidget(self.more)
        self.queue = QueueView(self.studio)
        column.addWidget(self.queue)
        self.history = HistoryView(self.studio)
        self.history.wanted.connect(self.use_again)
        column.addWidget(self.history, 1)
        scroll = QtWidgets.QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(self.body)
        scroll.setMinimumWidth(NARROWEST)
        self.setWidget(scroll)

    def _build_line(self) -> Any:
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(6)
        self.dot = QtWidgets.QLabel()
        self.dot.setFixedSize(8, 8)
        self.line = ElidedLabel()
        self.model = QtWidgets.QComboBox()
        self.model.setAccessibleName(tr("Model"))
        self.model.setSizeAdjustPolicy(QtWidgets.QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(7)
        self.model.currentIndexChanged.connect(self._model_chosen)
        row.addWidget(self.dot)
        row.addWidget(self.line, 1)
        row.addWidget(self.model)
        return row

    def _build_pickers(self) -> Any:
        area = QtWidgets.QWidget()
        grid = QtWidgets.QGridLayout(area)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.setColumnStretch(1, 1)
        self.picker_labels = [QtWidgets.QLabel() for _ in range(2)]
        self.pickers = [LayerPicker() for _ in range(2)]
        for number, (label, picker) in enumerate(zip(self.picker_labels, self.pickers)):
            label.setBuddy(picker)
            grid.addWidget(label, number, 0)
            grid.addWidget(picker, number, 1)
        self.known = QtWidgets.QComboBox()
        self.known.setAccessibleName(tr("Known layer"))
        for role, words in KNOWN_ROLES:
            self.known.addItem(tr(words), role)
        grid.addWidget(self.known, 2, 1)
        return area

    def _build_strength(self) -> Any:
        self.strength_row = QtWidgets.QWidget()
        row = QtWidgets.QHBoxLayout(self.strength_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QtWidgets.QLabel(tr("Strength")))
        self.strength = QtWidgets.QSlider(QtCore.Qt.Orientation.Horizontal)
        self.strength.setRange(0, 100)
        self.strength.setAccessibleName(tr("Strength"))
        self.strength.setMinimumWidth(60)
        self.strength.setToolTip(tr("How much may change: 0 % nothing, 100 % everything"))
        share = QtWidgets.QSpinBox()
        share.setRange(0, 100)
        share.setSuffix(" %")
        self.strength.valueChanged.connect(share.setValue)
        share.valueChanged.connect(self.strength.setValue)
        row.addWidget(self.strength, 1)
        row.addWidget(share)
        return self.strength_row

    def _build_button(self) -> Any:
        row = QtWidgets.QHBoxLayout()
        row.setSpacing(4)
        self.button = QtWidgets.QPushButton(tr("Generate"))
        self.button.setMinimumHeight(round(self.button.fontMetrics().height() * 1.9))
        self.button.clicked.connect(lambda _checked: self.generate())
        self.count = QtWidgets.QSpinBox()
        self.count.setRange(1, MOST_AT_ONCE)
        self.count.setPrefix("× ")
        self.count.setToolTip(tr("How many pictures"))
        self.count.setAccessibleName(tr("How many pictures"))
        self.count.setMinimumHeight(self.button.minimumHeight())
        row.addWidget(self.button, 1)
        row.addWidget(self.count)
        return row

    def _theme_changed(self) -> None:
        self.modes.draw_icons()
        self.more.draw_icons()


class _Body(QtWidgets.QWidget):
    """The docker's contents, which tell when Krita's theme changes."""

    def __init__(self, theme_changed: Any) -> None:
        super().__init__()
        self._theme_changed = theme_changed
        self._palette = self.palette().cacheKey()

    def changeEvent(self, event: Any) -> None:  # noqa: N802
        """Redraw the icons in the new theme's ink."""
        super().changeEvent(event)
        if event.type() == QtCore.QEvent.Type.PaletteChange and self.palette().cacheKey() != self._palette:
            self._palette = self.palette().cacheKey()
            QtCore.QTimer.singleShot(0, self._theme_changed)
