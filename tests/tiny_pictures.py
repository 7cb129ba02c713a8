"""Writes the stored pictures of a tiny starter's training: coloured discs, as if the packages had held nothing else."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
from acetate_lab.training import packages
from acetate_lab.training.starter.dataset import PictureRecord


def write_discs(folder: Path, count: int = 12) -> Path:
    """Write `count` of them as `build_pictures` would, every fourth held out; returns the folder."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    y, x = np.mgrid[:256, :256] - 127.5
    rows, records = [], []
    for index in range(count):
        picture = np.zeros((256, 256, 4), np.uint8)
        picture[..., :3] = chance.integers(0, 255, 3)
        picture[..., 3] = np.clip((90 - np.hypot(x, y)) * 16 + 128, 0, 255)
        rows.append(picture)
        use = "held_out" if index % 4 == 3 else "vocabulary"
        name = f"disc {index}"
        records.append(asdict(PictureRecord(name, (name,), "3d", "set", "MIT", "food", use, "red", True)))
    np.save(folder / "pictures.npy", np.stack(rows))
    (folder / "records.json").write_text(json.dumps(records))
    return folder


def write_keywords(cache: Path) -> None:
    """Write a package of keywords, as npm would have unpacked it."""
    keywords = cache / packages.KEYWORDS.folder_name
    (keywords / "dist").mkdir(parents=True)
    (keywords / "package.json").write_text("{}")
    (keywords / "dist/emoji-en-US.json").write_text('{"\\ud83c\\udf4e": ["fruit"]}')
