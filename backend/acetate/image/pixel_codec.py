"""Wire pictures to float arrays and back: every format, row order and colour space of the protocol.

Floats are RGBA h w 4, straight alpha, sRGB-encoded, 0 to 1. A `gray8` picture that comes in is an opaque
grey; one that goes out is the layer's alpha.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from acetate_wire.errors import AcetateError
from acetate_wire.request import PictureSpec
from numpy.typing import NDArray

from acetate.image import color

Pixels = NDArray[np.float32]

_TYPES: dict[str, tuple[Any, float]] = {
    "8": (np.dtype("u1"), 255.0),
    "16": (np.dtype("<u2"), 65535.0),
    "f16": (np.dtype("<f2"), 0.0),
    "f32": (np.dtype("<f4"), 0.0),
}


def to_rgba(header: PictureSpec, data: Any, profile: bytes | None = None, field: str = "picture") -> Pixels:
    """A wire picture as float RGBA.

    `data` is bytes-like, of the size that the header says; `profile` is its ICC profile. Raises AcetateError
    `bad_request` about `field` for NaN and infinity, except in the colour of clear pixels, which becomes 0.
    """
    kind, full = _depth(header.format)
    channels = 1 if header.format == "gray8" else 4
    raw = np.frombuffer(data, dtype=kind).reshape(header.height, header.width, channels)
    if header.rows == "bottom-up":
        raw = raw[::-1]
    if not full:
        raw = _finite(raw, field)
    rgba = np.empty((header.height, header.width, 4), dtype=np.float32)
    if channels == 1:
        rgba[..., :3] = raw
        rgba[..., 3] = full
    else:
        rgba[...] = raw[..., [2, 1, 0, 3]] if header.format.startswith("bgra") else raw
    if full:
        rgba /= np.float32(full)
    if header.space == "linear":
        rgba[..., :3] = color.encode_srgb(rgba[..., :3])
    elif header.space == "icc" and profile is not None:
        rgba[..., :3] = color.from_profile(rgba[..., :3], profile)
    return rgba


def _finite(raw: NDArray[Any], field: str) -> NDArray[Any]:
    """Float pixels h w 4, rows from the top, with 0 for what is not a number where alpha is 0."""
    if np.isfinite(raw).all():
        return raw
    strange = ~np.isfinite(raw).all(axis=2)
    mapped = strange & (raw[..., 3] != 0)
    count = int(mapped.sum())
    if count:
        y, x = (int(each) for each in np.unravel_index(int(mapped.argmax()), mapped.shape))
        pixels = "1 pixel that is" if count == 1 else f"{count} pixels that are"
        raise AcetateError(
            "bad_request",
            f"{field} has {pixels} not a finite number (NaN or infinite), the first at x {x}, y {y} from the top left",
            field=field,
            hint="paint over them or limit the values; a render often has them where it divides by 0",
        )
    return np.where(strange[..., None], raw.dtype.type(0), raw)


def from_rgba(rgba: NDArray[Any], format: str, rows: str, space: str, profile: bytes | None = None) -> bytes:
    """RGBA as a wire picture's bytes; integer formats are clipped and rounded.

    `rgba` is floats, or whole numbers whose largest means 1.
    """
    kind, full = _depth(format)
    if rgba.dtype.kind == "u" and (rgba.dtype != kind or space != "srgb"):
        rgba = rgba / np.float32(np.iinfo(rgba.dtype).max)
    if format == "gray8":
        out = rgba[..., 3:]
    else:
        out = rgba if space == "srgb" else rgba.copy()
        if space == "linear":
            out[..., :3] = color.decode_srgb(out[..., :3])
        elif space == "icc" and profile is not None:
            out[..., :3] = color.to_profile(out[..., :3], profile)
        if format.startswith("bgra"):
            out = out[..., [2, 1, 0, 3]]
    if rows == "bottom-up":
        out = out[::-1]
    if full and out.dtype != kind:
        out = np.clip(out, 0, 1) * np.float32(full) + np.float32(0.5)
    return out.astype(kind).tobytes()


def _depth(format: str) -> tuple[Any, float]:
    """The stored number type, and its full value for whole numbers or 0 for floats."""
    return _TYPES[format.removeprefix("rgba").removeprefix("bgra").removeprefix("gray")]


def thumbnail(rgba: Pixels, most: int) -> Pixels:
    """A preview of at most `most` pixels a side, by whole-pixel steps."""
    step = max(1, -(-max(rgba.shape[:2]) // most))
    return rgba[::step, ::step]
