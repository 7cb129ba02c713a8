"""Real Blenders for tests: each with folders of its own, driven call by call, killed at will."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acetate.plugin_packaging import path_beside

ROOT = Path(__file__).parents[2]
DRIVER = Path(__file__).parent / "inside" / "driver.py"
EDITORS = ROOT / ".editors"
MARK = "@@ACETATE "
PATIENCE_S = 240.0
HINT = "Blender is missing: .ci/editors installs it"


@dataclass(frozen=True)
class Release:
    """A Blender that the tests can run: its version and the start of its command."""

    name: str
    command: tuple[str, ...]

    @property
    def is_legacy(self) -> bool:
        """Whether it knows no extensions."""
        return self.name == "3.4"


def release(name: str) -> Release | None:
    """The Blender of that version, if it is on this machine."""
    if name == "3.4":
        program = shutil.which("blender")
        return Release(name, (program,)) if program else None
    python = EDITORS / f"bpy-{name}" / "bin" / "python"
    return Release(name, (str(python),)) if (python.parents[1] / "ready").exists() else None


class Blender:
    """A running Blender. `call` runs a function of the modules in `inside` and returns its value."""

    def __init__(
        self,
        release: Release,
        home: Path,
        environment: dict[str, str],
        display: str = "",
        size: tuple[int, int] = (1600, 1000),
    ) -> None:
        self.release = release
        self.size = size
        self.home = home
        self.display = display
        self.environment = {
            **environment,
            "PATH": path_beside("blender"),
            "BLENDER_USER_CONFIG": str(home / "config"),
            "BLENDER_USER_SCRIPTS": str(home / "scripts"),
            "BLENDER_USER_EXTENSIONS": str(home / "extensions"),
            "BLENDER_USER_DATAFILES": str(home / "data"),
            "HOME": str(home),
            "OMP_NUM_THREADS": "1",
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        self.environment.pop("PYTHONPATH", None)
        self.said: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._waited_for = False

    def start(self) -> Blender:
        """Start it with its factory settings (and what the tests changed of its preferences)."""
        for name in ("config", "scripts", "extensions", "data"):
            (self.home / name).mkdir(parents=True, exist_ok=True)
        command = [*self.release.command]
        if self.release.is_legacy:
            command += ["--window-geometry", "0", "0", *map(str, self.size)] if self.display else ["-b"]
            command += ["--python-exit-code", "3", "--python", str(DRIVER)]
        else:
            command.append(str(DRIVER))
        environment = {**self.environment, **({"DISPLAY": self.display} if self.display else {})}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
        self._lines, self._waited_for = queue.Queue(), False
        threading.Thread(target=self._read, args=(self.process, self._lines), daemon=True).start()
        self._answer()
        return self

    def call(self, do: str, **arguments: Any) -> Any:
        """Run `do` (`module.function`) inside, and return what it returns. Fails with its traceback."""
        self.send(do, **arguments)
        return self._answer()

    def send(self, do: str, **arguments: Any) -> None:
        """Ask for a call without waiting for its end."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.write(json.dumps({"do": do, "with": arguments}) + "\n")
        self.process.stdin.flush()
        self._waited_for = True

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Let it end by itself, as a script does; its exit status."""
        assert self.process is not None and self.process.stdin is not None
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)

    @property
    def runs(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def hangs(self) -> bool:
        """Whether an answer did not come: a test was ended while it waited."""
        return self.runs and self._waited_for

    def close(self) -> None:
        """End it, in whatever state it is."""
        if self.runs:
            self.kill()

    def _read(self, process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self.said.append(line)
            if line.startswith(MARK):
                lines.put(line[len(MARK) :])
        lines.put(None)

    def _answer(self) -> Any:
        line = self._lines.get(timeout=PATIENCE_S)
        self._waited_for = False
        if line is None:
            raise AssertionError(f"Blender {self.release.name} ended:\n{''.join(self.said[-60:])}")
        said = json.loads(line)
        if "error" in said:
            raise AssertionError(f"in Blender {self.release.name}:\n{said['error']}")
        return said["value"]


def missing(names: tuple[str, ...]) -> str:
    """Why these Blenders cannot be tested; empty when all are there."""
    absent = [name for name in names if release(name) is None]
    return f"{HINT} ({', '.join(absent)})" if absent else ""


def required() -> bool:
    """Whether a missing editor is a failure."""
    return os.environ.get("ACETATE_EDITORS") == "required"
