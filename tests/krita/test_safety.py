"""Nothing of the artist's is lost, and nothing arrives where it does not belong, whoever is killed meanwhile."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from acetate_wire.launch import FILE_NAME

from tests.daemon.harness import ROOT, STAND_IN, Daemon, until
from tests.krita.artist import Artist
from tests.krita.krita_process import Krita

SLOW = "steps=80 pause=0.05"
SLOWER = "steps=60 pause=0.8"


def begin(artist: Artist, prompt: str, pace: str = SLOW) -> None:
    """Ask, and wait until it is being drawn."""
    artist.ask(f"{prompt} {pace}")
    drawing = f"j.state == 'running' and j.step > 1 and {prompt!r} in j.form.prompt"
    artist.until(f"[j for j in D.controller.jobs.values() if {drawing}]", patience=60)


def names(artist: Artist, title: str) -> list[str]:
    """The layers of a document."""
    return [entry[0] for entry in artist.run(f"tree(named({title!r}).rootNode())")]


def docker_starts(daemon: Daemon, *command: str) -> None:
    """Say what the docker runs when it finds no daemon."""
    path = Path(daemon.environment["ACETATE_CONFIG_DIR"]) / FILE_NAME
    path.write_text(json.dumps({"command": command}))


def save(artist: Artist, path: Path) -> None:
    """Save the active document."""
    artist.run(f"d = app.activeDocument(); d.setBatchmode(True); d.saveAs({str(path)!r}); d.waitForDone()")
    until(path.exists, "the saved document")


def reopen(artist: Artist, path: Path) -> None:
    """Open a document and look at it."""
    artist.run(f"app.activeWindow().addView(app.openDocument({str(path)!r})); D.refresh()")
    artist.until("D.document is not None and D.controller.tasks.idle")


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    """Where a document is saved."""
    yield tmp_path / "picture.kra"


def test_a_cancelled_job_brings_nothing(artist: Artist, krita_daemon: Daemon) -> None:
    artist.new()
    begin(artist, "unwanted", SLOWER)
    artist.click("next(iter(D.queue.rows.values())).stop")
    artist.until("not D.controller.jobs")
    artist.wait()
    assert artist.names() == ["Background"]
    assert artist.run("D.controller.store.jobs()") == {}


def test_of_several_jobs_one_is_cancelled_and_the_others_arrive(artist: Artist) -> None:
    artist.new()
    begin(artist, "first", "steps=60 pause=0.1")
    artist.ask("second")
    artist.ask("third")
    artist.until("[j.state for j in D.controller.jobs.values()] == ['running', 'waiting', 'waiting']")
    artist.click("list(D.queue.rows.values())[1].stop")
    artist.wait()
    assert sorted(artist.names()) == ["Background", "first steps=60 pause=0.1", "third"]


def test_a_failure_is_told_in_plain_words(artist: Artist) -> None:
    artist.new()
    artist.make("memory=9")
    [[state, _, code, message]] = artist.jobs()
    assert (state, code) == ("failed", "out_of_memory")
    shown = artist.run("next(iter(D.queue.rows.values())).reason.text()")
    assert "Not enough memory" in shown and message.split(",")[0] in shown


def test_what_would_take_hours_is_drawn_all_the_same_where_the_artist_says_so(artist: Artist) -> None:
    artist.new()
    artist.make("hours")
    shown = artist.run("next(iter(D.queue.rows.values())).reason.text()")
    assert "This would take hours" in shown and "at least 7 hours" in shown
    assert artist.run("row = next(iter(D.queue.rows.values())); [row.again.isVisible(), row.wait.isVisible()]") == [
        False,
        True,
    ]
    artist.click("next(iter(D.queue.rows.values())).wait")
    artist.until("not D.controller.jobs and D.controller.tasks.idle")
    assert artist.names() == ["Background", "hours"]
    assert not artist.run("D.form().however_long"), "the next one is asked about again"


def test_the_report_of_a_failure_says_what_helps_and_not_what_was_to_be_drawn(
    artist: Artist, krita_daemon: Daemon
) -> None:
    artist.new()
    artist.make("memory=9")
    artist.click("next(iter(D.queue.rows.values())).report")
    artist.until("QtGui.QGuiApplication.clipboard().text()")
    report = artist.run("QtGui.QGuiApplication.clipboard().text()")
    [[_, _, _, message]] = artist.jobs()
    for needed in ("out_of_memory", message, "Krita: Krita 5", "Acetate: ", "Daemon: ", "sent, text"):
        assert needed in report
    assert "memory=9" not in report
    assert (krita_daemon.state / "krita.log").exists()


def test_what_goes_wrong_in_a_task_is_in_the_log_with_its_traceback(artist: Artist, krita_daemon: Daemon) -> None:
    artist.new()
    artist.run("asked = []; D.controller.tasks.add((1 / 0 for _ in range(1)), asked.append); None")
    artist.until("asked")
    assert "ZeroDivisionError" in (krita_daemon.state / "krita.log").read_text()


def test_try_again_works_when_the_reason_is_gone(artist: Artist) -> None:
    artist.new()
    artist.paint("mine", bytes([1, 2, 3, 255]) * 4, 0, 0, 2, 2)
    artist.set("refine", first="mine")
    artist.run("D.prompts.prompt.setPlainText('a kite'); D.generate(); layer('mine').remove()")
    artist.until("[job.state for job in D.controller.jobs.values()] == ['failed']")
    artist.undo()
    artist.click("next(iter(D.queue.rows.values())).again")
    artist.until("len(D.controller.jobs) == 0 and D.controller.tasks.idle")
    assert artist.names() == ["Background", "mine", "a kite"]


def test_a_daemon_that_is_killed_and_started_again_goes_on(artist: Artist, krita_daemon: Daemon) -> None:
    artist.new()
    docker_starts(krita_daemon, "true")
    begin(artist, "survivor")
    krita_daemon.kill()
    artist.until("D.controller.connection.state.kind == 'lost'")
    krita_daemon.start()
    artist.wait()
    assert artist.names() == ["Background", "survivor " + SLOW]


def test_the_docker_starts_the_daemon_when_none_runs(artist: Artist, krita_daemon: Daemon) -> None:
    artist.new()
    engine = ("-m", "acetate.daemon", "--engine", STAND_IN)
    docker_starts(krita_daemon, "env", f"PYTHONPATH={ROOT}", sys.executable, *engine)
    krita_daemon.kill()
    artist.until("D.controller.connection.state.kind == 'lost'")
    artist.make("a kite")
    assert artist.names() == ["Background", "a kite"]
    docker_starts(krita_daemon, "true")
    artist.run("D.controller.connection.client.ask('stop'); D.controller.connection.pump()")
    artist.until("D.controller.connection.state.kind == 'lost'")
    krita_daemon.start()


def test_two_documents_each_get_their_own_layers(artist: Artist) -> None:
    one = artist.new(40, 30)
    begin(artist, "for one")
    two = artist.new(50, 20, "GRAYA", "U16")
    artist.ask("for two")
    artist.wait()
    assert names(artist, one) == ["Background", "for one " + SLOW]
    assert names(artist, two) == ["Background", "for two"]


def test_layers_for_a_closed_document_are_offered_when_it_is_opened_again(artist: Artist, file: Path) -> None:
    artist.new()
    save(artist, file)
    begin(artist, "late")
    artist.close_all()
    artist.until("not D.controller.jobs and D.controller.tasks.idle")
    reopen(artist, file)
    assert artist.names() == ["Background"]
    artist.until("D.history.offer.isVisible()")
    artist.click("D.history.take")
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 2")
    assert artist.names() == ["Background", "late " + SLOW]
    artist.wait()
    assert not artist.run("D.history.offer.isVisible()")


def test_layers_for_a_document_that_was_never_saved_are_offered_elsewhere(artist: Artist) -> None:
    artist.new()
    begin(artist, "homeless")
    artist.close_all()
    artist.until("not D.controller.jobs and D.controller.tasks.idle")
    artist.new()
    artist.until("D.history.offer.isVisible()")
    assert "never saved" in artist.run("D.history.offer_words.text()")
    artist.click("D.history.leave")
    artist.until("not D.history.offer.isVisible()")
    assert artist.names() == ["Background"]


@pytest.mark.slow
def test_layers_that_finish_while_krita_is_dead_are_offered(krita: Krita, artist: Artist, file: Path) -> None:
    artist.new()
    begin(artist, "posthumous", SLOWER)
    save(artist, file)
    krita.kill()
    krita.start()
    again = Artist(krita)
    again.until("D.controller.connection.state.kind == 'ready'")
    reopen(again, file)
    again.until("D.history.offer.isVisible()", patience=180)
    again.click("D.history.take")
    again.until("len(app.activeDocument().rootNode().childNodes()) == 2")
    assert again.names() == ["Background", "posthumous " + SLOWER]
    again.until("D.controller.store.jobs() == {}")


def test_a_document_that_is_closed_while_its_layers_come_in_is_offered_them(artist: Artist, file: Path) -> None:
    artist.new(1024, 1024)
    save(artist, file)
    artist.set("scene")
    artist.ask("a street")
    artist.until("[job.state for job in D.controller.jobs.values()] == ['keeping']")
    artist.run("d = app.activeDocument(); d.setModified(False); d.close()")
    artist.until("not D.controller.jobs and D.controller.tasks.idle")
    reopen(artist, file)
    assert artist.names() == ["Background"]
    artist.until("D.history.offer.isVisible()")
    artist.click("D.history.take")
    artist.until("len(app.activeDocument().rootNode().childNodes()) == 2 and D.controller.tasks.idle")
    assert artist.names() == ["Background", "a street"]


@pytest.mark.parametrize(("model", "depth"), [("RGBA", "F32"), ("CMYKA", "U8")])
def test_the_document_brings_its_history_along(
    krita: Krita, krita_daemon: Daemon, artist: Artist, file: Path, model: str, depth: str
) -> None:
    artist.new(40, 30, model, depth)
    artist.set("scene")
    artist.make("a street")
    kept = artist.pixels("Foreground", 0, 0, 40, 30)
    save(artist, file)
    krita.quit()
    for path in (Path(krita_daemon.environment["ACETATE_CONFIG_DIR"]) / "krita" / "results").iterdir():
        path.unlink()
    krita.start()
    again = Artist(krita)
    reopen(again, file)
    assert again.names() == ["Background", "a street"]
    assert again.pixels("Foreground", 0, 0, 40, 30) == kept
    again.run("layer('a street').remove()")
    again.click_result()
    again.until("len(app.activeDocument().rootNode().childNodes()) == 2 and D.controller.tasks.idle")
    assert again.pixels("Foreground", 0, 0, 40, 30) == kept
