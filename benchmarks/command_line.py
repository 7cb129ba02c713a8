"""What the command line takes around a job: `acetate --help`, and `acetate generate` without the job itself.

python -m benchmarks.command_line [--against PYTHON] [--json FILE]. Each round runs every command once, in turn, so that
the ratios hold while the machine's speed drifts. The job is the starter's, in a daemon of its own that has it loaded:
`generate` minus the time in which the same job is done for a client that is connected already.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer
from acetate_wire.blocking import BlockingClient
from acetate_wire.request import LayerRequest, Rect

PROMPT, SIDE, SEED, STEPS = "a red apple", 256, 1, 2


def seconds(*command: str) -> float:
    """How long a process takes from its start to its end."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def job_seconds(session: BlockingClient) -> float:
    """How long a connected client waits for the layer that `generate` writes."""
    request = LayerRequest("text", (SIDE, SIDE), Rect(0, 0, SIDE, SIDE), prompt=PROMPT, seed=SEED, steps=STEPS)
    started = time.perf_counter()
    session.run(request)
    return time.perf_counter() - started


def measure(pythons: dict[str, str], rounds: int, folder: Path) -> dict[str, list[float]]:
    """Seconds of each command in each round, and those of the job."""
    generate = ["generate", PROMPT, "-o", str(folder / "layer.png"), "--seed", str(SEED), "--steps", str(STEPS)]
    found: dict[str, list[float]] = {}
    with BlockingClient("benchmark", command=[sys.executable, "-m", "acetate.daemon"]) as session:
        for number in range(rounds + 1):
            taken = {"import typer": seconds(sys.executable, "-c", "import typer"), "job": job_seconds(session)}
            for name, python in pythons.items():
                taken[f"help{name}"] = seconds(python, "-m", "acetate", "--help")
                taken[f"generate{name}"] = seconds(python, "-m", "acetate", *generate)
            # The first round writes byte code and loads the model.
            for key, value in taken.items() if number else ():
                found.setdefault(key, []).append(value)
        session.stop()
    for name in pythons:
        pairs = zip(found[f"generate{name}"], found["job"], strict=True)
        found[f"around a job{name}"] = [whole - job for whole, job in pairs]
    return found


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 9,
    against: Annotated[str | None, typer.Option(help="The Python of another checkout, to compare with.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Measure and print medians, and the ratios to the other checkout."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    pythons = {"": sys.executable} | ({} if against is None else {", other": against})
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        for name in ("RUNTIME", "STATE", "CONFIG"):
            os.environ[f"ACETATE_{name}_DIR"] = f"{folder}/{name.lower()}"
        found = measure(pythons, rounds, Path(folder))
    medians = {name: statistics.median(values) for name, values in found.items()}
    figures = {"median_s": medians, "all_s": found, "cpus": os.cpu_count()}
    if json_file == Path("-"):
        print(json.dumps(figures, indent=2))
        return
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    for name, value in medians.items():
        other = medians.get(f"{name}, other")
        print(f"{name:<22} {value:.3f} s" + ("" if other is None else f"  {value / other:.2f} of the other's"))


if __name__ == "__main__":
    typer.run(main)
