# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of finished layers: a heading for each request, its words and its time, and below it the thumbnails."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from ..controller import JobController
from ..document.insert import subject
from ..i18n import mark, tr
from ..modes import mode_named
from ..qt import QtCore, QtGui, QtWidgets
from ..results import Result
from .theme import COLOURS, icon, over_checker, plain

SIDE = 72
GAP = 4
BADGE = 14
FULL_WIDTH = 9999
"""Wider than any list: what has this width stands in a row of its own."""
WARNINGS = {"opaque": mark("It covers everything: nothing in it is transparent.")}
"""What is said of layers by the code of a warning; without a code of these, the daemon's own words."""
ID = QtCore.Qt.ItemDataRole.UserRole
HEADING = ID + 1


class ResultList(QtWidgets.QListWidget):
    """Results of one document. `escaped` tells of Escape, `star_clicked` carries a result whose star was clicked."""

    escaped = QtCore.pyqtSignal()
    star_clicked = QtCore.pyqtSignal(str)

    def __init__(self, controller: JobController) -> None:
        super().__init__()
        self.controller = controller
        self.ids: list[str] = []
        self._images: dict[str, Any] = {}
        self.setViewMode(QtWidgets.QListView.ViewMode.IconMode)
        self.setMovement(QtWidgets.QListView.Movement.Static)
        self.setResizeMode(QtWidgets.QListView.ResizeMode.Adjust)
        self.setHorizontalScrollBarPolicy(QtCore.Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIconSize(QtCore.QSize(SIDE, SIDE))
        self.setMinimumHeight(SIDE + self.heading_height + 3 * GAP)
        self.setItemDelegate(_Tiles(self))
        self.setAccessibleName(tr("History"))
        self.setContextMenuPolicy(QtCore.Qt.ContextMenuPolicy.CustomContextMenu)
        self.setMouseTracking(True)

    @property
    def heading_height(self) -> int:
        """Pixels that a heading takes."""
        return int(self.fontMetrics().height() * 1.3)

    def show_results(self, results: Sequence[Result]) -> None:
        """Show these, the newest request first; what is chosen stays chosen."""
        ids = [result.id for result in results]
        if ids == self.ids:
            self.viewport().update()
            return
        chosen = self.chosen
        self.ids = ids
        self._images = {id: image for id, image in self._images.items() if id in ids}
        self.clear()
        job = ""
        for result in results:
            if result.job != job:
                job = result.job
                self.addItem(_heading(result))
            item = QtWidgets.QListWidgetItem()
            item.setData(ID, result.id)
            item.setToolTip(plain(describe(result)))
            item.setData(QtCore.Qt.ItemDataRole.AccessibleTextRole, result.prompt)
            self.addItem(item)
        if chosen in ids:
            self.choose(chosen)

    @property
    def chosen(self) -> str:
        """The id of the chosen result; empty for none."""
        item = self.currentItem()
        return str(item.data(ID) or "") if item is not None and item.isSelected() else ""

    def choose(self, id: str) -> None:
        """Choose a result."""
        item = self.tile(self.ids.index(id))
        self.setCurrentItem(item)
        self.scrollToItem(item)

    def tile(self, number: int) -> Any:
        """The item of a result, the newest being number 0."""
        tiles = [self.item(row) for row in range(self.count()) if self.item(row).data(ID)]
        return tiles[number]

    def image(self, id: str) -> Any:
        """The thumbnail of a result."""
        if id not in self._images:
            self._images[id] = self.controller.history.get(id).thumb.image()
        return self._images[id]

    def keyPressEvent(self, event: Any) -> None:  # noqa: N802
        """Escape ends what was begun here."""
        if event.key() == QtCore.Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: Any) -> None:  # noqa: N802
        """A click on the star of a tile keeps the result, and does nothing else."""
        item = self.itemAt(event.pos())
        id = "" if item is None else str(item.data(ID) or "")
        left = event.button() == QtCore.Qt.MouseButton.LeftButton
        if id and left and star_box(tile_box(self.visualItemRect(item))).contains(event.pos()):
            self.star_clicked.emit(id)
        else:
            super().mousePressEvent(event)


class _Tiles(QtWidgets.QStyledItemDelegate):
    """Headings, and thumbnails over the checker with a frame when they are chosen."""

    def __init__(self, view: ResultList) -> None:
        super().__init__(view)
        self._view = view
        self._stars = [icon(name, view, 16, QtGui.QColor("white")) for name in ("star", "starred")]

    def paint(self, painter: Any, option: Any, index: Any) -> None:
        """Draw one item."""
        if index.data(ID):
            self._paint_tile(painter, option, index.data(ID))
        else:
            self._paint_heading(painter, option, *index.data(HEADING))

    def sizeHint(self, _option: Any, index: Any) -> Any:  # noqa: N802
        """A square, or a row of its own."""
        if index.data(ID):
            return QtCore.QSize(SIDE + GAP, SIDE + GAP)
        return QtCore.QSize(FULL_WIDTH, self._view.heading_height)

    def _paint_heading(self, painter: Any, option: Any, words: str, when: str) -> None:
        box = QtCore.QRect(option.rect)
        box.setWidth(self._view.viewport().width() - GAP)
        box.setLeft(GAP)
        painter.save()
        # A heading cannot be chosen, which must not make it grey.
        ink = option.palette.color(QtGui.QPalette.ColorGroup.Active, QtGui.QPalette.ColorRole.Text)
        dim = QtGui.QColor(ink)
        dim.setAlphaF(0.7)
        metrics, align = option.fontMetrics, QtCore.Qt.AlignmentFlag
        painter.setPen(dim)
        painter.drawText(box, align.AlignRight | align.AlignVCenter, when)
        room = box.width() - metrics.horizontalAdvance(when) - 2 * GAP
        painter.setPen(ink)
        shown = metrics.elidedText(words, QtCore.Qt.TextElideMode.ElideRight, room)
        painter.drawText(box, align.AlignLeft | align.AlignVCenter, shown)
        painter.restore()

    def _paint_tile(self, painter: Any, option: Any, id: str) -> None:
        result, box = self._view.controller.history.get(id), tile_box(option.rect)
        state = QtWidgets.QStyle.StateFlag
        painter.save()
        over_checker(painter, box, self._view.image(id), self._view)
        if result.warnings:
            corner = QtCore.QRect(box.x(), box.y(), BADGE, BADGE)
            painter.fillRect(corner, QtGui.QColor(COLOURS["lost"]))
            painter.setPen(QtGui.QColor("black"))
            painter.drawText(corner, QtCore.Qt.AlignmentFlag.AlignCenter, "!")
        if result.siblings > 1:
            corner = QtCore.QRect(box.x(), box.bottom() - BADGE + 1, BADGE, BADGE)
            painter.fillRect(corner, QtGui.QColor(0, 0, 0, 170))
            painter.setPen(QtGui.QColor("white"))
            painter.drawText(corner, QtCore.Qt.AlignmentFlag.AlignCenter, str(result.number))
        starred = self._view.controller.store.starred(id)
        if starred or option.state & state.State_MouseOver:
            painter.setBrush(QtGui.QColor(0, 0, 0, 170))
            painter.setPen(QtCore.Qt.PenStyle.NoPen)
            painter.drawRect(star_box(box))
            self._stars[starred].paint(painter, star_box(box))
        if option.state & (state.State_Selected | state.State_MouseOver):
            painter.setBrush(QtCore.Qt.BrushStyle.NoBrush)
            painter.setPen(QtGui.QPen(option.palette.color(QtGui.QPalette.ColorRole.Highlight), 2))
            painter.drawRect(box.adjusted(1, 1, -1, -1))
        painter.restore()


def tile_box(rect: Any) -> Any:
    """The thumbnail's square in the rectangle of its item."""
    box = QtCore.QRect(0, 0, SIDE, SIDE)
    box.moveCenter(rect.center())
    return box


def star_box(tile: Any) -> Any:
    """The corner of a tile that shows the star."""
    side = BADGE + GAP
    return QtCore.QRect(tile.right() - side + 1, tile.y(), side, side)


def _heading(result: Result) -> Any:
    item = QtWidgets.QListWidgetItem()
    item.setFlags(QtCore.Qt.ItemFlag.NoItemFlags)
    item.setData(HEADING, (subject(result), moment(result.made)))
    item.setToolTip(plain(result.prompt))
    return item


def moment(made: float) -> str:
    """A time of today as hours and minutes, another one with its date."""
    then, now = time.localtime(made), time.localtime()
    return time.strftime("%H:%M" if then[:3] == now[:3] else "%Y-%m-%d %H:%M", then)


def warnings(result: Result) -> list[str]:
    """What the artist should know of a result, in words."""
    return [tr(WARNINGS[code]) if code in WARNINGS else words for code, words in result.warnings]


def describe(result: Result) -> str:
    """A result's settings for a tool tip."""
    values = result.settings
    lines = [result.prompt]
    if result.siblings > 1:
        lines.append(tr("{number} of {count}").format(number=result.number, count=result.siblings))
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
    if values.get("clip_skip"):
        lines.append(tr("Clip skip") + f" {values['clip_skip']}")
    lines += warnings(result)
    lines.append(time.strftime("%Y-%m-%d %H:%M", time.localtime(result.made)))
    return "\n".join(lines)
