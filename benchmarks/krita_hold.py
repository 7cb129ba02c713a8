"""How long Krita holds its user up while a layer of 6000 × 4000 comes in above twenty others: real Krita, real daemon.

`python benchmarks/krita_hold.py [--width 6000] [--height 4000] [--layers 20] [--json FILE]`. Twice a job goes through
the docker (a new layer; a refined one). Meanwhile a timer in Krita beats every 5 ms, which tells how long the interface
computed at a stretch and how long it was away by the clock; and from outside an X client asks Krita's window for an
answer to a key, which tells how long what an artist does has to wait. The machine's load is printed with it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.daemon.harness import STAND_IN, running_daemon
from tests.krita.artist import Artist
from tests.krita.conftest import new_krita
from tests.krita.krita_process import Screen, isolated, prepare

DISPLAY = 95
FILL = """
document = app.activeDocument()
for number in range({layers}):
    made = document.createNode(f'layer {{number}}', 'paintlayer')
    pixels = bytes([number * 9 % 256, 90, 160, 128]) * (1000 * 1000)
    for x in range(0, {width}, 1000):
        for y in range(0, {height}, 1000):
            if (x + y + number * 1000) % 3000 == 0:
                made.setPixelData(pixels, x, y, min(1000, {width} - x), min(1000, {height} - y))
    document.rootNode().addChildNode(made, None)
document.waitForDone(); D.refresh()
"""
KEYS = """
class Keys(QtCore.QObject):
    waits = []
    def eventFilter(self, watched, event):
        if event.type() == QtCore.QEvent.KeyPress and event.key() == QtCore.Qt.Key_Shift:
            import time
            self.waits.append(time.time())
            return True
        return False
keys = Keys(); QtWidgets.QApplication.instance().installEventFilter(keys)
"""


class Presses(threading.Thread):
    """Presses Shift every 40 ms, and notes when."""

    def __init__(self, artist: Artist) -> None:
        """`artist` sits at the Krita that gets the keys."""
        super().__init__(daemon=True)
        self._artist = artist
        self.times: list[float] = []
        self.over = False

    def run(self) -> None:
        """Press until it is over."""
        while not self.over:
            self.times.append(time.time())
            self._artist.krita.xdotool("key", "Shift_L")
            time.sleep(0.04)


def measured(artist: Artist, mode: str, prompt: str) -> dict[str, float]:
    """One job: the longest stretches in ms, and its seconds."""
    artist.set(mode)
    artist.run(f"D.prompts.prompt.setPlainText({prompt!r}); app.activeDocument().waitForDone(); keys.waits.clear()")
    # Without a window manager Krita has the keyboard only after a click.
    artist.click("D.prompts.prompt")
    artist.krita.xdotool("key", "Shift_L")
    artist.until("keys.waits")
    artist.run("keys.waits.clear()")
    pressing = Presses(artist)
    began = time.monotonic()
    artist.run("QtCore.QTimer.singleShot(100, lambda: (beat.reset(), D.generate(), asked.append(1))); asked = []")
    pressing.start()
    artist.until("asked")
    while not artist.run("D.controller.tasks.idle and not D.controller.jobs"):
        time.sleep(0.3)
    seconds = time.monotonic() - began
    pressing.over = True
    pressing.join()
    artist.until(f"len(keys.waits) >= {len(pressing.times)}", 30)
    waits = [came - went for went, came in zip(pressing.times, artist.run("keys.waits"), strict=False)]
    longest = artist.run("beat.longest")
    return {"input": 1000 * max(waits), "seconds": seconds, **longest}


def run(width: int, height: int, layers: int) -> dict[str, Any]:
    """Measure in a Krita and a daemon of their own."""
    with running_daemon(STAND_IN) as daemon, tempfile.TemporaryDirectory(prefix="ak-") as folder:
        home = Path(folder)
        prepare(home)
        environment = {**os.environ, **isolated(home), "ACETATE_CONFIG_DIR": str(home / "acetate")}
        environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        command = [sys.executable, "-m", "acetate", "plugins", "install", "krita"]
        subprocess.run(command, check=True, env=environment, capture_output=True)
        screen = Screen(DISPLAY)
        krita = new_krita(screen, home, daemon.environment).start()
        krita.socket.settimeout(300)
        try:
            artist = Artist(krita)
            artist.until("D.controller.connection.state.kind == 'ready'")
            artist.new(width, height)
            artist.run(FILL.format(width=width, height=height, layers=layers) + KEYS)
            load = os.getloadavg()[0]
            modes = {"new layer": measured(artist, "text", "a kite"), "refine": measured(artist, "refine", "echo")}
            return {"size": [width, height], "layers": layers, "load": load, "cpus": os.cpu_count(), "modes": modes}
        finally:
            krita.quit()
            screen.close()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=6000)
    parser.add_argument("--height", type=int, default=4000)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--json", metavar="FILE", help="write the figures here too")
    given = parser.parse_args()
    found = run(given.width, given.height, given.layers)
    print(f"{found['size']}, {found['layers']} layers, load {found['load']:.1f} on {found['cpus']} threads; ms:")
    for mode, each in found["modes"].items():
        figures = ", ".join(f"{name} {value:.0f}" for name, value in each.items() if name != "seconds")
        print(f"{mode}: {figures}; {each['seconds']:.0f} s in all")
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
