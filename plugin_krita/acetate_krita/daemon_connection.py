# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the daemon in Krita: pumped by a timer and by the socket's own notifier."""

from __future__ import annotations

from functools import partial

from acetate_editor.connection import EditorConnection
from acetate_wire.client import Client
from acetate_wire.events import Event
from acetate_wire.launch import start_daemon

from .i18n import tr
from .qt import QtCore

TICK_MS = 250


class DaemonConnection(EditorConnection, QtCore.QObject):
    """The one connection of this Krita; starts the daemon by itself whenever there is none.

    `event_received` carries the client's events, `state_changed` tells of a new state.
    """

    event_received = QtCore.pyqtSignal(object)
    state_changed = QtCore.pyqtSignal()

    def __init__(self, version: str, editor: str) -> None:
        QtCore.QObject.__init__(self)
        open_client = partial(Client, "krita", version=version, editor=editor, copies=False)
        EditorConnection.__init__(self, open_client, start_daemon, tr)
        self._shown = self.state
        self._pumping = False
        self._notifier = QtCore.QSocketNotifier(self.client.fileno(), QtCore.QSocketNotifier.Type.Read)
        self._notifier.activated.connect(lambda *_descriptor: self.pump())
        self._timer = QtCore.QTimer()
        self._timer.timeout.connect(self.pump)
        self._timer.start(TICK_MS)

    def pump(self) -> list[Event]:
        """Send and receive what can be without waiting, and hand out what happened; harmless at any time."""
        if self._pumping:
            return []
        self._pumping = True
        try:
            events = EditorConnection.pump(self)
            self.start_if_due()
        finally:
            self._pumping = False
        for event in events:
            self.event_received.emit(event)
        if self.state != self._shown:
            self._shown = self.state
            self.state_changed.emit()
        if self.client.has_more:
            self.wake()
        return events

    def wake(self) -> None:
        """Pump when the present event of Krita's has been dealt with: the notifier tells only of what comes later."""
        QtCore.QTimer.singleShot(0, self.pump)
