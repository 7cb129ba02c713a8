"""The parameter names of Stable Diffusion's original code, and diffusers' names for the same parameters."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

UNET = "model.diffusion_model."
"""Key prefix of the UNet in an original checkpoint."""
CONTROLNET = "control_model."
"""Key prefix of a ControlNet in the original format."""


def diffusers_keys(keys: Collection[str], config: Mapping[str, Any]) -> dict[str, str]:
    """Map a UNet's original parameter names to diffusers' names; unknown ones are left out.

    `config` is the UNet's, in diffusers' form. Any subset of a UNet's names will do.
    """
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    # Diffusers converts whole checkpoints by moving values from name to name, so that each name can be its own value.
    # It counts the blocks that it finds: a filler in each keeps their numbers right where others are missing.
    blocks = len(config["block_out_channels"]) * (config["layers_per_block"] + 1)
    fillers = [f"{group}.{index}.filler" for group in ("input_blocks", "output_blocks") for index in range(blocks)]
    fillers += [f"middle_block.{index}.filler" for index in range(3)]
    # It moves the weight of a resampling convolution only together with its bias.
    fillers += [f"{key.removesuffix('.weight')}.bias" for key in keys if key.endswith(".conv.weight")]
    plain = {**config, "addition_embed_type": None, "class_embed_type": None, "num_class_embeds": None}
    moved = convert_ldm_unet_checkpoint({UNET + key: key for key in (*keys, *fillers)}, plain)
    moved |= _added_embedding(keys)
    return {old: new for new, old in moved.items() if old in keys}


def _added_embedding(keys: Collection[str]) -> dict[str, str]:
    """SDXL's embedding of sizes and summary, of which diffusers converts all or nothing."""
    from diffusers.loaders.single_file_utils import DIFFUSERS_TO_LDM_MAPPING

    known: Mapping[str, str] = DIFFUSERS_TO_LDM_MAPPING["unet"]["addition_embed_type"]
    return {new: old for new, old in known.items() if old in keys}
