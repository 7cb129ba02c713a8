# SPDX-License-Identifier: GPL-3.0-or-later
"""Image datablocks out of finished layers, and pixels out of image datablocks."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from acetate_editor.tasks import finish
from acetate_wire.errors import bad_request
from acetate_wire.request import PictureSpec, Rect

from ..i18n import tr
from .png import encode

_SLICE = 1 << 17
"""Numbers converted at once; takes about a millisecond."""


@dataclass(frozen=True)
class ImagePixels:
    """A picture's numbers, height x width x 4, rows bottom-up, straight alpha; uint8 sRGB or float32 linear."""

    array: Any

    def header(self, frame: int) -> PictureSpec:
        """How the wire reads these numbers in that frame."""
        height, width = self.array.shape[:2]
        whole = self.array.dtype == np.uint8
        return PictureSpec(
            frame, width, height, "rgba8" if whole else "rgbaf32", "bottom-up", "srgb" if whole else "linear"
        )

    def frame(self) -> bytes:
        """The bytes that travel."""
        return bytes(np.ascontiguousarray(self.array).tobytes())

    def moved(self, covers: Rect, target: Rect) -> ImagePixels:
        """What of this picture, which covers one rectangle, lies in another; clear elsewhere."""
        if covers == target:
            return self
        height, width = self.array.shape[:2]
        if (width, height) != (covers.width, covers.height):
            raise ValueError("a picture must have the size of what it covers to be moved")
        out = np.zeros((target.height, target.width, 4), self.array.dtype)
        left, right = max(covers.x, target.x), min(covers.x + width, target.x + target.width)
        top, bottom = max(covers.y, target.y), min(covers.y + height, target.y + target.height)
        if left < right and top < bottom:
            # Rows count from the bottom here, rectangles from the top.
            below, below_here = target.y + target.height - bottom, covers.y + height - bottom
            rows = bottom - top
            out[below : below + rows, left - target.x : right - target.x] = self.array[
                below_here : below_here + rows, left - covers.x : right - covers.x
            ]
        return ImagePixels(out)


def from_png(name: str, png: bytes) -> Any:
    """An image datablock with this PNG packed into it: straight alpha, sRGB."""
    image = bpy.data.images.new(name, 1, 1, alpha=True)
    image.pack(data=png, data_len=len(png))
    image.source = "FILE"
    image.colorspace_settings.name = "sRGB"
    image.alpha_mode = "STRAIGHT"
    return image


def enlarged(png: bytes, covers: Rect, target: Rect) -> bytes:
    """A PNG file of what another one, which covers one rectangle, shows of a larger one; clear elsewhere."""
    image = from_png("", png)
    try:
        pixels = finish(read(image)).moved(covers, target)
    finally:
        bpy.data.images.remove(image)
    return finish(encode(pixels.array[::-1].tobytes(), target.width, target.height))


def check_readable(image: Any) -> None:
    """Raise AcetateError when this image holds no pixels that can be read."""
    # A sequence has no size before one of its files is read.
    if not all(image.size) and file_at(image, bpy.context.scene.frame_current) is None:
        raise bad_request(
            tr("The image {name!r} has no pixels").format(name=image.name),
            tr("load its file again, or choose another image"),
            "inputs",
        )


def file_at(image: Any, frame: int) -> Path | None:
    """The file of an image sequence with the number of that frame, or its first; None for other images."""
    if image.source != "SEQUENCE":
        return None
    shown = Path(bpy.path.abspath(image.filepath))
    digits = shown.stem[len(shown.stem.rstrip("0123456789")) :]
    if not digits:
        return None
    found = shown.with_name(f"{shown.stem[: -len(digits)]}{frame:0{len(digits)}}{shown.suffix}")
    return found if found.is_file() else shown


def read(image: Any) -> Generator[None, None, ImagePixels]:
    """The pixels of an image datablock, exact for 8-bit images; yields every few milliseconds.

    Of a sequence, those of the frame that the scene is at.
    """
    file = file_at(image, bpy.context.scene.frame_current)
    if file is not None:
        loaded = bpy.data.images.load(str(file))
        loaded.alpha_mode = image.alpha_mode
        try:
            return (yield from read(loaded))
        finally:
            bpy.data.images.remove(loaded)
    check_readable(image)
    width, height = image.size
    numbers = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(numbers)
    yield
    if image.alpha_mode == "PREMUL" or (image.is_float and image.alpha_mode != "NONE"):
        yield from _straighten(numbers)
    if image.alpha_mode == "NONE":
        numbers[3::4] = 1.0
    if image.is_float:
        return ImagePixels(numbers.reshape(height, width, 4))
    whole = np.empty(numbers.size, np.uint8)
    for start in range(0, numbers.size, _SLICE):
        part = numbers[start : start + _SLICE]
        part *= 255.0
        np.rint(part, out=part)
        np.clip(part, 0.0, 255.0, out=part)
        whole[start : start + _SLICE] = part
        yield
    return ImagePixels(whole.reshape(height, width, 4))


def _straighten(numbers: Any) -> Generator[None, None, None]:
    """Divide colours by their alpha, in place."""
    pixels = numbers.reshape(-1, 4)
    for start in range(0, len(pixels), _SLICE // 4):
        part = pixels[start : start + _SLICE // 4]
        alpha = part[:, 3:4]
        np.divide(part[:, :3], alpha, out=part[:, :3], where=alpha > 0)
        yield


def as_bytes(pixels: ImagePixels) -> Generator[None, None, ImagePixels]:
    """The same picture in 8 bits a number, sRGB-encoded."""
    if pixels.array.dtype == np.uint8:
        return pixels
    numbers = pixels.array.reshape(-1, 4)
    whole = np.empty(numbers.shape, np.uint8)
    for start in range(0, len(numbers), _SLICE // 4):
        part = np.clip(numbers[start : start + _SLICE // 4], 0.0, 1.0)
        light = part[:, :3]
        part[:, :3] = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
        whole[start : start + _SLICE // 4] = np.rint(part * 255)
        yield
    return ImagePixels(whole.reshape(pixels.array.shape))


def opaque(pixels: ImagePixels) -> ImagePixels:
    """The same picture over black, without transparency; what is clear must be black."""
    out = pixels.array.copy()
    out[..., 3] = 255 if out.dtype == np.uint8 else 1.0
    return ImagePixels(out)


def mask_of(pixels: ImagePixels) -> ImagePixels:
    """The same picture as a mask: its lightness where it is opaque, else its alpha; white is inside."""
    array = pixels.array
    full = 255 if array.dtype == np.uint8 else 1.0
    alpha = array[..., 3]
    grey = array[..., :3].max(axis=-1) if bool((alpha == full).all()) else alpha
    out = np.repeat(grey[..., None], 4, axis=-1)
    out[..., 3] = full
    return ImagePixels(out)
