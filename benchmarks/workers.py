"""What several workers bring, and how soon a lost one is noticed: `python -m benchmarks.workers`.

Four parts, all of them unless `--parts` names some:

- `pool`: 1, 2 and 4 workers of this machine, with an engine that sleeps 50 ms a step, so that the processor's cores
  count for little: 16 jobs against the ideal, cancel, a killed worker, 8 clients with 8 jobs each.
- `farm`: the same on a farm of up to three machines, addresses of this one, which grows to 4 workers; then one of its
  machines is frozen and one killed (needs the extra `ray`).
- `kills`: kill -9 of the daemon, and of the farm's foreman, `--kills N` times each; all jobs must end once.
- `starter`: 2 workers against 1 with the starter itself, which computes; what that brings is up to the cores.

The bars are those of `BARS`; the exit code is 1 where one is missed. On a busy machine a sleep takes longer than it
should: `late sleep` is by how much, for a program that does nothing else, while the figure was taken.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from acetate_wire.events import Cancelled, Connected, Done, Progress
from acetate_wire.request import LayerRequest, Rect

from tests.daemon.harness import STAND_IN, Daemon, Editor, a_request, until
from tests.farm_machines import HEAD, OTHER, THIRD, Machines, free_ports
from tests.storm import LOSSES, kills

STEP_S, STEPS, JOBS = 0.05, 20, 16
JOB = f"steps={STEPS} pause={STEP_S}"
ENDLESS = f"steps=100000 pause={STEP_S}"
CANCELS = 20
PATIENCE_S = 180.0
BARS: dict[str, tuple[str, float]] = {
    "share of ideal": (">=", 0.90),
    "cancel, p95, s": ("<=", STEP_S + 0.05),
    "killed worker noticed, s": ("<=", 1.0),
    "largest over smallest median": ("<=", 1.2),
    "frozen machine noticed, s": ("<=", 10.0),
    "killed machine noticed, s": ("<=", 5.0),
    "jobs that did not end once": ("<=", 0.0),
}


@dataclass(frozen=True)
class Figure:
    """A measured value: of which part, and what; `late` is the median lateness of a 50 ms sleep meanwhile, in ms."""

    part: str
    what: str
    value: float
    late: float

    @property
    def bar(self) -> str:
        """What it must be, empty where there is no bar."""
        return "{} {:g}".format(*BARS[self.what]) if self.what in BARS else ""

    @property
    def passed(self) -> bool:
        """Whether it is what it must be."""
        sign, limit = BARS.get(self.what, (">=", float("-inf")))
        return self.value >= limit if sign == ">=" else self.value <= limit


class Figures:
    """What was measured, printed as it comes."""

    def __init__(self) -> None:
        """Begin to watch how late sleeps are."""
        self.all: list[Figure] = []
        self._late: list[float] = []
        threading.Thread(target=self._watch, daemon=True).start()
        print(f"{'part':<18}{'what':<32}{'measured':>10}  {'bar':<8}{'':<6}{'late sleep, ms':>15}")

    def add(self, part: str, what: str, value: float) -> None:
        """Take a value, and print it."""
        late, self._late = self._late, []
        figure = Figure(part, what, round(value, 4), round(statistics.median(late), 2) if late else 0.0)
        self.all.append(figure)
        word = "" if not figure.bar else "pass" if figure.passed else "MISS"
        print(f"{part:<18}{what:<32}{value:>10.3f}  {figure.bar:<8}{word:<6}{figure.late:>15.1f}", flush=True)

    def _watch(self) -> None:
        while True:
            began = time.monotonic()
            time.sleep(STEP_S)
            self._late.append((time.monotonic() - began - STEP_S) * 1000)


def pool(daemon: Daemon) -> list[Any]:
    """The workers, as the daemon tells them."""
    with daemon.session() as session:
        return list(session.status()["pool"])


def warm(daemon: Daemon, editor: Editor, workers: int) -> None:
    """Have every worker started, with its engine."""
    until(lambda: len(pool(daemon)) == workers, f"{workers} workers", PATIENCE_S)
    for job in [editor.client.submit(a_request("steps=20 pause=0.1")) for _ in range(workers)]:
        editor.wait(Done, job, PATIENCE_S)


def share_of_ideal(editor: Editor, workers: int, request: LayerRequest, ideal_s: float) -> float:
    """The ideal time of 16 jobs, which take `ideal_s` each, over the time that they took."""
    began = time.monotonic()
    for job in [editor.client.submit(request) for _ in range(JOBS)]:
        editor.wait(Done, job, PATIENCE_S)
    return JOBS / workers * ideal_s / (time.monotonic() - began)


def cancel_times(daemon: Daemon, editor: Editor) -> list[float]:
    """How long after each of some cancels the worker is free, in seconds."""
    times = []
    with daemon.session() as session:
        for number in range(CANCELS):
            job = editor.client.submit(a_request(ENDLESS))
            editor.wait(Progress, job, PATIENCE_S)
            # At each moment of a step.
            time.sleep(STEP_S * number / CANCELS)
            began = time.monotonic()
            editor.client.cancel(job)
            editor.pump()
            while any(worker["job"] == job for worker in session.status()["pool"]):
                editor.pump()
                time.sleep(0.002)
            times.append(time.monotonic() - began)
            editor.wait(Cancelled, job)
    return sorted(times)


def unfairness(daemon: Daemon, filler: Editor, workers: int) -> float:
    """8 clients with 8 jobs each, who all come while the workers are busy: the largest over the smallest of their
    median times."""
    editors = [daemon.editor(f"client {number}") for number in range(8)]
    for editor in editors:
        editor.wait(Connected)
    for job in [filler.client.submit(a_request(JOB)) for _ in range(workers)]:
        filler.wait(Progress, job, PATIENCE_S)
    began = time.monotonic()
    for editor in editors:
        for _ in range(8):
            editor.client.submit(a_request(f"steps=4 pause={STEP_S}"))
    ended: dict[str, list[float]] = {editor.name: [] for editor in editors}
    while any(len(times) < 8 for times in ended.values()):
        for editor in editors:
            news = [event for event in editor.pump() if isinstance(event, Done)]
            ended[editor.name] += [time.monotonic() - began] * len(news)
        time.sleep(0.002)
    medians = [statistics.median(times) for times in ended.values()]
    for editor in editors:
        editor.client.close()
    return max(medians) / min(medians)


def noticed_after(daemon: Daemon, editor: Editor, job: str, blow: Callable[[], None]) -> float:
    """After how many seconds a running job whose worker gets this blow is begun again."""
    log = daemon.state / "daemon.log"
    began = time.monotonic()
    blow()
    until(lambda: f"job {job} runs once more" in log.read_text(encoding="utf-8"), "the daemon to notice", PATIENCE_S)
    passed = time.monotonic() - began
    editor.client.cancel(job)
    editor.wait(Cancelled, job, PATIENCE_S)
    return passed


def killed_worker_noticed(daemon: Daemon, editor: Editor) -> float:
    """The same for kill -9 of a worker."""
    job = editor.client.submit(a_request(ENDLESS))
    editor.wait(Progress, job, PATIENCE_S)
    victim = next(worker["pid"] for worker in pool(daemon) if worker["job"] == job)
    return noticed_after(daemon, editor, job, lambda: os.kill(victim, signal.SIGKILL))


def measure(figures: Figures, part: str, daemon: Daemon, editor: Editor, workers: int) -> None:
    """Measure what is measured with every number of workers."""
    warm(daemon, editor, workers)
    figures.add(part, "share of ideal", share_of_ideal(editor, workers, a_request(JOB), STEPS * STEP_S))
    figures.add(part, "cancel, p95, s", cancel_times(daemon, editor)[int(CANCELS * 0.95)])
    figures.add(part, "largest over smallest median", unfairness(daemon, editor, workers))
    figures.add(part, "killed worker noticed, s", killed_worker_noticed(daemon, editor))


@contextmanager
def running(engine: str = STAND_IN, **options: object) -> Iterator[tuple[Daemon, Editor]]:
    """A daemon with a client, for a `with` block."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = Daemon(Path(folder), engine=engine, **options).start()
        editor = daemon.editor()
        try:
            editor.wait(Connected)
            yield daemon, editor
        finally:
            editor.client.close()
            daemon.close()


def measure_pool(figures: Figures) -> None:
    """The workers of this machine."""
    for workers in (1, 2, 4):
        with running(workers=workers) as (daemon, editor):
            measure(figures, f"pool, {workers}", daemon, editor, workers)


def measure_farm(figures: Figures) -> None:
    """A farm that grows, loses a machine that freezes, and one that is killed."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        machines = Machines(Path(folder), free_ports())
        try:
            machines.start(HEAD, 1)
            with running(farm=machines.address, farm_key=machines.key) as (daemon, editor):
                measure(figures, "farm, 1", daemon, editor, 1)
                machines.start(OTHER, 1)
                measure(figures, "farm, 2", daemon, editor, 2)
                machines.start(THIRD, 2)
                measure(figures, "farm, 4", daemon, editor, 4)
                measure_lost_machines(figures, machines, daemon, editor)
        finally:
            machines.close()


def measure_lost_machines(figures: Figures, machines: Machines, daemon: Daemon, editor: Editor) -> None:
    """Freeze a machine while all workers are busy, and kill the raylet of another."""
    for host, workers, word in ((THIRD, 4, "frozen"), (OTHER, 2, "killed")):
        warm(daemon, editor, workers)
        jobs = [editor.client.submit(a_request(ENDLESS)) for _ in range(workers)]
        for job in jobs:
            editor.wait(Progress, job, PATIENCE_S)
        there, raylet = machines.family(host), machines.raylet(host)
        pids = {process.pid for process in there}
        job = next(worker["job"] for worker in pool(daemon) if worker["pid"] in pids)
        victims, number = (there, signal.SIGSTOP) if word == "frozen" else ([raylet], signal.SIGKILL)
        blow = partial(send, victims, number)
        figures.add("farm", f"{word} machine noticed, s", noticed_after(daemon, editor, job, blow))
        for job in jobs:
            editor.client.cancel(job)
        send(there, signal.SIGKILL)


def send(processes: list[psutil.Process], number: int) -> None:
    """Send a signal to those that are still there."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def measure_kills(figures: Figures, count: int, with_farm: bool) -> None:
    """Kill the daemon, then the foreman, at random moments."""
    for what in ("daemon", "foreman") if with_farm else ("daemon",):
        found = kills(count, what == "foreman", seed=20)
        bad = sum(int(str(found.get(name, 0))) for name in LOSSES)
        figures.add(f"kills, {what}", f"{found['kills']} kills, jobs", float(str(found["jobs"])))
        figures.add(f"kills, {what}", "jobs that did not end once", bad)


def measure_starter(figures: Figures) -> None:
    """16 layers of the starter with one worker and with two."""
    request = LayerRequest("text", (256, 256), Rect(0, 0, 256, 256), "a red apple", seed=5, steps=4)
    seconds = []
    for workers in (1, 2):
        with running("standard", workers=workers) as (_, editor):
            for job in [editor.client.submit(request) for _ in range(workers)]:
                editor.wait(Done, job, PATIENCE_S)
            seconds.append(JOBS / share_of_ideal(editor, 1, request, 1.0))
            figures.add(f"starter, {workers}", f"seconds for {JOBS} layers", seconds[-1])
    figures.add("starter", "2 workers against 1", seconds[0] / seconds[1])


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ("pool", "farm", "kills", "starter")
    parser.add_argument("--parts", nargs="+", choices=parts, default=list(parts))
    parser.add_argument("--kills", type=int, default=5, metavar="N")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures here too")
    given = parser.parse_args()
    with_farm = importlib.util.find_spec("ray") is not None
    began, load = time.monotonic(), os.getloadavg()[0]
    figures = Figures()
    if "pool" in given.parts:
        measure_pool(figures)
    if "farm" in given.parts and with_farm:
        measure_farm(figures)
    if "kills" in given.parts:
        measure_kills(figures, given.kills, with_farm)
    if "starter" in given.parts:
        measure_starter(figures)
    about = {"cores": os.cpu_count(), "load_at_start": round(load, 1), "minutes": (time.monotonic() - began) / 60}
    missed = [figure for figure in figures.all if not figure.passed]
    print(f"{about['minutes']:.1f} minutes, load {load:.1f} on {about['cores']} cores; bars missed: {len(missed)}")
    if not with_farm:
        print("without the farm: the extra ray is not installed")
    if given.json:
        told = {**about, "figures": [{**asdict(figure), "bar": figure.bar} for figure in figures.all]}
        given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
