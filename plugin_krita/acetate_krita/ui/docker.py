# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker: what the artist sees and presses. What happens then is the studio's business."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from acetate_editor.connection import ABSENT
from acetate_editor.elements import is_formula
from acetate_wire.errors import AcetateError
from acetate_wire.request import Rect
from krita import DockWidget, Document, Krita

from .. import VERSION, canvas, stacking
from ..controller import JobController
from ..document import annotation_store, selection_mask
from ..generation_settings import PRESET_FIELDS, GenerationSettings
from ..given import Given, StrengthRow
from ..i18n import tr
from ..jobs import PROJECTION
from ..modes import Mode, mode_named
from ..qt import QtCore, QtWidgets
from ..readiness import find_target, why_not_now
from ..target import Target
from .advanced_panel import AdvancedPanel
from .ask_row import AskRow
from .building import add, check_box, column_in, scrolled
from .element_panel import ElementPanel
from .history_view import HistoryView
from .live_bar import LiveBar
from .mode_menu import ModeMenu
from .models_dialog import ModelsDialog, open_lora_folder
from .prompt_widget import Prompts, told
from .queue_view import QueueView
from .stack_rows import StackRows
from .status_line import StatusLine
from .theme import paragraph, plain, small, warn

LOOK_MS = 400
LAID_OUT_MS = 30
SAY_MS = 8000
MOST_AT_ONCE = 8
NARROWEST = 200


@lru_cache(maxsize=1)
def the_controller() -> JobController:
    """The one studio of this Krita, made when the first docker is."""
    return JobController(VERSION, f"Krita {Krita.instance().version()}")


class Docker(DockWidget):
    """Acetate's docker in one of Krita's windows."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle("Acetate")
        self.controller = the_controller()
        self.document: Document | None = None
        self._seen = ""
        self._target: Target | None = None
        self._why_no_target = ""
        self._places: list[Rect] = []
        self.outline = canvas.Outline()
        self.models_dialog: ModelsDialog | None = None
        self._build()
        self.controller.connection.state_changed.connect(self._show_button)
        self.controller.connection.event_received.connect(self._show_offers)
        self.controller.message.connect(self._say)
        self.controller.used_seed.connect(self.more.show_seed)
        self.controller.jobs_changed.connect(self._show_jobs)
        self._fill(GenerationSettings.from_map(self.controller.settings.last))
        self._show_offers()
        self._silence = QtCore.QTimer(self.body)
        self._silence.setSingleShot(True)
        self._silence.setInterval(SAY_MS)
        self._silence.timeout.connect(self.said.hide)
        self._timer = QtCore.QTimer(self.body)
        self._timer.timeout.connect(self.refresh)
        self._timer.start(LOOK_MS)

    def canvasChanged(self, _canvas: Any) -> None:  # noqa: N802
        """Krita shows another document, or none."""
        self.refresh()

    # What the artist has set

    def form(self) -> GenerationSettings:
        """The settings as they stand."""
        return GenerationSettings(
            mode=self.modes.mode,
            model=self.model.chosen,
            prompt=self.prompts.prompt.toPlainText().strip(),
            negative=self.prompts.negative.text().strip(),
            layer_prompts=self.prompts.layer_prompts(),
            count=1 if mode_named(self.modes.mode).splits else self.count.value(),
            layers=self.layers.value() if self.layers.value() > self.layers.minimum() else None,
            strength=self.strength.value() / 100,
            seed=self.more.seed_value(),
            fill=self.fill.isChecked(),
            stack=self.stack.values() if mode_named(self.modes.mode).stacks else (),
            keep_matte=self.strength_row.matte.isChecked(),
            element=self.element.values(),
            **self.more.values(),
        )

    def generate(self) -> None:
        """Ask for layers as the settings say."""
        self.refresh()
        if self.document is None or not self.button.isEnabled():
            return
        form = self.form()
        self.controller.settings.change(last=form.to_map())
        mode = mode_named(form.mode)
        self.controller.generate(self.document, form, self._sources(mode), self._followed(mode))
        canvas.focus()
        # The job's row must have its place before it can be scrolled to.
        QtCore.QTimer.singleShot(LAID_OUT_MS, self._scroll_to_jobs)

    def cancel(self) -> None:
        """Cancel the job that is drawn, else the next one."""
        self.button.stop_first()

    def cancel_all(self) -> None:
        """Cancel every job that has not come to its end."""
        self.controller.cancel_all()

    def choose_mode(self, name: str) -> None:
        """Choose a mode, as the menu does."""
        self.modes.choose(name)

    def focus_prompt(self) -> None:
        """Show the docker, and write into the prompt."""
        self.setVisible(True)
        self.raise_()
        self.widget().ensureWidgetVisible(self.prompts.prompt)
        self.prompts.prompt.setFocus(QtCore.Qt.FocusReason.ShortcutFocusReason)

    def _sources(self, mode: Mode) -> dict[str, str]:
        sources = self.given.sources(mode)
        if mode.stacks:
            sources.update(self.stack.sources())
        return {**sources, **self.more.structures.sources()}

    def _followed(self, mode: Mode) -> frozenset[str]:
        return self.given.followed(mode) | self.more.structures.followed()

    def use_again(self, values: Mapping[str, Any]) -> None:
        """Take over the settings of a finished result, with its seed or without one."""
        form = GenerationSettings.from_map(values)
        self._fill(form)
        self.more.lock.setChecked(form.seed is not None)

    def _use_preset(self, values: Mapping[str, Any]) -> None:
        present = self.form().to_map()
        self._fill(
            GenerationSettings.from_map({**present, **{name: values[name] for name in PRESET_FIELDS if name in values}})
        )

    def _fill(self, form: GenerationSettings) -> None:
        self.modes.choose(form.mode)
        self.model.choose(form.model)
        self.element.fill(form.element)
        self.strength_row.matte.setChecked(form.keep_matte)
        self.prompts.fill(form.prompt, form.negative, form.layer_prompts)
        self.count.setValue(form.count)
        self.layers.setValue(form.layers or self.layers.minimum())
        self.strength.setValue(round(form.strength * 100))
        self.more.fill(form)
        self.stack.fill(form.stack, PROJECTION if form.stack and not form.prompt else "")
        self._mode_chosen()
        self.fill.setChecked(form.fill)

    # What is shown

    def refresh(self) -> None:
        """Look at the document again: it, its selection, or its layers may have changed."""
        document = Krita.instance().activeDocument()
        self.document = document if document is not None and document.rootNode() is not None else None
        session = "" if self.document is None else annotation_store.open_document_id(self.document)
        if session != self._seen:
            self._seen = session
            self.controller.refresh(self.document)
            self.queue.show_document(self.document)
            self.history.show_document(self.document)
        if self.document is not None:
            self.controller.finished.hiding.look(self.document)
        self._show_layers()
        if mode_named(self.modes.mode).stacks:
            self.stack.refresh(self.document)
        self._show_target()
        self._show_button()

    def _show_layers(self) -> None:
        """Have the pickers look which layers there are, and which of them *Active layer* stands for."""
        active, pinned = "", False
        if self.document is not None and self.document.rootNode() is not None:
            active = self.controller.pins.layer(self.document, self.modes.mode)
            pinned = self.controller.pins.pinned(self.document, self.modes.mode)
        for picker in (*self.pickers, *self.more.structures.pickers):
            if not picker.isHidden():
                picker.refresh(self.document, active, pinned)

    def _show_target(self) -> None:
        form = self.form()
        found = find_target(self.document, form, self._sources(mode_named(form.mode)), self.controller.connection)
        self._target, self._why_no_target = found
        words = self._why_no_target if self._target is None else self._target.words()
        self.target.setText(words)
        mode = mode_named(self.modes.mode)
        selected = self.document is not None and selection_mask.selected(self.document) is not None
        self.element.show_selection(selected)
        fills = mode.fills and not form.is_element
        self.fill.setVisible(fills and (mode.name == "text" or not selected))
        self.fill.setText(tr("Fill the selection") if selected else tr("Fill the canvas"))
        if mode.stacks:
            self._show_stack(form)
        if self.button.underMouse():
            self._show_outline()

    def _show_stack(self, form: GenerationSettings) -> None:
        """Say where one of the layers has no place, and what the model does less well in these."""
        places: list[Rect] = []
        if self.document is not None:
            try:
                places = stacking.regions(self.document, form.stack)
            except AcetateError as error:
                self._why_no_target = f"{error.message}: {error.hint}"
                self.target.setText(self._why_no_target)
        self.stack.tell(stacking.honest(self.controller.connection.model(form.model), places))
        self.prompts.prompt.setVisible(not self.stack.sources())
        self._places = places

    def _show_outline(self) -> None:
        if self._target is None:
            self.outline.remove()
        else:
            stacked = self._places if mode_named(self.modes.mode).stacks else []
            self.outline.show(self._target.rect, self._target.subject, *stacked)

    def _show_button(self) -> None:
        form, link = self.form(), self.controller.connection
        sources = self._sources(mode_named(form.mode))
        reason = why_not_now(self.document, form, sources, link, self._why_no_target)
        self.button.setEnabled(not reason)
        self.button.setText(tr(mode_named(self.modes.mode).verb))
        self.button.setToolTip(
            plain(reason) or tr("Shift+Enter in the words does the same. While jobs run, one more waits.")
        )
        self.hint.setText(reason)
        told_above = (
            self.document is None or self.controller.connection.state.kind == ABSENT or reason == self._why_no_target
        )
        self.hint.setVisible(bool(reason) and not told_above)

    def _show_words(self) -> None:
        """Tell which words the model does not know, and let the prompt complete those it does."""
        model = self.model.chosen
        self.element.read(self.prompts.prompt.toPlainText(), self.controller.connection, self.modes.mode, model)
        vocabulary = self.controller.connection.vocabularies.of(model)
        self.prompts.prompt.vocabulary = vocabulary
        mode = mode_named(self.modes.mode)
        stack = [str(row["prompt"]) for row in self.stack.values()] if mode.stacks else []
        line = told(vocabulary, model, self.prompts.asked(mode, stack))
        warn(self.unknown)
        self.unknown.setText(line)
        self.unknown.setVisible(bool(line))
        self._show_button()

    def _show_jobs(self) -> None:
        self.button.show_jobs(list(self.controller.jobs.values()))

    def _scroll_to_jobs(self) -> None:
        """Scroll so far that the button and the newest job are seen, the button first where there is no room."""
        if self.queue.isVisible():
            self.widget().ensureWidgetVisible(self.queue, 0, 0)
        self.widget().ensureWidgetVisible(self.button, 0, 4)

    def _say(self, words: str) -> None:
        self.said.setText(words)
        self.said.show()
        self._silence.start()

    def _show_offers(self, *_event: Any) -> None:
        """Show which models there are and what the chosen one can do."""
        self.model.offer(self.controller.connection.models)
        self._model_chosen()

    def _model_chosen(self, *_row: Any) -> None:
        chosen, connection = self.model.chosen, self.controller.connection
        self.modes.offer(chosen, connection)
        entry = connection.model(chosen)
        self.model.tell(entry)
        self.more.offer(entry)
        self.element.offer(entry)
        self.prompts.negative.setVisible(not is_formula(entry))
        self._offer_live()
        self._show_target()
        self._show_words()

    def _mode_chosen(self, *_row: Any) -> None:
        mode = mode_named(self.modes.mode)
        self.modes.setToolTip(tr(mode.about))
        self.prompts.show_mode(mode)
        self.strength_row.show_mode(mode)
        self.given.show_mode(mode)
        self._show_layers()
        self.stack.setVisible(mode.stacks)
        self._offer_live()
        self.ask.show_mode(mode)
        self.fill.setChecked(self.controller.settings.fill.get(mode.name, False))
        self._show_target()
        self._show_words()

    def _offer_live(self) -> None:
        mode = mode_named(self.modes.mode)
        wanted = mode.replaces and not mode.selection
        self.live.offer(wanted, self.controller.connection.unavailable_reason(mode.name, self.model.chosen))

    def _stack_changed(self) -> None:
        if mode_named(self.modes.mode).stacks:
            self._show_target()
            self._show_words()

    def _fill_chosen(self, wanted: bool) -> None:
        self.controller.settings.fill[self.modes.mode] = wanted
        self.controller.settings.save()
        self._show_target()

    # How it is built

    def _build(self) -> None:
        self.more: AdvancedPanel
        self.modes: ModeMenu
        self.prompts: Prompts
        self.body = QtWidgets.QWidget()
        column = column_in(self.body)
        column.setContentsMargins(6, 4, 6, 6)
        self.status = StatusLine(self.controller.connection)
        self.line, self.model = self.status.line, self.status.model
        self.model.currentIndexChanged.connect(self._model_chosen)
        self.said = paragraph()
        self.said.hide()
        self.modes = ModeMenu()
        self.modes.currentIndexChanged.connect(self._mode_chosen)
        self.given = Given()
        self.pickers, self.known = self.given.pickers, self.given.known
        self.stack = StackRows()
        self.stack.entered.connect(self.generate)
        self.stack.changed.connect(self._stack_changed)
        self.prompts = Prompts()
        self.prompts.entered.connect(self.generate)
        self.prompts.changed.connect(self._show_words)
        self.unknown = small(paragraph())
        self.unknown.hide()
        self.element = ElementPanel()
        self.element.changed.connect(self._show_target)
        self.element.changed.connect(self._show_button)
        self.element.taken.connect(self.model.choose)
        self.strength_row = StrengthRow()
        self.strength = self.strength_row.slider
        self.live = LiveBar(self.controller, self.form)
        self.target = small(paragraph())
        self.ask = AskRow()
        self.button, self.count, self.layers = self.ask.button, self.ask.count, self.ask.layers
        self.button.stopping.connect(self.controller.cancel)
        self.button.entered.connect(self._show_outline)
        self.button.left.connect(self.outline.remove)
        self.button.clicked.connect(lambda _checked: self.generate())
        self.fill = check_box(
            tr("Fill the canvas"), tr("Work on the whole canvas; a new layer's subject is drawn as large as it")
        )
        self.fill.clicked.connect(self._fill_chosen)
        self.hint = paragraph()
        self.hint.setEnabled(False)
        self.queue = QueueView(self.controller)
        self.more = AdvancedPanel(self.controller.settings)
        self.more.presets.chosen.connect(self._use_preset)
        self.more.presets.saved.connect(lambda name: self.more.presets.save(name, self.form()))
        self.more.document_wanted.connect(self.controller.finished.set_in_document)
        self.seed = self.more.locked_seed
        self.more.rows.insertRow(0, self.prompts.negative)
        self.more.loras.approached.connect(self.controller.connection.rescan)
        self.more.loras.folder.clicked.connect(lambda _checked: open_lora_folder(self.controller.connection))
        self.history = HistoryView(self.controller)
        self.history.wanted.connect(self.use_again)
        above = (self.status, self.said, self.modes, self.given, self.stack, self.prompts, self.unknown, self.element)
        below = (self.strength_row, self.live, self.target, self.ask, self.fill, self.seed, self.hint, self.queue)
        add(column, *above, *below, self.more)
        column.addWidget(self.history, 1)
        scroll = scrolled(self.body)
        scroll.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)
        scroll.setMinimumWidth(NARROWEST)
        self.setWidget(scroll)
