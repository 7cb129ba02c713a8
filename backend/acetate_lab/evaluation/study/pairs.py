"""The pairs of pictures that a study asks about: a native layer and a cut-out of the same subject."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

NATIVE_SUFFIX = ".native.png"
CUT_OUT_SUFFIX = ".cutout.png"
KIND_MARK = "."


@dataclass(frozen=True)
class Pair:
    """Two PNG files that show the same subject; `kind` groups the answers and may be empty."""

    name: str
    kind: str
    native: Path
    cut_out: Path


def read_pairs(folder: Path) -> tuple[Pair, ...]:
    """The pairs `NAME.native.png` and `NAME.cutout.png` of a folder; in `KIND.NAME` what comes first is the kind.

    Raises ValueError of one line when there are none, one lacks its other half, is unreadable or of another size.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of pairs")
    found = []
    for native in sorted(folder.glob(f"*{NATIVE_SUFFIX}")):
        stem = native.name.removesuffix(NATIVE_SUFFIX)
        cut_out = native.with_name(f"{stem}{CUT_OUT_SUFFIX}")
        if not cut_out.is_file():
            raise ValueError(f"{native} has no {cut_out.name} beside it")
        first, second = _size(native), _size(cut_out)
        if first != second:
            raise ValueError(f"{native} is {first[0]} x {first[1]}, but {cut_out.name} {second[0]} x {second[1]}")
        kind, mark, name = stem.partition(KIND_MARK)
        found.append(Pair(name if mark else stem, kind if mark else "", native, cut_out))
    if not found:
        raise ValueError(f"{folder} holds no pairs: pictures NAME{NATIVE_SUFFIX} and NAME{CUT_OUT_SUFFIX}")
    return tuple(found)


def _size(path: Path) -> tuple[int, int]:
    try:
        with Image.open(path) as picture:
            picture.verify()
            return picture.size
    except (OSError, SyntaxError, UnidentifiedImageError) as error:
        raise ValueError(f"{path} cannot be read as a picture: {error}") from None
