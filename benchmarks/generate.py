"""Everything that an artist waits for with the starter, against its bar, in one run of less than three minutes.

python -m benchmarks.generate [--rounds N] [--threads N] [--json FILE]. Jobs go through a daemon of its own; those of
one round follow one another, so that a machine whose speed drifts slows all of them. `generate` is the command, started
anew each time; the other jobs are a connected client's.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from acetate.adapters.attach import adapted_model
from acetate.models.model_cache import ModelCache
from acetate_wire.blocking import BlockingClient
from acetate_wire.request import LayerRequest, Rect

PROMPT, SIDE, SEED = "a red apple", 256, 1
BARS = {
    "cold generate, s": 7.0,
    "whole generate, s": 1.2,
    "generate around its job, processor s": 0.25,
    "layer, s": 0.9,
    "four layers of one request, s": 2.5,
    "scene, s": 3.0,
    "detail, 512², 8 steps, 1 pass, s": 5.5,
    "layer with previews / without": 1.03,
    "shared step / plain step": 1.35,
}
"""The most that each may be."""


def a_request(mode: str = "text", side: int = SIDE, **fields: Any) -> LayerRequest:
    """A request of the starter with its defaults, but for what is named."""
    return LayerRequest(mode, (side, side), Rect(0, 0, side, side), prompt=PROMPT, seed=SEED, **fields)


JOBS = {
    "layer, s": a_request(),
    "layer with previews": a_request(preview=True),
    "four layers of one request, s": a_request(count=4),
    "scene, s": a_request("scene"),
    "detail, 512², 8 steps, 1 pass, s": a_request(side=512, detail=0.25, steps=8, passes=1),
}


def taken(work: Callable[[], Any]) -> float:
    """How long it takes, in seconds."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def command(folder: Path) -> float:
    """Run `acetate generate`; the processor time of that process in seconds, NaN where the system does not tell."""
    arguments = ["generate", PROMPT, "-o", str(folder / "layer.png"), "--seed", str(SEED), "--size", str(SIDE)]
    process = subprocess.Popen([sys.executable, "-m", "acetate", *arguments], stdout=subprocess.DEVNULL)
    if not hasattr(os, "wait4"):
        process.wait()
        return float("nan")
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit("acetate generate failed")
    return used.ru_utime + used.ru_stime


def jobs(rounds: int, folder: Path) -> Iterator[tuple[str, float]]:
    """Name and seconds of everything that goes through the daemon."""
    yield "cold generate, s", taken(lambda: command(folder))
    with BlockingClient("benchmark", start=False) as session:
        for number in range(rounds + 1):
            found = {name: taken(partial(session.run, request)) for name, request in JOBS.items()}
            started = time.perf_counter()
            found["generate around its job, processor s"] = command(folder)
            found["whole generate, s"] = time.perf_counter() - started
            # The first round finds out what may go through the network together.
            yield from found.items() if number else ()
        session.stop()


@torch.inference_mode()
def steps(rounds: int, threads: int) -> Iterator[tuple[str, float]]:
    """Milliseconds of a step of a scene's frames with attention sharing, and of the plain UNet with as many rows."""
    torch.set_num_threads(threads)
    model = ModelCache().get("starter")
    part = model.spec.recipe("scene").adapters[0]
    rows, side = 2 * len(part.roles), model.spec.native_size // 8
    with adapted_model(model, part) as denoiser:
        embeds = model.backbone.encode_text([PROMPT]).rows([0] * rows)
        sample = torch.randn(rows, model.latent_channels, side, side, generator=torch.Generator().manual_seed(SEED))
        for number in range(3 * rounds + 1):
            for name, shared in (("shared step", True), ("plain step", False)):
                denoiser.set_enabled(shared)
                each = taken(partial(denoiser, sample, torch.tensor(500), embeds))
                if number:
                    yield name, each


def figures_of(found: dict[str, list[float]]) -> dict[str, float]:
    """The medians; ratios are of the least times, which other programs disturb least."""
    figures = {name: statistics.median(values) for name, values in found.items() if name in BARS}
    figures["layer with previews / without"] = min(found["layer with previews"]) / min(found["layer, s"])
    figures["shared step / plain step"] = min(found["shared step"]) / min(found["plain step"])
    return figures


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How often each is measured.")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="The threads that PyTorch computes with.")] = 2,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for the figures; - prints them.")] = None,
) -> None:
    """Measure and print a row for each bar."""
    os.environ["OMP_NUM_THREADS"] = str(threads)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    found: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="ac-") as folder:
        for name in ("RUNTIME", "STATE", "CONFIG"):
            os.environ[f"ACETATE_{name}_DIR"] = f"{folder}/{name.lower()}"
        for name, value in jobs(rounds, Path(folder)):
            found.setdefault(name, []).append(value)
    for name, value in steps(rounds, threads):
        found.setdefault(name, []).append(value)
    figures = figures_of(found)
    document = {"figures": figures, "bars": BARS, "all": found, "threads": threads, "load_before": load}
    if json_file == Path("-"):
        print(json.dumps(document, indent=2))
        return
    if json_file is not None:
        json_file.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    print(f"{threads} threads, load {'unknown' if load is None else format(load, '.1f')} before")
    for name, bar in BARS.items():
        print(f"{name:<40} {figures[name]:7.2f}  at most {bar:5.2f}  {'met' if figures[name] <= bar else 'missed'}")


if __name__ == "__main__":
    typer.run(main)
