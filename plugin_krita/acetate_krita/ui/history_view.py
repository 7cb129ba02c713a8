# SPDX-License-Identifier: GPL-3.0-or-later
"""The history of the document: thumbnails over the checker. A click inserts again, the menu offers the rest."""

from __future__ import annotations

import time
from typing import Any

from krita import Document

from ..controller import JobController
from ..document.insert import short_name
from ..i18n import mark, tr
from ..modes import mode_named
from ..qt import QtCore, QtGui, QtWidgets
from ..results import Result
from .theme import COLOURS, ElidedLabel, over_checker

SIDE = 72
GAP = 4
ROWS = 3
BADGE = 14
WARNINGS = {"opaque": mark("It covers everything: nothing in it is transparent.")}
"""What is said of layers by the code of a warning; without a code of these, the daemon's own words."""
ID = QtCore.Qt.ItemDataRole.UserRole


class HistoryView(QtWidgets.QWidget):
    """Finished layers of one document. `wanted` carries the settings that the artist wants again."""

    wanted = QtCore.pyqtSignal(object)

    def __init__(self, controller: JobController) -> None:
        super().__init__()
        self._controller = controller
        self._document: Document | None = None
        self._images: dict[str, Any] = {}
        self._shown: list[str] = []
        column = QtWidgets.QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self._build_offer())
        self.title = QtWidgets.QLabel(tr("History"))
        column.addWidget(self.title)
        self.warning = QtWidgets.QLabel()
        self.warning.setWordWrap(True)
        self.warning.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        column.addWidget(self.warning)
        self.empty = ElidedLabel(tr("Finished layers appear here"))
        self.empty.setToolTip(tr("A click inserts them again."))
        self.empty.setEnabled(False)
        column.addWidget(self.empty)
        self.list = QtWidgets.QListWidget()
        self.list.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.list.setMovement(QtWidgets.QListView.Movement.Static)
        self.list.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.list.setIconSize(QtCore.QSize(SIDE, SIDE))
        self.list.setGridSize(QtCore.QSize(SIDE + GAP, SIDE + GAP))
        self.list.setUniformItemSizes(True)
        self.list.setMinimumHeight(SIDE + 3 * GAP)
        self.list.setItemDelegate(_Tiles(self))
        self.list.setAccessibleName(tr("History"))
        self.list.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
        self.list.customContextMenuRequested.connect(self._open_menu)
        self.list.itemClicked.connect(self._insert)
        self.list.itemActivated.connect(self._activated)
        column.addWidget(self.list, 1)
        column.addStretch(0)
        controller.history_changed.connect(self.refresh)
        self._clicked = float("-inf")

    def show_document(self, document: Document | None) -> None:
        """Show this document's history."""
        self._document = document
        self.refresh()

    def refresh(self) -> None:
        """Show the history as it is now."""
        document = self._document
        there = document if document is not None and document.rootNode() is not None else None
        results = [] if there is None else self._controller.history.of(there)
        offers = [] if there is None else self._controller.history.offers(there)
        # A result on its way into the document is not offered.
        self._show_offer([result for result in offers if result.job not in self._controller.jobs])
        ids = [result.id for result in results]
        if ids != self._shown:
            self._shown = ids
            self.list.clear()
            self._images = {id: image for id, image in self._images.items() if id in ids}
            for result in results:
                item = QtWidgets.QListWidgetItem()
                item.setData(ID, result.id)
                item.setToolTip(describe(result))
                item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, str(result.settings.get("prompt", "")))
                self.list.addItem(item)
        self._show_warnings(results[0] if results else None)
        self.list.setVisible(bool(results))
        self.title.setVisible(bool(results))
        self.empty.setVisible(not results)

    def _show_warnings(self, newest: Result | None) -> None:
        """Say what the artist should know of the newest result."""
        told = [] if newest is None else warnings(newest)
        name = "" if newest is None else short_name(str(newest.settings.get("prompt", "")))
        self.warning.setText(f"⚠ {name}: " + " ".join(told) if told else "")
        self.warning.setVisible(bool(told))

    def warned(self, id: str) -> bool:
        """Whether there is something to know of a result."""
        return bool(self._controller.history.get(id).warnings)

    def step(self, by: int) -> None:
        """Choose the next result (1, an older one) or the previous (-1)."""
        count = self.list.count()
        if count:
            row = self.list.currentRow()
            self.list.setCurrentRow((row + by) % count if row >= 0 else 0)
            self.list.scrollToItem(self.list.currentItem())

    def apply(self) -> None:
        """Insert the chosen result, the newest when none is chosen."""
        item = self.list.currentItem() or self.list.item(0)
        if item is not None:
            self._insert(item)

    def image(self, id: str) -> Any:
        """The thumbnail of a result."""
        if id not in self._images:
            self._images[id] = self._controller.history.get(id).thumb.image()
        return self._images[id]

    def _build_offer(self) -> Any:
        self.offer = QtWidgets.QFrame()
        self.offer.setFrameShape(QtWidgets.QFrame.Shape.StyledPanel)
        inside = QtWidgets.QGridLayout(self.offer)
        inside.setContentsMargins(6, 4, 6, 4)
        self.offer_words = QtWidgets.QLabel()
        self.offer_words.setWordWrap(True)
        self.take = QtWidgets.QPushButton(tr("Insert"))
        self.take.clicked.connect(self._take_offer)
        self.leave = QtWidgets.QPushButton(tr("Not now"))
        self.leave.clicked.connect(self._leave_offer)
        inside.addWidget(self.offer_words, 0, 0, 1, 2)
        inside.addWidget(self.take, 1, 0)
        inside.addWidget(self.leave, 1, 1)
        self.offer.hide()
        self._offered: list[Result] = []
        return self.offer

    def _show_offer(self, offers: list[Result]) -> None:
        self._offered = offers
        self.offer.setVisible(bool(offers))
        if offers:
            words = tr("Finished while the document was closed: {number}").format(number=len(offers))
            if any(result.never_saved for result in offers):
                words += "\n" + tr("Some are for a document that was never saved.")
            self.offer_words.setText(words)
            self.offer.setToolTip("\n".join(str(result.settings.get("prompt", "")) for result in offers))

    def _take_offer(self) -> None:
        if self._document is not None:
            by_job: dict[str, list[Result]] = {}
            for result in self._offered:
                by_job.setdefault(result.job, []).append(result)
            for results in by_job.values():
                self._controller.insert(self._document, results)
        self.offer.hide()

    def _leave_offer(self) -> None:
        self._controller.dismiss(self._offered)

    def _result(self, item: Any) -> Result:
        return self._controller.history.get(item.data(ID))

    def _insert(self, item: Any) -> None:
        self._clicked = time.monotonic()
        if self._document is not None:
            self._controller.insert(self._document, [self._result(item)])

    def _activated(self, item: Any) -> None:
        """Enter inserts as a click does; a double click, which also activates, has already inserted once."""
        if time.monotonic() - self._clicked > QtWidgets.QApplication.doubleClickInterval() / 1000:
            self._insert(item)

    def _open_menu(self, where: Any) -> None:
        item = self.list.itemAt(where) or self.list.currentItem()
        if item is None:
            return
        menu = QtWidgets.QMenu(self)
        menu.addAction(tr("Insert"), lambda: self._insert(item))
        menu.addAction(tr("Use these settings again"), lambda: self.wanted.emit(self._result(item).settings))
        menu.addSeparator()
        menu.addAction(tr("Remove from the history"), lambda: self._remove(item))
        menu.popup(self.list.viewport().mapToGlobal(where))

    def _remove(self, item: Any) -> None:
        if self._document is not None:
            self._controller.remove(self._document, self._result(item))


class _Tiles(QtWidgets.QStyledItemDelegate):
    """A thumbnail over the checker with a frame when it is chosen."""

    def __init__(self, view: HistoryView) -> None:
        super().__init__(view)
        self._view = view

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw one result."""
        box = QtCore.QRect(0, 0, SIDE, SIDE)
        box.moveCenter(option.rect.center())
        over_checker(painter, box, self._view.image(index.data(ID)), self._view)
        if self._view.warned(index.data(ID)):
            corner = QtCore.QRect(box.right() - BADGE, box.y(), BADGE, BADGE)
            painter.fillRect(corner, QtGui.QColor(COLOURS["lost"]))
            painter.setPen(QtGui.QColor("black"))
            painter.drawText(corner, QtCore.Qt.AlignmentFlag.AlignCenter, "!")
        state = QtWidgets.QStyle.StateFlag
        if option.state & (state.State_Selected | state.State_MouseOver):
            pen = QtGui.QPen(option.palette.color(QtGui.QPalette.ColorRole.Highlight), 2)
            painter.setPen(pen)
            painter.drawRect(box.adjusted(1, 1, -1, -1))

    def sizeHint(self, _option: Any, _index: Any) -> Any:  # noqa: N802
        """A square."""
        return QtCore.QSize(SIDE, SIDE)


def warnings(result: Result) -> list[str]:
    """What the artist should know of a result, in words."""
    return [tr(WARNINGS[code]) if code in WARNINGS else words for code, words in result.warnings]


def describe(result: Result) -> str:
    """A result's settings for a tool tip."""
    values = result.settings
    lines = [str(values.get("prompt", ""))]
    if values.get("negative"):
        lines.append(tr("without: {words}").format(words=values["negative"]))
    lines.append(f"{tr(mode_named(str(values.get('mode'))).title)} · {values.get('model')}")
    lines.append(tr("Seed {seed}").format(seed=values.get("seed")))
    if values.get("steps"):
        lines.append(tr("Steps") + f" {values['steps']}")
    if values.get("guidance") is not None:
        lines.append(tr("Guidance") + f" {values['guidance']}")
    if values.get("sampler"):
        lines.append(str(values["sampler"]))
    lines += warnings(result)
    lines.append(time.strftime("%Y-%m-%d %H:%M", time.localtime(result.made)))
    return "\n".join(lines)
