"""Pictures a second of the starter's word stage, with its data made by other processes and by the training itself.

`python -m benchmarks.starter_training --data RUNS/data`; without `--data` it learns from drawn discs. The shipped
starter is trained on for some steps at 64 x 64 pixels, in turns with and without processes, from scratch each time.
"""

from __future__ import annotations

import argparse
import json
import re
import statistics
import tempfile
import time
from pathlib import Path

from acetate_lab.training.rolling import Turnover
from acetate_lab.training.starter.data_pool import DataPool, usual_processes
from acetate_lab.training.starter.latent_cache import tokenize
from acetate_lab.training.starter.recipe import RunControl, Stage, StarterRecipe, train_starter
from acetate_lab.training.starter.samples import SampleRequest, make_samples
from transformers import CLIPTokenizer

from tests.tiny_pictures import write_discs

SHIPPED = Path(__file__).parent.parent / "backend/acetate/starter"
TURNOVER = Turnover(size=48, kept=1, steps=4)
BATCH, STEPS = 16, 16
SAMPLES = 96
RATE = re.compile(r"text \d+/\d+ +([\d.]+) pictures/s")


def main() -> None:
    """Measure, print and, with `--json`, write the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--data", type=Path)
    options.add_argument("--processes", type=int, default=usual_processes())
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        data = chosen.data or write_discs(Path(scratch) / "data")
        found = {
            "samples a second": _in_turns(chosen, lambda processes: samples_per_second(data, processes)),
            "pictures a second": _in_turns(chosen, lambda processes: pictures_per_second(data, processes)),
        }
    found["captions a second"] = captions_per_second(chosen.rounds)
    for name, (before, after) in found.items():
        print(f"{name:20} {before:9.1f} {after:9.1f}   x {after / before:.2f}")
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1))


def _in_turns(chosen, measure) -> tuple[float, float]:  # type: ignore[no-untyped-def]
    """The medians with no other process and with the chosen number."""
    rounds = [(measure(0), measure(chosen.processes)) for _ in range(chosen.rounds)]
    alone, beside = zip(*rounds, strict=True)
    return statistics.median(alone), statistics.median(beside)


def samples_per_second(data: Path, processes: int) -> float:
    """How fast the samples of slices are made; starting the processes is left out."""
    requests = [[SampleRequest(n % 8, n % 4 == 0, n + 1)] for n in range(SAMPLES)]
    with DataPool(data, processes) as pool:
        list(pool.begin(make_samples, requests[: 2 * processes]))
        began = time.perf_counter()
        list(pool.begin(make_samples, requests))
        return SAMPLES / (time.perf_counter() - began)


def pictures_per_second(data: Path, processes: int) -> float:
    """What the training itself reports over all its steps, its slices and the start of its processes included."""
    nothing = Stage(0, BATCH, 1e-3)
    recipe = StarterRecipe(
        size=64,
        views=TURNOVER,
        transparency=nothing,
        upsampler=nothing,
        text=Stage(STEPS, BATCH, 1e-4, sheet_steps=STEPS + 1),
        decoder=nothing,
        layers=nothing,
    )
    said: list[str] = []
    with tempfile.TemporaryDirectory() as runs:
        (Path(runs) / "data").symlink_to(data.resolve(), target_is_directory=True)
        train_starter(
            recipe, Path(runs), Path(runs), said.append, SHIPPED, RunControl(measure=True, processes=processes)
        )
    print(f"{processes} processes:", *said[-2:], sep="\n", flush=True)
    rates = [float(match[1]) for line in said if (match := RATE.match(line))]
    return statistics.mean(rates)


def captions_per_second(rounds: int) -> tuple[float, float]:
    """Batches of 64 captions with the tokenizer, and with the tokens of words that it has met."""
    tokenizer = CLIPTokenizer.from_pretrained(SHIPPED / "tokenizer")
    texts = [
        f"<|layer|> a {colour} cat next to {n} old apples" for n in range(16) for colour in ("red", "big", "blue", "a")
    ]
    length = tokenizer.model_max_length
    before, after = [], []
    for _ in range(5 * rounds):
        began = time.perf_counter()
        tokenizer(texts, padding="max_length", truncation=True, max_length=length, return_tensors="pt")
        middle = time.perf_counter()
        tokenize(tokenizer, texts)
        before.append(len(texts) / (middle - began))
        after.append(len(texts) / (time.perf_counter() - middle))
    return statistics.median(before), statistics.median(after)


if __name__ == "__main__":
    main()
