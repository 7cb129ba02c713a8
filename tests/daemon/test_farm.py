"""A farm: the same promises with workers that Ray runs on two machines, here two addresses of this one.

They need the extra `ray`, which `.ci/run` does not install: `.venv/bin/python -m pip install -e '.[ray]'`, then
`.venv/bin/python -m pytest tests/daemon/test_farm.py`.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
from acetate.farm.key import FarmKey
from acetate_wire.events import Cancelled, Connected, Done, Failed, Progress

from tests.daemon.harness import ROOT, Daemon, Editor, a_request, until
from tests.daemon.standin import LACKED
from tests.daemon.test_presence import acetate

pytest.importorskip("ray", reason="the extra ray is not installed")
pytest.importorskip("cryptography", reason="the extra ray is not installed")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="two addresses of one machine")]

HEAD, OTHER = "127.0.0.2", "127.0.0.3"
PORTS = 300
PATIENCE_S = 180.0
LONG = "steps=100000 pause=0.05"


@dataclass
class Machines:
    """Two machines of a farm: their processes, and the farm's address and key."""

    address: str
    key: Path
    head: subprocess.Popen[bytes]
    other: subprocess.Popen[bytes]

    def of_other(self) -> list[psutil.Process]:
        """Ray's processes of the second machine."""
        found: list[psutil.Process] = psutil.Process(self.other.pid).children(recursive=True)
        return found


def free_ports() -> int:
    """The first of enough ports that nobody listens on."""
    for first in range(20000, 60000, 2 * PORTS):
        with socket.socket() as probe, socket.socket() as other:
            try:
                probe.bind((HEAD, first))
                other.bind((OTHER, first + PORTS))
            except OSError:
                continue
            return first
    raise AssertionError("no port is free")


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    """A farm of two machines with one worker each."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        home, first = Path(folder), free_ports()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "ACETATE_STATE_DIR": folder, "OMP_NUM_THREADS": "1"}
        environment[LACKED] = "narrow"
        running = []

        def run(name: str, *words: str) -> subprocess.Popen[bytes]:
            log = home / f"{name}.log"
            command = [sys.executable, "-m", "acetate", "farm", *words, "--workers", "1"]
            with log.open("wb") as file:
                process = subprocess.Popen(
                    command, env=environment, stdout=file, stderr=file, cwd=folder, start_new_session=True
                )
            running.append(process)
            until(lambda: b"runtime started" in log.read_bytes() or process.poll() is not None, name, PATIENCE_S)
            assert process.poll() is None, log.read_text()
            return process

        try:
            head = run("head", "start", "--host", HEAD, "--port", str(first))
            address = f"{HEAD}:{first}"
            other = run("other", "join", address, "--host", OTHER, "--port", str(first + PORTS))
            yield Machines(address, home / "farm.json", head, other)
        finally:
            for process in reversed(running):
                family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
                process.terminate()
                for each in family:
                    if each.is_running():
                        each.kill()
                process.wait()


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
        lambda: [each for each in pool(daemon) if (each["job"], each["attempt"]) == wanted], "another attempt"
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


def test_a_frozen_machine_is_given_up_and_changes_nothing_when_it_thaws(
    daemon: Daemon, editor: Editor, machines: Machines
) -> None:
    editor.wait(Connected)
    until(lambda: len(pool(daemon)) == 2, "two workers", PATIENCE_S)
    jobs = [editor.client.submit(a_request("steps=100 pause=0.05", seed=seed)) for seed in (5, 6)]
    for job in jobs:
        editor.wait(Progress, job, PATIENCE_S)
    there = machines.of_other()
    [raylet] = [process for process in there if process.name() == "raylet"]
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
