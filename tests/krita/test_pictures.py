"""The pictures in docs/images/krita: the docker in every state, both themes, three languages, a dense screen."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.harness import ROOT, Daemon
from tests.krita.artist import Artist
from tests.krita.conftest import new_krita
from tests.krita.krita_process import Screen

PICTURES = ROOT / "docs" / "images" / "krita"
DARK = "\n[theme]\nTheme=Krita dark\n"
LIGHT = "\n[theme]\nTheme=Krita bright\n"


@contextmanager
def sitting(
    screen: Screen, home: Path, daemon: Daemon, language: str, theme: str, width: int, scale: int = 1
) -> Iterator[Artist]:
    """An artist at a Krita that looks like this."""
    krita = new_krita(screen, home, daemon.environment, language, theme, scale)
    krita.start()
    try:
        yield Artist(krita, width)
    finally:
        krita.quit()


@pytest.mark.parametrize(("name", "theme"), [("dark", DARK), ("light", LIGHT)])
def test_every_state_of_the_docker_is_drawn(
    screen: Screen, krita_home: Path, krita_daemon: Daemon, name: str, theme: str
) -> None:
    with sitting(screen, krita_home, krita_daemon, "C", theme, 300) as artist:
        _begin(artist)
        _states(artist, name)


@pytest.mark.parametrize(("name", "language", "scale"), [("german", "de", 1), ("japanese", "ja", 1), ("dense", "C", 2)])
def test_nothing_is_cut_off_in_a_narrow_docker(
    screen: Screen, krita_home: Path, krita_daemon: Daemon, name: str, language: str, scale: int
) -> None:
    with sitting(screen, krita_home, krita_daemon, language, DARK, 250, scale) as artist:
        _begin(artist)
        for mode in artist.run("[D.modes.itemData(row, QtCore.Qt.UserRole) for row in range(D.modes.count())]"):
            artist.run(f"D.modes.choose({mode!r}); QtWidgets.QApplication.processEvents()")
            assert artist.run("clipped()") == []
        artist.run("D.modes.choose('text')")
        artist.make("a red kite round")
        artist.run("D.prompts.prompt.setPlainText('a red kite')")
        _open_more(artist)
        assert artist.run("[D.devicePixelRatioF(), D.widget().viewport().width() <= 250]") == [scale, True]
        assert artist.run("clipped()") == []
        artist.picture(PICTURES / f"{name}.png")


def test_without_acetate_the_docker_says_how_to_get_it(screen: Screen, krita_home: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="an-") as folder:
        daemon = Daemon(Path(folder))
        with sitting(screen, krita_home, daemon, "C", DARK, 300) as artist:
            artist.until("D.controller.connection.state.kind == 'absent'")
            artist.new(640, 480)
            artist.run("D.prompts.prompt.setPlainText('a red kite with a long tail')")
            assert artist.run("[D.line.text(), D.button.isEnabled()]") == ["Acetate is not installed", False]
            assert "acetate serve" in artist.run("D.status.help.text()")
            assert artist.run("clipped()") == []
            artist.picture(PICTURES / "absent-dark.png")
            daemon.start()
            artist.until("D.controller.connection.state.kind == 'ready' and D.button.isEnabled()")
            artist.until("not D.status.help.isVisible()")
        daemon.close()


def _begin(artist: Artist) -> None:
    artist.until("D.controller.connection.state.kind == 'ready'")
    artist.new(640, 480)
    artist.run("D.more.fold.setChecked(False); D.more.lock.setChecked(False); D.more.seed.clear()")
    artist.run("D.prompts.prompt.setPlainText('a red kite with a long tail'); D.count.setValue(1)")
    artist.until("D.prompts.rests and D.button.isEnabled()")


def _states(artist: Artist, theme: str) -> None:
    artist.picture(PICTURES / f"ready-{theme}.png")
    artist.run("D.modes.showPopup()")
    artist.picture(PICTURES / f"modes-{theme}.png", "D.modes.view().window()")
    artist.run("D.modes.hidePopup(); D.modes.choose('background'); D.refresh()")
    time.sleep(0.5)
    artist.picture(PICTURES / f"background-{theme}.png")
    artist.run("D.modes.choose('text')")
    artist.ask("a paper lantern that floats over the dark sea round steps=60 pause=0.2")
    artist.ask("a dandelion clock")
    artist.until("any(job.preview is not None for job in D.controller.jobs.values())")
    artist.picture(PICTURES / f"drawing-{theme}.png")
    artist.run("for job in list(D.controller.jobs.values()): D.controller.cancel(job)")
    artist.until("not D.controller.jobs")
    for prompt in (
        "a kite round",
        "a cloud round",
        "a moon round",
        "the tallest glass cathedral of all at dawn memory=9",
    ):
        artist.make(prompt)
    artist.run("D.prompts.prompt.setPlainText('the tallest glass cathedral of all at dawn')")
    artist.picture(PICTURES / f"failed-{theme}.png")
    artist.run("for job in list(D.controller.jobs.values()): D.controller.cancel(job)")
    _open_more(artist)
    artist.picture(PICTURES / f"more-{theme}.png")


def _open_more(artist: Artist) -> None:
    """With a LoRA and a structure chosen."""
    artist.run(
        "D.more.fold.setChecked(True); D.more.loras.fill([['ink', 0.7]]); D.more.structures.fill([{'kind': 'depth'}])"
    )
    artist.run("D.refresh(); QtWidgets.QApplication.processEvents()")
    time.sleep(0.5)
