# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection to the daemon: started when none runs, found again when it is lost, and told in plain words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from acetate_wire import connection, launch
from acetate_wire.client import Client
from acetate_wire.errors import AcetateError
from acetate_wire.events import Connected, Disconnected

from .i18n import tr
from .qt import QtCore

TICK_MS = 250
START_AFTER_S = 1.0
"""How long a daemon that was there before may stay silent before another is started."""
START_AGAIN_S = 20.0
STARTING, READY, LOST, ABSENT = "starting", "ready", "lost", "absent"


@dataclass(frozen=True)
class ConnectionState:
    """What the connection line says: one of the four kinds, a short line, and how to help it."""

    kind: str
    line: str
    hint: str = ""


class DaemonConnection(QtCore.QObject):
    """Owns the client. `event_received` carries its events, `state_changed` tells of a new state."""

    event_received = QtCore.pyqtSignal(object)
    state_changed = QtCore.pyqtSignal()

    def __init__(self, version: str, editor: str) -> None:
        super().__init__()
        self.client = Client("krita", version=version, editor=editor, copies=False)
        self.models: tuple[Mapping[str, Any], ...] = ()
        self.state = ConnectionState(STARTING, tr("Acetate is starting …"))
        self._device = ""
        self._welcomed = False
        self._silent_since = time.monotonic()
        self._started = float("-inf")
        self._failure: AcetateError | None = None
        self._pumping = False
        self._notifier = QtCore.QSocketNotifier(self.client.fileno(), QtCore.QSocketNotifier.Type.Read)
        self._notifier.activated.connect(self._wake)
        self._timer = QtCore.QTimer()
        self._timer.timeout.connect(self.pump)
        self._timer.start(TICK_MS)

    @property
    def device(self) -> str:
        """What the daemon computes on; empty before it has said so."""
        return self._device

    def pump(self) -> None:
        """Send and receive what can be without waiting, and hand out what happened; harmless at any time."""
        if self._pumping:
            return
        self._pumping = True
        try:
            events = self.client.pump()
            if not self.client.connected:
                self._start_if_due()
        finally:
            self._pumping = False
        for event in events:
            if isinstance(event, Connected):
                self.models, self._device, self._welcomed = event.models, event.device, True
            elif isinstance(event, Disconnected):
                self._silent_since = time.monotonic()
            self.event_received.emit(event)
        self._tell()
        if self.client.has_more:
            QtCore.QTimer.singleShot(0, self.pump)

    def close(self) -> None:
        """Leave; jobs go on in the daemon."""
        self._timer.stop()
        self._notifier.setEnabled(False)
        self.client.close()

    def _wake(self, *_descriptor: Any) -> None:
        self.pump()

    def _start_if_due(self) -> None:
        now = time.monotonic()
        wait = START_AFTER_S if self._welcomed or self._found() else 0.0
        if now - self._silent_since < wait or now - self._started < START_AGAIN_S:
            return
        self._started = now
        try:
            launch.start_daemon()
            self._failure = None
        except AcetateError as error:
            self._failure = error
        except OSError as error:
            self._failure = AcetateError("not_allowed", str(error), hint=tr("install Acetate again"))

    def _found(self) -> bool:
        try:
            return connection.find() is not None
        except AcetateError:
            return True

    def _tell(self) -> None:
        state = self._state()
        if state != self.state:
            self.state = state
            self.state_changed.emit()

    def _state(self) -> ConnectionState:
        if self.client.connected:
            return ConnectionState(READY, tr("Ready on {device}").format(device=device_name(self._device)))
        problem = self.client.problem
        if self._failure is not None:
            hint = tr("Install it, then run “acetate serve” once in a terminal. This line turns green by itself.")
            return ConnectionState(ABSENT, tr("Acetate is not installed"), f"{hint}\n\n{self._failure.message}")
        if problem is not None:
            return ConnectionState(LOST, tr("Cannot connect, trying again …"), str(problem))
        if self._welcomed:
            return ConnectionState(LOST, tr("Connection lost, trying again …"), tr("Your layers are safe: jobs go on."))
        return ConnectionState(STARTING, tr("Acetate is starting …"))


def device_name(device: str) -> str:
    """A device as artists call it."""
    if device.startswith("cuda"):
        return tr("the graphics card")
    if device.startswith("mps"):
        return tr("the Apple graphics chip")
    return tr("the processor") if device == "cpu" else device
