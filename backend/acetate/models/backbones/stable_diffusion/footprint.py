"""What a job needs of memory with a model of Stable Diffusion's architecture, estimated before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from acetate.models.backbones.diffusers_layout import network_files, networks_of, prefixes, read_json
from acetate.models.backbones.stable_diffusion.network import VAE_TILE
from acetate.models.memory_plan import NO_ADAPTERS, SINGLE, AdapterBytes, Footprint
from acetate.models.recipes import AdapterSpec, ModeRecipe
from acetate.models.registry import DECODER, ENCODER, ModelSpec
from acetate.models.safetensors_header import count_numbers, read_header

ALPHA_TILE = 1024
"""The transparent decoder's tile size in pixels."""
UNET_ACTIVATIONS = 30
"""Activation maps of the widest block that a UNet holds at once, including those of the feed-forward."""
WORKSPACE = 96 << 20
"""Bytes that convolutions use besides, whatever the size. These figures were measured on the UNet of SD 1.5."""
VAE_ACTIVATIONS = 3.0
"""Maps of the last two widths, at full size, that the VAE's decoder holds."""
ALPHA_ACTIVATIONS = 12


def footprint(
    entry: ModelSpec,
    recipe: ModeRecipe,
    width: int,
    height: int,
    dtype_bytes: int,
    *,
    adapters: AdapterBytes = NO_ADAPTERS,
    main_memory: bool = False,
) -> Footprint:
    """Estimate a mode's memory at a working size in pixels; the UNet's dtype has `dtype_bytes`.

    With `main_memory` the device has no memory of its own, so that copies in main memory count too. Reads only
    configurations and the headers of weight files. Raises OSError, ValueError or KeyError when one is damaged.
    """
    counts = _weights(entry)
    unet, vae = read_json(entry.folder / "unet/config.json"), read_json(entry.folder / "vae/config.json")
    text_bytes = dtype_bytes if entry.family.decoders else SINGLE
    rows = 2 * max(len(part.roles) for part in recipe.adapters)
    alpha = entry.files.get(DECODER) if recipe.needs_decoder else None
    decoder = 0 if alpha is None else count_numbers(alpha)
    encoder = count_numbers(entry.files[ENCODER]) if ENCODER in entry.files else 0
    units, originals = (
        dtype_bytes * max(_added(entry, part) if part.kind == kind else 0 for part in recipe.adapters)
        for kind in ("sharing", "delta")
    )
    return Footprint(
        text=counts["text"] * text_bytes,
        denoiser=counts["unet"] * dtype_bytes,
        vae=counts["vae"] * SINGLE,
        layers=units + (originals if main_memory else 0),
        transparency=decoder * dtype_bytes + encoder * SINGLE,
        drawing=_drawing(unet, width, height) * rows * dtype_bytes + WORKSPACE,
        decoding=_decoding(vae, width, height) + _alpha(recipe, width, height, dtype_bytes),
        decoding_tiled=_decoding(vae, min(width, VAE_TILE), min(height, VAE_TILE))
        + _alpha(recipe, width, height, dtype_bytes),
        originals=originals,
        adapters=adapters,
    )


def _weights(entry: ModelSpec) -> dict[str, int]:
    """How many numbers each network has."""
    counts = {"text": 0, "unet": 0, "vae": 0}
    inside = {} if entry.file is None else read_header(entry.file).shapes
    beginnings = {} if entry.file is None else prefixes(entry.family)
    for folder, file_name in networks_of(entry.family).items():
        network = "text" if folder.startswith("text") else folder
        shapes = [shape for name, shape in inside.items() if name.startswith(beginnings[folder])]
        if shapes:
            counts[network] += sum(map(math.prod, shapes))
        else:
            counts[network] += sum(map(count_numbers, network_files(entry.folder / folder, file_name)))
    return counts


def _added(entry: ModelSpec, part: AdapterSpec) -> int:
    """How many numbers a part puts beside the model's own: units of attention sharing, or copies of the weights that
    deltas change.
    """
    path = entry.files.get(part.name) if part.files else None
    if path is None:
        return 0
    if part.kind == "sharing":
        return count_numbers(path)
    shapes = read_header(path).shapes
    total = 0
    for name, shape in shapes.items():
        if name.endswith("::lora::0"):
            total += shape[0] * math.prod(shapes[f"{name[:-1]}1"][1:])
        elif "::lora::" not in name:
            total += math.prod(shape)
    return total


def _drawing(config: Mapping[str, Any], width: int, height: int) -> int:
    """A UNet's activations per row of its batch, in elements: the skip connections and its widest block."""
    skips, busiest = 0, 0
    for level, channels in enumerate(config["block_out_channels"]):
        positions = math.ceil(width / 8 / 2**level) * math.ceil(height / 8 / 2**level)
        skips += (config["layers_per_block"] + 1) * channels * positions
        busiest = max(busiest, channels * positions)
    return skips + UNET_ACTIVATIONS * busiest


def _decoding(config: Mapping[str, Any], width: int, height: int) -> int:
    """The bytes that the VAE holds while it decodes, in float32."""
    first, second = [*config["block_out_channels"], 0][:2]
    return int(VAE_ACTIVATIONS * (first + second) * width * height * SINGLE)


def _alpha(recipe: ModeRecipe, width: int, height: int, dtype_bytes: int) -> int:
    """The bytes that the transparent decoder holds, and the views that its median is taken of."""
    if not recipe.needs_decoder:
        return 0
    pixels = min(width, ALPHA_TILE) * min(height, ALPHA_TILE)
    return ALPHA_ACTIVATIONS * 32 * pixels * dtype_bytes + 8 * 4 * width * height * SINGLE
