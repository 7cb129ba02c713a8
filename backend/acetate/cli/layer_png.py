"""Layers as PNG files: where they may be written, the settings inside, and previews to look at."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acetate_wire.errors import AcetateError

from acetate.io import part_of, whole

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, PngImagePlugin

    from acetate.cli.elements import Animation
    from acetate.cli.submit import ResultLayer

PNG = ".png"
DOCUMENTS = (".ora", ".psd")
CHUNK = "acetate"
"""The keyword of the PNG text chunk (iTXt, UTF-8) that holds the settings as JSON."""
PREVIEW_SIDE = 512
MARGIN = 16
SQUARE = 8
"""The side of the checker's squares in pixels."""
DESK = (236, 236, 236)
CHECKER = ((204, 204, 204), (255, 255, 255))


def numbered(path: Path, number: int, count: int) -> Path:
    """The file of one of `count` results, counted from 0: the path itself for one, else numbered before the suffix."""
    return path if count == 1 else path.with_stem(f"{path.stem}-{number + 1}")


def preview_path(path: Path) -> Path:
    """Where a layer's preview goes: beside it."""
    return path.with_suffix(".preview.png")


def check_writable(path: Path, endings: tuple[str, ...] = (PNG,)) -> None:
    """Raises AcetateError `bad_request` when a file with one of these endings cannot be written there."""
    if path.suffix.lower() not in endings:
        kinds = " or ".join(endings)
        raise unusable(
            path,
            "is no PNG file and no document" if len(endings) > 1 else "is no PNG file",
            f"give a name that ends in {kinds}",
        )
    try:
        if path.is_dir():
            raise unusable(path, "is a folder", "give the name of a file")
        if not path.parent.is_dir():
            raise unusable(path, f"cannot be written: there is no folder {path.parent}", "make it first")
        _try_to_write(part_of(path))
    except OSError as error:
        raise cannot_write(path, error) from error


def _try_to_write(fresh: Path) -> None:
    """Make a file and remove it again. Raises OSError."""
    if not fresh.exists():
        fresh.touch()
        fresh.unlink()


def save_layer(layer: ResultLayer, path: Path) -> None:
    """Write a layer of 8-bit pixels, with its settings inside."""
    _write(_picture(layer), path, _settings_of(layer))


def save_loop(frames: Sequence[ResultLayer], path: Path, animation: Animation) -> None:
    """Write the frames of a loop, of 8-bit pixels, with their settings inside."""
    pictures = list(map(_picture, frames))
    with _whole(path) as fresh:
        animation.write(pictures, fresh, _settings_of(frames[0]))


def _settings_of(layer: ResultLayer) -> PngImagePlugin.PngInfo:
    from PIL import PngImagePlugin

    chunks = PngImagePlugin.PngInfo()
    chunks.add_itxt(CHUNK, json.dumps(layer.settings.to_map(), ensure_ascii=False))
    return chunks


def pixels_digest(pixels: NDArray[np.uint8]) -> str:
    """What a layer's settings know a picture by that it was made from."""
    import numpy as np

    from acetate.pipelines.metadata import pixels_hash

    return pixels_hash(pixels.astype(np.float32) / np.float32(255))


def save_preview(layer: ResultLayer, path: Path) -> None:
    """Write the layer over a checker, black and white, side by side."""
    from PIL import Image

    picture = _picture(layer)
    picture.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    width, height = picture.size
    sheet = Image.new("RGB", (3 * width + 4 * MARGIN, height + 2 * MARGIN), DESK)
    papers = (
        _checker(width, height),
        Image.new("RGB", picture.size, "black"),
        Image.new("RGB", picture.size, "white"),
    )
    for index, paper in enumerate(papers):
        paper.paste(picture, mask=picture.getchannel("A"))
        sheet.paste(paper, (MARGIN + index * (width + MARGIN), MARGIN))
    _write(sheet, path)


def _picture(layer: ResultLayer) -> Image.Image:
    from PIL import Image

    size = (layer.width, layer.height)
    # Any buffer does; the declared types are too narrow.
    return Image.frombuffer("RGBA", size, layer.content, "raw", "RGBA", 0, 1)  # type: ignore[arg-type]


def _checker(width: int, height: int) -> Image.Image:
    from PIL import Image

    paper = Image.new("RGB", (width, height), CHECKER[0])
    light = Image.new("RGB", (SQUARE, SQUARE), CHECKER[1])
    for y in range(0, height, SQUARE):
        for x in range(y // SQUARE % 2 * SQUARE, width, 2 * SQUARE):
            paper.paste(light, (x, y))
    return paper


def _write(picture: Image.Image, path: Path, chunks: PngImagePlugin.PngInfo | None = None) -> None:
    with _whole(path) as fresh:
        picture.save(fresh, "PNG", pnginfo=chunks)


@contextmanager
def _whole(path: Path) -> Iterator[Any]:
    """A file to write all or nothing of: one that was there stays whole until the new one is."""
    try:
        with whole(path) as fresh:
            yield fresh
    except OSError as error:
        raise cannot_write(path, error) from error


def cannot_write(path: Path, error: OSError) -> AcetateError:
    """The refusal for a file that the system would not write."""
    hint = "choose a shorter name" if error.errno == errno.ENAMETOOLONG else "choose another place"
    return unusable(path, f"cannot be written ({error.strerror or error})", hint)


def unusable(path: Path, problem: str, hint: str, field: str = "output") -> AcetateError:
    """The refusal of a file that an option names."""
    return AcetateError("bad_request", f"{path} {problem}", field=field, hint=hint)
