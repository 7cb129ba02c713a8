# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that asks for layers, and shows how far they are while they are made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from acetate_editor.jobs import RUNNING
from acetate_editor.messages import progress

from .i18n import tr
from .jobs import DocumentJob
from .qt import QtCore, QtGui, QtWidgets
from .ui.theme import ACCENT, tool

BAR_SHARE = 0.3
"""How strongly the bar covers the button's own colour."""
PULSE_MS = 60
PULSE_WIDTH = 0.25


class GoButton(QtWidgets.QPushButton):
    """Says what it does; while jobs run it says how the first of them does, with a bar, and a click asks for more.

    `stop` is the cross that cancels that job; `stopping` carries it. `entered` and `left` tell of the pointer. The
    button takes the keyboard only by Tab, so that Krita's keys stay Krita's after a click.
    """

    stopping = QtCore.pyqtSignal(object)
    entered = QtCore.pyqtSignal()
    left = QtCore.pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self._jobs: list[DocumentJob] = []
        self._beat = 0.0
        self.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
        self.setMinimumHeight(round(self.fontMetrics().height() * 1.9))
        self.stop = tool("close", tr("Cancel this job"), self.stop_first)
        self.stop.hide()
        self._pulse = QtCore.QTimer(self)
        self._pulse.setInterval(PULSE_MS)
        self._pulse.timeout.connect(self._beat_on)

    @property
    def line(self) -> str:
        """What stands on it now."""
        if not self._jobs:
            return str(self.text())
        others = f" (+{len(self._jobs) - 1})" if len(self._jobs) > 1 else ""
        return progress(self._jobs[0], tr) + others

    @property
    def share(self) -> float | None:
        """How far the first job is, 0 to 1; None when that cannot be told."""
        return self._jobs[0].share if self._jobs else None

    def show_jobs(self, jobs: Sequence[DocumentJob]) -> None:
        """Show how jobs do, those that are drawn first."""
        busy = [job for job in jobs if job.busy]
        self._jobs = sorted(busy, key=lambda job: job.state != RUNNING)
        self.stop.setVisible(bool(busy))
        self.stop.setEnabled(bool(busy) and not self._jobs[0].cancelling)
        if self._jobs and self.share is None:
            self._pulse.start()
        else:
            self._pulse.stop()
        self.update()

    def stop_first(self) -> None:
        """Cancel the job that is shown."""
        if self._jobs:
            self.stopping.emit(self._jobs[0])

    def enterEvent(self, event: Any) -> None:  # noqa: N802
        """The pointer is on it."""
        super().enterEvent(event)
        self.entered.emit()

    def leaveEvent(self, event: Any) -> None:  # noqa: N802
        """The pointer has left it."""
        super().leaveEvent(event)
        self.left.emit()

    def paintEvent(self, event: Any) -> None:  # noqa: N802
        """Draw the button, and in it the bar and the line."""
        if not self._jobs:
            super().paintEvent(event)
            return
        option = QtWidgets.QStyleOptionButton()
        self.initStyleOption(option)
        option.text = ""
        painter = QtWidgets.QStylePainter(self)
        painter.drawControl(QtWidgets.QStyle.ControlElement.CE_PushButton, option)
        inside = self.rect().adjusted(2, 2, -2, -2)
        colour = QtGui.QColor(ACCENT)
        colour.setAlphaF(BAR_SHARE)
        painter.fillRect(self._bar(inside), colour)
        painter.fillRect(
            self._bar(QtCore.QRect(inside.x(), inside.bottom() - 2, inside.width(), 3)), QtGui.QColor(ACCENT)
        )
        painter.setPen(self.palette().color(QtGui.QPalette.ColorRole.ButtonText))
        words = inside.adjusted(4, 0, -4, 0)
        line = self.fontMetrics().elidedText(self.line, QtCore.Qt.TextElideMode.ElideRight, words.width())
        painter.drawText(words, QtCore.Qt.AlignmentFlag.AlignCenter, line)

    def _bar(self, inside: Any) -> Any:
        bar = QtCore.QRect(inside)
        if self.share is not None:
            bar.setWidth(round(inside.width() * self.share))
        else:
            bar.setWidth(round(inside.width() * PULSE_WIDTH))
            bar.moveLeft(inside.x() + round((inside.width() - bar.width()) * abs(1 - 2 * self._beat)))
        return bar

    def _beat_on(self) -> None:
        self._beat = (self._beat + 0.02) % 1.0
        self.update()
