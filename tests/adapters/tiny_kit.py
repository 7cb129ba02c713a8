"""A tiny artist's kit for both tiny families: controls, a style, LoRAs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import ControlNetModel, T2IAdapter
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

EMBEDS = 12


def shaken(network: Any) -> Any:
    """Every weight as after training: zero convolutions would hide what is wrong."""
    torch.manual_seed(7)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.1)
    return network


@pytest.fixture(scope="session")
def kit_folder(written_families: Path) -> Path:
    """Adapters for both tiny families in the models folder."""
    from diffusers import UNet2DConditionModel

    for family in ("sd15", "sdxl"):
        unet = UNet2DConditionModel.from_pretrained(written_families / family / "unet")
        control = written_families / "control" / family
        net = shaken(ControlNetModel.from_unet(unet, load_weights_from_unet=False))
        net.save_pretrained(control / "edge")
        save_file(net.state_dict(), control / "line.safetensors")
        widths = list(unet.config.block_out_channels)
        kind, factor = ("full_adapter_xl", 16) if family == "sdxl" else ("full_adapter", 8)
        widths += widths[-1:] * (4 - len(widths))
        adapter = T2IAdapter(channels=widths, num_res_blocks=1, downscale_factor=factor, adapter_type=kind)
        shaken(adapter).save_pretrained(control / "scribble")
        write_style(written_families / "style" / family, unet)
        write_lora(written_families / "lora" / f"{family}.safetensors", unet)
    return written_families


def write_style(folder: Path, unet: Any) -> None:
    from acetate.adapters.shared_attention import attention_layers

    make = torch.Generator().manual_seed(1)
    width = unet.config.cross_attention_dim
    weights = {
        "image_proj.proj.weight": torch.randn(4 * width, EMBEDS, generator=make) * 0.3,
        "image_proj.proj.bias": torch.zeros(4 * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    # The published files number every processor; only cross-attentions have weights.
    for number, (name, layer) in enumerate(attention_layers(unet)):
        if name.endswith("attn2"):
            for which in ("k", "v"):
                shape = (layer.to_q.out_features, width)
                weights[f"ip_adapter.{number}.to_{which}_ip.weight"] = torch.randn(shape, generator=make)
    folder.mkdir(parents=True)
    save_file(weights, folder / "ip-adapter.safetensors")
    config = CLIPVisionConfig(
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=16,
        projection_dim=EMBEDS,
    )
    torch.manual_seed(2)
    CLIPVisionModelWithProjection(config).save_pretrained(folder / "image_encoder")


def write_lora(path: Path, unet: Any) -> None:
    """A LoRA in diffusers' form on every attention of the UNet and of the first text encoder."""
    from acetate.adapters.shared_attention import attention_layers

    make = torch.Generator().manual_seed(3)
    weights: dict[str, Tensor] = {}
    for name, layer in attention_layers(unet):
        for which in ("to_q", "to_v"):
            linear = getattr(layer, which)
            weights[f"unet.{name}.{which}.lora_A.weight"] = torch.randn(2, linear.in_features, generator=make) * 0.3
            weights[f"unet.{name}.{which}.lora_B.weight"] = torch.randn(linear.out_features, 2, generator=make) * 0.3
    for number in range(2):
        base = f"text_encoder.text_model.encoder.layers.{number}.self_attn.q_proj"
        weights[f"{base}.lora_A.weight"] = torch.randn(2, 16, generator=make)
        weights[f"{base}.lora_B.weight"] = torch.randn(16, 2, generator=make)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(weights, path)
