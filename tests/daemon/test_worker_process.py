"""The worker process: killed, out of memory, cancelled, previewing, unloaded."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from acetate_wire.errors import AcetateError
from acetate_wire.events import Cancelled, Connected, Done, Failed, Progress

from tests.daemon.harness import Daemon, Editor, a_request, until


def test_a_job_whose_worker_was_killed_runs_once_more(daemon: Daemon) -> None:
    with daemon.session() as session:
        job = session.submit(a_request("steps=40 pause=0.05", seed=3))
        until(daemon.workers, "the worker")
        daemon.kill_worker()
        assert session.wait(job).seed == 3
    assert daemon.alive


def test_a_worker_does_not_depend_on_the_folder_that_the_daemon_was_started_in(daemon: Daemon) -> None:
    with daemon.session() as session:
        session.run(a_request())
    assert Path(psutil.Process(daemon.workers()[0]).cwd()) == daemon.state


def test_a_job_that_kills_two_workers_fails_with_the_reason(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request("die"))
    after = editor.client.submit(a_request())
    failed = editor.wait(Failed, job)
    assert failed.code == "worker_lost" and "killed" in failed.message and failed.retry
    editor.wait(Done, after)


def test_the_daemon_tries_smaller_ways_before_it_gives_up(daemon: Daemon) -> None:
    with daemon.session() as session:
        assert session.run(a_request("memory=2")).settings["memory_level"] == 2
        with pytest.raises(AcetateError) as caught:
            session.run(a_request("memory=3"))
    assert caught.value.code == "out_of_memory"
    assert "smaller selection" in caught.value.hint


def test_a_second_try_after_a_kill_starts_with_less_memory(daemon: Daemon) -> None:
    with daemon.session() as session:
        assert session.run(a_request("die=once")).settings["memory_level"] == 1


def test_cancel_takes_effect_within_one_step(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=10000 pause=0.1"))
    editor.wait(Progress, job)
    until(lambda: [e for e in editor.pump() if isinstance(e, Progress) and e.step > 2], "the third step")
    asked = time.monotonic()
    editor.client.cancel(job)
    editor.wait(Cancelled, job)
    told = time.monotonic() - asked
    following = editor.client.submit(a_request())
    editor.wait(Done, following)
    freed = time.monotonic() - asked
    # One step is 0.1 s; the rest is what a busy machine may need.
    assert told < 1 and freed < 2


def test_a_worker_that_does_not_stop_is_ended(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(cancel_grace_s=0.5).start()
    with daemon.session() as session:
        stuck = session.submit(a_request("hang=600"))
        until(daemon.workers, "the worker")
        assert isinstance(session.cancel(stuck), Cancelled)
        session.run(a_request(), timeout=20)


@pytest.mark.slow
def test_a_worker_that_does_not_answer_is_replaced(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(silence_s=1, answer_s=5).start()
    editor = daemon.editor()
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=40 pause=0.1", seed=3))
    until(lambda: [e for e in editor.pump() if isinstance(e, Progress) and e.step > 2], "the third step")
    [stopped] = daemon.workers()
    os.kill(stopped, signal.SIGSTOP)
    assert editor.wait(Done, job).seed == 3
    editor.client.close()
    assert stopped not in daemon.workers()
    log = (daemon.state / "daemon.log").read_text(encoding="utf-8")
    assert f"the worker ended (it did not answer for 6 seconds); job {job} runs once more" in log


def test_a_worker_that_computes_for_long_answers_and_stays(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(silence_s=1, answer_s=5).start()
    with daemon.session() as session:
        job = session.submit(a_request("hang=8"))
        [worker] = until(daemon.workers, "the worker")
        # Killed over the silence, it would be another process, at a higher memory level.
        assert session.wait(job).settings["memory_level"] == 0
    assert daemon.workers() == [worker]


def test_cancel_while_a_model_loads_frees_the_worker(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    loading = editor.client.submit(a_request("hang=600"))
    editor.wait(Progress, loading)
    editor.client.cancel(loading)
    editor.wait(Cancelled, loading)
    asked = time.monotonic()
    after = editor.client.submit(a_request("steps=1"))
    editor.wait(Progress, after)
    # Two seconds, and what a busy machine needs to start a process.
    assert time.monotonic() - asked < 8
    editor.wait(Done, after)


def test_previews_come_when_asked_for_and_not_too_often(daemon: Daemon) -> None:
    heard: list[Progress] = []
    with daemon.session() as session:
        session.run(a_request("steps=30 pause=0.05", preview=True), on_progress=heard.append)
        silent: list[Progress] = []
        session.run(a_request("steps=3"), on_progress=silent.append)
    shown = [event.preview for event in heard if event.preview is not None]
    assert 2 <= len(shown) <= 5
    header = shown[0].header
    assert max(header.width, header.height) <= 256 and header.format == "rgba8"
    assert not [event for event in silent if event.preview]


def test_an_idle_worker_ends_and_frees_its_memory(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon(unload_after_s=0.5).start()
    with daemon.session() as session:
        session.run(a_request())
        assert session.status()["models_loaded"] == ["starter"]
        until(lambda: not daemon.workers(), "the worker to end")
        assert session.status()["models_loaded"] == []
        session.run(a_request())


def test_a_worker_does_not_outlive_its_daemon(make_daemon: Callable[..., Daemon]) -> None:
    import psutil

    daemon = make_daemon().start()
    with daemon.session() as session:
        session.run(a_request())
    [worker] = daemon.workers()
    daemon.kill()
    until(lambda: not psutil.pid_exists(worker), "the worker to end")
