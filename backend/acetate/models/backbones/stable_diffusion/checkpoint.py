"""A base model in one file, in the original layout of Stable Diffusion (LDM) or SDXL (SGM), network by network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from acetate.models.backbones.diffusers_layout import CALLED, prefixes
from acetate.models.families import ModelFamily

Tensors = Mapping[str, Tensor]
OPEN_CLIP = "conditioner.embedders.1.model."
"""Where SDXL's second text encoder is, in OpenCLIP's layout; the others have that of transformers."""


def read_checkpoint(file: Path, family: ModelFamily) -> dict[str, dict[str, Tensor]]:
    """The tensors of each network that a file holds, under their own names, memory-mapped.

    Raises OSError or SafetensorError when the file is unreadable.
    """
    from safetensors.torch import load_file

    tensors = load_file(file)
    found = {
        network: {name: value for name, value in tensors.items() if name.startswith(prefix)}
        for network, prefix in prefixes(family).items()
    }
    return {network: values for network, values in found.items() if values}


def build(kind: Any, folder: Path, tensors: Tensors, dtype: torch.dtype) -> Any:
    """A network of `kind`, described by a folder's `config.json`, with the weights of a checkpoint in one file.

    Raises ValueError naming the first weight that is missing or of another shape.
    """
    from accelerate import init_empty_weights

    clip = folder.name.startswith("text_encoder")
    described = kind.config_class.from_pretrained(folder) if clip else kind.load_config(folder)
    with init_empty_weights():
        network = kind(described) if clip else kind.from_config(described)
    try:
        weights = _renamed(folder.name, network, tensors, described)
    except (KeyError, IndexError) as error:
        raise ValueError(f"its {CALLED[folder.name]} lacks {error.args[0]}") from error
    chosen = {}
    for name, empty in network.state_dict().items():
        weight = weights.get(name)
        if weight is None:
            raise ValueError(f"its {CALLED[folder.name]} lacks {name}")
        if weight.shape != empty.shape:
            has, expected = (" x ".join(map(str, shape)) for shape in (weight.shape, empty.shape))
            raise ValueError(f"{name} of its {CALLED[folder.name]} is {has}, not {expected}")
        chosen[name] = weight.to(dtype).contiguous()
    network.load_state_dict(chosen, assign=True)
    return network


def _renamed(network_name: str, network: Any, tensors: Tensors, config: Any) -> Tensors:
    """The tensors under the names that diffusers or transformers have for them."""
    from diffusers.loaders import single_file_utils as original

    if network_name == "unet":
        return original.convert_ldm_unet_checkpoint(tensors, config)  # type: ignore[no-any-return]
    if network_name == "vae":
        return original.convert_ldm_vae_checkpoint(tensors, config)  # type: ignore[no-any-return]
    if next(iter(tensors)).startswith(OPEN_CLIP):
        found = original.convert_open_clip_checkpoint(network, tensors, prefix=OPEN_CLIP)
    else:
        found = original.convert_ldm_clip_checkpoint(tensors)
    # Files, and releases of transformers, have `text_model.` before these names or not.
    plain = {name.removeprefix("text_model."): value for name, value in found.items()}
    expected = {name: plain.get(name.removeprefix("text_model.")) for name in network.state_dict()}
    return {name: value for name, value in expected.items() if value is not None}
