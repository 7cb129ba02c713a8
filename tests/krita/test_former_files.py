"""What the docker of commit 2479525 wrote into its folder and into documents is read as if it were today's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate_wire.launch import FILE_NAME

from tests.daemon.harness import ROOT, Daemon
from tests.krita.artist import Artist
from tests.krita.krita_process import Krita

FORMER = ROOT / "tests" / "editor" / "former" / "krita"
RUNNING_JOB = "a kite steps=400 pause=0.3"


@pytest.fixture
def restarted(krita: Krita, krita_daemon: Daemon) -> Iterator[Artist]:
    """A Krita that finds the former folder, and no daemon, which it cannot start either."""
    krita.quit()
    krita_daemon.kill()
    folder = Path(krita_daemon.environment["ACETATE_CONFIG_DIR"]) / "krita"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(FORMER, folder, ignore=shutil.ignore_patterns("picture.kra"))
    (folder.parent / FILE_NAME).write_text(json.dumps({"command": ["true"]}))
    krita.start()
    yield Artist(krita)
    if not krita_daemon.alive:
        krita_daemon.start()


def open_document(artist: Artist, path: Path) -> None:
    """Open a document and look at it."""
    artist.run(f"app.activeWindow().addView(app.openDocument({str(path)!r})); D.refresh()")
    artist.until("D.document is not None and D.controller.tasks.idle")


def test_a_job_on_its_way_is_followed_and_told_when_the_daemon_has_it_no_more(
    restarted: Artist, krita_daemon: Daemon
) -> None:
    restarted.until("D.controller.tasks.idle")
    [(state, prompt, title)] = restarted.run(
        "[(job.state, job.form.prompt, job.title) for job in D.controller.jobs.values()]"
    )
    assert (state, prompt) == ("waiting", RUNNING_JOB) and title
    krita_daemon.start()
    restarted.until("not D.controller.jobs")
    assert restarted.run("D.controller.store.jobs()") == {}


@pytest.mark.parametrize("where", ["the folder", "the document"])
def test_finished_layers_are_in_the_history_and_come_in_again(
    restarted: Artist, krita_daemon: Daemon, tmp_path: Path, where: str
) -> None:
    document = tmp_path / "picture.kra"
    shutil.copy(FORMER / "picture.kra", document)
    if where == "the document":
        for path in (Path(krita_daemon.environment["ACETATE_CONFIG_DIR"]) / "krita" / "results").iterdir():
            path.unlink()
    krita_daemon.start()
    open_document(restarted, document)
    restarted.until("D.controller.connection.state.kind == 'ready' and not D.controller.jobs")
    assert restarted.names() == ["Background", "a street"]
    there = restarted.pixels("Foreground", 0, 0, 40, 30)
    assert any(there)
    restarted.run("layer('a street').remove()")
    restarted.click_result()
    restarted.until("len(tree(app.activeDocument().rootNode())) == 2 and D.controller.tasks.idle")
    assert restarted.pixels("Foreground", 0, 0, 40, 30) == there
    [(seed, warnings)] = restarted.run(
        "[(result.settings['seed'], result.warnings) for result in D.controller.history.of(D.document)]"
    )
    assert seed and warnings == []
    restarted.close_all()
