"""Writes layer files in the published layouts, with seeded random weights, for UNets of any width."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor

SD15_KEYS: Mapping[str, Mapping[str, list[int]]] = json.loads(
    (Path(__file__).parents[1] / "reference" / "published_sd15_keys.json").read_text(encoding="utf-8")
)["files"]
CONCATENATED = {"bg2ble": 1, "fg2ble": 1, "bgble2fg": 2, "fgble2bg": 2}
"""How many given latents the SDXL parts read."""
PLAIN_NAMES = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
RESNET_NAMES = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "time_emb_proj": "emb_layers.1",
    "conv_shortcut": "skip_connection",
}
RANK = 2
WHOLE = 100_000
"""Convolutions with fewer weights get whole deltas, so that files of full-size models stay small on disk."""


def sdxl_unet(width: int = 320, levels: tuple[int, ...] = (1, 2, 10), words: int = 2048) -> UNet2DConditionModel:
    """A UNet of SDXL's topology: full size, or narrow with fewer transformer layers."""
    small = width < 320
    return UNet2DConditionModel(
        sample_size=128 if not small else 8,
        block_out_channels=(width, 2 * width, 4 * width),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=list(levels),
        attention_head_dim=[5, 10, 20] if not small else [1, 2, 4],
        cross_attention_dim=words,
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=256 if not small else 8,
        projection_class_embeddings_input_dim=2816 if not small else 6 * 8 + words,
        norm_num_groups=32 if not small else 4,
    )


def original_name(name: str, unet: UNet2DConditionModel) -> str:
    """The name that a parameter of the UNet has in the original SDXL code."""
    module, _, kind = name.rpartition(".")
    if module in PLAIN_NAMES:
        return f"{PLAIN_NAMES[module]}.{kind}"
    layers = unet.config.layers_per_block
    found = re.fullmatch(r"(down_blocks\.\d+|up_blocks\.\d+|mid_block)\.(\w+)\.(\d+)\.(.+)", name)
    assert found is not None, name
    place, group, number, rest = found[1], found[2], int(found[3]), found[4]
    block = int(place.rpartition(".")[2]) if place != "mid_block" else 0
    if group == "downsamplers":
        return f"input_blocks.{(block + 1) * (layers + 1)}.0.{rest.replace('conv', 'op')}"
    if group == "upsamplers":
        after = 2 if hasattr(unet.up_blocks[block], "attentions") else 1
        return f"output_blocks.{block * (layers + 1) + layers}.{after}.{rest}"
    if group == "resnets":
        first, _, tail = rest.partition(".")
        rest = f"{RESNET_NAMES[first]}.{tail}"
    inside = 0 if group == "resnets" else 1
    if place == "mid_block":
        return f"middle_block.{number * 2 if group == 'resnets' else 1}.{rest}"
    if place.startswith("down"):
        return f"input_blocks.{block * (layers + 1) + number + 1}.{inside}.{rest}"
    return f"output_blocks.{block * (layers + 1) + number}.{inside}.{rest}"


def random(seed: int) -> Callable[[tuple[int, ...]], Tensor]:
    """Small random tensors, the same ones for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda shape: torch.randn(shape, generator=generator) * 0.02


def sdxl_tensors(part: str, unet: UNet2DConditionModel, make: Callable[[tuple[int, ...]], Tensor]) -> dict[str, Tensor]:
    """The tensors of one SDXL layer file: low-rank deltas, and whole ones for `conv_in` and small convolutions."""
    found: dict[str, Tensor] = {}
    for name, value in unet.named_parameters():
        key = f"diffusion_model.{original_name(name, unet)}"
        attention = re.search(r"\.attn[12]\.to_\w+(\.0)?\.weight$", name)
        convolution = re.search(r"\.conv[12]\.weight$", name)
        if part == "conv" and convolution and value.numel() < WHOLE:
            found[f"{key}::diff::0"] = make(tuple(value.shape))
        elif convolution if part == "conv" else attention:
            found[f"{key}::lora::0"] = make((value.shape[0], RANK, *[1] * (value.ndim - 2)))
            found[f"{key}::lora::1"] = make((RANK, *value.shape[1:]))
            found[f"{key}::lora::2"] = torch.tensor(1.0)
        elif name == "conv_in.weight" and part in CONCATENATED:
            widened = (value.shape[0], value.shape[1] * (1 + CONCATENATED[part]), *value.shape[2:])
            found[f"{key}::diff::0"] = make(widened)
    return found


def write(folder: Path, name: str, tensors: Mapping[str, Any]) -> Path:
    """Write a file of the models folder's `layers`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_file({key: value.contiguous() for key, value in tensors.items()}, path)
    return path
