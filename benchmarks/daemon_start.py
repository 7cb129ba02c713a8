"""How soon the daemon says welcome, and how much memory it takes when idle.

`python benchmarks/daemon_start.py [--repeats N] [--json FILE]`. Each start is a fresh process with fresh
folders; the time counts from the start of the process until the client has the daemon's `welcome`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from acetate_wire import connection as connections
from acetate_wire.blocking import BlockingClient

SECONDS_BAR = 1.0
BYTES_BAR = 80 << 20


def start_once(folder: Path) -> tuple[float, int, bool]:
    """Seconds to welcome, resident bytes after a second of idleness, and whether torch was loaded."""
    places = {"ACETATE_RUNTIME_DIR": "run", "ACETATE_STATE_DIR": "state", "ACETATE_CONFIG_DIR": "config"}
    environment = {**os.environ, **{name: str(folder / place) for name, place in places.items()}}
    file = folder / "run" / connections.FILE_NAME
    began = time.perf_counter()
    daemon = subprocess.Popen([sys.executable, "-m", "acetate.daemon"], env=environment)
    try:
        while (found := connections.find(file)) is None:
            time.sleep(0.005)
        with BlockingClient("benchmark", connection=found, key="b" * 64, start=False):
            seconds = time.perf_counter() - began
            time.sleep(1)
            process = psutil.Process(daemon.pid)
            torch = any("libtorch" in entry.path for entry in process.memory_maps())
            return seconds, process.memory_info().rss, torch
    finally:
        daemon.terminate()
        daemon.wait()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the figures here too; - for standard output")
    given = parser.parse_args()
    starts = []
    for _ in range(given.repeats):
        with tempfile.TemporaryDirectory(prefix="ac-") as folder:
            starts.append(start_once(Path(folder)))
    idle = max(size for _, size, _ in starts)
    median = statistics.median(seconds for seconds, _, _ in starts)
    figures = {
        "start_to_welcome_s": {"median": median, "all": [seconds for seconds, _, _ in starts]},
        "start_bar_s": SECONDS_BAR,
        "idle_bytes": idle,
        "idle_bar_bytes": BYTES_BAR,
        "torch_loaded": any(torch for _, _, torch in starts),
    }
    print(
        f"start to welcome: median {median:.3f} s of {len(starts)} (bar {SECONDS_BAR:g} s)\n"
        f"idle memory: {idle / 2**20:.1f} MiB (bar {BYTES_BAR >> 20} MiB)\n"
        f"torch in the daemon: {'yes' if figures['torch_loaded'] else 'no'}",
        file=sys.stderr if given.json == "-" else sys.stdout,
    )
    if given.json == "-":
        print(json.dumps(figures, indent=2))
    elif given.json:
        Path(given.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
