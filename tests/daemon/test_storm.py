"""Daemon, worker and clients killed at random moments: each job ends exactly once."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable

import pytest
from acetate_wire.events import Connected, Disconnected, Done, Progress

from tests.daemon.harness import Daemon, Editor, a_request
from tests.storm import CLIENTS, Clients, ends, storm

JOBS = 200
LONGEST_S = 100.0
SEED = 20
VICTIMS = ("daemon", "worker", "client")
MOST_KILLS = 10


@pytest.mark.slow
def test_200_jobs_survive_kills_of_everything(make_daemon: Callable[..., Daemon]) -> None:
    dice = random.Random(SEED)
    daemon = make_daemon(workers=2).start()
    clients = Clients(daemon)
    for name in CLIENTS:
        clients.plan(name, dice, JOBS // 2)
        clients.start(name)
    try:
        killed = rage(daemon, clients, dice)
    finally:
        clients.close()
    print(f"killed {dict(killed)}")
    assert min(killed[victim] for victim in VICTIMS) >= 3
    for name in CLIENTS:
        found = ends(daemon, name)
        assert (found.missing, found.doubled, found.wrong) == ((), (), ())
        assert found.done > JOBS // 2 * 0.9 and set(found.failed) <= {"Failed worker_lost"}


def rage(daemon: Daemon, clients: Clients, dice: random.Random) -> Counter[str]:
    """Kill one thing after another until all clients have seen all their jobs end."""
    killed: Counter[str] = Counter()
    began = time.monotonic()
    while clients.running:
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
            name = dice.choice(CLIENTS)
            if name not in clients.running:
                continue
            clients.kill(name)
        killed[victim] += 1
    return killed


@pytest.mark.slow
def test_a_short_storm_with_failing_files_and_jumping_clocks_loses_nothing() -> None:
    figures = storm(minutes=0.25, seed=3)
    assert figures["jobs lost"] == figures["jobs ended twice"] == figures["wrong layers"] == 0, figures
    assert "daemon ended by itself" not in figures, figures
    assert figures["layers"] > 50, figures  # type: ignore[operator]


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
