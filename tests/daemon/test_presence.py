"""Nobody is locked out of a daemon that lives: it publishes again what vanished, and others find it or its process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from acetate_wire import connection as connections
from acetate_wire.events import Connected, Done

from tests.daemon.harness import ROOT, Daemon, Editor, a_request, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the socket is no file there")


def second(daemon: Daemon, **environment: str) -> subprocess.CompletedProcess[str]:
    """Start another daemon of the same user, whose environment differs in this."""
    return subprocess.run(
        [sys.executable, "-m", "acetate.daemon"],
        env={**daemon.environment, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@pytest.mark.parametrize("what", ["the folder", "the socket", "the connection file"])
def test_what_vanishes_is_published_again_within_two_seconds(make_daemon: Callable[..., Daemon], what: str) -> None:
    daemon = make_daemon().start()
    editor = Editor(daemon, "editor")
    editor.wait(Connected)
    if what == "the folder":
        shutil.rmtree(daemon.runtime)
    else:
        (daemon.runtime / ("daemon.sock" if what == "the socket" else connections.FILE_NAME)).unlink()
    gone = time.monotonic()
    until(lambda: (daemon.runtime / "daemon.sock").exists() and daemon.connection_or_none(), "the daemon's return")
    assert time.monotonic() - gone < 2.5
    with daemon.session("newcomer", start=False) as session:
        assert session.run(a_request(seed=4)).seed == 4
    job = editor.client.submit(a_request(seed=5))
    assert editor.wait(Done, job).seed == 5
    editor.client.close()
    assert daemon.alive


def test_the_daemon_is_found_from_another_runtime_folder(make_daemon: Callable[..., Daemon], home: Path) -> None:
    daemon = make_daemon().start()
    other = home / "run2"
    ended = second(daemon, ACETATE_RUNTIME_DIR=str(other))
    assert ended.returncode == 0
    found = connections.find(other / connections.FILE_NAME)
    assert found is not None
    assert found.pid == daemon.pid
    with daemon.session(connection=found, start=False) as session:
        assert session.run(a_request(seed=6)).seed == 6


def test_another_state_folder_does_not_steal_the_socket(make_daemon: Callable[..., Daemon], home: Path) -> None:
    daemon = make_daemon().start()
    editor = Editor(daemon, "editor")
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=20 pause=0.05", seed=8))
    ended = second(daemon, ACETATE_STATE_DIR=str(home / "state2"))
    assert ended.returncode == 2
    assert f"process {daemon.pid}" in ended.stderr
    assert "ACETATE_RUNTIME_DIR" in ended.stderr
    assert editor.wait(Done, job).seed == 8
    editor.client.close()


def test_a_second_start_points_to_the_first_while_its_folder_is_gone(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    shutil.rmtree(daemon.runtime)
    assert second(daemon).returncode == 0
    found = until(daemon.connection_or_none, "the connection file")
    assert found.pid == daemon.pid


def test_more_connections_than_the_usual_file_limit_do_not_end_it(make_daemon: Callable[..., Daemon]) -> None:
    import resource
    import socket

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("this system allows too few files for the test")
    daemon = make_daemon()
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        daemon.start()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    silent = []
    try:
        for _ in range(1100):
            client = socket.socket(socket.AF_UNIX)
            client.connect(str(daemon.runtime / "daemon.sock"))
            silent.append(client)
        with daemon.session(start=False) as session:
            assert session.run(a_request(seed=9)).seed == 9
        # Who says nothing is let go.
        until(lambda: len(list(Path(f"/proc/{daemon.pid}/fd").iterdir())) < 200, "the silent connections to be closed")
    finally:
        for client in silent:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert daemon.alive


def acetate(daemon: Daemon, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, as this user."""
    return subprocess.run(
        [sys.executable, "-m", "acetate", *words],
        env={**daemon.environment, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_status_and_stop_find_a_daemon_of_another_session(make_daemon: Callable[..., Daemon], home: Path) -> None:
    daemon = make_daemon().start()
    there = {"ACETATE_RUNTIME_DIR": str(home / "run3")}
    told = acetate(daemon, "status", **there)
    assert told.returncode == 0
    assert str(daemon.pid) in told.stdout
    assert "The daemon ends." in acetate(daemon, "stop", **there).stdout
    until(lambda: not daemon.alive, "the daemon's end")


def test_stop_ends_a_daemon_that_cannot_be_reached(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    pid = daemon.pid
    (daemon.runtime / connections.FILE_NAME).unlink()
    told = acetate(daemon, "stop").stdout
    assert "The daemon ends." in told or f"process {pid}" in told
    until(lambda: not daemon.alive, "the daemon's end")
    assert "not running" in acetate(daemon, "stop").stdout
