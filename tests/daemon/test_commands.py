"""`acetate serve`, `jobs`, `cancel`, `status`, `stop` and `pair`, run as people run them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from acetate.cli.jobs import CLIENT
from acetate_wire import connection as connections
from acetate_wire.blocking import BlockingClient
from acetate_wire.events import Progress

from tests.daemon.harness import ROOT, STAND_IN, Daemon, a_request, until


def acetate(daemon: Daemon, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command beside this daemon."""
    command = [sys.executable, "-m", "acetate", *arguments]
    return subprocess.run(
        command, env=daemon.environment, cwd=daemon.home, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def session(daemon: Daemon) -> Iterator[BlockingClient]:
    """The command line's own client, to give it jobs."""
    key = connections.client_key(CLIENT, daemon.home / "config" / "clients")
    with daemon.session(CLIENT, key=key) as made:
        yield made


def test_serve_says_where_it_listens_and_ends_in_order(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    command = [sys.executable, "-m", "acetate", "serve", "--engine", STAND_IN]
    process = subprocess.Popen(command, env=daemon.environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "ipc://" in line and str(process.pid) in line
    loaded = Path(f"/proc/{process.pid}/maps").read_text()
    assert "libtorch" not in loaded and "numpy" not in loaded
    second = acetate(daemon, "serve")
    assert second.returncode == 0 and f"already running at ipc://{daemon.runtime}" in second.stdout
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stdout.close()


def test_jobs_lists_and_cancel_stops(daemon: Daemon, session: BlockingClient) -> None:
    running = session.submit(a_request("steps=1000 pause=0.05"))
    waiting = session.submit(a_request("a kite over hills"))
    until(lambda: session.jobs().jobs[0]["state"] == "running", "the first job to run")
    first, second = acetate(daemon, "jobs").stdout.splitlines()
    assert first.startswith(running) and "running" in first
    assert "waiting (1 before it)" in second and second.endswith("text: a kite over hills")
    figures = json.loads(acetate(daemon, "jobs", "--json", "-").stdout)
    assert [job["id"] for job in figures["jobs"]] == [running, waiting]
    assert figures["keep_days"] == 7
    for job in (waiting, running):
        assert acetate(daemon, "cancel", job[:12]).stdout == "Cancelled.\n"
    assert acetate(daemon, "jobs").stdout == "There are no jobs.\n"


def test_cancelling_what_is_not_there_is_one_clear_line(daemon: Daemon) -> None:
    answer = acetate(daemon, "cancel", "123")
    assert answer.returncode == 2
    assert answer.stderr == "acetate: there is no job 123: see acetate jobs\n"


def test_status_in_words_and_figures(daemon: Daemon, session: BlockingClient) -> None:
    session.run(a_request())
    words = acetate(daemon, "status").stdout
    assert f"process        {daemon.pid}\n" in words and "models loaded  starter\n" in words
    file = daemon.home / "status.json"
    acetate(daemon, "status", "--json", str(file))
    figures = json.loads(file.read_text())
    assert figures["running"] and figures["pid"] == daemon.pid and figures["workers"] == daemon.workers()
    assert {"endpoint", "device", "models_loaded"} <= set(figures)


def test_stop_ends_the_daemon(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    key = connections.client_key(CLIENT, daemon.home / "config" / "clients")
    with daemon.session(CLIENT, key=key) as session:
        job = session.submit(a_request("steps=1000 pause=0.05"))
        session._receive_until(lambda event: isinstance(event, Progress) and event.id == job, 30)
    assert acetate(daemon, "stop").stdout == "The daemon ends.\n1 jobs go on when it is started again.\n"
    until(lambda: not daemon.alive, "the daemon to end")
    answer = acetate(daemon, "status", "--json", "-")
    assert answer.returncode == 1 and json.loads(answer.stdout) == {"running": False}
    assert acetate(daemon, "stop").stdout == "The daemon is not running.\n"


def test_pair_writes_a_file_for_the_other_machine(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon()
    daemon.home.mkdir(exist_ok=True)
    assert acetate(daemon, "pair").stdout == "No machine is paired.\n"
    answer = acetate(daemon, "pair", "studio", "--endpoint", "box.example:5000", "-o", "studio.json")
    assert "studio.json" in answer.stdout and "acetate serve --tcp 0.0.0.0:5000" in answer.stdout
    found = connections.find(daemon.home / "studio.json")
    assert found is not None and found.endpoint == "tcp://box.example:5000"
    assert acetate(daemon, "pair").stdout == "studio\n"
    assert "no more" in acetate(daemon, "pair", "studio", "--remove").stdout
    refused = acetate(daemon, "pair", "../x")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
