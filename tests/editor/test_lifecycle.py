"""A job's way in an editor, against a real daemon: nothing is lost, nothing comes twice, every end is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acetate_editor.jobs import CANCELLED, FAILED, LOST, OPEN, PREPARING, RUNNING, SAVED, SAVING, WAITING
from acetate_editor.messages import progress, reason
from acetate_wire.errors import AcetateError
from acetate_wire.events import Forgotten

from tests.daemon.harness import Daemon
from tests.editor.bare_editor import BareEditor

SLOW = "steps=40 pause=0.05"
StartEditor = Callable[[], BareEditor]


@pytest.fixture
def start(daemon: Daemon, tmp_path: Path) -> Iterator[StartEditor]:
    """Starts an editor, again after it was killed."""
    made: list[BareEditor] = []

    def start() -> BareEditor:
        for former in made:
            former.connection.close()
        made.append(BareEditor(tmp_path))
        return made[-1]

    yield start
    for each in made:
        each.connection.close()


def jobs_of(editor: BareEditor, daemon: Daemon) -> list[str]:
    """The jobs that the daemon holds for this editor."""
    name, key = "bare", f"bare-{editor.folder.name}".ljust(32, "-")
    with daemon.session(name, key=key) as session:
        return [str(job["id"]) for job in session.jobs().jobs]


def test_layers_are_safe_before_the_daemon_forgets_them(start: StartEditor, daemon: Daemon) -> None:
    editor = start()
    job = editor.ask()
    assert job.state == PREPARING and editor.jobs[job.id].busy
    editor.until(job, SAVED)
    assert editor.layers(job) and editor.delivered == [job.id] and not job.busy
    editor.wait(lambda: any(isinstance(event, Forgotten) for event in editor.events), "the daemon forgot")
    assert jobs_of(editor, daemon) == []


def test_a_job_says_how_far_it_is(start: StartEditor) -> None:
    editor = start()
    first, second = editor.ask(SLOW), editor.ask()
    assert progress(first, str) == "Reading the pictures"
    editor.until(first, RUNNING)
    editor.wait(lambda: first.step > 1, "a step")
    assert first.stage == "drawing" and first.steps == 40 and first.share == first.step / 40
    assert f"Drawing {first.step}/40" in progress(first, str)
    editor.wait(lambda: second.position == 1, "its place in the queue")
    assert progress(second, str) == "Waiting, 1 before it"
    editor.cancel(first)
    assert progress(first, str) == "Cancelling …"
    editor.until(first, CANCELLED)
    editor.until(second, SAVED)


def test_a_job_is_cancelled_while_its_pictures_are_read(start: StartEditor, daemon: Daemon) -> None:
    editor = start()
    job = editor.ask()
    editor.cancel(job)
    assert job.state == CANCELLED
    editor.wait(lambda: editor.tasks.idle, "the reading to end")
    assert job.state == CANCELLED and jobs_of(editor, daemon) == []


def test_a_cancelled_job_brings_no_layers_and_leaves_no_record(start: StartEditor, daemon: Daemon) -> None:
    editor = start()
    job = editor.ask(SLOW)
    editor.until(job, RUNNING)
    editor.cancel(job)
    assert editor.jobs[job.id].cancelling
    editor.until(job, CANCELLED)
    assert not job.cancelling and editor.layers(job) == [] and list(editor.folder.glob("*.json")) == []
    editor.wait(lambda: jobs_of(editor, daemon) == [], "the daemon to forget it")


@pytest.mark.parametrize(
    ("prompt", "code", "words"),
    [("memory=9", "out_of_memory", "Not enough memory"), ("fail", "internal", "Something went wrong")],
)
def test_a_failure_is_told_and_forgotten_by_the_daemon(
    start: StartEditor, daemon: Daemon, prompt: str, code: str, words: str
) -> None:
    editor = start()
    job = editor.ask(prompt)
    editor.until(job, FAILED)
    assert (job.code, reason(job.code, str)) == (code, words) and job.message in job.explanation and job.message
    editor.wait(lambda: jobs_of(editor, daemon) == [], "the daemon to forget it")


def test_what_the_daemon_refuses_fails_with_its_words(start: StartEditor) -> None:
    editor = start()
    job = editor.ask()
    editor.jobs[job.id] = job
    limits = editor.connection.client.limits
    refused = editor.ask("x" * (limits.prompt_characters + 1))
    editor.until(refused, FAILED)
    assert refused.code == "bad_request" and "prompt" in refused.message
    editor.until(job, SAVED)


def test_pictures_that_are_too_large_are_not_sent(start: StartEditor, monkeypatch: pytest.MonkeyPatch) -> None:
    editor = start()
    job = editor.ask(frames=editor.connection.client.limits.job_bytes + 1)
    editor.until(job, FAILED)
    assert job.code == "too_large" and "MB" in job.message and "smaller" in job.hint


@pytest.mark.parametrize("error", [AcetateError("bad_request", "the layer is gone"), KeyError("layer")])
def test_pictures_that_cannot_be_read_fail_the_job(start: StartEditor, error: Exception) -> None:
    editor = start()
    job = editor.ask(error=error)
    editor.until(job, FAILED)
    assert "layer" in job.message and editor.connection.client is not None


def test_layers_that_cannot_be_saved_stay_with_the_daemon_and_come_at_the_next_try(start: StartEditor) -> None:
    editor = start()
    editor.broken = OSError("no space left on device")
    job = editor.ask()
    editor.until(job, FAILED)
    assert job.unsaved and "no space" in job.message and "make room" in job.hint
    editor.broken = None
    editor.fetch_again(job)
    editor.until(job, SAVED)
    assert editor.layers(job) and editor.delivered == [job.id]


def test_layers_that_could_not_be_saved_come_after_a_restart_too(start: StartEditor) -> None:
    editor = start()
    editor.broken = OSError("no space left on device")
    job = editor.ask()
    editor.until(job, FAILED)
    again = start()
    found = again.jobs[job.id]
    again.until(found, SAVED)
    assert again.layers(found) and again.delivered == [job.id]


def test_a_killed_daemon_goes_on_where_it_was(start: StartEditor, daemon: Daemon) -> None:
    editor = start()
    job = editor.ask(SLOW)
    editor.until(job, RUNNING)
    daemon.restart()
    editor.until(job, SAVED)
    assert len(editor.layers(job)) == 1 and editor.delivered == [job.id]


@pytest.mark.parametrize("state", [WAITING, RUNNING])
def test_a_killed_editor_finds_its_job_again(start: StartEditor, state: str) -> None:
    editor = start()
    if state == WAITING:
        editor.until(editor.ask(SLOW), RUNNING)
    job = editor.ask("steps=10 pause=0.05")
    editor.until(job, state)
    editor.wait(lambda: not editor.connection.client.has_more, "all to be sent")
    again = start()
    found = again.jobs[job.id]
    assert found.state in OPEN
    again.until(found, SAVED)
    assert len(again.layers(found)) == 1
    third = start()
    assert job.id not in third.jobs


def test_an_editor_that_dies_while_it_saves_gets_the_same_layers_again(start: StartEditor) -> None:
    editor = start()
    job = editor.ask("a kite")
    editor.until(job, SAVING, SAVED)
    if job.state == SAVING:
        again = start()
        found = again.jobs[job.id]
        again.until(found, SAVED)
        editor, job = again, found
    assert len(editor.layers(job)) == 1


def test_a_job_that_the_daemon_no_longer_has_is_lost_with_the_way_out(start: StartEditor) -> None:
    editor = start()
    (editor.folder / "0b8c5a52-54d0-4c55-9a5c-2b3c8ad3c9f0.json").write_text('{"state": "running"}')
    again = start()
    job = again.jobs["0b8c5a52-54d0-4c55-9a5c-2b3c8ad3c9f0"]
    assert job.state == WAITING
    again.until(job, LOST)
    assert job.code == "expired" and "same seed" in job.hint and list(again.folder.glob("*.json")) == []


def test_every_change_is_shown(start: StartEditor) -> None:
    editor = start()
    job = editor.ask()
    seen = []
    while job.busy:
        before, state = editor.notified, job.state
        editor.pump()
        if job.state != state:
            seen.append(job.state)
            assert editor.notified > before, f"{state} became {job.state} unseen"
    assert seen[0] == WAITING and seen[-1] == SAVED
