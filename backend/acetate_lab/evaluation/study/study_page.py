"""The study's page: one self-contained HTML file that asks about every pair, and the key that stays at home.

The page does not say which picture is which, not even in its source: within each pair the two are shuffled when it is
written, and only the key, a JSON file beside it, knows. For each person the page then shuffles the order of the pairs
and the sides anew, and saves both with the votes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from random import Random
from typing import Any

from acetate.image.reading import read_picture
from PIL import Image

from acetate_lab.evaluation.study.pairs import Pair

DATA_MARK = "/*STUDY*/null"


@dataclass(frozen=True)
class KeyedPair:
    """One pair of the page: its name, its kind, and the place (0 or 1) of the native picture."""

    name: str
    kind: str
    native: int


@dataclass(frozen=True)
class Study:
    """The key of a study: its id, which every file of votes repeats, and its pairs in the page's order."""

    id: str
    seed: int
    pairs: tuple[KeyedPair, ...]


def write_study(pairs: tuple[Pair, ...], path: Path, seed: int) -> Study:
    """Write the page, and its key beside it (`key_path`). The same pairs and seed give the same page."""
    chance = Random(seed)
    keyed, shown = [], []
    for pair in pairs:
        native = chance.randrange(2)
        first, second = (pair.cut_out, pair.native) if native else (pair.native, pair.cut_out)
        keyed.append(KeyedPair(pair.name, pair.kind, native))
        shown.append([_uri(first), _uri(second)])
    told = repr((seed, keyed, shown)).encode()
    study = Study(hashlib.sha256(told).hexdigest()[:16], seed, tuple(keyed))
    template = resources.files(__package__).joinpath("study.html").read_text(encoding="utf-8")
    data = json.dumps({"study": study.id, "pairs": shown})
    path.write_text(template.replace(DATA_MARK, data), encoding="utf-8")
    key_path(path).write_text(json.dumps(asdict(study), indent=1) + "\n", encoding="utf-8")
    return study


def key_path(page: Path) -> Path:
    """The path of a page's key: `study.html` has `study.key.json`."""
    return page.with_suffix(".key.json")


def read_key(path: Path) -> Study:
    """Read a study's key. Raises ValueError of one line when it is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        pairs = tuple(KeyedPair(str(p["name"]), str(p["kind"]), int(p["native"])) for p in found["pairs"])
        return Study(str(found["id"]), int(found["seed"]), pairs)
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist: give the key that was written beside the study's page") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no study's key: {error}") from None


def _uri(path: Path) -> str:
    """A picture as a PNG data URI without metadata, which could reveal its origin."""
    pixels = read_picture(path).picture
    buffer = io.BytesIO()
    Image.frombytes("RGBA", pixels.size, pixels.tobytes()).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
