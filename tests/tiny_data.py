"""Writes small data sets of discs and boxes, and the settings of tiny trainings on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from acetate_lab.data.collection import Collection, Entry, write_manifest
from numpy.typing import NDArray
from PIL import Image

COLOURS = {"red": (220, 30, 40), "green": (30, 180, 60), "blue": (40, 60, 220), "yellow": (230, 210, 40)}


def disc(
    colour: tuple[int, int, int], size: int = 96, radius: float = 30.0, softness: float = 4.0
) -> NDArray[np.uint8]:
    """A round blot with a soft edge, straight alpha."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    picture = np.empty((size, size, 4), np.uint8)
    picture[..., :3] = colour
    picture[..., 3] = np.clip((radius - np.hypot(x, y)) / softness * 255 + 128, 0, 255)
    return picture


def write_scenes(folder: Path, size: int = 96) -> Collection:
    """Four scenes: a disc, its background, and both blended; the last is held out."""
    (folder / "pictures").mkdir(parents=True)
    entries = []
    for number, (name, colour) in enumerate(COLOURS.items()):
        fore = disc(colour, size)
        back = np.full((size, size, 4), (90, 120 + 20 * number, 150, 255), np.uint8)
        alpha = fore[..., 3:] / 255
        blend = (fore * alpha + back * (1 - alpha)).astype(np.uint8)
        blend[..., 3] = 255
        files = {}
        for role, pixels in (("foreground", fore), ("background", back), ("blend", blend)):
            files[role] = f"pictures/{number}-{role}.png"
            Image.fromarray(pixels).save(folder / files[role])
        captions = {"foreground": f"a {name} disc", "background": "a wall", "blend": f"a {name} disc, a wall"}
        split = "held_out" if number == 3 else "train"
        entries.append(Entry(str(number), files, captions, name, "CC0", "drawn here", split))  # type: ignore[arg-type]
    collection = Collection(folder, tuple(entries))
    write_manifest(collection)
    return collection


def write_settings(
    path: Path, base: Path, data: Path, *, steps: int = 3, more: str = "", run: str = 'precision = "float32"'
) -> Path:
    """The settings of a training of a few steps, 64 pixels, batches of two."""
    path.write_text(
        f"""
[model]
base = "{base}"

[data]
folder = "{data}"
size = 64

[run]
folder = "{path.stem}-run"
output = "{path.stem}-result"
steps = {steps}
batch = 2
sheet_steps = 1000
{run}
{more}
""",
        encoding="utf-8",
    )
    return path
