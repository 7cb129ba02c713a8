"""The zip of `acetate plugins build krita` goes into Krita by Krita's own importer, as an artist does it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate.plugin_packaging.krita import build_for, this_platform

from tests.daemon.harness import Daemon
from tests.krita.conftest import new_krita
from tests.krita.krita_process import Krita, Screen, prepare

WINDOWS = """
from PyQt5 import QtCore, QtWidgets
def window(kind):
    shown = [w for w in QtWidgets.QApplication.topLevelWidgets() if isinstance(w, kind) and w.isVisible()]
    return shown[0] if shown else None
"""
DOCKER = "next((d for d in app.dockers() if d.objectName() == 'acetate'), None)"


@pytest.fixture
def bare_krita(screen: Screen, krita_daemon: Daemon) -> Iterator[Krita]:
    """A Krita that has never heard of Acetate."""
    with tempfile.TemporaryDirectory(prefix="ab-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        prepare(home)
        made = new_krita(screen, home, krita_daemon.environment)
        made.start()
        made.run(WINDOWS + "app = Krita.instance()")
        yield made
        made.quit()


def test_kritas_own_importer_takes_the_zip_and_the_docker_starts(bare_krita: Krita, tmp_path: Path) -> None:
    package = build_for(this_platform(), tmp_path)
    assert bare_krita.run(f"{DOCKER} is None")
    bare_krita.run("QtCore.QTimer.singleShot(0, app.action('plugin_importer_file').trigger)")
    bare_krita.until("window(QtWidgets.QFileDialog)")
    name = "window(QtWidgets.QFileDialog).findChild(QtWidgets.QLineEdit)"
    bare_krita.click(name)
    bare_krita.until(f"{name}.hasFocus()")
    bare_krita.xdotool("type", "--delay", "8", str(package))
    bare_krita.until(f"{name}.text() == {str(package)!r}")
    bare_krita.xdotool("key", "Return")
    bare_krita.until("window(QtWidgets.QMessageBox)")
    assert "Acetate" in bare_krita.run("window(QtWidgets.QMessageBox).text()")
    bare_krita.click("window(QtWidgets.QMessageBox).button(QtWidgets.QMessageBox.Yes)")
    bare_krita.until("window(QtWidgets.QMessageBox) is None")
    bare_krita.quit()
    bare_krita.start()
    bare_krita.run(WINDOWS + "app = Krita.instance()")
    bare_krita.until(f"{DOCKER} is not None and {DOCKER}.controller.connection.state.kind == 'ready'")
