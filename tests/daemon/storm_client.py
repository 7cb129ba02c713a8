"""A client process that is killed at random: `python storm_client.py HOME NAME`.

It has a plan of jobs (`NAME.plan`, an id a line) and writes down each end (`NAME.ends`, on disk before it
tells the daemon). After a kill it is started again and goes on from what it wrote down.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from acetate_wire import connection as connections
from acetate_wire.client import Client
from acetate_wire.events import Cancelled, Done, Event, Failed, Forgotten, Rejected
from acetate_wire.request import LayerRequest, Rect

AT_ONCE = 20


def main(home: Path, name: str) -> None:
    """Submit everything that has no end yet, and wait for the ends."""
    plan = (home / f"{name}.plan").read_text().split()
    ends = home / f"{name}.ends"
    ended = {line.split()[0] for line in ends.read_text().splitlines()} if ends.exists() else set()
    client = Client(
        name,
        connection=lambda: connections.find(home / "run" / "connection.json"),
        key=name.ljust(32, "-"),
    )
    for id in ended:
        client.acknowledge(id)
    waiting = [id for id in plan if id not in ended]
    open_jobs: set[str] = set()
    with ends.open("a") as file:
        while waiting or open_jobs:
            while waiting and len(open_jobs) < AT_ONCE:
                id = waiting.pop()
                open_jobs.add(id)
                client.submit(request(id), id=id)
            for event in client.pump():
                id = getattr(event, "id", "")
                if id in open_jobs and isinstance(event, (Done, Failed, Cancelled, Forgotten, Rejected)):
                    file.write(f"{id} {type(event).__name__} {detail(event)}\n")
                    file.flush()
                    os.fsync(file.fileno())
                    open_jobs.discard(id)
                    client.acknowledge(id)
            time.sleep(0.005)
    for _ in range(20):
        client.pump()
        time.sleep(0.01)
    client.close()


def request(id: str) -> LayerRequest:
    """The job of this id: its seed comes from the id, so that nobody can mix layers up unnoticed."""
    prompt = "steps=2 pause=0.005"
    return LayerRequest("text", (64, 64), Rect(0, 0, 8, 8), prompt, seed=int(id[:6], 16))


def detail(event: Event) -> str:
    """The first two bytes of the layer, or the code or reason that there is none."""
    if isinstance(event, Done):
        return bytes(event.layers[0].picture.pixels[:2]).hex()
    return str(getattr(event, "code", getattr(event, "reason", "")))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
