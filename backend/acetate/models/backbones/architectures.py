"""The backbones by the architecture that a family names: how each is loaded, and what it needs of memory."""

from __future__ import annotations

import torch

from acetate.models.backbones import native_footprint
from acetate.models.backbones.backbone import NativeBackbone
from acetate.models.backbones.klein.loader import load as load_klein
from acetate.models.backbones.qwen_image21.loader import load as load_qwen_image21
from acetate.models.backbones.qwen_layered.loader import load as load_qwen_layered
from acetate.models.backbones.stable_diffusion import footprint as stable_diffusion_footprint
from acetate.models.backbones.stable_diffusion.loader import load as load_stable_diffusion
from acetate.models.backbones.stable_diffusion.network import StableDiffusion
from acetate.models.memory_plan import NO_ADAPTERS, AdapterBytes, Footprint
from acetate.models.recipes import ModeRecipe
from acetate.models.registry import ModelSpec


def load(entry: ModelSpec, device: torch.device, dtype: torch.dtype) -> StableDiffusion | NativeBackbone:
    """The networks of a model, in main memory. Raises OSError, ValueError and others of the libraries."""
    if entry.family.architecture == "qwen_layered":
        return load_qwen_layered(entry, device, dtype)
    if entry.family.architecture == "qwen_image21":
        return load_qwen_image21(entry, device, dtype)
    if entry.family.architecture == "klein":
        return load_klein(entry, device, dtype)
    return load_stable_diffusion(entry, device, dtype)


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
    """Estimate a mode's memory at a working size in pixels, where the weights that predict have `dtype_bytes` each.

    With `main_memory` the device has no memory of its own, so that copies in main memory count too. Reads only
    configurations and the headers of weight files. Raises OSError, ValueError or KeyError when one is damaged.
    """
    if entry.family.is_native:
        return native_footprint.footprint(entry, recipe, width, height, dtype_bytes, adapters)
    return stable_diffusion_footprint.footprint(
        entry, recipe, width, height, dtype_bytes, adapters=adapters, main_memory=main_memory
    )
