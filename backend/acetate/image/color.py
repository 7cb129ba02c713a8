"""Colour spaces of the wire: sRGB-encoded, linear sRGB, or that of an ICC profile."""

from __future__ import annotations

import io

import numpy as np
from acetate_wire.errors import AcetateError
from numpy.typing import NDArray
from PIL import Image, ImageCms

Pixels = NDArray[np.float32]


def encode_srgb(linear: Pixels) -> Pixels:
    """Linear light to sRGB encoding (IEC 61966-2-1); negative values and those above 1 keep their sign and order."""
    size = np.abs(linear)
    curve = 1.055 * np.power(np.maximum(size, 0.0031308), 1 / 2.4) - 0.055
    return np.copysign(np.where(size <= 0.0031308, 12.92 * size, curve), linear).astype(np.float32)


def decode_srgb(encoded: Pixels) -> Pixels:
    """The inverse of `encode_srgb`."""
    size = np.abs(encoded)
    curve = np.power((np.maximum(size, 0.04045) + 0.055) / 1.055, 2.4)
    return np.copysign(np.where(size <= 0.04045, size / 12.92, curve), encoded).astype(np.float32)


def from_profile(rgb: Pixels, profile: bytes) -> Pixels:
    """RGB h w 3 in a profile's space to sRGB, in 8 bits a channel as the colour engine computes."""
    return _transform(rgb, _read(profile), _srgb())


def to_profile(rgb: Pixels, profile: bytes) -> Pixels:
    """The inverse of `from_profile`."""
    return _transform(rgb, _srgb(), _read(profile))


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _read(profile: bytes) -> ImageCms.ImageCmsProfile:
    try:
        found = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    except OSError:
        raise _bad_profile("cannot be read") from None
    if found.profile.xcolor_space.strip() != "RGB":
        raise _bad_profile(f"is for {found.profile.xcolor_space.strip()}, not for RGB")
    return found


def _transform(
    rgb: Pixels,
    source: ImageCms.ImageCmsProfile,
    target: ImageCms.ImageCmsProfile,
) -> Pixels:
    eight = (np.clip(rgb, 0, 1) * 255 + 0.5).astype(np.uint8)
    try:
        moved = ImageCms.profileToProfile(Image.fromarray(eight, "RGB"), source, target)
    except ImageCms.PyCMSError:
        raise _bad_profile("cannot be used for a conversion") from None
    return np.asarray(moved, dtype=np.float32) / np.float32(255)


def _bad_profile(reason: str) -> AcetateError:
    return AcetateError(
        "bad_request", f"the ICC profile {reason}", field="space", hint="send the pixels as srgb or linear"
    )
