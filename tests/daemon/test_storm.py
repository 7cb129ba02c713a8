"""Daemon, worker and clients killed at random moments: each job ends exactly once."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable

from acetate_wire.events import Connected, Disconnected, Done, Progress

from tests.daemon.harness import ROOT, Daemon, Editor, a_request

JOBS = 200
LONGEST_S = 100.0
SEED = 20
VICTIMS = ("daemon", "worker", "client")
MOST_KILLS = 10


def test_200_jobs_survive_kills_of_everything(make_daemon: Callable[..., Daemon]) -> None:
    dice = random.Random(SEED)
    daemon = make_daemon().start()
    names = ("ada", "ben")
    for name in names:
        plan = "\n".join(str(uuid.UUID(int=dice.getrandbits(128), version=4)) for _ in range(JOBS // 2))
        (daemon.home / f"{name}.plan").write_text(plan)
    clients = {name: start_client(daemon, name) for name in names}
    try:
        killed = rage(daemon, clients, dice)
    finally:
        for client in clients.values():
            client.kill()
    print(f"killed {dict(killed)}")
    assert min(killed[victim] for victim in VICTIMS) >= 3
    for name, client in clients.items():
        assert client.returncode == 0
        check_ends(daemon, name)


def rage(daemon: Daemon, clients: dict[str, subprocess.Popen[bytes]], dice: random.Random) -> Counter[str]:
    """Kill one thing after another until all clients have seen all their jobs end."""
    killed: Counter[str] = Counter()
    began = time.monotonic()
    while any(client.poll() is None for client in clients.values()):
        assert time.monotonic() - began < LONGEST_S, "the jobs do not come to an end"
        time.sleep(dice.uniform(0.05, 0.4))
        victim = dice.choice(VICTIMS)
        if killed[victim] >= MOST_KILLS:
            continue
        if victim == "daemon":
            daemon.restart()
        elif victim == "worker":
            killed[victim] -= not daemon.kill_worker()
        else:
            name = dice.choice(sorted(clients))
            if clients[name].poll() is not None:
                continue
            clients[name].kill()
            clients[name].wait()
            clients[name] = start_client(daemon, name)
        killed[victim] += 1
    return killed


def start_client(daemon: Daemon, name: str) -> subprocess.Popen[bytes]:
    """A client process."""
    command = [sys.executable, "-m", "tests.daemon.storm_client", str(daemon.home), name]
    return subprocess.Popen(command, env=daemon.environment, cwd=ROOT)


def check_ends(daemon: Daemon, name: str) -> None:
    """Every job of the plan has exactly one end, and layers are those of its own seed."""
    plan = (daemon.home / f"{name}.plan").read_text().split()
    lines = [line.split() for line in (daemon.home / f"{name}.ends").read_text().splitlines()]
    assert sorted(id for id, *_ in lines) == sorted(plan)
    for id, kind, detail in lines:
        seed = int(id[:6], 16)
        if kind == "Done":
            assert detail == bytes([seed % 256, seed // 256 % 256]).hex()
        else:
            assert (kind, detail) == ("Failed", "worker_lost")
    assert sum(kind == "Done" for _, kind, _ in lines) > len(plan) * 0.9


def test_a_running_job_goes_on_after_the_daemon_was_killed(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    editor = Editor(daemon, "editor")
    editor.wait(Connected)
    first = editor.client.submit(a_request("steps=20 pause=0.05", seed=1))
    second = editor.client.submit(a_request(seed=2))
    editor.wait(Progress, first)
    daemon.restart()
    editor.wait(Disconnected)
    assert editor.wait(Done, first).seed == 1
    assert editor.wait(Done, second).seed == 2
    assert editor.count(Done, first) == editor.count(Done, second) == 1
    editor.client.close()


def test_a_job_that_was_submitted_to_a_dead_daemon_runs_when_it_is_back(make_daemon: Callable[..., Daemon]) -> None:
    daemon = make_daemon().start()
    editor = Editor(daemon, "editor")
    editor.wait(Connected)
    daemon.kill()
    job = editor.client.submit(a_request(seed=8))
    editor.pump()
    daemon.start()
    assert editor.wait(Done, job).seed == 8
    editor.client.close()
