# SPDX-License-Identifier: GPL-3.0-or-later
"""Models: what is on this computer, and what can be fetched, with size and licence before and progress meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from acetate_editor.downloads import Download, size_words
from acetate_wire.events import DownloadList, Event, ModelList

from ..daemon_connection import DaemonConnection
from ..i18n import tr
from ..qt import QtCore, QtGui, QtWidgets
from .building import button, card, grid_in, scrolled
from .theme import small, tool, warn

LOOK_MS = 700
SIZE = (460, 520)


class ModelsDialog(QtWidgets.QDialog):
    """Asks the daemon for its models and downloads as long as it is shown; `rows` are what can be fetched, by name."""

    def __init__(self, connection: DaemonConnection, parent: Any) -> None:
        super().__init__(parent)
        self._connection = connection
        self.rows: dict[str, DownloadRow] = {}
        self.setWindowTitle(tr("Models of Acetate"))
        self.resize(*SIZE)
        column = QtWidgets.QVBoxLayout(self)
        self.here = QtWidgets.QLabel()
        self.here.setWordWrap(True)
        self.here.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        column.addWidget(self.here)
        inner = QtWidgets.QWidget()
        self._column = QtWidgets.QVBoxLayout(inner)
        self._column.setSpacing(0)
        self._column.addStretch(1)
        column.addWidget(scrolled(inner), 1)
        self.note = small(QtWidgets.QLabel())
        self.note.setWordWrap(True)
        column.addWidget(self.note)
        buttons = QtWidgets.QHBoxLayout()
        self.folder = button(tr("Open LoRA folder"), lambda: open_lora_folder(connection))
        closing = button(tr("Close"), self.hide)
        buttons.addWidget(self.folder)
        buttons.addStretch(1)
        buttons.addWidget(closing)
        column.addLayout(buttons)
        connection.event_received.connect(self._take)
        self._timer = QtCore.QTimer(self)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def showEvent(self, event: Any) -> None:  # noqa: N802
        """Look at once, and again and again."""
        super().showEvent(event)
        self._connection.rescan()
        self._show_here()
        self._look()
        self._timer.start()

    def hideEvent(self, event: Any) -> None:  # noqa: N802
        """Downloads go on; nobody looks."""
        super().hideEvent(event)
        self._timer.stop()

    def _look(self) -> None:
        if self._connection.connected:
            self._connection.client.ask("downloads")
            self._connection.wake()
        self.folder.setEnabled(bool(self._connection.lora_folder))
        self.note.setText(
            tr("Sizes, licences and files come from huggingface.co. Downloads go on when this window is closed.")
            if self._connection.connected
            else self._connection.state.line
        )

    def _take(self, event: Event) -> None:
        if isinstance(event, DownloadList):
            for download in self._connection.downloads:
                if download.name not in self.rows:
                    self.rows[download.name] = DownloadRow(download.name, self._connection)
                    self._column.insertWidget(self._column.count() - 1, self.rows[download.name])
                finished = self.rows[download.name].show_download(download)
                if finished:
                    self._connection.rescan()
        elif isinstance(event, ModelList):
            self._show_here()

    def _show_here(self) -> None:
        ready = [str(model["name"]) for model in self._connection.models if not model.get("missing")]
        loras = {name for model in self._connection.models for name in model.get("loras", ())}
        lines = [tr("On this computer: {models}").format(models=", ".join(ready) or tr("none"))]
        lines.append(tr("LoRAs: {names}").format(names=", ".join(sorted(loras)) or tr("none")))
        self.here.setText("\n".join(lines))


class DownloadRow(QtWidgets.QFrame):
    """Something that can be fetched: its licence is shown, and agreed to, before anything is."""

    def __init__(self, name: str, connection: DaemonConnection) -> None:
        super().__init__()
        self._connection = connection
        self._name = name
        self._was_busy = False
        self._download = Download(name)
        grid = grid_in(self, 3, (4, 6, 4, 6))
        self.title = QtWidgets.QLabel()
        self.about = small(QtWidgets.QLabel())
        self.about.setWordWrap(True)
        self.about.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.get = button(tr("Get …"), lambda: self._agree(True))
        self.stop = tool("close", tr("Cancel"), lambda: self._ask("cancel_download"))
        self.done = QtWidgets.QLabel("✓")
        self.done.setToolTip(tr("On this computer"))
        self.bar = QtWidgets.QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setFixedHeight(6)
        grid.addWidget(self.title, 0, 0)
        for widget in (self.get, self.stop, self.done):
            grid.addWidget(widget, 0, 1, QtCore.Qt.AlignmentFlag.AlignRight)
        grid.addWidget(self.about, 1, 0, 1, 2)
        grid.addWidget(self.bar, 2, 0, 1, 2)
        grid.addWidget(self._build_agreement(), 3, 0, 1, 2)
        self.setFrameShape(QtWidgets.QFrame.Shape.NoFrame)

    def show_download(self, download: Download) -> bool:
        """Show how it is now; True when it has just come to its end."""
        self._download = download
        self.title.setText(download.title(tr))
        self.about.setText(download.about(tr))
        self.get.setVisible(not download.here and not download.busy and self.agreement.isHidden())
        self.get.setEnabled(download.bytes is not None)
        self.stop.setVisible(download.busy)
        self.done.setVisible(download.here and not download.busy)
        self.bar.setVisible(download.busy)
        share = download.share
        self.bar.setRange(0, 0 if share is None else 1000)
        self.bar.setValue(round(1000 * (share or 0)))
        finished = self._was_busy and not download.busy
        self._was_busy = download.busy
        return finished

    def _build_agreement(self) -> Any:
        self.agreement = QtWidgets.QFrame()
        card(self.agreement)
        grid = grid_in(self.agreement, 2, (6, 4, 6, 4))
        self.terms = QtWidgets.QLabel()
        self.terms.setWordWrap(True)
        self.terms.setTextFormat(QtCore.Qt.TextFormat.PlainText)
        self.warning = QtWidgets.QLabel()
        self.warning.setWordWrap(True)
        self.agreed = QtWidgets.QCheckBox()
        self.read = button(tr("Read the licence"), lambda: _open(QtCore.QUrl(self._download.terms)))
        self.fetch = button("", self._begin)
        self.agreed.toggled.connect(self.fetch.setEnabled)
        not_now = button(tr("Not now"), lambda: self._agree(False))
        grid.addWidget(self.terms, 0, 0, 1, 3)
        grid.addWidget(self.warning, 1, 0, 1, 3)
        row = QtWidgets.QHBoxLayout()
        for widget in (self.read, not_now, self.fetch):
            row.addWidget(widget)
        grid.addWidget(self.agreed, 2, 0, 1, 3)
        grid.addLayout(row, 3, 0, 1, 3)
        self.agreement.hide()
        return self.agreement

    def _agree(self, shown: bool) -> None:
        """Show the licence before anything is fetched, or leave it."""
        download = self._download
        self.terms.setText(tr("Licence: {licence}").format(licence=download.licence or tr("not stated")))
        self.warning.setText(download.warning(tr))
        self.warning.setVisible(bool(download.warning(tr)))
        warn(self.warning)
        self.agreed.setText(tr("I have read {licence} and agree to it").format(licence=", ".join(download.to_accept)))
        self.agreed.setChecked(False)
        self.agreed.setVisible(bool(download.to_accept))
        self.fetch.setEnabled(not download.to_accept)
        self.read.setEnabled(bool(download.terms))
        self.fetch.setText(tr("Fetch {size}").format(size=size_words(download.bytes)))
        self.agreement.setVisible(shown)
        self.get.setVisible(not shown)

    def _begin(self) -> None:
        self._agree(False)
        self._ask("download", accept=self._download.to_accept)

    def _ask(self, kind: str, **fields: Any) -> None:
        self._connection.client.ask(kind, {"name": self._name, **fields})
        self._connection.wake()


def open_lora_folder(connection: DaemonConnection) -> None:
    """Show the folder of LoRA files in the system's file manager; made where it is not there yet."""
    folder = connection.lora_folder
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        _open(QtCore.QUrl.fromLocalFile(folder))


def _open(url: Any) -> None:
    QtGui.QDesktopServices.openUrl(url)
