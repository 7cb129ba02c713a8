"""Folders of transparent pictures, of any sizes, as held-out pictures of one size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from acetate.image.reading import UnreadablePictureError, read_picture
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from acetate_lab.metrics.coverage import VISIBLE_ABOVE, coverage_of, mean_coverage
from acetate_lab.metrics.held_out import HeldOut, HeldOutPicture, read_held_out

SUFFIXES = frozenset({".png", ".webp", ".tif", ".tiff", ".tga", ".bmp"})
SOFT_SHARE = 0.35
"""From this share of partial among the visible pixels on, a picture counts as soft."""


def read_pictures(folder: Path, most: int, size: int | None = None, usual: int = 256) -> HeldOut:
    """Up to `most` pictures of a folder, evenly spread over it: a held-out folder, or any folder of pictures.

    Held-out pictures keep their own size unless `size` is given; all others are fitted into squares of `size`, or
    else `usual`, named after their files and grouped by their folders, and those without any transparency are left
    out. Nothing is made larger. Raises ValueError of one line when there are no pictures.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: there is no such folder of pictures")
    if (folder / "manifest.json").is_file():
        found = read_held_out(folder)
        rows = spread(len(found.about), most)
        taken = found.pictures[list(rows)]
        if size is not None and size > taken.shape[-1]:
            raise ValueError(f"{folder} holds pictures of {taken.shape[-1]} pixels: choose no larger size than that")
        if size is not None and size != taken.shape[-1]:
            taken = torch.stack([_as_tensor(fitted(_as_image(picture), size)) for picture in taken])
        return HeldOut(tuple(found.about[row] for row in rows), taken, found.coverage)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    about, pictures = [], []
    for path, pixels in _transparent([paths[row] for row in spread(len(paths), most)], size or usual):
        picture = _as_tensor(pixels)
        name = path.stem.replace("_", " ").replace("-", " ").strip()
        about.append(HeldOutPicture(name, path.parent.name, "unknown", kind_of(picture[3])))
        pictures.append(picture)
    if not pictures:
        raise ValueError(f"{folder} holds no pictures with transparency (PNG, WebP, TIFF or TGA)")
    coverage = mean_coverage(coverage_of(picture[3]) for picture in pictures)
    return HeldOut(tuple(about), torch.stack(pictures), coverage)


def kind_of(alpha: Float[Tensor, "h w"]) -> str:
    """`soft` when much of what is visible is partial, else `hard`."""
    visible = alpha > VISIBLE_ABOVE
    partial = visible & (alpha < 1 - VISIBLE_ABOVE)
    return "soft" if int(partial.sum()) > SOFT_SHARE * int(visible.sum()) else "hard"


def spread(count: int, most: int) -> tuple[int, ...]:
    """Up to `most` of the numbers below `count`, evenly spread."""
    taken = min(count, most)
    return tuple(index * count // taken for index in range(taken))


def fitted(picture: Image.Image, size: int) -> UInt8[np.ndarray, "size size 4"]:
    """A picture in the middle of a clear square, made smaller where it is larger; resampled premultiplied."""
    # "RGBa" is Pillow's premultiplied mode: colour under clear pixels must not bleed into the edge.
    premultiplied = picture.convert("RGBA").convert("RGBa")
    premultiplied.thumbnail((size, size), Image.Resampling.LANCZOS)
    square = Image.new("RGBA", (size, size))
    corner = ((size - premultiplied.width) // 2, (size - premultiplied.height) // 2)
    square.paste(premultiplied.convert("RGBA"), corner)
    return np.array(square)


def _as_tensor(pixels: UInt8[np.ndarray, "h w 4"]) -> Float[Tensor, "4 h w"]:
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def _as_image(picture: Float[Tensor, "4 h w"]) -> Image.Image:
    return Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).contiguous().numpy())


def _transparent(paths: list[Path], size: int) -> Iterator[tuple[Path, UInt8[np.ndarray, "size size 4"]]]:
    for path in paths:
        try:
            picture = read_picture(path).picture
            alpha = np.asarray(picture.getchannel("A"))
            pixels = fitted(picture, size)
        except (OSError, UnreadablePictureError) as error:
            raise ValueError(f"{path} cannot be read as a picture: {error}") from None
        if alpha.min() < 255 and alpha.max() > 0:
            yield path, pixels
