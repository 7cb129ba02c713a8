"""The pictures in docs/images/krita: the docker in every state, in both themes and three languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.harness import ROOT, Daemon
from tests.krita.artist import Artist
from tests.krita.conftest import new_krita
from tests.krita.krita_process import Screen

PICTURES = ROOT / "docs" / "images" / "krita"
DARK = "\n[theme]\nTheme=Krita dark\n"
LIGHT = "\n[theme]\nTheme=Krita bright\n"


@pytest.mark.parametrize(
    ("name", "theme", "language", "width"),
    [("dark", DARK, "C", 300), ("light", LIGHT, "C", 300), ("german", DARK, "de", 250), ("japanese", DARK, "ja", 250)],
)
def test_the_docker_fits_and_is_drawn(
    screen: Screen, krita_home: Path, krita_daemon: Daemon, name: str, theme: str, language: str, width: int
) -> None:
    krita = new_krita(screen, krita_home, krita_daemon.environment, language, theme)
    krita.start()
    try:
        artist = Artist(krita, width)
        artist.until("D.studio.link.state.kind == 'ready'")
        artist.new(640, 480)
        artist.run("D.more.fold.setChecked(False)")
        artist.run("D.prompts.prompt.setPlainText('a red kite with a long tail'); D.count.setValue(1)")
        if language == "C":
            _states(artist, name)
        else:
            artist.make("a red kite")
            artist.run("D.more.fold.setChecked(True)")
            artist.picture(PICTURES / f"{name}.png")
        assert artist.run("D.body.minimumSizeHint().width() <= D.widget().viewport().width()")
    finally:
        krita.quit()


def _states(artist: Artist, theme: str) -> None:
    artist.picture(PICTURES / f"ready-{theme}.png")
    artist.run("D.modes.showPopup()")
    artist.picture(PICTURES / f"modes-{theme}.png", "D.modes.view().window()")
    artist.run("D.modes.hidePopup(); D.modes.choose('background'); D._mode_chosen()")
    artist.picture(PICTURES / f"background-{theme}.png")
    artist.run("D.modes.choose('text'); D._mode_chosen()")
    artist.ask("a paper lantern steps=60 pause=0.2")
    artist.ask("a dandelion clock")
    artist.until("any(job.preview is not None for job in D.studio.jobs.values())")
    artist.picture(PICTURES / f"drawing-{theme}.png")
    artist.run("for job in list(D.studio.jobs.values()): D.studio.cancel(job)")
    artist.until("not D.studio.jobs")
    for prompt in ("a kite", "a cloud", "memory=9"):
        artist.make(prompt)
    artist.picture(PICTURES / f"failed-{theme}.png")
    artist.run("for job in list(D.studio.jobs.values()): D.studio.cancel(job)")
    artist.run("D.more.fold.setChecked(True)")
    artist.picture(PICTURES / f"more-{theme}.png")
    artist.run("D.more.fold.setChecked(False)")
