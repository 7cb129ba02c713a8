"""Between pictures and latents at any size: whole where they are small, in tiles where not."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from acetate.models.diffusion_model import DiffusionModel
from acetate.pipelines.sampling import TileSpec
from acetate.transparency import Passes
from acetate.transparency.tiling import Span, blend_tiles, crop_latents

MIN_TILES = TileSpec(512, 128)
"""The autoencoder and the transparent decoder take no smaller tiles, however small those of the backbone are."""


@torch.inference_mode()
def encode(
    model: DiffusionModel, picture: Float[Tensor, "4 h w"], transparent: bool, tiles: TileSpec | None
) -> Float[Tensor, "1 c h/8 w/8"]:
    """The latent of a picture as the backbone sees it: its alpha hidden inside, or over mid grey."""
    one = model.encode if transparent else model.backbone.encode
    if tiles is None:
        return one(picture[None])
    tiles = max(tiles, MIN_TILES, key=lambda each: each.size)

    def part(row: Span, column: Span) -> Tensor:
        return one(picture[None, :, row.start : row.stop, column.start : column.stop])

    return blend_tiles(part, picture.shape[1], picture.shape[2], tiles.size, tiles.overlap, scale=8)


@torch.inference_mode()
def decode(
    model: DiffusionModel, latent: Float[Tensor, "1 c h w"], transparent: bool, passes: Passes, tiles: TileSpec | None
) -> Float[Tensor, "4 8*h 8*w"]:
    """The straight-alpha picture of a latent, in [0, 1]; an opaque one has alpha 1."""

    def one(part: Tensor) -> Tensor:
        return model.decode_transparent(part, passes) if transparent else model.backbone.decode(part)

    if tiles is None:
        return one(latent)[0]
    tiles = max(tiles, MIN_TILES, key=lambda each: each.size)
    height, width = latent.shape[2] * 8, latent.shape[3] * 8
    whole = blend_tiles(
        lambda row, column: one(crop_latents(latent, row, column)), height, width, tiles.size, tiles.overlap
    )
    if not transparent:
        # The weights of the tiles sum to 1 only nearly.
        whole[:, 3] = 1
    return whole[0].clamp_(0, 1)
