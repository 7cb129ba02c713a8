"""What several workers bring, and how soon the daemon notices that one is gone.

`python benchmarks/workers.py [--workers 1 2 4] [--farm HOST:PORT --farm-key FILE [--victim IP]] [--json FILE]`, with an
engine that sleeps 50 ms a step, so that the processor's cores count for little. On a farm, `--workers` is the number
that its machines have, and the Ray processes of the machine `--victim` (on this computer) are frozen, then killed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from acetate_wire.events import Cancelled, Connected, Done, Progress

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.daemon.harness import Daemon, Editor, a_request, until

STEP_S, STEPS, JOBS = 0.05, 20, 16
JOB = f"steps={STEPS} pause={STEP_S}"
ENDLESS = "steps=100000 pause=0.05"
PATIENCE_S = 120.0


def pool(daemon: Daemon) -> list[Any]:
    """The workers, as the daemon tells them."""
    with daemon.session() as session:
        return list(session.status()["pool"])


def warm(daemon: Daemon, editor: Editor, workers: int) -> None:
    """Have every worker started, with its engine."""
    until(lambda: len(pool(daemon)) == workers, f"{workers} workers", PATIENCE_S)
    for job in [editor.client.submit(a_request("steps=20 pause=0.1")) for _ in range(workers)]:
        editor.wait(Done, job, PATIENCE_S)


def share_of_ideal(editor: Editor, workers: int) -> float:
    """The ideal time of 16 jobs over the time that they took."""
    began = time.monotonic()
    for job in [editor.client.submit(a_request(JOB)) for _ in range(JOBS)]:
        editor.wait(Done, job, PATIENCE_S)
    return JOBS / workers * STEPS * STEP_S / (time.monotonic() - began)


def cancel_times(daemon: Daemon, editor: Editor, count: int = 20) -> list[float]:
    """How long after a cancel the worker is free, in seconds."""
    times = []
    for _ in range(count):
        job = editor.client.submit(a_request(ENDLESS))
        editor.wait(Progress, job)
        with daemon.session() as session:
            began = time.monotonic()
            editor.client.cancel(job)
            editor.pump()
            while any(worker["job"] == job for worker in session.status()["pool"]):
                editor.pump()
            times.append(time.monotonic() - began)
        editor.wait(Cancelled, job)
    return times


def noticed_after(daemon: Daemon, editor: Editor, blow: Any) -> float:
    """After how many seconds a running job whose worker is hit by `blow(worker)` is begun again."""
    job = editor.client.submit(a_request(ENDLESS))
    editor.wait(Progress, job)
    victim = next(worker for worker in pool(daemon) if worker["job"] == job)
    log = daemon.state / "daemon.log"
    began = time.monotonic()
    blow(victim)
    until(lambda: f"job {job} runs once more" in log.read_text(encoding="utf-8"), "the daemon to notice", PATIENCE_S)
    passed = time.monotonic() - began
    editor.client.cancel(job)
    editor.wait(Cancelled, job, PATIENCE_S)
    return passed


def unfairness(daemon: Daemon) -> float:
    """8 clients with 8 jobs each: the largest over the smallest of their median times."""
    editors = [daemon.editor(f"client {number}") for number in range(8)]
    for editor in editors:
        editor.wait(Connected)
    began = time.monotonic()
    jobs = {
        editor.name: [editor.client.submit(a_request("steps=4 pause=0.05")) for _ in range(8)] for editor in editors
    }
    ended: dict[str, list[float]] = {editor.name: [] for editor in editors}
    while any(len(ended[name]) < len(jobs[name]) for name in jobs):
        for editor in editors:
            news = [event for event in editor.pump() if isinstance(event, Done)]
            ended[editor.name] += [time.monotonic() - began] * len(news)
        time.sleep(0.002)
    medians = [statistics.median(times) for times in ended.values()]
    for editor in editors:
        editor.client.close()
    return max(medians) / min(medians)


def ray_processes(address: str) -> list[psutil.Process]:
    """The raylet of a machine of a farm on this computer, and all that it started."""
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "raylet" and f"--node_ip_address={address}" in process.info["cmdline"]:
            return [process, *process.children(recursive=True)]
    raise SystemExit(f"there is no raylet of {address} on this computer")


def hit(address: str, number: int) -> None:
    """Send a signal to all Ray processes of a machine."""
    for process in ray_processes(address):
        process.send_signal(number)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--farm", default="")
    parser.add_argument("--farm-key", default="")
    parser.add_argument("--victim", metavar="IP", help="a machine of the farm, on this computer")
    parser.add_argument("--json", metavar="FILE", type=Path)
    given = parser.parse_args()
    figures: dict[str, Any] = {"load_average": os.getloadavg()[0], "cores": os.cpu_count()}
    for workers in given.workers:
        with tempfile.TemporaryDirectory(prefix="ac-") as folder:
            options = {"farm": given.farm, "farm_key": given.farm_key} if given.farm else {"workers": workers}
            daemon = Daemon(Path(folder), **options).start()
            editor = daemon.editor()
            editor.wait(Connected)
            warm(daemon, editor, workers)
            found: dict[str, Any] = {"share_of_ideal": share_of_ideal(editor, workers)}
            cancels = sorted(cancel_times(daemon, editor))
            found["cancel_p95_s"] = cancels[int(len(cancels) * 0.95)]
            found["largest_over_smallest_median"] = unfairness(daemon)
            found["killed_worker_noticed_s"] = noticed_after(
                daemon, editor, lambda worker: os.kill(worker["pid"], signal.SIGKILL)
            )
            if given.victim:
                warm(daemon, editor, workers)
                there = {process.pid for process in ray_processes(given.victim)}
                for name, number in (("frozen", signal.SIGSTOP), ("killed", signal.SIGKILL)):
                    spare = editor.client.submit(a_request(ENDLESS))
                    editor.wait(Progress, spare)
                    on_victim = any(worker["job"] == spare and worker["pid"] in there for worker in pool(daemon))
                    if on_victim:
                        editor.client.cancel(spare)
                        editor.wait(Cancelled, spare)
                    found[f"{name}_machine_noticed_s"] = noticed_after(
                        daemon, editor, lambda worker, number=number: hit(given.victim, number)
                    )
                    if not on_victim:
                        editor.client.cancel(spare)
                        editor.wait(Cancelled, spare)
                    if name == "frozen":
                        hit(given.victim, signal.SIGCONT)
                        break
            figures[f"{workers} workers"] = found
            print(workers, "workers:", json.dumps(found, indent=2))
            editor.client.close()
            daemon.close()
    print(f"load average at the start: {figures['load_average']:.1f} on {figures['cores']} cores")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
