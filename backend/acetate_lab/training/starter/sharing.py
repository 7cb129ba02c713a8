"""The starter's attention sharing: fresh, from a finished starter, and small enough to ship."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from acetate.adapters.shared_attention import SharedAttentionLayers
from diffusers import UNet2DConditionModel
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor

from acetate_lab.training.starter.scenes import FRAMES

RANK = 6
FILE = "layers/joint.safetensors"
DOWN, UP = ".down.weight", ".up.weight"


def new_sharing(unet: UNet2DConditionModel) -> SharedAttentionLayers:
    """Fresh attention sharing for the three frames of a scene."""
    torch.manual_seed(4)
    return SharedAttentionLayers(unet, len(FRAMES), rank=RANK)


def open_sharing(unet: UNet2DConditionModel, folder: Path) -> SharedAttentionLayers:
    """The attention sharing of a finished starter, in float32 and at most of `RANK`; a fresh one where it has none."""
    if not (folder / FILE).is_file():
        return new_sharing(unet)
    weights = {name: part.float() for name, part in load_file(folder / FILE).items()}
    return SharedAttentionLayers.from_weights(unet, narrowed(weights, RANK))


def save_sharing(folder: Path, sharing: SharedAttentionLayers) -> None:
    """Write it under `folder`: matrices as float8 (E4M3), half of what float16 takes, and the few other weights as
    float16. The sharing only adds to what the UNet does, so that their rounding, some 3%, is not seen.
    """
    (folder / FILE).parent.mkdir(exist_ok=True)
    kinds = {1: torch.float16, 2: torch.float8_e4m3fn}
    stored = {name: part.to(kinds[part.ndim]).contiguous() for name, part in sharing.state_dict().items()}
    save_file(stored, folder / FILE)


def narrowed(weights: Mapping[str, Tensor], rank: int) -> dict[str, Tensor]:
    """The same weights, each LoRA replaced by the nearest one of `rank` (truncated singular value decomposition)."""
    narrow = dict(weights)
    for name, down in weights.items():
        if name.endswith(DOWN) and down.shape[0] > rank:
            up = name.removesuffix(DOWN) + UP
            narrow[name], narrow[up] = _nearest(down, weights[up], rank)
    return narrow


def _nearest(
    down: Float[Tensor, "wide inputs"], up: Float[Tensor, "outputs wide"], rank: int
) -> tuple[Float[Tensor, "rank inputs"], Float[Tensor, "outputs rank"]]:
    left, values, right = torch.linalg.svd(up @ down, full_matrices=False)
    share = values[:rank].sqrt()
    return (share[:, None] * right[:rank]).contiguous(), (left[:, :rank] * share).contiguous()
