"""A real Krita on a screen of its own, driven by a test."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acetate.plugin_packaging import path_beside

HERE = Path(__file__).parent
PATIENCE_S = 60.0
START_S = 300.0
SCREEN = (3200, 2000)
SETTINGS = """HideSplash=true
useOpenGL=false
pasteBehaviour=0
canvasState=OPENGL_NOT_TRIED

[python]
enable_acetate_driver=true
"""


class Screen:
    """An X server without a monitor."""

    def __init__(self, number: int) -> None:
        self.display = f":{number}"
        size = "x".join(map(str, SCREEN))
        self.process = subprocess.Popen(
            ["Xvfb", self.display, "-screen", "0", f"{size}x24", "-nolisten", "tcp"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE_S
        while not Path(f"/tmp/.X11-unix/X{number}").exists():
            assert self.process.poll() is None and time.monotonic() < end, "Xvfb did not start"
            time.sleep(0.02)

    def close(self) -> None:
        """Switch it off."""
        self.process.terminate()
        self.process.wait()


class KritaError(AssertionError):
    """What a test sent to Krita went wrong there; the message is Krita's own traceback."""


class Krita:
    """One Krita process with a home folder of its own; `run` executes Python on its UI thread."""

    def __init__(self, home: Path, screen: Screen, environment: Mapping[str, str], language: str = "C") -> None:
        self.home = home
        self.display = screen.display
        self.address = str(home / "driver")
        self.environment = {**os.environ, **isolated(home), **environment}
        self.environment.update(
            DISPLAY=screen.display,
            QT_QPA_PLATFORM="xcb",
            QT_XCB_GL_INTEGRATION="none",
            LANG="C.UTF-8",
            ACETATE_DRIVER=self.address,
            ACETATE_LANGUAGE=language,
        )
        for name in ("LC_ALL", "LANGUAGE", "PYTHONPATH", "VIRTUAL_ENV"):
            self.environment.pop(name, None)
        self.process: subprocess.Popen[bytes] | None = None
        self.waited_for = False
        """Whether an answer is still to come: a test was ended while it waited, so that Krita may hang."""

    def start(self) -> Krita:
        """Start, and wait until it listens."""
        Path(self.address).unlink(missing_ok=True)
        self.log = (self.home / "krita.log").open("ab")
        self.process = subprocess.Popen(
            ["krita", "--nosplash"], env=self.environment, stdout=self.log, stderr=self.log, cwd=self.home
        )
        end = time.monotonic() + START_S
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(self.address)
                break
            except OSError:
                self.socket.close()
                assert self.process.poll() is None, f"Krita ended: {self.report()}"
                assert time.monotonic() < end, f"Krita did not start: {self.report()}"
                time.sleep(0.05)
        self.socket.settimeout(PATIENCE_S)
        self.lines = self.socket.makefile("rb")
        self.waited_for = False
        return self

    def report(self) -> str:
        """The end of what Krita wrote."""
        return (self.home / "krita.log").read_text(errors="replace")[-3000:]

    def run(self, source: str) -> Any:
        """Run Python on Krita's UI thread; the value of the last expression comes back (through JSON)."""
        self.waited_for = True
        self.socket.sendall(json.dumps(source).encode() + b"\n")
        line = self.lines.readline()
        assert line, f"Krita ended: {self.report()}"
        self.waited_for = False
        answer = json.loads(line)
        if "error" in answer:
            raise KritaError(answer["error"])
        return answer["value"]

    def bytes(self, source: str) -> bytes:
        """The bytes-like value of an expression."""
        return base64.b64decode(self.run(f"raw({source})"))

    def until(self, source: str, patience: float = PATIENCE_S) -> None:
        """Wait until an expression becomes true."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if self.run(f"bool({source})"):
                return
            time.sleep(0.03)
        raise AssertionError(f"waited {patience:g} seconds in vain for: {source}")

    def xdotool(self, *arguments: str) -> None:
        """Move the mouse, click, type."""
        environment = {**self.environment, "DISPLAY": self.display}
        subprocess.run(["xdotool", *arguments], check=True, timeout=PATIENCE_S, env=environment)

    def mouse(self, x: int, y: int, button: int = 1) -> None:
        """Click a place of the screen, in Qt's own coordinates."""
        scale = int(self.environment.get("QT_SCALE_FACTOR", "1"))
        self.xdotool("mousemove", str(x * scale), str(y * scale), "click", str(button))

    def click(self, widget: str) -> None:
        """Click the middle of a widget that an expression names."""
        self.mouse(*self.run(f"_at = {widget}\n_at = _at.mapToGlobal(_at.rect().center())\n[_at.x(), _at.y()]"))

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.socket.close()
        self.log.close()

    def quit(self) -> None:
        """End it as an artist would, without saving."""
        assert self.process is not None
        if self.waited_for:
            self.kill()
            return
        if self.process.poll() is None:
            self.run(
                "for d in Krita.instance().documents(): d.setModified(False)\n"
                "from PyQt5.QtCore import QTimer\n"
                "QTimer.singleShot(0, lambda: Krita.instance().action('file_quit').trigger())"
            )
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        self.socket.close()
        self.log.close()


def prepare(home: Path) -> None:
    """Write Krita's settings and put the driver in; the docker itself comes by its own installer."""
    places = isolated(home)
    (Path(places["XDG_CONFIG_HOME"]) / "kritarc").write_text(SETTINGS)
    (Path(places["XDG_CONFIG_HOME"]) / "kritadisplayrc").write_text("OpenGLRenderer=none\n")
    plugins = Path(places["XDG_DATA_HOME"]) / "krita" / "pykrita"
    shutil.copytree(HERE / "driver", plugins, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))


def isolated(home: Path) -> dict[str, str]:
    """An environment whose home, settings and caches are all below `home`; the folders are made."""
    places = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / "config",
        "XDG_DATA_HOME": home / "data",
        "XDG_CACHE_HOME": home / "cache",
        "XDG_RUNTIME_DIR": home / "runtime",
    }
    for folder in places.values():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {"PATH": path_beside("krita"), **{name: str(folder) for name, folder in places.items()}}
