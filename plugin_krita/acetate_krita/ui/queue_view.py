# SPDX-License-Identifier: GPL-3.0-or-later
"""The queue: a row for each job with its progress, a live preview, and what went wrong in plain words."""

from __future__ import annotations

from typing import Any, Callable

from acetate_editor.jobs import RUNNING, SAVING, WAITING
from acetate_editor.messages import progress, reason
from acetate_wire.events import Picture
from krita import Document

from ..controller import JobController
from ..document.insert import short_name
from ..i18n import tr
from ..jobs import DocumentJob
from ..modes import UNASKED, mode_named
from ..qt import QtCore, QtGui, QtWidgets
from .building import add, card, column_in, grid_in
from .theme import ElidedLabel, over_checker, plain, small, tool

PREVIEW_HEIGHT = 150


class QueueView(QtWidgets.QWidget):
    """All jobs on their way; `rows` are their rows by the job's id."""

    def __init__(self, controller: JobController) -> None:
        super().__init__()
        self._controller = controller
        self._document: Document | None = None
        self.rows: dict[str, JobRow] = {}
        self._column = column_in(self)
        self._column.addLayout(self._build_all())
        self._rows = column_in(None, 4)
        self._column.addLayout(self._rows)
        self.preview = Preview()
        self._column.addWidget(self.preview)
        controller.jobs_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the jobs as they are now."""
        jobs = {job.id: job for job in self._controller.shown(self._document)}
        for id in [id for id in self.rows if id not in jobs]:
            row = self.rows.pop(id)
            row.hide()
            row.deleteLater()
        for id, job in jobs.items():
            if id not in self.rows:
                self.rows[id] = JobRow(job, self._controller)
                self._rows.addWidget(self.rows[id])
            self.rows[id].refresh()
        shown = [job.preview for job in jobs.values() if job.preview is not None]
        self.preview.show_image(_image(shown[0]) if shown else None)
        self.cancel_all.setVisible(sum(job.busy for job in jobs.values()) > 1)
        self.clear_failed.setVisible(sum(not job.busy for job in jobs.values()) > 1)
        self.setVisible(bool(jobs))

    def show_document(self, document: Document | None) -> None:
        """Show what failed of this document only."""
        self._document = document
        self.refresh()

    def _build_all(self) -> Any:
        row = QtWidgets.QHBoxLayout()
        row.addStretch(1)
        self.cancel_all = _link(tr("Cancel all"), self._controller.cancel_all)
        self.clear_failed = _link(tr("Clear failed"), lambda: self._controller.clear_failed(self._document))
        add(row, self.cancel_all, self.clear_failed)
        return row


class JobRow(QtWidgets.QFrame):
    """One job."""

    def __init__(self, job: DocumentJob, controller: JobController) -> None:
        super().__init__()
        self._job = job
        self._controller = controller
        card(self)
        grid = grid_in(self, 2, (6, 3, 3, 5))
        self.name = ElidedLabel(_name(job))
        self.name.setToolTip(plain(f"{job.form.prompt}\n{job.title}"))
        self.again = tool("again", tr("Try again"), lambda: controller.retry(job))
        self.report = tool("copy", tr("Copy report"), self._copy_report)
        self.stop = tool("close", tr("Cancel"), lambda: controller.cancel(job))
        grid.addWidget(self.name, 0, 0)
        for column, button in enumerate((self.again, self.report, self.stop), start=1):
            grid.addWidget(button, 0, column)
        self.words = small(ElidedLabel())
        grid.addWidget(self.words, 1, 0, 1, 4)
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        grid.addWidget(self.bar, 2, 0, 1, 4)
        self.reason = small(QtWidgets.QLabel())
        self.reason.setWordWrap(True)
        self.reason.setTextInteractionFlags(QtCore.Qt.TextInteractionFlag.TextSelectableByMouse)
        grid.addWidget(self.reason, 3, 0, 1, 4)
        self.wait = QtWidgets.QPushButton(tr("Draw it all the same"))
        self.wait.clicked.connect(lambda _checked: controller.retry(job))
        grid.addWidget(self.wait, 4, 0, 1, 4)
        grid.setColumnStretch(0, 1)

    def refresh(self) -> None:
        """Show the job as it is now."""
        job = self._job
        failed = not job.busy
        self.again.setVisible(failed and not job.would_take_hours)
        self.wait.setVisible(failed and job.would_take_hours)
        self.report.setVisible(failed)
        self.stop.setToolTip(tr("Dismiss") if failed else tr("Cancel"))
        self.stop.setEnabled(failed or not (job.cancelling or job.state == SAVING))
        self.bar.setVisible(not failed)
        self.words.setVisible(not failed)
        self.reason.setVisible(failed)
        if failed:
            self.reason.setText(f"<b>{reason(job.code, tr)}</b><br>{_plain(job.explanation)}")
            return
        self.words.setText(progress(job, tr))
        self.bar.setRange(0, job.steps if job.state == RUNNING and job.steps else 0)
        self.bar.setValue(job.step)
        if job.state == WAITING:
            self.bar.setRange(0, 1)
            self.bar.setValue(0)

    def _copy_report(self) -> None:
        QtGui.QGuiApplication.clipboard().setText(self._controller.report(self._job))


class Preview(QtWidgets.QWidget):
    """The layer as it stands while it is being drawn, over the checker."""

    def __init__(self) -> None:
        super().__init__()
        self._image: Any | None = None
        self.setFixedHeight(PREVIEW_HEIGHT)
        self.hide()

    def show_image(self, image: Any | None) -> None:
        """Show a picture, or nothing."""
        self._image = image
        self.setVisible(image is not None)
        self.update()

    def paintEvent(self, _event: Any) -> None:  # noqa: N802
        """Draw it as large as it fits."""
        if self._image is not None:
            over_checker(QtGui.QPainter(self), self.rect(), self._image, self)


def _link(words: str, pressed: Callable[[], None]) -> Any:
    button = small(QtWidgets.QToolButton())
    button.setText(words)
    button.setAutoRaise(True)
    button.setFocusPolicy(QtCore.Qt.FocusPolicy.TabFocus)
    button.clicked.connect(lambda _checked: pressed())
    return button


def _name(job: DocumentJob) -> str:
    mode = mode_named(job.form.mode)
    return (short_name(job.form.prompt) if mode.words != UNASKED else "") or tr(mode.title)


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _image(picture: Picture) -> Any:
    head = picture.header
    kind = QtGui.QImage.Format.Format_RGBA8888
    return QtGui.QImage(bytes(picture.pixels), head.width, head.height, head.width * 4, kind).copy()
