"""What a job needs of memory with a transformer and a VAE with alpha, estimated before anything is loaded."""

from __future__ import annotations

import math
import re
from pathlib import Path

from acetate_wire.modes import MODES
from acetate_wire.request import MOST_SPLIT

from acetate.image.sizes import Size
from acetate.models.backbones.diffusers_layout import (
    UNET_PREFIX,
    denoiser_folder,
    network_files,
    networks_of,
    read_json,
)
from acetate.models.gguf_header import PLAIN, is_gguf, read_gguf
from acetate.models.memory_plan import NF4_BLOCK, NO_ADAPTERS, NOT_SHORTENED, SINGLE, AdapterBytes, Footprint
from acetate.models.recipes import ModeRecipe
from acetate.models.registry import ModelSpec
from acetate.models.safetensors_header import count_numbers, read_header

CELL = 16
"""Pixels of a token along each side."""
TOKEN_ACTIVATIONS = 30
"""Activations of a token that a transformer holds at once, in widths of its blocks."""
DECODING = 5400
"""Bytes of the VAE for a pixel that it decodes, in float32."""
NOT_FOR_PICTURES = re.compile("txt_|add_|context|mod|norm|time_")
"""In the names of weights that the tokens of pictures do not pass: those of words, of the time, and for both."""
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
    networks, denoiser = networks_of(entry.family), denoiser_folder(entry.family)
    counts = {
        folder: sum(map(count_numbers, network_files(entry.folder / folder, name)))
        for folder, name in networks.items()
        if folder != denoiser
    }
    gguf = entry.file is not None and is_gguf(entry.file)
    weights = network_files(entry.folder / denoiser, networks[denoiser]) if entry.file is None else (entry.file,)
    config = read_json(entry.folder / denoiser / "config.json")
    drawn = MOST_SPLIT + 1 if MODES[recipe.mode].splits else 1
    tokens = (drawn + len(recipe.inputs)) * (width // CELL) * (height // CELL)
    widths = int(config["num_attention_heads"]) * int(config["attention_head_dim"])
    return Footprint(
        text_by_layer=True,
        denoiser_fp8=0 if gguf else _in_fp8(entry, dtype_bytes),
        denoiser_nf4=0 if gguf else _in_nf4(entry, dtype_bytes),
        text=counts["text_encoder"] * dtype_bytes,
        denoiser=_quantized(entry.file, dtype_bytes)
        if entry.file is not None and gguf
        else sum(map(count_numbers, weights)) * dtype_bytes,
        vae=counts["vae"] * SINGLE,
        layers=0,
        transparency=0,
        drawing=TOKEN_ACTIVATIONS * tokens * widths * dtype_bytes,
        decoding=DECODING * width * height,
        decoding_tiled=DECODING * min(width, TILE) * min(height, TILE),
        adapters=adapters,
    )


def operations(entry: ModelSpec, size: Size, frames: int) -> float:
    """The operations in the products of one call of the transformer, for frames of a size in pixels in one sequence.

    The tokens of words are not counted. Raises as `footprint` does.
    """
    name = denoiser_folder(entry.family)
    config = read_json(entry.folder / name / "config.json")
    blocks = int(config["num_layers"]) + int(config.get("num_single_layers", 0))
    width = int(config["num_attention_heads"]) * int(config["attention_head_dim"])
    tokens = frames * (size.width // CELL) * (size.height // CELL)
    matrices = sum(
        math.prod(shape)
        for name, shape in _shapes(entry).items()
        if len(shape) == 2 and not NOT_FOR_PICTURES.search(name)
    )
    return 2.0 * matrices * tokens + 4.0 * blocks * width * tokens**2


def _shapes(entry: ModelSpec) -> dict[str, tuple[int, ...]]:
    """The shapes of the transformer's tensors by name."""
    if entry.file is not None and is_gguf(entry.file):
        return {name: tensor.shape for name, tensor in read_gguf(entry.file).items()}
    folder = denoiser_folder(entry.family)
    inside = network_files(entry.folder / folder, networks_of(entry.family)[folder])
    files = inside if entry.file is None else (entry.file,)
    return {name: tuple(shape) for file in files for name, shape in read_header(file).shapes.items()}


def _in_fp8(entry: ModelSpec, dtype_bytes: int) -> int:
    """The bytes of a transformer whose layers are stored in 8 bits, those excepted that are not."""
    sizes = (math.prod(shape) * (dtype_bytes if _stays(name) else 1) for name, shape in _shapes(entry).items())
    return sum(sizes)


def _in_nf4(entry: ModelSpec, dtype_bytes: int) -> int:
    """The same in four bits with a scale for each block; only matrices are stored so."""

    def size(name: str, numbers: int, sides: int) -> int:
        if sides != 2 or _stays(name) or name.endswith("embedding.weight"):
            return numbers * dtype_bytes
        return -(-numbers // 2) - (-numbers // NF4_BLOCK) * SINGLE

    return sum(size(name, math.prod(shape), len(shape)) for name, shape in _shapes(entry).items())


def _stays(name: str) -> bool:
    return re.search("|".join(NOT_SHORTENED), name.removeprefix(UNET_PREFIX)) is not None


def _quantized(file: Path, dtype_bytes: int) -> int:
    """The bytes of the transformer of a GGUF file: linear layers stay as they are in the file."""
    return sum(
        tensor.bytes
        if tensor.format not in PLAIN and len(tensor.shape) == 2 and not name.endswith("embedding.weight")
        else tensor.numbers * dtype_bytes
        for name, tensor in read_gguf(file).items()
    )
