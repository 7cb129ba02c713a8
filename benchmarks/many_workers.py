"""What journal, socket and spool of one daemon carry: `python -m benchmarks.many_workers [--workers 10 100 300]`.

The daemon is the real one, with its own journal, spool and clients; its workers are simulated in the foreman's place
(`benchmarks.simulated_foreman`), so that a hundred cards need no card. 8 clients have jobs waiting all the time, in the
kinds that `--load` names: `card` (20 steps of 0.5 s, as of SDXL on a card) and `fast` (20 steps of 50 ms).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from acetate_wire.events import Connected, Done, Progress, Rejected

from benchmarks.simulated_foreman import COUNT
from tests.daemon.harness import Daemon, Editor, a_request, until

LOADS = {"card": (20, 0.5), "fast": (20, 0.05)}
CLIENTS = 8
MEASURED = "ACETATE_MEASURED"
"""The environment variable with the file that the daemon writes the counts of its journal to, once a second."""


def serve() -> int:
    """Be the daemon: the real one, with a simulated foreman, which counts what it writes into its journal."""
    from acetate.daemon import __main__, farm
    from acetate.daemon.job_store import JobStore

    farm.FOREMAN_MODULE = "benchmarks.simulated_foreman"
    farm.check_ray = lambda: None  # type: ignore[attr-defined]
    counts: Counter[str] = Counter()
    writing = JobStore._writing

    @contextmanager
    def counted(store: JobStore, synchronous: str = "FULL") -> Iterator[None]:
        nested = store._db.in_transaction
        with writing(store, synchronous):
            yield
            began = time.perf_counter()
        if not nested:
            counts[f"commits {synchronous}"] += 1
            counts["waited_us"] += int((time.perf_counter() - began) * 1e6)

    JobStore._writing = counted  # type: ignore[method-assign, assignment]

    def write() -> None:
        while True:
            time.sleep(0.2)
            part = Path(os.environ[MEASURED] + ".part")
            part.write_text(json.dumps(counts))
            part.replace(os.environ[MEASURED])

    threading.Thread(target=write, daemon=True).start()
    return __main__.main()


class CountingDaemon(Daemon):
    """A daemon of `serve`."""

    def __init__(self, home: Path, workers: int) -> None:
        """Nothing is started yet; `workers` are simulated."""
        super().__init__(home, farm="127.0.0.1:1")
        self.environment |= {COUNT: str(workers), MEASURED: str(home / "counts.json")}
        self.command = [sys.executable, "-m", "benchmarks.many_workers", "--serve"]

    def counts(self) -> Counter[str]:
        """What the daemon has counted."""
        return Counter(json.loads((self.home / "counts.json").read_text()))


class Load:
    """Clients that have so many jobs waiting or running all the time, and count what comes."""

    def __init__(self, editors: list[Editor], jobs: int, request: Any) -> None:
        """Nothing is submitted yet. `jobs` are of all clients together."""
        self._editors, self._request = editors, request
        self._share = -(-jobs // len(editors))
        self._open: dict[str, set[str]] = {editor.name: set() for editor in editors}
        self.events: Counter[str] = Counter()

    def pump(self) -> None:
        """Deal with what has come, and submit what is missing."""
        for editor in self._editors:
            mine = self._open[editor.name]
            for event in editor.client.pump():
                self.events[type(event).__name__] += 1
                if isinstance(event, Rejected):
                    raise SystemExit(f"a job was refused: {event.message}")
                if isinstance(event, Done):
                    mine.discard(event.id)
                    editor.client.acknowledge(event.id)
            while len(mine) < self._share:
                mine.add(editor.client.submit(self._request))
        time.sleep(0.002)

    def run(self, seconds: float) -> float:
        """Go on for so long; how long it really was."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            self.pump()
        return time.monotonic() - began


def asking_times(daemon: Daemon, stop: threading.Event, times: dict[str, list[float]]) -> None:
    """Ask for status and the list of jobs again and again, and note the seconds of each answer."""
    with daemon.session("client 0") as session:
        calls: dict[str, Callable[[], Any]] = {"status": session.status, "jobs": session.jobs}
        while not stop.wait(0.2):
            for name, call in calls.items():
                began = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - began)


def measure(workers: int, load: str, side: int, seconds: float) -> dict[str, Any]:
    """The figures of one daemon with so many simulated workers."""
    steps, pause = LOADS[load]
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        daemon = CountingDaemon(Path(folder), workers)
        daemon.start()
        editors = [daemon.editor(f"client {number}") for number in range(CLIENTS)]
        for editor in editors:
            editor.wait(Connected)
        with daemon.session() as session:
            until(lambda: len(session.status()["pool"]) == workers, "the workers")
        request = a_request(f"steps={steps} pause={pause}", side, side, canvas=(side, side))
        clients = Load(editors, workers + min(workers, 100), request)
        clients.run(steps * pause + 2)
        times: dict[str, list[float]] = {"status": [], "jobs": []}
        stop = threading.Event()
        asking = threading.Thread(target=asking_times, args=(daemon, stop, times))
        asking.start()
        foreman = psutil.Process(daemon.workers()[0])
        processes = {"daemon": psutil.Process(daemon.pid), "foreman": foreman}
        before = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
        counted, seen = daemon.counts(), clients.events.copy()
        passed = clients.run(seconds)
        counts, events = daemon.counts() - counted, clients.events - seen
        cpu = {
            name: round((sum(process.cpu_times()[:2]) - before[name]) / passed, 3)
            for name, process in processes.items()
        }
        stop.set()
        while asking.is_alive():
            clients.pump()
        found = {
            "workers": workers,
            "load": load,
            "side": side,
            "jobs_per_s": events[Done.__name__] / passed,
            "progress_per_s": events[Progress.__name__] / passed,
            # Jobs that began together end together: their steps are the better measure.
            "share_of_ideal": events[Progress.__name__] * pause / workers / passed,
            "layers_MB_per_s": events[Done.__name__] * side * side * 4 / 1e6 / passed,
            "synced_writes_per_s": counts["commits FULL"] / passed,
            "other_writes_per_s": counts["commits NORMAL"] / passed,
            "waits_for_disk": counts["waited_us"] / 1e6 / passed,
            "cpu_daemon": cpu["daemon"],
            "cpu_foreman": cpu["foreman"],
            "daemon_MB": processes["daemon"].memory_info().rss / 1e6,
            **{f"{name}_s": statistics.median(taken) for name, taken in times.items()},
            **{f"{name}_longest_s": max(taken) for name, taken in times.items()},
        }
        for editor in editors:
            editor.client.close()
        daemon.kill()
        return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[10, 100, 300])
    parser.add_argument("--load", nargs="+", choices=LOADS, default=list(LOADS))
    parser.add_argument("--side", type=int, default=64, help="pixels of each side of a layer")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--json", metavar="FILE", type=Path)
    given = parser.parse_args()
    found = []
    for load in given.load:
        for workers in given.workers:
            found.append(measure(workers, load, given.side, given.seconds))
            print(json.dumps(found[-1], indent=2), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    if "--serve" in sys.argv:
        sys.argv.remove("--serve")
        sys.exit(serve())
    sys.exit(main())
