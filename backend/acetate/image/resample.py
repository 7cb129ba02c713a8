"""Resampling of transparent pictures: premultiplied, in bands, exact where nothing changes size."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from acetate_wire.request import Rect
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional as F

from acetate.image.sizes import Cover, Fit, Size, Window, fit

BAND_PIXELS = 1 << 22
"""Pixels resampled at a time, so that memory does not grow with the target."""
TAPS = 2
"""How far the bicubic kernel reaches, in pixels."""
FULL = {torch.uint8: 255, torch.uint16: 65535}
"""The value of 1.0 in integer pixels."""


def fit_to_target(
    rgba: Float[Tensor, "4 h w"], target: Size, dtype: torch.dtype = torch.float32, window: Window | None = None
) -> Shaped[Tensor, "th tw 4"]:
    """Resample an image to exactly the target's size, straight alpha, channels last, in `dtype`.

    `rgba` is straight alpha in [0, 1]. Its aspect ratio is preserved: `window` is the part that becomes the target;
    without one, `sizes.fit` decides what is cropped or left clear. Integer dtypes use their whole range, floating ones
    [0, 1].
    """
    if window is None:
        fitted = fit(Size(rgba.shape[2], rgba.shape[1]), target)
    else:
        fitted = Fit(window, Rect(0, 0, target.width, target.height))
    placed = torch.zeros(target.height, target.width, 4, dtype=dtype)
    for band, pixels in _bands(rgba.float().cpu(), fitted):
        placed[band.y : band.y + band.height, band.x : band.x + band.width] = to_dtype_hwc(pixels, dtype)
    return placed


def crop_to_working(rgba: Float[Tensor, "4 th tw"], cover: Cover) -> Float[Tensor, "4 h w"]:
    """An image of the target in the working size: the inverse of `fit_to_target` with the cover's window.

    Its edge pixels are replicated around the target. Premultiplied while resampling; needs memory for the result and a
    band of the image.
    """
    height, width = rgba.shape[1:]
    if (cover.window.width, cover.window.height) == (width, height):
        left, top = int(cover.window.x), int(cover.window.y)
        right, bottom = cover.drawn.width - width - left, cover.drawn.height - height - top
        return F.pad(rgba, (left, right, top, bottom), mode="replicate")
    across, down = width / cover.window.width, height / cover.window.height
    window = Window(
        -cover.window.x * across, -cover.window.y * down, cover.drawn.width * across, cover.drawn.height * down
    )
    fitted = Fit(window, Rect(0, 0, cover.drawn.width, cover.drawn.height))
    return torch.cat([band for _, band in _bands(rgba, fitted, goes_on=True)], dim=1)


def resample(rgba: Float[Tensor, "4 h w"], window: Window, size: Size) -> Float[Tensor, "4 {size.height} {size.width}"]:
    """A window of a straight-alpha picture in another size, premultiplied while its pixels mix.

    Shrinking averages over each new pixel's area, enlarging is bicubic (Catmull-Rom); a window that already has
    the size and lies on whole pixels comes back unchanged. Clear pixels come back black.
    """
    return torch.cat([band for _, band in _bands(rgba, Fit(window, Rect(0, 0, size.width, size.height)))], dim=1)


def _bands(rgba: Tensor, fitted: Fit, goes_on: bool = False) -> Iterator[tuple[Rect, Tensor]]:
    """The target's filled part, band by band: where it goes, and its pixels "4 rows columns".

    The window may reach beyond the picture where `goes_on` says that its outermost pixels do.
    """
    window, paste = fitted.window, fitted.paste
    left, top = int(window.x), int(window.y)
    inside = left >= 0 and top >= 0 and left + paste.width <= rgba.shape[2] and top + paste.height <= rgba.shape[1]
    if inside and window == Window(left, top, paste.width, paste.height):
        yield paste, rgba[:, top : top + paste.height, left : left + paste.width]
        return
    columns = _weights(rgba.shape[2], window.x, window.width, paste.width, goes_on)
    step = window.height / paste.height
    rows = max(1, int(BAND_PIXELS / max(paste.width, step * rgba.shape[2])))
    for start in range(0, paste.height, rows):
        count = min(rows, paste.height - start)
        weights = _weights(rgba.shape[1], window.y + start * step, count * step, count, goes_on)
        used = weights.any(dim=0).nonzero()
        first, last = int(used[0]), int(used[-1]) + 1
        part = rgba[:, first:last]
        band = weights[:, first:last] @ (premultiplied(part) @ columns.T)
        if bool((part[3] == 1).all()):
            # Sums of weights are 1 only nearly; an opaque picture stays so to the last bit.
            band[3] = 1
        yield Rect(paste.x, paste.y + start, paste.width, count), unpremultiply(band)


def _weights(
    source: int, start: float, length: float, count: int, goes_on: bool = False
) -> Float[Tensor, "count source"]:
    """How much each source pixel counts in each of `count` new ones that divide [start, start + length)."""
    step = length / count
    edges = start + step * torch.arange(count + 1, dtype=torch.float64)
    before = max(0, math.ceil(-start)) + TAPS if goes_on else 0
    after = max(0, math.ceil(start + length - source)) + TAPS if goes_on else 0
    pixels = torch.arange(-before, source + after, dtype=torch.float64)
    if step > 1:
        end = torch.minimum(edges[1:, None], pixels + 1)
        weights = (end - torch.maximum(edges[:-1, None], pixels)).clamp(min=0)
    else:
        weights = _catmull_rom((edges[:-1, None] + step / 2 - (pixels + 0.5)).abs())
    # What lies beyond the picture has the value of its outermost pixel, so that one counts for it.
    weights[:, before] += weights[:, :before].sum(dim=1)
    weights[:, before + source - 1] += weights[:, before + source :].sum(dim=1)
    weights = weights[:, before : before + source]
    return (weights / weights.sum(dim=1, keepdim=True)).float()


def _catmull_rom(distance: Tensor) -> Tensor:
    near = (1.5 * distance - 2.5) * distance**2 + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))


def premultiplied(rgba: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 h w"]:
    """Premultiply straight-alpha pixels."""
    return torch.cat([rgba[:3] * rgba[3:], rgba[3:]])


def unpremultiply(mixed: Float[Tensor, "4 h w"]) -> Float[Tensor, "4 h w"]:
    """Premultiplied pixels as straight alpha in [0, 1]; clear ones are black."""
    alpha = mixed[3:].clamp(0, 1)
    colour = torch.where(alpha > 0, mixed[:3] / alpha, 0.0).clamp(0, 1)
    return torch.cat([colour, alpha])


def to_dtype_hwc(pixels: Float[Tensor, "4 h w"], dtype: torch.dtype) -> Shaped[Tensor, "h w 4"]:
    """Straight alpha in [0, 1] as rows of pixels; integer types hold 0 to their largest value."""
    rows = pixels.permute(1, 2, 0)
    full = FULL.get(dtype)
    return rows.to(dtype) if full is None else (rows.clamp(0, 1) * full).round().to(dtype)
