#!/usr/bin/env python3
"""Makes docs/images/shapes.png again: python3 docs/images/shapes/make.py [--reference CHECKOUT]

Draws eight prompts on targets of four shapes with the starter. With --reference, the folder of another checkout of
Acetate, its pictures stand in the rows above, each from the same prompt and seed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
SHEET = HERE.parent / "shapes.png"
PROMPTS = ("a cat", "a red apple", "a rocket", "a butterfly", "a house", "a fish", "a guitar", "a burning match")
SHAPES = {"1:1": (256, 256), "4:3": (256, 192), "16:9": (256, 144), "9:16": (144, 256)}
SCALE = 2
"""How many times smaller the layers are shown than they are drawn."""
MARGIN, LABEL, SQUARE = 6, 64, 8
PAPER, INK, CHECKER = (255, 255, 255), (60, 60, 60), ((204, 204, 204), (240, 240, 240))


def draw(folder: Path) -> None:
    """Draw every layer with the Acetate that is imported, into `SHAPE-NUMBER.png`."""
    from acetate.models.model_cache import ModelCache
    from acetate.pipelines import run
    from acetate_wire.request import LayerRequest, Rect

    store = ModelCache()
    for name, (width, height) in SHAPES.items():
        for number, prompt in enumerate(PROMPTS):
            request = LayerRequest("text", (width, height), Rect(0, 0, width, height), prompt=prompt, seed=number + 1)
            (layer,) = run(request, {}, store, lambda progress: None)
            Image.fromarray(layer.picture.numpy(), "RGBA").save(folder / file_of(name, number))


def file_of(shape: str, number: int) -> str:
    """The file of a layer."""
    return f"{shape.replace(':', 'x')}-{number}.png"


def drawn_by(checkout: Path, folder: Path) -> Path:
    """The folder of the layers that a checkout draws."""
    path = os.pathsep.join(str(checkout / part) for part in ("backend", "shared"))
    words = [sys.executable, str(HERE / "make.py"), "--draw", str(folder)]
    subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, check=True)
    return folder


def sheet(rows: dict[str, Path]) -> Image.Image:
    """A row of the eight layers for every shape and every folder."""
    column = max(width for width, _ in SHAPES.values()) // SCALE + MARGIN
    heights = [height // SCALE + MARGIN for _, height in SHAPES.values() for _ in rows]
    paper = Image.new("RGB", (LABEL + column * len(PROMPTS), MARGIN + sum(heights)), PAPER)
    pen, top = ImageDraw.Draw(paper), MARGIN
    for name, (width, height) in SHAPES.items():
        for label, folder in rows.items():
            pen.text((MARGIN, top + height // SCALE // 2 - MARGIN), f"{name} {label}".strip(), fill=INK)
            for number in range(len(PROMPTS)):
                with Image.open(folder / file_of(name, number)) as layer:
                    small = layer.convert("RGBA").resize((width // SCALE, height // SCALE), Image.Resampling.LANCZOS)
                left = LABEL + number * column + (column - MARGIN - small.width) // 2
                paper.paste(over_checker(small), (left, top))
            top += height // SCALE + MARGIN
    return paper


def over_checker(layer: Image.Image) -> Image.Image:
    """A layer over light squares."""
    paper = Image.new("RGB", layer.size, CHECKER[0])
    for y in range(0, layer.height, SQUARE):
        for x in range(y // SQUARE % 2 * SQUARE, layer.width, 2 * SQUARE):
            paper.paste(CHECKER[1], (x, y, x + SQUARE, y + SQUARE))
    paper.paste(layer, mask=layer.getchannel("A"))
    return paper


def main() -> int:
    """Draw, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", type=Path, metavar="CHECKOUT", help="another checkout, whose rows stand above")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.draw is not None:
        draw(options.draw)
        return 0
    with tempfile.TemporaryDirectory() as before, tempfile.TemporaryDirectory() as after:
        rows = {} if options.reference is None else {"before": drawn_by(options.reference.resolve(), Path(before))}
        rows["after" if rows else ""] = drawn_by(ROOT, Path(after))
        sheet(rows).save(SHEET, optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
