"""How long each element takes and how much memory, which seeds are clipped, and a sheet of all of them.

python -m benchmarks.elements --json -
python -m benchmarks.elements --seeds 100
python -m benchmarks.elements --sheet docs/images/elements.jpg
"""

from __future__ import annotations

import json
import multiprocessing
import resource
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from acetate.elements import KINDS, paint, sample
from acetate.elements.frame import Layer
from acetate.elements.numbers import Field
from PIL import Image, ImageDraw

SIZES = ((256, 256), (512, 512), (1024, 1024), (2048, 2048), (3840, 2160))
SHAPES = ((64, 64), (48, 192), (192, 48))
CLEAR = 1.5 / 255
"""The border of a contained subject has less alpha than this."""
TILE, COLUMNS = 128, 4


def measured(kind: str, width: int, height: int, rounds: int) -> dict[str, Any]:
    """In a fresh process: the least seconds of some rounds, on the clock and of all processors together (which another
    load does not lengthen), and the peak memory over that before, in MB.
    """
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        seconds, processor, memory = pool.apply(_measure, (kind, width, height, rounds))
    return {
        "kind": kind,
        "size": f"{width} x {height}",
        "seconds": round(seconds, 3),
        "processor_seconds": round(processor, 3),
        "memory_mb": round(memory),
    }


def _measure(kind: str, width: int, height: int, rounds: int) -> tuple[float, float, float]:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    times, processor = [], []
    for _ in range(rounds):
        start, used = time.perf_counter(), time.process_time()
        paint(kind, {}, width, height, 1)
        times.append(time.perf_counter() - start)
        processor.append(time.process_time() - used)
    memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    return min(times), min(processor), memory


def difference(kind: str, seed: int = 3) -> float:
    """The mean premultiplied difference between the same seed at 512 and at 1024 pixels."""
    small, large = (paint(kind, {}, side, side, seed) for side in (512, 1024))
    for layer in (small, large):
        layer[..., :3] *= layer[..., 3:]
    return float(np.abs(small - large.reshape(512, 2, 512, 2, 4).mean(axis=(1, 3))).mean())


def border(layer: Layer) -> float:
    """The greatest alpha of the outermost pixels."""
    alpha = layer[..., 3]
    return float(max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()))


def clipped(kind: str, seeds: int) -> list[tuple[int, int, int, float]]:
    """Seed, width, height and alpha at the border, of a contained kind that is cut there; its sliders vary too."""
    found = []
    for seed in range(seeds):
        for width, height in SHAPES:
            most = border(paint(kind, sample(kind, seed), width, height, seed))
            if most >= CLEAR:
                found.append((seed, width, height, round(most, 3)))
    return found


def backdrop(name: str, side: int) -> Field:
    """What a tile shows its element over: `checker`, `dark` or `hills`, (side, side, 3)."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32) / side
    if name == "checker":
        squares = ((x * 16).astype(int) + (y * 16).astype(int)) % 2
        return np.repeat((0.55 + 0.2 * squares)[..., None], 3, 2).astype(np.float32)
    if name == "dark":
        return np.full((side, side, 3), 0.05, np.float32)
    sky = np.array([0.35, 0.5, 0.68]) * (1 - y[..., None]) + np.array([0.8, 0.72, 0.62]) * y[..., None]
    hill = 0.66 + 0.06 * np.sin(x * 7) + 0.03 * np.sin(x * 19 + 1)
    ground = np.array([0.16, 0.2, 0.12]) * (1 + 0.8 * (y - hill)[..., None])
    hills: Field = np.where((y > hill)[..., None], ground, sky).astype(np.float32)
    return hills


def shown(layer: Layer, under: Field, add: bool) -> Field:
    """A straight-alpha layer over a picture, in its kind's blend mode."""
    colour, alpha = layer[..., :3], layer[..., 3:]
    return np.clip(under + colour * alpha if add else colour * alpha + under * (1 - alpha), 0, 1)


def sheet() -> Image.Image:
    """Every kind as it comes, over a checkerboard, over black and over hills."""
    names = list(KINDS)
    rows = -(-len(names) // COLUMNS)
    whole = Image.new("RGB", (COLUMNS * (3 * TILE + 6), rows * (TILE + 18)), (38, 38, 42))
    for index, name in enumerate(names):
        kind = KINDS[name]
        layer = paint(name, {}, 2 * TILE, 2 * TILE, 1)
        x, y = index % COLUMNS * (3 * TILE + 6), index // COLUMNS * (TILE + 18)
        ImageDraw.Draw(whole).text((x + 4, y + 3), kind.label, fill=(235, 235, 235))
        for place, under in enumerate(("checker", "dark", "hills")):
            picture = shown(layer, backdrop(under, 2 * TILE), kind.light)
            tile = Image.fromarray(np.rint(picture * 255).astype(np.uint8)).resize((TILE, TILE), Image.Resampling.BOX)
            whole.paste(tile, (x + place * TILE, y + 18))
    return whole


def main(
    json_file: Annotated[Path | None, typer.Option("--json", help="Write figures to a file; - prints them.")] = None,
    sheet_file: Annotated[Path | None, typer.Option("--sheet", help="Write a sheet of all kinds (JPEG).")] = None,
    seeds: Annotated[int, typer.Option(help="Count which of so many seeds are clipped at the border.")] = 0,
    kinds: Annotated[list[str] | None, typer.Argument(help="All by default.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds, of which the fastest counts.")] = 2,
) -> None:
    """Measure the elements, and show them."""
    if sheet_file is not None:
        sheet().save(sheet_file, quality=64)
    for kind in (kinds or KINDS) if seeds else ():
        if not KINDS[kind].fills:
            cut = clipped(kind, seeds)
            typer.echo(f"{kind}: {len({seed for seed, *_ in cut})} of {seeds} seeds clipped {cut[:4] or ''}")
    if json_file is not None:
        figures = [measured(kind, *size, rounds) for kind in kinds or KINDS for size in SIZES]
        alike = {kind: round(difference(kind), 4) for kind in kinds or KINDS}
        text = json.dumps({"figures": figures, "difference_512_1024": alike}, indent=1)
        if str(json_file) == "-":
            typer.echo(text)
        else:
            json_file.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
