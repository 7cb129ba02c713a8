"""Validation samples of the starter in training: always the same layers and scenes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from diffusers import UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from acetate_lab.training.distributed import Distributed
from acetate_lab.training.image_grid import save_image_grid
from acetate_lab.training.starter.latent_cache import tokenize
from acetate_lab.training.starter.networks import LATENT_CHANNELS
from acetate_lab.training.starter.scenes import FRAME_ROLES, FRAMES
from acetate_lab.training.starter.wording import with_role
from acetate_lab.training.text_training import sample_prompts
from acetate_lab.training.transparency_training import LatentTransparency

SHEET_PROMPTS = (
    "a red apple", "a cat", "a rocket", "a burning match", "a tree", "a car", "a blue umbrella", "a house",
    "smoke", "a soap bubble", "a guitar", "a strawberry",
)  # fmt: skip
SHEET_SCENES = (
    ("a red apple", "a wooden table"), ("a cat", "a meadow"), ("a rocket", "a night sky"), ("a sailboat", "the sea"),
    ("a burning match", "a brick wall"), ("a house", "mountains"),
)  # fmt: skip


def layer_sheet(
    model: LatentTransparency,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    scaling_factor: float,
    hardware: Distributed,
) -> Callable[[Path], None]:
    """Draws `SHEET_PROMPTS`: the layers, and their VAE's pictures below."""
    tokens = tokenize(tokenizer, [with_role("layer", text) for text in SHEET_PROMPTS])
    empty = tokenize(tokenizer, [with_role("layer", "")])
    side = unet.config.sample_size

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        latents = sample_prompts(unet, text_encoder, tokens, empty, (LATENT_CHANNELS, side, side), hardware)
        latents = latents / scaling_factor
        with hardware.autocast():
            picture = (model.vae.decode(latents).sample / 2 + 0.5).clamp(0, 1)
            raw = model.decoder(picture, latents).float().clamp(0, 1)
        save_image_grid(path, [torch.cat([raw[:, 1:], raw[:, :1]], 1), picture.float()])

    return log_samples


def scene_sheet(
    model: LatentTransparency,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    scaling_factor: float,
    hardware: Distributed,
) -> Callable[[Path], None]:
    """Draws the foregrounds, backgrounds and blends of `SHEET_SCENES`, a row each."""
    scenes = [(fore, back, f"{fore}, {back}") for fore, back in SHEET_SCENES]
    tokens = tokenize(
        tokenizer, [with_role(*each) for texts in scenes for each in zip(FRAME_ROLES, texts, strict=True)]
    )
    empty = tokenize(tokenizer, [with_role(role, "") for _ in scenes for role in FRAME_ROLES])
    side = unet.config.sample_size

    @torch.no_grad()
    def log_samples(path: Path) -> None:
        latents = sample_prompts(unet, text_encoder, tokens, empty, (LATENT_CHANNELS, side, side), hardware)
        fore, back, blend = (latents / scaling_factor).view(-1, len(FRAMES), *latents.shape[1:]).unbind(1)
        with hardware.autocast():
            pictures = [(model.vae.decode(each).sample.float() / 2 + 0.5).clamp(0, 1) for each in (fore, back, blend)]
            raw = model.decoder(pictures[0], fore).float().clamp(0, 1)
        save_image_grid(path, [torch.cat([raw[:, 1:], raw[:, :1]], 1), *pictures[1:]])

    return log_samples
