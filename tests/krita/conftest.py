"""A real Krita for each file of tests, all with one home, so that only the first start is slow."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.daemon.harness import STAND_IN, Daemon, running_daemon
from tests.krita.artist import Artist
from tests.krita.krita_process import Krita, Screen, isolated, prepare

FIRST_DISPLAY = 70
DEFAULT = """
window.setGeometry(0, 0, 1920, 1080)
window.restoreState(state)
D.raise_()
QtWidgets.QApplication.processEvents()
"""
NEEDED = ("krita", "Xvfb", "xdotool")


@pytest.fixture(scope="session")
def screen() -> Iterator[Screen]:
    """A screen; without Krita the tests are skipped, or fail where the editors are required."""
    missing = [program for program in NEEDED if shutil.which(program) is None]
    if missing:
        line = f"{', '.join(missing)} not installed: .ci/editors installs what these tests drive"
        if os.environ.get("ACETATE_EDITORS") == "required":
            pytest.fail(line)
        pytest.skip(line)
    free = next(n for n in range(FIRST_DISPLAY, FIRST_DISPLAY + 10) if not Path(f"/tmp/.X11-unix/X{n}").exists())
    opened = Screen(free)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def krita_home(screen: Screen) -> Iterator[Path]:
    """A home folder with the docker in it, put there by its own installer."""
    with tempfile.TemporaryDirectory(prefix="ak-", ignore_cleanup_errors=True) as folder:
        install_docker(Path(folder))
        yield Path(folder)


def install_docker(home: Path) -> None:
    """Make a home folder for Krita, and have the docker's own installer put it there."""
    prepare(home)
    environment = {**os.environ, **isolated(home), "ACETATE_CONFIG_DIR": str(home / "acetate")}
    # The wheels are fetched once, not for every run of the tests.
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
    command = [sys.executable, "-m", "acetate", "plugins", "install", "krita"]
    subprocess.run(command, check=True, env=environment, capture_output=True)


@pytest.fixture(scope="module")
def engine() -> str:
    """The engine behind the docker; a file of tests can name another."""
    return STAND_IN


@pytest.fixture(scope="module")
def krita_daemon(engine: str) -> Iterator[Daemon]:
    """The daemon of a file of tests."""
    with running_daemon(engine) as daemon:
        yield daemon


@pytest.fixture(scope="module")
def krita(screen: Screen, krita_home: Path, krita_daemon: Daemon) -> Iterator[Krita]:
    """A running Krita, connected to that daemon."""
    made = new_krita(screen, krita_home, krita_daemon.environment)
    made.start()
    yield made
    made.quit()


@pytest.fixture
def artist(krita: Krita, krita_daemon: Daemon) -> Iterator[Artist]:
    """An artist at that Krita, with the docker as it is after installation and no document open."""
    if krita.waited_for:
        krita.kill()
        krita.start()
    sitting = Artist(krita)
    sitting.run(
        "from acetate_krita.generation_settings import GenerationSettings\n"
        "D.more.lock.setChecked(False); D.more.seed.clear(); D.more.clip.setCurrentIndex(0)\n"
        "D.more.at_once.setChecked(True); D.use_again(GenerationSettings().to_map())"
    )
    sitting.until("D.controller.connection.state.kind == 'ready'")
    yield sitting
    if krita.waited_for:
        return
    sitting.run("for job in list(D.controller.jobs.values()): D.controller.cancel(job)")
    sitting.until("not D.controller.jobs and D.controller.tasks.idle")
    sitting.close_all()


@pytest.fixture
def at_1080p(screen: Screen, krita_home: Path, krita_daemon: Daemon) -> Iterator[Artist]:
    """A Krita whose windows are as Krita puts them."""
    made = new_krita(screen, krita_home, krita_daemon.environment)
    made.start()
    made.run(
        "from PyQt5 import QtWidgets\n"
        "window = Krita.instance().activeWindow().qwindow(); window.setGeometry(0, 0, 1920, 1080)\n"
        "next(d for d in window.findChildren(QtWidgets.QDockWidget) if d.objectName() == 'acetate').setVisible(True)\n"
        "QtWidgets.QApplication.processEvents(); state = window.saveState()"
    )
    sitting = Artist(made)
    sitting.run(DEFAULT)
    sitting.until("D.controller.connection.state.kind == 'ready'")
    yield sitting
    made.quit()


def new_krita(
    screen: Screen, home: Path, folders: Mapping[str, str], language: str = "C", settings: str = "", scale: int = 1
) -> Krita:
    """A Krita that is not started yet; `folders` is an environment that names the daemon's folders, where the docker
    keeps what it keeps. `scale` is how many pixels of the screen a logical one takes.
    """
    places = {name: folders[name] for name in ("ACETATE_RUNTIME_DIR", "ACETATE_STATE_DIR", "ACETATE_CONFIG_DIR")}
    places["QT_SCALE_FACTOR"] = str(scale)
    settings_file = Path(isolated(home)["XDG_CONFIG_HOME"]) / "kritarc"
    installed = home / "kritarc.installed"
    if not installed.exists():
        shutil.copy(settings_file, installed)
    settings_file.write_text(installed.read_text() + settings)
    return Krita(home, screen, places, language)
