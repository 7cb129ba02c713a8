# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs what a test sends over a local socket, on Krita's own thread, and answers with JSON.

A request is one line of JSON: a string of Python whose last expression is the answer. Names stay from one request to
the next. `beat.longest` holds the longest gaps between two beats of a 5 ms timer since `beat.reset()`.
"""

from __future__ import annotations

import ast
import base64
import json
import os
import threading
import time
import traceback
from pathlib import Path
from typing import Any

from krita import Extension, Krita
from PyQt5.QtCore import QTimer
from PyQt5.QtNetwork import QLocalServer


class Beat(QTimer):
    """A heartbeat of the user interface. Of the longest gaps between two beats it holds milliseconds: as a clock sees
    them (`wall`), without the time in which the machine ran something else instead (`held`), and how long the user
    interface itself computed (`work`).
    """

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")
        self.reset()
        self.timeout.connect(self.beat)
        self.setInterval(5)

    def reset(self) -> None:
        self.last = self.now()
        self.longest = {"wall": 0.0, "held": 0.0, "work": 0.0}

    def now(self) -> dict[str, float]:
        wall, work = time.perf_counter() * 1e3, time.thread_time() * 1e3
        waited = int(self.schedule.read_text().split()[1]) / 1e6 if self.schedule.exists() else 0.0
        return {"wall": wall, "held": wall - waited, "work": work}

    def beat(self) -> None:
        now = self.now()
        self.longest = {name: max(longest, now[name] - self.last[name]) for name, longest in self.longest.items()}
        self.last = now


class Driver(Extension):
    """Listens from the moment that Krita's window can be seen."""

    def setup(self) -> None:
        beat = Beat()
        beat.start()
        self.names: dict[str, Any] = {"Krita": Krita, "beat": beat, "raw": raw}
        self.sockets: list[Any] = []
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
        # Only what holds the socket holds its lambda: unheld, both are a cycle that Python collects while Qt uses it.
        self.sockets.append(socket)
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
