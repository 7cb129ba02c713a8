"""Latent transparency: padding, offset encoder, transparent decoder, augmentation, tiling, upsampler."""

from acetate.transparency.adjusted_latent import adjusted_latent
from acetate.transparency.augmentation import Passes, decode_augmented
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.files import Transparency, load, load_upsampler, save, save_upsampler
from acetate.transparency.inference import fastest_dtype, fastest_layout, optimize_for_inference, short_dtype
from acetate.transparency.padding import composite_on_grey, pad_rgb
from acetate.transparency.tiling import decode_tiled
from acetate.transparency.upsampler import LayerUpsampler

__all__ = [
    "LayerUpsampler",
    "OffsetEncoder",
    "Passes",
    "Transparency",
    "TransparentDecoder",
    "adjusted_latent",
    "composite_on_grey",
    "decode_augmented",
    "decode_tiled",
    "fastest_dtype",
    "fastest_layout",
    "load",
    "load_upsampler",
    "optimize_for_inference",
    "pad_rgb",
    "save",
    "save_upsampler",
    "short_dtype",
]
