"""What a job needs of memory with a transformer and a VAE with alpha, estimated before anything is loaded."""

from __future__ import annotations

from acetate_wire.modes import MODES
from acetate_wire.request import MOST_SPLIT

from acetate.models.backbones.diffusers_layout import denoiser_folder, network_files, networks_of, read_json
from acetate.models.memory_plan import NO_ADAPTERS, SINGLE, AdapterBytes, Footprint
from acetate.models.recipes import ModeRecipe
from acetate.models.registry import ModelSpec
from acetate.models.safetensors_header import count_numbers

CELL = 16
"""Pixels of a token along each side."""
TOKEN_ACTIVATIONS = 30
"""Activations of a token that a transformer holds at once, in widths of its blocks."""
DECODING = 5400
"""Bytes of the VAE for a pixel that it decodes, in float32."""
TILE = 256
"""The side of the VAE's tiles in pixels."""


def footprint(
    entry: ModelSpec,
    recipe: ModeRecipe,
    width: int,
    height: int,
    dtype_bytes: int,
    adapters: AdapterBytes = NO_ADAPTERS,
) -> Footprint:
    """The bytes at a working size in pixels; a picture is split into as many layers as a request may ask for.

    Raises OSError, ValueError or KeyError when a file is damaged.
    """
    counts = {
        folder: sum(map(count_numbers, network_files(entry.folder / folder, name)))
        for folder, name in networks_of(entry.family).items()
    }
    denoiser = denoiser_folder(entry.family)
    config = read_json(entry.folder / denoiser / "config.json")
    drawn = MOST_SPLIT + 1 if MODES[recipe.mode].splits else 1
    tokens = (drawn + len(recipe.inputs)) * (width // CELL) * (height // CELL)
    widths = int(config["num_attention_heads"]) * int(config["attention_head_dim"])
    return Footprint(
        text=counts["text_encoder"] * dtype_bytes,
        denoiser=(counts[denoiser] if entry.file is None else count_numbers(entry.file)) * dtype_bytes,
        vae=counts["vae"] * SINGLE,
        layers=0,
        transparency=0,
        drawing=TOKEN_ACTIVATIONS * tokens * widths * dtype_bytes,
        decoding=DECODING * width * height,
        decoding_tiled=DECODING * min(width, TILE) * min(height, TILE),
        adapters=adapters,
    )
