"""The one reader of picture files: whatever Pillow opens comes out upright, in sRGB, as 8-bit straight RGBA."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from acetate_wire.limits import Limits
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, PngImagePlugin, UnidentifiedImageError

MOST_PIXELS = Limits().side ** 2
"""Larger pictures are refused before anything of them is decoded."""
MOST_TEXT = 64 << 20
"""Bytes of text in one PNG: painting programs write megabytes of XMP."""
SIXTEEN = 65535

# Every picture comes through here, so that these limits hold everywhere. Pillow's own takes canvases for attacks.
Image.MAX_IMAGE_PIXELS = MOST_PIXELS
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = MOST_TEXT


class UnreadablePictureError(ValueError):
    """A file that holds no picture that can be read; the message says why."""


@dataclass(frozen=True, eq=False)
class PictureFile:
    """What a picture file holds: the picture (mode RGBA, sRGB, straight alpha), and its texts by keyword."""

    picture: Image.Image
    texts: Mapping[str, str]

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """The pixels, h w 4."""
        return np.asarray(self.picture)


def read_picture(source: Path | bytes, most_pixels: int = MOST_PIXELS) -> PictureFile:
    """Read a picture file: the first frame, turned as EXIF says, in sRGB; deep integers and floats are scaled.

    Floats count from 0 to 1; what is not a number is 0. Raises FileNotFoundError, and UnreadablePictureError for
    anything else, a picture of more than `most_pixels` included.
    """
    try:
        with _open(source) as opened:
            if opened.width * opened.height > most_pixels:
                raise UnreadablePictureError(
                    f"{opened.width} x {opened.height} pixels are over the limit of {most_pixels / 1e6:.0f} megapixels"
                )
            turned = ImageOps.exif_transpose(opened)
            return PictureFile(_to_srgb(turned, opened.info), _texts(opened))
    except (FileNotFoundError, UnreadablePictureError):
        raise
    except MemoryError as error:
        raise UnreadablePictureError("it does not fit into memory") from error
    except Exception as error:  # what Pillow's many decoders raise cannot be listed
        raise UnreadablePictureError(_reason(error)) from error


def read_texts(source: Path | bytes) -> Mapping[str, str]:
    """The texts of a picture file by keyword, without decoding its pixels. Raises as `read_picture` does."""
    try:
        with _open(source) as opened:
            return _texts(opened)
    except FileNotFoundError:
        raise
    except Exception as error:  # as above
        raise UnreadablePictureError(_reason(error)) from error


def _texts(opened: Image.Image) -> dict[str, str]:
    # Pillow's own kinds of text become plain ones.
    return {str(name): str(value) for name, value in opened.info.items() if isinstance(value, str)}


def _open(source: Path | bytes) -> Image.Image:
    with warnings.catch_warnings():
        # The limit is checked by `read_picture`, with words of its own.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)


def _to_srgb(picture: Image.Image, info: Mapping[Any, Any]) -> Image.Image:
    profile = _profile(info.get("icc_profile"))
    if picture.mode.startswith("I"):
        return _in_profile(_from_deep_grey(picture, info.get("transparency")), profile)
    if picture.mode == "F":
        values = np.nan_to_num(np.asarray(picture), nan=0.0, posinf=1.0, neginf=0.0)
        return Image.fromarray((values.clip(0, 1) * 255).round().astype(np.uint8), "L").convert("RGBA")
    if picture.mode == "LAB":
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        return ImageCms.profileToProfile(picture, lab, _srgb(), outputMode="RGB").convert("RGBA")  # type: ignore[union-attr]
    if picture.mode == "CMYK" and profile is not None and _space(profile) == "CMYK":
        return ImageCms.profileToProfile(picture, profile, _srgb(), outputMode="RGB").convert("RGBA")  # type: ignore[union-attr]
    return _in_profile(picture.convert("RGBA"), profile)


def _from_deep_grey(picture: Image.Image, transparent: object) -> Image.Image:
    """Grey of 16 bits (PNG, TIFF) as 8 bits; one of its values may stand for clear."""
    values = np.asarray(picture).astype(np.int64).clip(0, SIXTEEN)
    grey = Image.fromarray((values * (255 / SIXTEEN)).round().astype(np.uint8), "L").convert("RGBA")
    if isinstance(transparent, int):
        alpha = np.where(values == transparent, 0, 255).astype(np.uint8)
        grey.putalpha(Image.fromarray(alpha, "L"))
    return grey


def _in_profile(rgba: Image.Image, profile: ImageCms.ImageCmsProfile | None) -> Image.Image:
    """An RGBA picture whose colours are in a profile's space (RGB or grey), in sRGB. Alpha stays as it is."""
    if profile is None:
        return rgba
    space = _space(profile)
    if space not in ("RGB", "GRAY"):
        return rgba
    colours = rgba.convert("RGB") if space == "RGB" else rgba.convert("RGB").getchannel("R")
    moved = ImageCms.profileToProfile(colours, profile, _srgb(), outputMode="RGB")
    assert moved is not None
    moved.putalpha(rgba.getchannel("A"))
    return moved


def _profile(data: object) -> ImageCms.ImageCmsProfile | None:
    """The ICC profile in a file; None where there is none, where it cannot be read, and where it is sRGB."""
    if not isinstance(data, bytes):
        return None
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
        described = ImageCms.getProfileDescription(profile)
    except (OSError, ImageCms.PyCMSError):
        return None
    return None if described.strip().lower().startswith("srgb") else profile


def _space(profile: ImageCms.ImageCmsProfile) -> str:
    return str(profile.profile.xcolor_space).strip()


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _reason(error: Exception) -> str:
    """A library's exception in one line, without the object addresses that some print."""
    first = str(error).strip().split("\n")[0]
    if isinstance(error, UnidentifiedImageError) or not first:
        return "it is no picture" if isinstance(error, UnidentifiedImageError) else type(error).__name__
    return first[:200]
