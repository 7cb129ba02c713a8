"""Models in the docker: what is there, what can be fetched, with the licence before, progress, and cancel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.harness import STAND_IN, Daemon, running_daemon
from tests.hub import Hub, serving
from tests.krita.artist import Artist

EDGES, LINES = "diffusers/controlnet-canny-sdxl-1.0", "TencentARC/t2i-adapter-lineart-sdxl-1.0"
WEIGHTS = "diffusion_pytorch_model.safetensors"
M = "D.status.dialog"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with two adapters, one of them not for commercial work."""
    files = {EDGES: {"config.json": b"{}", WEIGHTS: bytes(3 << 20)}, LINES: {"config.json": b"{}", WEIGHTS: b"x" * 10}}
    with serving(files, {EDGES: "cc-by-nc-4.0", LINES: "apache-2.0"}) as hub:
        yield hub


@pytest.fixture(scope="module")
def krita_daemon(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon that asks this hub."""
    folder = tmp_path_factory.mktemp("hub")
    with running_daemon(STAND_IN, **hub.environment(folder)) as daemon:
        yield daemon


def row(name: str) -> str:
    """The row of something that can be fetched."""
    return f"{M}.rows[{name!r}]"


def click(artist: Artist, widget: str) -> None:
    """Click a widget of the dialog."""
    artist.run(f"{M}.findChild(QtWidgets.QScrollArea).ensureWidgetVisible({widget})")
    artist.run("QtWidgets.QApplication.processEvents()")
    artist.krita.click(widget)


def test_a_model_is_fetched_from_the_docker(artist: Artist, hub: Hub, tmp_path: Path) -> None:
    artist.click("D.status.models")
    artist.until(f"{M} is not None and {M}.isVisible() and 'sdxl/edge' in {M}.rows")
    artist.until(f"{row('sdxl/edge')}.get.isEnabled()")
    artist.run(f"{M}.move(20, 20)")
    assert artist.run(f"{row('sdxl/edge')}.title.text()") == "Edges for Stable Diffusion XL"
    assert artist.run(f"{row('sdxl/edge')}.about.text()") == "3 MB · cc-by-nc-4.0"
    assert artist.run(f"{M}.here.text()").startswith("On this computer: starter, narrow")
    artist.until(f"{row('sd15')}.about.text().startswith('The Hugging Face hub')")
    hub.pause = 0.4
    click(artist, f"{row('sdxl/edge')}.get")
    artist.until(f"{row('sdxl/edge')}.agreement.isVisible()")
    assert "not allow commercial work" in artist.run(f"{row('sdxl/edge')}.warning.text()")
    artist.run(f"{M}.findChild(QtWidgets.QScrollArea).ensureWidgetVisible({row('sdxl/edge')}.agreement)")
    artist.picture(tmp_path / "licence.png", M)
    assert artist.run(f"{row('sdxl/edge')}.fetch.isEnabled()") is False
    click(artist, f"{row('sdxl/edge')}.agreed")
    artist.until(f"{row('sdxl/edge')}.fetch.isEnabled()")
    artist.picture(tmp_path / "agreed.png", M)
    click(artist, f"{row('sdxl/edge')}.fetch")
    artist.until(f"{row('sdxl/edge')}.bar.isVisible() and {row('sdxl/edge')}.bar.value() > 50")
    artist.picture(tmp_path / "fetching.png", M)
    click(artist, f"{row('sdxl/edge')}.stop")
    artist.until(f"{row('sdxl/edge')}.get.isVisible()")
    hub.pause = 0.0
    artist.until(f"{row('sdxl/edge')}._download.to_accept == []")
    click(artist, f"{row('sdxl/edge')}.get")
    assert artist.run(f"{row('sdxl/edge')}.agreed.isVisible()") is False
    click(artist, f"{row('sdxl/edge')}.fetch")
    artist.until(f"{row('sdxl/edge')}.done.isVisible()")
    artist.run(f"{M}.hide()")


def test_the_lora_folder_opens_and_what_is_put_there_is_offered(artist: Artist, krita_daemon: Daemon) -> None:
    artist.run(
        "class Opened(QtCore.QObject):\n"
        "    urls = []\n"
        "    @QtCore.pyqtSlot(QtCore.QUrl)\n"
        "    def take(self, url): self.urls.append(url.toLocalFile())\n"
        "opened = Opened(); QtGui.QDesktopServices.setUrlHandler('file', opened, 'take')\n"
        "D.more.fold.setChecked(True)"
    )
    artist.run("D.controller.connection.rescan()")
    artist.until("D.controller.connection.lora_folder")
    artist.mouse(5, 5)
    # So seldom at most the daemon is asked.
    time.sleep(1.1)
    asked = artist.run("D.controller.connection._rescanned")
    artist.click("D.more.loras.folder")
    folder = Path(krita_daemon.environment["ACETATE_MODELS_DIR"]) / "lora"
    artist.until(f"opened.urls == [{str(folder)!r}]")
    assert folder.is_dir()
    artist.until(f"D.controller.connection._rescanned > {asked}")
    artist.run("QtGui.QDesktopServices.unsetUrlHandler('file'); D.more.fold.setChecked(False)")
