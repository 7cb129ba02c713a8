"""A farm: the same promises with workers that Ray runs on two machines, here two addresses of this one.

They need the extra `ray`, which `.ci/run` does not install: `.venv/bin/python -m pip install -e '.[ray]'`, then
`.venv/bin/python -m pytest tests/daemon/test_farm.py`.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from acetate.farm.key import FarmKey
from acetate_wire.events import Cancelled, Connected, Done, Failed, Progress

from tests.daemon.harness import Daemon, Editor, a_request, until
from tests.daemon.standin import LACKED
from tests.daemon.test_downloads import EDGES, WEIGHTS
from tests.daemon.test_presence import acetate
from tests.farm_machines import HEAD, OTHER, PATIENCE_S, Machines, free_ports
from tests.hub import Hub, serving

pytest.importorskip("ray", reason="the extra ray is not installed")
pytest.importorskip("cryptography", reason="the extra ray is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="two addresses of one machine")]

LONG = "steps=100000 pause=0.05"


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    """A hub with one adapter."""
    with serving({EDGES: {"config.json": b"{}", WEIGHTS: b"x" * (1 << 20)}}, {EDGES: "openrail++"}) as hub:
        yield hub


@pytest.fixture(scope="module")
def machines(hub: Hub) -> Iterator[Machines]:
    """A farm of two machines with one worker and a models folder each."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        machines = Machines(Path(folder), free_ports())
        try:
            for host in (HEAD, OTHER):
                machines.start(host, 1, {**hub.environment(machines.home / host), LACKED: "narrow"})
            yield machines
        finally:
            machines.close()


@pytest.fixture(scope="module")
def common_daemon(machines: Machines) -> Iterator[Daemon]:
    """A daemon that draws on the farm."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), farm=machines.address, farm_key=machines.key).start()
        until(lambda: len(pool(daemon)) == 2, "two workers", PATIENCE_S)
        yield daemon
        daemon.close()


def pool(daemon: Daemon) -> list[Mapping[str, Any]]:
    """The farm's workers, as the daemon tells them."""
    with daemon.session() as session:
        return list(session.status()["pool"])


def started(editor: Editor, seed: int) -> str:
    """A job that runs until it is cancelled, and has begun."""
    job = editor.client.submit(a_request(LONG, seed=seed))
    editor.wait(Progress, job, PATIENCE_S)
    return job


def test_the_key_is_for_its_owner_alone(machines: Machines) -> None:
    assert stat.S_IMODE(machines.key.stat().st_mode) == 0o600
    for token in machines.key.parent.glob("farm-*/token"):
        assert stat.S_IMODE(token.stat().st_mode) == 0o600 and stat.S_IMODE(token.parent.stat().st_mode) == 0o700


def test_both_machines_draw_and_large_pictures_come_back_whole(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    jobs = [editor.client.submit(a_request("steps=8 pause=0.1", 640, 480, seed=seed)) for seed in (7, 8)]
    ends = [editor.wait(Done, job, PATIENCE_S) for job in jobs]
    assert [end.seed for end in ends] == [7, 8] and len({end.settings["pid"] for end in ends}) == 2
    for end in ends:
        pixels = bytes(end.layers[0].picture.pixels)
        assert len(pixels) == 640 * 480 * 4 and pixels[:2] == bytes([end.seed, 0])
    assert "farm " in acetate(daemon, "status").stdout
    with daemon.session() as session:
        assert session.status()["farm"]["problem"] == ""


def test_a_killed_actor_costs_its_own_job_one_attempt(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    hit, spared = started(editor, 1), started(editor, 2)
    before = {worker["job"]: worker for worker in pool(daemon)}
    os.kill(before[hit]["pid"], signal.SIGKILL)
    wanted = (hit, 2)
    again = until(
        lambda: [each for each in pool(daemon) if (each["job"], each["attempt"]) == wanted],
        "another attempt",
        PATIENCE_S,
    )
    assert again[0]["pid"] != before[hit]["pid"]
    assert {each["job"]: each["attempt"] for each in pool(daemon)}[spared] == 1
    for job in (hit, spared):
        editor.client.cancel(job)
        editor.wait(Cancelled, job)


def _is_gone(daemon: Daemon, process: int) -> bool:
    return process not in daemon.workers()


def test_a_killed_foreman_costs_no_attempt_that_counts(daemon: Daemon, editor: Editor) -> None:
    editor.wait(Connected)
    job = editor.client.submit(a_request("steps=100 pause=0.05", seed=4))
    for _ in range(2):
        editor.events.clear()
        editor.wait(Progress, job, PATIENCE_S)
        [foreman] = daemon.workers()
        os.kill(foreman, signal.SIGKILL)
        until(partial(_is_gone, daemon, foreman), "the foreman's end")
    done = editor.wait(Done, job, PATIENCE_S)
    assert (done.seed, done.settings["memory_level"]) == (4, 0) and editor.count(Done, job) == 1


def test_a_model_that_no_machine_has_is_named_with_the_machines(daemon: Daemon, editor: Editor) -> None:
    until(lambda: len(pool(daemon)) == 2, "two workers", PATIENCE_S)
    job = editor.client.submit(a_request("lost", model="narrow"))
    failed = editor.wait(Failed, job, PATIENCE_S)
    assert failed.code == "model_missing" and socket.gethostname() in failed.message
    assert "acetate farm models pull narrow" in failed.hint


def test_a_model_is_fetched_on_every_machine(daemon: Daemon, machines: Machines, hub: Hub) -> None:
    there = ["--farm", machines.address, "--key", str(machines.key)]
    fetched = acetate(daemon, "farm", "models", "pull", "sdxl/edge", *there)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.splitlines() == [f"{socket.gethostname()}: sdxl/edge is here."] * 2
    for host in (HEAD, OTHER):
        [weights] = (machines.home / host / "hub").rglob(WEIGHTS)
        assert weights.read_bytes() == hub.repositories[EDGES][WEIGHTS]
    missing = acetate(daemon, "farm", "models", "pull", "sdxl/line", *there)
    assert missing.returncode == 1
    assert missing.stdout.count(f"{socket.gethostname()}: ") == 2 and "is here" not in missing.stdout


def test_a_frozen_machine_is_given_up_and_changes_nothing_when_it_thaws(
    daemon: Daemon, editor: Editor, machines: Machines
) -> None:
    editor.wait(Connected)
    until(lambda: len(pool(daemon)) == 2, "two workers", PATIENCE_S)
    jobs = [editor.client.submit(a_request("steps=100 pause=0.05", seed=seed)) for seed in (5, 6)]
    for job in jobs:
        editor.wait(Progress, job, PATIENCE_S)
    there = machines.family(OTHER)
    raylet = machines.raylet(OTHER)
    pids = {process.pid for process in there}
    frozen = next(each["job"] for each in pool(daemon) if each["pid"] in pids)
    for process in there:
        process.suspend()
    until(lambda: f"job {frozen} runs once more" in log_of(daemon), "the daemon to notice", PATIENCE_S)
    for process in there:
        if process.is_running():
            process.resume()
    ends = [editor.wait(Done, job, PATIENCE_S) for job in jobs]
    assert [end.seed for end in ends] == [5, 6]
    assert {end.settings["pid"] for end in ends}.isdisjoint(pids)
    # Ray ends a machine that it had given up: nothing of it is left to say anything.
    until(lambda: not raylet.is_running(), "its end", PATIENCE_S)
    assert [editor.count(Done, job) for job in jobs] == [1, 1]


def log_of(daemon: Daemon) -> str:
    """The daemon's log."""
    return (daemon.state / "daemon.log").read_text(encoding="utf-8")


def test_a_daemon_with_another_token_is_refused(machines: Machines, tmp_path: Path) -> None:
    wrong = tmp_path / "farm.json"
    replace(FarmKey.load(machines.key), token="0" * 64).save(wrong)
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), farm=machines.address, farm_key=wrong).start()

        def problem() -> str:
            with daemon.session() as session:
                return str(session.status()["farm"]["problem"])

        until(lambda: "cannot be joined" in problem() or "ended" in problem(), "the refusal", PATIENCE_S)
        assert pool(daemon) == []
        daemon.close()
