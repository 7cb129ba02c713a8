"""The starter's networks: fresh ones of its size, and those of a finished starter."""

from __future__ import annotations

from pathlib import Path

import torch
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.files import load, load_upsampler
from acetate.transparency.upsampler import LayerUpsampler
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from acetate_lab.training.starter.caption_text import MAX_TOKENS
from acetate_lab.training.text_training import take_words
from acetate_lab.training.transparency_training import LatentTransparency

LATENT_CHANNELS = 4
TEXT_WIDTH = 192


def new_vae() -> AutoencoderKL:
    """AutoencoderKL with the shape of SD 1.5's (1/8, four channels), narrow."""
    torch.manual_seed(0)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(16, 32, 96, 160),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        scaling_factor=1.0,
    )


def new_transparency(vae: AutoencoderKL, multiplier: float) -> LatentTransparency:
    """Fresh offset encoder and transparent decoder of the starter's size."""
    torch.manual_seed(1)
    encoder = OffsetEncoder(LATENT_CHANNELS, (16, 16, 32, 32, 64, 64, 128, 128))
    decoder = TransparentDecoder(LATENT_CHANNELS, (16, 32, 64, 96), layers_per_block=1)
    return LatentTransparency(vae, encoder, decoder, multiplier)


def new_upsampler() -> LayerUpsampler:
    """A fresh upsampler of the starter's size."""
    torch.manual_seed(5)
    return LayerUpsampler(factor=2, width=64, depth=6)


def new_unet(size: int) -> UNet2DConditionModel:
    """UNet2DConditionModel of SD 1.5's kind, with attention at the two coarser levels."""
    torch.manual_seed(2)
    return UNet2DConditionModel(
        sample_size=size // 8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        block_out_channels=(96, 160, 224),
        layers_per_block=2,
        cross_attention_dim=TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def new_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    """A CLIP text model of three layers over the starter's own words."""
    torch.manual_seed(3)
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=TEXT_WIDTH,
            intermediate_size=4 * TEXT_WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def open_transparency(folder: Path) -> LatentTransparency:
    """The frozen VAE and the latent transparency of a finished starter, in float32."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True).float()
    parts = load(folder / "transparency")
    return LatentTransparency(vae, parts.encoder, parts.decoder, parts.multiplier)


def open_upsampler(folder: Path) -> LayerUpsampler:
    """The upsampler of a finished starter, in float32; a fresh one where it has none."""
    return load_upsampler(folder / "upsampler") if (folder / "upsampler").is_dir() else new_upsampler()


def text_networks(
    size: int, tokenizer: CLIPTokenizer, finished: Path | None
) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """Fresh ones, or those of a finished starter, whose words keep what they mean to it."""
    if finished is None:
        return new_unet(size), new_text_encoder(tokenizer)
    unet = UNet2DConditionModel.from_pretrained(finished / "unet", local_files_only=True).float()
    text_encoder = CLIPTextModel.from_pretrained(finished / "text_encoder", local_files_only=True).float()
    words = CLIPTokenizer.from_pretrained(finished / "tokenizer", local_files_only=True)
    take_words(text_encoder, words, tokenizer)
    return unet, text_encoder
