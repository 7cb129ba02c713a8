"""The pictures that no training has seen, as a folder of small PNG files with `manifest.json`.

    {"size": 128,
     "coverage": {"clear": 0.6, "partial": 0.1, "opaque": 0.3},
     "pictures": [{"file": "000-red-apple.png", "name": "red apple", "set": "noto", "licence": "Apache-2.0",
                   "kind": "hard"}]}

`coverage` is that of the whole data set, not only of these pictures; `kind` is `hard` or `soft` (edges).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from acetate.image.reading import UnreadablePictureError, read_picture
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from acetate_lab.metrics.coverage import Coverage

KINDS = ("hard", "soft")
SIZE_STEP = 64


@dataclass(frozen=True)
class HeldOutPicture:
    """Where one held-out picture comes from; `kind` is one of `KINDS`."""

    name: str
    set: str
    licence: str
    kind: str


@dataclass(frozen=True)
class HeldOut:
    """Held-out pictures (straight alpha, sRGB-encoded, [0, 1]) and the coverage of the data trained on."""

    about: tuple[HeldOutPicture, ...]
    pictures: Float[Tensor, "n 4 h w"]
    coverage: Coverage


def read_held_out(folder: Path) -> HeldOut:
    """Read a held-out folder. Raises ValueError of one line when it is missing, incomplete or wrong."""
    manifest = _read_manifest(folder)
    size = manifest.get("size")
    if not isinstance(size, int) or size <= 0 or size % SIZE_STEP:
        raise ValueError(f"{folder}/manifest.json: size must be a positive multiple of {SIZE_STEP}, not {size!r}")
    entries = manifest.get("pictures")
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{folder}/manifest.json: pictures must list at least one picture")
    about = []
    pictures = []
    for index, entry in enumerate(entries):
        about.append(_about(folder, index, entry))
        pictures.append(_read_picture(folder, str(entry.get("file", "")), size))
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return HeldOut(tuple(about), stacked.contiguous(), _coverage(folder, manifest.get("coverage")))


def write_held_out(
    folder: Path, pictures: Iterable[tuple[HeldOutPicture, UInt8[np.ndarray, "h w 4"]]], coverage: Coverage
) -> None:
    """Write a held-out folder: straight-alpha pictures, all square and of one size, and the data's coverage.

    The folder is made if it is missing; PNG files that are already there are replaced. Colour under fully
    clear pixels is not kept. Raises ValueError when there are no pictures, or one is of another size or an
    unknown kind.
    """
    pairs = list(pictures)
    if not pairs:
        raise ValueError("a held-out set needs at least one picture")
    size = pairs[0][1].shape[0]
    for about, pixels in pairs:
        if pixels.shape != (size, size, 4) or pixels.dtype != np.uint8 or size % SIZE_STEP:
            raise ValueError(
                f"{about.name}: held-out pictures must be 8-bit RGBA, square, of one size and a multiple of"
                f" {SIZE_STEP}; this one is {pixels.dtype} {pixels.shape}"
            )
        if about.kind not in KINDS:
            raise ValueError(f"{about.name}: kind must be {' or '.join(KINDS)}, not {about.kind!r}")
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    entries = []
    for index, (about, pixels) in enumerate(pairs):
        name = re.sub(r"[^a-z0-9]+", "-", about.name.lower()).strip("-")[:40]
        file = f"{index:03d}-{name or 'picture'}.png"
        kept = np.where(pixels[..., 3:] == 0, np.uint8(0), pixels)
        Image.fromarray(kept).save(folder / file, optimize=True)
        entries.append({"file": file, **asdict(about)})
    manifest = {"size": size, "coverage": asdict(coverage), "pictures": entries}
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (folder / "manifest.json").write_text(text, encoding="utf-8")


def _read_manifest(folder: Path) -> Mapping[str, Any]:
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no manifest.json: give a folder of held-out pictures") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if not isinstance(manifest, dict):
        raise ValueError(f"{path} must hold an object with size, coverage and pictures")
    return manifest


def _about(folder: Path, index: int, entry: Any) -> HeldOutPicture:
    fields = ("name", "set", "licence", "kind")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(field), str) for field in (*fields, "file")):
        raise ValueError(f"{folder}/manifest.json: picture {index} needs the texts file, {', '.join(fields)}")
    if entry["kind"] not in KINDS:
        raise ValueError(f"{folder}/manifest.json: picture {index}: kind must be {' or '.join(KINDS)}")
    return HeldOutPicture(*(entry[field] for field in fields))


def _read_picture(folder: Path, file: str, size: int) -> UInt8[np.ndarray, "h w 4"]:
    if Path(file).name != file:
        raise ValueError(f"{folder}/manifest.json: file {file!r} must lie in the folder itself")
    try:
        pixels = read_picture(folder / file).pixels
    except (OSError, UnreadablePictureError) as error:
        raise ValueError(f"{folder / file} cannot be read as a picture: {error}") from None
    if pixels.shape != (size, size, 4):
        raise ValueError(f"{folder / file} is {pixels.shape[1]} x {pixels.shape[0]}, not {size} x {size} as stated")
    return pixels


def _coverage(folder: Path, shares: Any) -> Coverage:
    names = ("clear", "partial", "opaque")
    values: list[Any] = [shares.get(name) for name in names] if isinstance(shares, dict) else []
    if len(values) != len(names) or not all(isinstance(value, int | float) for value in values):
        raise ValueError(f"{folder}/manifest.json: coverage needs the numbers {', '.join(names)}")
    if abs(sum(values) - 1) > 0.01:
        raise ValueError(f"{folder}/manifest.json: coverage must add up to 1, not {sum(values):.3f}")
    return Coverage(*(float(value) for value in values))
