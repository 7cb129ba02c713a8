"""What loading has in common: networks out of folders and transformers out of one file, from this disk only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from acetate.models.backbones.diffusers_layout import UNET_PREFIX, weight_variant
from acetate.models.gguf_header import is_gguf
from acetate.models.registry import ModelSpec

SCALED = ("scaled_fp8", "scale_weight", "weight_scale")
"""What the keys of weights with scales of their own end with."""


def quiet_libraries() -> None:
    """Have diffusers and transformers report errors only."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.set_verbosity_error()
        logging.disable_progress_bar()


def from_folder(kind: Any, folder: Path, dtype: torch.dtype) -> Any:
    """A network of a diffusers folder, memory-mapped. Raises OSError or ValueError."""
    network = kind.from_pretrained(
        folder, dtype=dtype, variant=weight_variant(folder), use_safetensors=True, local_files_only=True
    )
    return network.eval().requires_grad_(False)


def transformer_of(entry: ModelSpec, kind: Any, dtype: torch.dtype) -> Any:
    """The transformer of a model, from its folder or from the one file that it has. Raises as those do."""
    if entry.file is None:
        return from_folder(kind, entry.folder / "transformer", dtype)
    return transformer_from_file(kind, entry.file, entry.folder, dtype)


def transformer_from_file(kind: Any, file: Path, folder: Path, dtype: torch.dtype) -> Any:
    """A transformer in one file, described by a model's folder; its keys may begin as those of ComfyUI's files do.

    A GGUF file stays quantized in memory; the numbers of a layer are restored when it is called.
    Raises ValueError naming what it lacks, and OSError or SafetensorError when it cannot be read.
    """
    from safetensors.torch import load_file

    if is_gguf(file):
        return _from_gguf(kind, file, folder, dtype)
    tensors = {name.removeprefix(UNET_PREFIX): value for name, value in load_file(file).items()}
    scaled = next((name for name in tensors if name.endswith(SCALED)), None)
    if scaled is not None:
        raise ValueError(f"its weights have scales of their own ({scaled}), as ComfyUI's fp8 files")
    return _whole(kind.from_single_file(tensors, config=str(folder), subfolder="transformer", dtype=dtype))


def _from_gguf(kind: Any, file: Path, folder: Path, dtype: torch.dtype) -> Any:
    from diffusers import GGUFQuantizationConfig
    from diffusers.models.model_loading_utils import load_gguf_checkpoint
    from diffusers.quantizers.gguf.utils import GGUFLinear, GGUFParameter, dequantize_gguf_tensor

    tensors = {name.removeprefix(UNET_PREFIX): value for name, value in load_gguf_checkpoint(file).items()}
    network = _whole(
        kind.from_single_file(
            tensors,
            config=str(folder),
            subfolder="transformer",
            dtype=dtype,
            quantization_config=GGUFQuantizationConfig(compute_dtype=dtype),
        )
    )
    for module in network.modules():
        for name, value in module.named_parameters(recurse=False):
            # diffusers restores the weights of linear layers alone; embeddings and biases it would read as bytes.
            if isinstance(value, GGUFParameter) and not (isinstance(module, GGUFLinear) and name == "weight"):
                plain = dequantize_gguf_tensor(value).to(dtype)
                setattr(module, name, torch.nn.Parameter(plain, requires_grad=False))
    return network


def _whole(network: Any) -> Any:
    """A network for drawing. Raises ValueError naming what it lacks."""
    missing = next((name for name, value in network.state_dict().items() if value.is_meta), None)
    if missing is not None:
        raise ValueError(f"its transformer lacks {missing}")
    return network.eval().requires_grad_(False)
