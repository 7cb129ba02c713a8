"""How long each call of the daemon's event loop into a journal of many jobs takes.

python -m benchmarks.journal [--rows N] [--json FILE]. All jobs are one client's and done; half of them are too old.
Wall time waits for the disk too, as `tick`, the smallest write, shows, and for other programs; processor time does not.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgpack
import typer
from acetate.daemon.config import DaemonConfig
from acetate.daemon.job_manager import JobManager
from acetate.daemon.job_store import JobStore
from acetate.daemon.spool import Spool
from acetate_wire.request import LayerRequest, Rect
from acetate_wire.request_codec import encode_request

DAY_S = 86400.0


def fill(store: JobStore, rows: int) -> None:
    """Finished jobs as a daemon leaves them, half of them eight days old."""
    request = LayerRequest("text", (256, 256), Rect(0, 0, 256, 256), prompt="a red apple", seed=5)
    blob = msgpack.packb({"request": encode_request(request), "sizes": [], "resolved": True})
    outcome = msgpack.packb({"seed": 5, "sizes": [262144], "layers": [], "settings": {"layers": []}})
    insert = (
        "INSERT INTO job (id, owner, state, submitted, ended, ended_at, size, request, outcome)"
        " VALUES (?, 'me', 'done', ?, ?, ?, 1000, ?, ?)"
    )
    ended = (-8 * DAY_S if number < rows // 2 else 0.0 for number in range(rows))
    with store._writing():
        store._db.executemany(
            insert, ((f"{number:036d}", number, number, at, blob, outcome) for number, at in enumerate(ended))
        )


def times(call: Callable[[], object]) -> list[tuple[float, float]]:
    """Wall and processor seconds of every call until one returns nothing."""
    taken, again = [], True
    while again:
        started, worked = time.perf_counter(), time.process_time()
        again = bool(call())
        taken.append((time.perf_counter() - started, time.process_time() - worked))
    return taken


def repeated(call: Callable[[], object]) -> list[tuple[float, float]]:
    """Wall and processor seconds of twenty calls."""
    rounds = iter(range(1, 20))
    return times(lambda: (call(), next(rounds, None))[1])


def measure(folder: Path, rows: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and processor seconds of the calls by their names."""
    store = JobStore(folder / "journal.sqlite")
    fill(store, rows)
    settings = DaemonConfig()
    manager = JobManager(settings, store, Spool(folder, 0), lambda request: request, lambda *told: None)
    older: list[int | None] = [None]

    def page() -> bool:
        _, older[0] = manager.listing("me", older[0])
        return older[0] is not None

    found = {
        "tick": repeated(store.tick),
        "jobs (a page)": times(page),
        "status": repeated(manager.counts),
        "find": repeated(lambda: manager.find("me", f"{rows // 2:036d}")),
        "expire": times(manager.ends.expire),
        "expire (nothing to do)": repeated(manager.ends.expire),
    }
    store.close()
    return found


def main(
    rows: Annotated[int, typer.Option(min=100, help="Jobs in the journal.")] = 100_000,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Measure and print the median and the longest of each kind of call."""
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        found = measure(Path(folder), rows)
    figures = {}
    for name, taken in found.items():
        wall, cpu = zip(*taken, strict=True)
        kinds = {"wall_s": wall, "cpu_s": cpu}
        figures[name] = {kind: {"median": statistics.median(all), "longest": max(all)} for kind, all in kinds.items()}
    if json_file == Path("-"):
        print(json.dumps({"rows": rows, "calls": figures}, indent=2))
        return
    if json_file is not None:
        json_file.write_text(json.dumps({"rows": rows, "calls": figures}, indent=2) + "\n", encoding="utf-8")
    print(f"{'':<24} wall: median, longest in ms, processor: median, longest in ms")
    for name, each in figures.items():
        shown = (f"{part['median'] * 1e3:7.2f} {part['longest'] * 1e3:7.2f}" for part in each.values())
        print(
            f"{name:<24} wall and processor, median and longest in ms: {'  '.join(shown)}  ({len(found[name])} calls)"
        )


if __name__ == "__main__":
    typer.run(main)
