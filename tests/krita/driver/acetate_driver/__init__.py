# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what a test sends over a local socket, on Krita's own thread, and answers with JSON.

A request is one line of JSON: a string of Python whose last expression is the answer. Names stay from one request to
the next. `beat` holds the longest gap between two beats of a 5 ms timer since `beat.reset()`.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import time
import traceback
from typing import Any

from krita import Extension, Krita
from PyQt5.QtCore import QTimer
from PyQt5.QtNetwork import QLocalServer


class Beat(QTimer):
    """A heartbeat of the user interface."""

    def __init__(self) -> None:
        super().__init__()
        self.reset()
        self.timeout.connect(self._beat)
        self.setInterval(5)

    def reset(self) -> None:
        self.last = time.perf_counter()
        self.longest = 0.0

    def _beat(self) -> None:
        now = time.perf_counter()
        self.longest = max(self.longest, now - self.last)
        self.last = now


class Driver(Extension):
    """Listens from the moment that Krita's window can be seen."""

    def setup(self) -> None:
        beat = Beat()
        beat.start()
        self.names: dict[str, Any] = {"Krita": Krita, "beat": beat, "raw": raw}
        self.waiting = QTimer()
        self.waiting.timeout.connect(self.listen_when_ready)
        self.waiting.start(50)

    def createActions(self, window: Any) -> None:  # noqa: N802
        pass

    def listen_when_ready(self) -> None:
        window = Krita.instance().activeWindow()
        if window is None or not window.qwindow().isVisible():
            return
        self.waiting.stop()
        self.server = QLocalServer()
        self.server.newConnection.connect(self.greet)
        assert self.server.listen(os.environ["ACETATE_DRIVER"]), self.server.errorString()

    def greet(self) -> None:
        socket = self.server.nextPendingConnection()
        socket.readyRead.connect(lambda: self.answer(socket))

    def answer(self, socket: Any) -> None:
        while socket.canReadLine():
            try:
                value = self.run(json.loads(bytes(socket.readLine())))
                out = {"value": value}
                json.dumps(out)
            except BaseException:
                out = {"error": traceback.format_exc()}
            socket.write(json.dumps(out).encode() + b"\n")

    def run(self, source: str) -> Any:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "<test>", "exec"), self.names)
        return (
            None
            if not isinstance(last, ast.Expr)
            else eval(compile(ast.Expression(last.value), "<test>", "eval"), self.names)
        )


def raw(data: Any) -> str:
    """Bytes as text for the answer."""
    return base64.b64encode(bytes(data)).decode()


Krita.instance().addExtension(Driver(Krita.instance()))
