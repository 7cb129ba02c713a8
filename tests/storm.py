"""A storm on a daemon: `python3 -m tests.storm --minutes N [--seed N]` prints what was done to it, and what was lost.

Two clients submit jobs without a pause. Meanwhile daemon, worker and clients are killed, calls on files and on the
journal fail, the wall clock jumps by days, and connections are opened that never say a word. Every job must end exactly
once, with the layer of its own seed.

`--kills N` kills one thing alone instead, N times at random moments: the daemon, or with `--foreman` the foreman of a
farm of two machines, whose daemon goes on (needs the extra `ray`).
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.daemon.faults import FAULTS, VARIABLE, Trigger
from tests.daemon.harness import ROOT, Daemon
from tests.farm_machines import a_farm

CLIENTS = ("ada", "ben")
JOBS_A_PLAN = 100
END_PATIENCE_S = 100.0
DAY_S = 86400.0
SILENT_CONNECTIONS = 50
LOSSES = ("jobs lost", "jobs ended twice", "wrong layers", "daemon ended by itself")
"""What must not be among the figures."""


class FaultyDaemon(Daemon):
    """A daemon whose files, journal and clock fail when the trigger says so."""

    def __init__(self, home: Path, engine: str = "tests.daemon.faulty_engine:StandIn") -> None:
        super().__init__(home, engine=engine)
        self.environment[VARIABLE] = str(home / "trigger")
        self.trigger = Trigger(home / "trigger")
        self.errors = home / "errors.log"

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start it with failing files."""
        command = [sys.executable, "-m", "tests.daemon.faults", *self.options]
        with self.errors.open("ab") as file:
            return subprocess.Popen(command, env=self.environment, stderr=file, cwd=ROOT)


@dataclass
class Clients:
    """Client processes with a plan of jobs each, started again where they left off."""

    daemon: Daemon
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a client, or start it again."""
        command = [sys.executable, "-m", "tests.daemon.storm_client", str(self.daemon.home), name]
        self.processes[name] = subprocess.Popen(command, env=self.daemon.environment, cwd=ROOT)

    def plan(self, name: str, dice: random.Random, jobs: int) -> None:
        """Add jobs to a client's plan; they count from the client's next start."""
        with (self.daemon.home / f"{name}.plan").open("a") as file:
            file.writelines(f"{uuid.UUID(int=dice.getrandbits(128), version=4)}\n" for _ in range(jobs))

    @property
    def running(self) -> list[str]:
        """Those that have not seen all their jobs end."""
        return [name for name, process in self.processes.items() if process.poll() is None]

    def kill(self, name: str) -> None:
        """kill -9, and start again."""
        self.processes[name].kill()
        self.processes[name].wait()
        self.start(name)

    def close(self) -> None:
        """End all."""
        for process in self.processes.values():
            process.kill()
            process.wait()


@dataclass(frozen=True)
class Ends:
    """How the jobs of a plan ended: how many with layers, how many with which kind and code instead, and the ids that
    have no end, or more than one, or somebody else's layer."""

    done: int
    failed: Counter[str]
    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    wrong: tuple[str, ...]


def ends(daemon: Daemon, name: str) -> Ends:
    """Read what a client wrote down."""
    plan = (daemon.home / f"{name}.plan").read_text().split()
    lines = [line.split() for line in (daemon.home / f"{name}.ends").read_text().splitlines()]
    counts = Counter(id for id, *_ in lines)
    wrong = []
    for id, kind, detail in lines:
        seed = int(id[:6], 16)
        right = bytes([seed % 256, seed // 256 % 256]).hex() if kind == "Done" else detail
        if detail != right:
            wrong.append(id)
    return Ends(
        done=sum(kind == "Done" for _, kind, _ in lines),
        failed=Counter(f"{kind} {detail}" for _, kind, detail in lines if kind != "Done"),
        missing=tuple(id for id in plan if not counts[id]),
        doubled=tuple(id for id in counts if counts[id] > 1),
        wrong=tuple(wrong),
    )


def blows(daemon: FaultyDaemon, clients: Clients, dice: random.Random) -> dict[str, Callable[[], bool]]:
    """What can be done to a daemon; each says whether it hit something."""

    def kill_client() -> bool:
        names = clients.running
        if names:
            clients.kill(dice.choice(names))
        return bool(names)

    def fail() -> bool:
        daemon.trigger.arm(dice.randint(1, 40), dice.choice(FAULTS))
        return True

    def jump() -> bool:
        daemon.trigger.clock = dice.uniform(-30, 30) * DAY_S
        return True

    def connect() -> bool:
        for _ in range(SILENT_CONNECTIONS):
            made = socket.socket(socket.AF_UNIX)
            with suppress(OSError):
                made.connect(daemon.connection().endpoint.removeprefix("ipc://"))
                silent.append(made)
        while len(silent) > 4 * SILENT_CONNECTIONS:
            silent.pop(0).close()
        return True

    silent: list[socket.socket] = []
    return {
        "daemon killed": lambda: bool(daemon.restart()),
        "worker killed": daemon.kill_worker,
        "client killed": kill_client,
        "call failed": fail,
        "clock jumped": jump,
        "silent connections": connect,
    }


def storm(minutes: float, seed: int) -> dict[str, object]:
    """Let it blow for so long, wait for the last end, and return the figures."""
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = FaultyDaemon(Path(folder))
        daemon.start()
        clients = Clients(daemon)
        for name in CLIENTS:
            clients.plan(name, dice, JOBS_A_PLAN)
            clients.start(name)
        counts: Counter[str] = Counter()
        ways = blows(daemon, clients, dice)
        end = time.monotonic() + minutes * 60
        try:
            while time.monotonic() < end:
                time.sleep(dice.uniform(0.05, 0.6))
                name = dice.choice(list(ways))
                counts[name] += ways[name]()
                if not daemon.alive:
                    if name == "daemon killed":
                        counts["starts refused"] += 1
                    else:
                        counts["daemon ended by itself"] += 1
                        print(daemon.errors.read_text()[-2000:], file=sys.stderr)
                    daemon.trigger.disarm()
                    daemon.start()
                for idle in set(CLIENTS) - set(clients.running):
                    clients.plan(idle, dice, JOBS_A_PLAN)
                    clients.start(idle)
            daemon.trigger.disarm()
            _wait_for_all(clients)
            found = [ends(daemon, name) for name in CLIENTS]
        finally:
            clients.close()
            daemon.close()
    return {
        "minutes": minutes,
        "seed": seed,
        **counts,
        **_sums(found),
    }


def _sums(found: Sequence[Ends]) -> dict[str, int]:
    return {
        "layers": sum(each.done for each in found),
        "failed with a reason": sum(each.failed.total() for each in found),
        "jobs lost": sum(len(each.missing) for each in found),
        "jobs ended twice": sum(len(each.doubled) for each in found),
        "wrong layers": sum(len(each.wrong) for each in found),
    }


def _wait_for_all(clients: Clients) -> None:
    end = time.monotonic() + END_PATIENCE_S
    while clients.running and time.monotonic() < end:
        time.sleep(0.1)


def kill_at_random(daemon: Daemon, kill: Callable[[], bool], count: int, seed: int) -> dict[str, object]:
    """Hit a running daemon `count` times while two clients submit jobs, and return the figures.

    `kill` says whether it hit something. It comes up to a second after a job ended, or any time after the last one.
    """
    dice = random.Random(seed)
    clients = Clients(daemon)
    hits, began = 0, time.monotonic()
    for name in CLIENTS:
        clients.plan(name, dice, JOBS_A_PLAN)
        clients.start(name)
    try:
        while hits < count:
            if dice.random() < 0.75:
                _wait_for_an_end(daemon)
            time.sleep(dice.uniform(0, 1))
            hits += kill()
            for idle in set(CLIENTS) - set(clients.running):
                clients.plan(idle, dice, JOBS_A_PLAN)
                clients.start(idle)
        _wait_for_all(clients)
        found = [ends(daemon, name) for name in CLIENTS]
    finally:
        clients.close()
    return {
        "kills": hits,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "jobs": sum(each.done + each.failed.total() for each in found),
        **_sums(found),
    }


def _wait_for_an_end(daemon: Daemon) -> None:
    """Until one more job has ended."""
    files = [daemon.home / f"{name}.ends" for name in CLIENTS]

    def written() -> int:
        return sum(file.stat().st_size for file in files if file.exists())

    before, latest = written(), time.monotonic() + END_PATIENCE_S
    while written() == before and time.monotonic() < latest:
        time.sleep(0.02)


def kills(count: int, foreman: bool, seed: int) -> dict[str, object]:
    """Kill a daemon, or its foreman, so many times."""
    with ExitStack() as stack:
        folders = [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ac-"))) for _ in range(2)]
        if not foreman:
            daemon = Daemon(folders[0], workers=2).start()
            stack.callback(daemon.close)
            return kill_at_random(daemon, lambda: bool(daemon.restart()), count, seed)
        # The only child of this daemon is the foreman.
        machines = stack.enter_context(a_farm(folders[1], 1, 1))
        daemon = Daemon(folders[0], farm=machines.address, farm_key=machines.key).start()
        stack.callback(daemon.close)
        return kill_at_random(daemon, daemon.kill_worker, count, seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures as JSON; 1 when anything was lost."""
    parser = argparse.ArgumentParser(prog="python3 -m tests.storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--kills", type=int, metavar="N", help="only kill the daemon, N times")
    parser.add_argument("--foreman", action="store_true", help="kill the foreman of a farm instead of the daemon")
    options = parser.parse_args(arguments)
    if options.kills:
        figures = kills(options.kills, options.foreman, options.seed)
    else:
        figures = storm(options.minutes, options.seed)
    print(json.dumps(figures, indent=2))
    return int(any(figures.get(name) for name in LOSSES))


if __name__ == "__main__":
    sys.exit(main())
