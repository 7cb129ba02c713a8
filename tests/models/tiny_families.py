"""Writes tiny untrained models of the families SD 1.5 and SDXL, in their true topology, and their layer files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import torch
from acetate.adapters.shared_attention import SharedAttentionLayers
from acetate.transparency import OffsetEncoder, TransparentDecoder
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from tests.models.published import CONCATENATED, random, sdxl_tensors, sdxl_unet, write
from tests.tiny_starter import TOKENS, tiny_tokenizer

WORDS = 16
SHARING = {
    "layer_sd15_transparent_attn": (1, None),
    "layer_sd15_joint": (3, None),
    "layer_sd15_fg2bg": (2, 8),
    "layer_sd15_bg2fg": (2, 8),
}
"""Frames and control channels of the SD 1.5 parts, narrow."""


def sd15_unet() -> UNet2DConditionModel:
    """A UNet of SD 1.5's topology, narrow."""
    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16, 16, 16),
        cross_attention_dim=WORDS,
        attention_head_dim=2,
        norm_num_groups=4,
    )


def write_sd15(folder: Path) -> UNet2DConditionModel:
    """A diffusers folder of SD 1.5's layout; the UNet is handed back."""
    return _write(folder, "StableDiffusionPipeline", sd15_unet, [CLIPTextModel])


def write_sdxl(folder: Path) -> UNet2DConditionModel:
    """A diffusers folder of SDXL's layout; the UNet is handed back."""
    return _write(
        folder,
        "StableDiffusionXLPipeline",
        lambda: sdxl_unet(width=8, levels=(1, 1, 2), words=2 * WORDS),
        [CLIPTextModel, CLIPTextModelWithProjection],
    )


def _write(
    folder: Path, kind: str, unet_of: Callable[[], UNet2DConditionModel], encoders: list[type]
) -> UNet2DConditionModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        vae = AutoencoderKL(
            block_out_channels=[8, 8, 8, 8],
            down_block_types=["DownEncoderBlock2D"] * 4,
            up_block_types=["UpDecoderBlock2D"] * 4,
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=4,
        )
        unet = unet_of()
        vae.save_pretrained(folder / "vae")
        unet.save_pretrained(folder / "unet")
        tokenizer = tiny_tokenizer()
        index = {
            "_class_name": kind,
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        }
        for ending, encoder in zip(("", "_2"), encoders, strict=False):
            tokenizer.save_pretrained(folder / f"tokenizer{ending}")
            encoder(_text_config(tokenizer)).save_pretrained(folder / f"text_encoder{ending}")
            index[f"tokenizer{ending}"] = ["transformers", "CLIPTokenizer"]
            index[f"text_encoder{ending}"] = ["transformers", encoder.__name__]
    EulerDiscreteScheduler(
        beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1
    ).save_pretrained(folder / "scheduler")
    index["scheduler"] = ["diffusers", "EulerDiscreteScheduler"]
    (folder / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return unet


def _text_config(tokenizer: CLIPTokenizer) -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=WORDS,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=TOKENS,
        projection_dim=2 * WORDS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def write_sd15_layers(folder: Path, unet: UNet2DConditionModel) -> None:
    """All published SD 1.5 layer files, fitting a narrow UNet."""
    for name, (frames, control) in SHARING.items():
        shapes = SharedAttentionLayers(unet, frames, rank=2, control_channels=control).state_dict()
        make = random(len(name))
        write(folder, name, {key: make(tuple(value.shape)) for key, value in shapes.items()})
    write_transparency(folder, "layer_sd15_vae_transparent_encoder", "layer_sd15_vae_transparent_decoder")


def write_sdxl_layers(folder: Path, unet: UNet2DConditionModel) -> None:
    """All published SDXL layer files, fitting a narrow UNet."""
    for part in ("attn", "conv", *CONCATENATED):
        name = f"layer_xl_transparent_{part}" if part in ("attn", "conv") else f"layer_xl_{part}"
        write(folder, name, sdxl_tensors(part, unet, random(len(part))))
    write_transparency(folder, "vae_transparent_encoder", "vae_transparent_decoder")


def write_transparency(folder: Path, encoder: str, decoder: str) -> None:
    """A narrow offset encoder and transparent decoder in the published layout."""
    make = random(4)
    for name, network in (
        (encoder, OffsetEncoder(channels=(8,) * 8)),
        (decoder, TransparentDecoder(block_out_channels=(8, 8, 8, 8, 8, 8, 8), layers_per_block=1)),
    ):
        write(folder, name, {key: make(tuple(value.shape)) for key, value in network.state_dict().items()})
