"""Processing of large images in overlapping tiles, so that memory does not grow with the image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.transparency.augmentation import Decoder, Passes, decode_augmented

GRID = 64
"""Tiles start on multiples of this, so that the decoder's strides fall as in the whole picture."""


@dataclass(frozen=True)
class Span:
    """An interval of one axis, in pixels: a tile's rows or columns."""

    start: int
    stop: int


def spans(side: int, tile: int, overlap: int) -> tuple[Span, ...]:
    """Cover `side` pixels with intervals of at most `tile`, spread evenly, overlapping by `overlap` or more.

    Raises ValueError unless `tile` and `overlap` are multiples of 64 and `overlap` is at most half of `tile`.
    """
    if tile % GRID or overlap % GRID or not 0 < overlap <= tile // 2:
        raise ValueError(
            f"tile {tile} with overlap {overlap} does not work: both must be multiples of {GRID}, "
            f"and the overlap at most half of the tile"
        )
    if side <= tile:
        return (Span(0, side),)
    count = -(-(side - overlap) // (tile - overlap))
    step = (side - tile) / (count - 1)
    starts = [-(-int(index * step) // GRID) * GRID for index in range(count - 1)]
    starts.append(-(-(side - tile) // GRID) * GRID)
    return tuple(Span(start, min(start + tile, side)) for start in starts)


def blend_weights(parts: tuple[Span, ...], overlap: float) -> tuple[Float[Tensor, "length"], ...]:
    """The weight of each interval at each of its pixels; the weights of all intervals sum to 1 everywhere.

    From one to the next it is a smooth ramp over half an overlap, centred in the overlap, so that the outermost pixels
    of an interval, decoded without context, have no weight.
    """
    rises = [_rise(before.stop, after.start, overlap) for before, after in pairwise(parts)]
    weights = []
    for index, part in enumerate(parts):
        at = torch.arange(part.start, part.stop, dtype=torch.float64) + 0.5
        risen = rises[index - 1](at) if index > 0 else torch.ones_like(at)
        fallen = rises[index](at) if index < len(rises) else torch.zeros_like(at)
        weights.append((risen - fallen).float())
    return tuple(weights)


def _rise(stop: int, start: int, overlap: float) -> Callable[[Tensor], Tensor]:
    """The ramp from 0 to 1 between a stretch that ends at `stop` and the next, which begins at `start`."""
    foot = (stop + start) / 2 - overlap / 4

    def ramp(at: Tensor) -> Tensor:
        t = ((at - foot) / (overlap / 2)).clamp(0, 1)
        return t * t * (3 - 2 * t)

    return ramp


def blend_tiles(
    make: Callable[[Span, Span], Float[Tensor, "n c h w"]],
    height: int,
    width: int,
    tile: int,
    overlap: int,
    scale: int = 1,
) -> Float[Tensor, "n c height/scale width/scale"]:
    """Call `make` with each tile's rows and columns and blend its results over the overlaps.

    Rows and columns are in pixels; results of `make` have 1/`scale` of that size: 8 for latents. An image of at most
    `tile` pixels a side is one tile. Raises ValueError as `spans` does.
    """
    rows, columns = spans(height, tile, overlap), spans(width, tile, overlap)
    if len(rows) == len(columns) == 1:
        return make(rows[0], columns[0])
    across = blend_weights(_shrunk(columns, scale), overlap / scale)
    result: Tensor | None = None
    for row, down in zip(rows, blend_weights(_shrunk(rows, scale), overlap / scale), strict=True):
        for column, right in zip(columns, across, strict=True):
            part = make(row, column)
            part = part * down.to(part)[:, None] * right.to(part)
            if result is None:
                result = part.new_zeros(*part.shape[:2], -(-height // scale), -(-width // scale))
            region = (
                slice(row.start // scale, -(-row.stop // scale)),
                slice(column.start // scale, -(-column.stop // scale)),
            )
            result[..., region[0], region[1]] += part
    assert result is not None
    return result


def _shrunk(parts: tuple[Span, ...], scale: int) -> tuple[Span, ...]:
    return tuple(Span(part.start // scale, -(-part.stop // scale)) for part in parts)


def crop_latents(latent: Float[Tensor, "n c h w"], row: Span, column: Span) -> Float[Tensor, "n c th tw"]:
    """The part of a map of 1/8 the size that belongs to a tile's rows and columns in pixels."""
    return latent[..., row.start // 8 : -(-row.stop // 8), column.start // 8 : -(-column.stop // 8)]


def decode_tiled(
    decoder: Decoder,
    picture: Float[Tensor, "n 3 h w"],
    latent: Float[Tensor, "n c h/8 w/8"],
    passes: Passes = 8,
    tile: int = 1024,
    overlap: int = 256,
) -> Float[Tensor, "n 4 h w"]:
    """`decode_augmented` for pictures of any size: straight-alpha RGBA in [0, 1], float32.

    A picture of at most `tile` pixels a side is decoded whole; a larger one in tiles blended over their
    overlap, with memory for one tile and the result. Raises ValueError as `spans` and `decode_augmented`
    do.
    """

    def decode(row: Span, column: Span) -> Tensor:
        part = picture[:, :, row.start : row.stop, column.start : column.stop]
        return decode_augmented(decoder, part, crop_latents(latent, row, column), passes)

    return blend_tiles(decode, picture.shape[2], picture.shape[3], tile, overlap).clamp_(0, 1)
