# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of the document: what has finished, what is offered, and what can be done with a result.

A click shows a result on the canvas; Enter, a double click or the button inserts it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from krita import Document

from ..controller import JobController
from ..document.insert import short_name, title
from ..i18n import tr
from ..qt import QtCore, QtGui, QtWidgets
from ..results import Result
from .building import column_in, line_in
from .canvas_preview import CanvasPreview
from .offer import OfferFrame
from .result_tiles import ID, ResultList, warnings
from .theme import ElidedLabel, paragraph, tool

UNSAFE = '/\\:*?"<>|'


class HistoryView(QtWidgets.QWidget):
    """Finished layers of one document. `wanted` carries the settings that the artist wants again."""

    wanted = QtCore.pyqtSignal(object)

    def __init__(self, controller: JobController) -> None:
        super().__init__()
        self._controller = controller
        self._document: Document | None = None
        self.dialog: Any = None
        self.preview = CanvasPreview(controller)
        self.preview.ended.connect(self._preview_ended)
        column = column_in(self)
        self.offer = OfferFrame()
        self.offer.taken.connect(self._take_offer)
        self.offer.left.connect(controller.finished.dismiss)
        self.take, self.leave, self.offer_words = self.offer.take, self.offer.leave, self.offer.words
        column.addWidget(self.offer)
        column.addWidget(self._build_title())
        self.warning = paragraph()
        column.addWidget(self.warning)
        self.empty = ElidedLabel(tr("Finished layers appear here"))
        self.empty.setToolTip(tr("A click shows one on the canvas, a double click inserts it."))
        self.empty.setEnabled(False)
        column.addWidget(self.empty)
        self.list = ResultList(controller)
        self.list.customContextMenuRequested.connect(self._open_menu_at)
        self.list.itemClicked.connect(self._clicked)
        self.list.itemActivated.connect(self._activated)
        self.list.itemSelectionChanged.connect(self._show_chosen)
        self.list.escaped.connect(self.preview.end)
        self.list.star_clicked.connect(self._star)
        column.addWidget(self.list, 1)
        column.addStretch(0)
        controller.finished.changed.connect(self.refresh)
        controller.finished.inserted.connect(self.preview.end)
        controller.arrived.connect(self._arrived)
        self._inserted_at = float("-inf")

    def show_document(self, document: Document | None) -> None:
        """Show this document's history."""
        self.preview.end()
        self._document = document
        self.refresh()

    def refresh(self) -> None:
        """Show the history as it is now."""
        there = self._there()
        results = [] if there is None else self._controller.history.of(there)
        offers = [] if there is None else self._controller.history.offers(there)
        # A result on its way into the document is not offered.
        self.offer.show_results([result for result in offers if result.job not in self._controller.jobs])
        self.list.show_results(results)
        if self.preview.result is not None and self.preview.result.id not in self.list.ids:
            self.preview.end()
        self._show_warnings(results[0] if results else None)
        self.list.setVisible(bool(results))
        self.title.setVisible(bool(results))
        self.empty.setVisible(not results)
        self._show_chosen()

    def step(self, by: int) -> None:
        """Show the next result (1, an older one) or the previous (-1) on the canvas."""
        ids = self.list.ids
        if ids:
            chosen = self.list.chosen
            self.list.choose(ids[(ids.index(chosen) + by) % len(ids)] if chosen else ids[0])
            self._look(self._result(self.list.chosen))

    def apply(self) -> None:
        """Insert the chosen result, the newest when none is chosen."""
        if self.list.ids:
            self._insert(self._result(self.list.chosen or self.list.ids[0]))

    def _build_title(self) -> Any:
        self.title = QtWidgets.QWidget()
        row = line_in(self.title)
        row.addWidget(QtWidgets.QLabel(tr("History")))
        row.addStretch(1)
        self.put = tool("insert", tr("Insert the result"), self.apply)
        self.star = tool("star", tr("Keep this result for good"), lambda: self._star(self.list.chosen), "starred")
        self.star.setCheckable(True)
        self.dots = tool("dots", tr("More for this result"), self._open_menu)
        for button in (self.put, self.star, self.dots):
            row.addWidget(button)
        return self.title

    def _show_warnings(self, newest: Result | None) -> None:
        """Say what the artist should know of the newest result."""
        told = [] if newest is None else warnings(newest)
        name = "" if newest is None else short_name(newest.prompt)
        self.warning.setText(f"⚠ {name}: " + " ".join(told) if told else "")
        self.warning.setVisible(bool(told))

    def _show_chosen(self) -> None:
        """Offer what can be done with the chosen result."""
        chosen = self.list.chosen
        for button in (self.put, self.star, self.dots):
            button.setEnabled(bool(chosen))
        self.star.setChecked(bool(chosen) and self._controller.store.starred(chosen))

    def _there(self) -> Document | None:
        document = self._document
        return document if document is not None and document.rootNode() is not None else None

    def _result(self, id: str) -> Result:
        return self._controller.history.get(id)

    def _clicked(self, item: Any) -> None:
        """Show a result, or no longer; the second click of a double click does neither."""
        if item.data(ID) and time.monotonic() - self._inserted_at > QtWidgets.QApplication.doubleClickInterval() / 1000:
            self._look(self._result(item.data(ID)))

    def _activated(self, item: Any) -> None:
        if item.data(ID):
            self._insert(self._result(item.data(ID)))

    def _look(self, result: Result) -> None:
        there = self._there()
        if self.preview.result is not None and self.preview.result.id == result.id:
            self.preview.end()
        elif there is not None:
            self.preview.end()
            self.list.choose(result.id)
            self.preview.show(there, result)

    def _preview_ended(self) -> None:
        self.list.viewport().update()

    def _arrived(self, result: Result) -> None:
        """Show what has just finished, where the artist chooses before anything is inserted."""
        there = self._there()
        if there is not None and self.isVisible() and result.id in self.list.ids:
            self._look(result)

    def _insert(self, result: Result) -> None:
        self._inserted_at = time.monotonic()
        self.preview.end()
        there = self._there()
        if there is not None:
            self._controller.finished.insert(there, [result])

    def _take_offer(self, results: list[Result]) -> None:
        there = self._there()
        if there is not None:
            self._controller.finished.insert_all(there, results)
        self.offer.hide()

    def _star(self, id: str) -> None:
        if id:
            self._controller.finished.star(self._result(id), not self._controller.store.starred(id))

    def _open_menu_at(self, where: Any) -> None:
        item = self.list.itemAt(where)
        if item is not None and item.data(ID):
            self.list.choose(item.data(ID))
            self._open_menu(self.list.viewport().mapToGlobal(where))

    def _open_menu(self, where: Any = None) -> None:
        """What can be done with the chosen result."""
        if not self.list.chosen:
            return
        result = self._result(self.list.chosen)
        starred = self._controller.store.starred(result.id)
        clipboard = QtGui.QGuiApplication.clipboard()
        menu = QtWidgets.QMenu(self)
        menu.addAction(tr("Insert"), lambda: self._insert(result))
        menu.addAction(tr("Show on the canvas"), lambda: self._look(result))
        menu.addAction(tr("Do not keep for good") if starred else tr("Keep for good"), lambda: self._star(result.id))
        menu.addSeparator()
        another = {**result.settings, "seed": None}
        menu.addAction(tr("Use these settings again"), lambda: self.wanted.emit(result.settings))
        menu.addAction(tr("Use them with a new seed"), lambda: self.wanted.emit(another))
        menu.addAction(tr("Copy prompt"), lambda: clipboard.setText(result.prompt))
        menu.addAction(tr("Copy seed"), lambda: clipboard.setText(str(result.settings.get("seed"))))
        menu.addAction(tr("Save as PNG …"), lambda: self._save(result))
        menu.addSeparator()
        menu.addAction(tr("Remove from the history"), lambda: self._remove(result))
        menu.popup(where or self.dots.mapToGlobal(self.dots.rect().bottomLeft()))

    def _save(self, result: Result) -> None:
        """Ask where to, while Krita goes on."""
        name = "".join("_" if sign in UNSAFE else sign for sign in title(result))
        dialog = self.dialog = QtWidgets.QFileDialog(self.window(), tr("Save as PNG"), f"{name}.png", "PNG (*.png)")
        dialog.setAcceptMode(QtWidgets.QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("png")
        dialog.setAttribute(QtCore.Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda path: self._controller.finished.save_png(result, Path(path)))
        dialog.open()

    def _remove(self, result: Result) -> None:
        there = self._there()
        if there is not None:
            self._controller.finished.remove(there, result)
