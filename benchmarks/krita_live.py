"""How soon Live shows what it made of a stroke, in a real Krita with the starter.

`python -m benchmarks.krita_live [--strokes N] [--strength SHARE] [--json FILE]`, with the packages that `.ci/editors`
installs. The mouse paints strokes on a layer of a canvas of 1024 x 768; the next stroke begins when the result of the
one before is on the canvas. Live takes 8 steps, of which the strength says how many are drawn. Times go from the pen's
release to the result on the canvas; CPU-seconds are those of the worker and of Krita together, which a busy machine
does not change much.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from tests.daemon.harness import Daemon, running_daemon
from tests.krita.artist import Artist
from tests.krita.conftest import install_docker, new_krita
from tests.krita.krita_process import Screen
from tests.krita.strokes import stroke

ENGINE = "acetate.worker.diffusion_engine:DiffusionEngine"
WIDTH, HEIGHT = 1024, 768
BAR_S = 2.5
"""Two results in five seconds."""
WATCH = """
import time
arrived, known = [], set()
def note():
    # Words change too, while the result of the stroke before is still there.
    shown = D.live.live.shown
    if shown is not None and shown.done.id not in known:
        known.add(shown.done.id)
        arrived.append([time.monotonic(), shown.seconds])
D.live.live.changed.connect(note)
None
"""


def cpu_seconds(daemon: Daemon, krita: int) -> float:
    """What the worker and Krita have computed so far."""
    processes = [psutil.Process(pid) for pid in (*daemon.workers(), krita)]
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def measure(artist: Artist, daemon: Daemon, strokes: int, strength: float) -> list[dict[str, float]]:
    """A row for each stroke."""
    krita = artist.krita.process
    assert krita is not None
    artist.new(WIDTH, HEIGHT)
    blob = bytes([40, 60, 200, 255]) * (300 * 300)
    artist.paint("sketch", blob, 350, 220, 300, 300)
    artist.run(f"D.modes.choose('refine'); D.strength.setValue({round(100 * strength)})")
    artist.run("D.prompts.prompt.setPlainText('a red apple'); D.refresh()\n" + WATCH)
    artist.click("D.live.toggle")
    artist.until("D.live.live.shown is not None", 300)
    rows = []
    for number in range(strokes):
        artist.until("not D.live.live._job and not D.live.live._reading")
        before, computed = artist.run("len(arrived)"), cpu_seconds(daemon, krita.pid)
        stroke(artist, (380, 260 + 30 * number), (600, 280 + 30 * number))
        released = time.monotonic()
        artist.until(f"len(arrived) > {before}", 120)
        shown, seconds = artist.run(f"arrived[{before}]")
        rows.append({"shown": shown - released, "drawn": seconds, "cpu": cpu_seconds(daemon, krita.pid) - computed})
    return rows


def main() -> int:
    """Measure and print; 1 when the bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--strokes", type=int, default=6)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--json", metavar="FILE", help="write the figures here too")
    given = parser.parse_args()
    number = next(n for n in range(80, 99) if not Path(f"/tmp/.X11-unix/X{n}").exists())
    screen = Screen(number)
    try:
        with tempfile.TemporaryDirectory(prefix="ak-", ignore_cleanup_errors=True) as folder:
            home = Path(folder)
            install_docker(home)
            with running_daemon(ENGINE, OMP_NUM_THREADS="2") as daemon:
                krita = new_krita(screen, home, daemon.environment)
                krita.start()
                artist = Artist(krita)
                artist.until("D.controller.connection.state.kind == 'ready'")
                rows = measure(artist, daemon, given.strokes, given.strength)
                krita.quit()
    finally:
        screen.close()
    figures: dict[str, Any] = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    figures |= {"strokes": rows, "load": psutil.getloadavg()[0]}
    for row in rows:
        print(" ".join(f"{name} {value:5.2f} s" for name, value in row.items()))
    print(f"median: shown {figures['shown']:.2f} s, CPU {figures['cpu']:.2f} s; load {figures['load']:.1f}")
    if given.json:
        Path(given.json).write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return int(figures["shown"] > BAR_S)


if __name__ == "__main__":
    sys.exit(main())
