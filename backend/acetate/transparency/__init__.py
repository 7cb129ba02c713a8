"""Latent transparency: padding, offset encoder, transparent decoder, augmentation, tiling."""

from acetate.transparency.augmentation import Passes, decode_augmented
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.files import Transparency, load, save
from acetate.transparency.latent import adjusted_latent
from acetate.transparency.padding import pad_rgb, vae_feed
from acetate.transparency.speed import fastest_dtype, prepare
from acetate.transparency.tiling import decode_tiled

__all__ = [
    "OffsetEncoder",
    "Passes",
    "Transparency",
    "TransparentDecoder",
    "adjusted_latent",
    "decode_augmented",
    "decode_tiled",
    "fastest_dtype",
    "load",
    "pad_rgb",
    "prepare",
    "save",
    "vae_feed",
]
