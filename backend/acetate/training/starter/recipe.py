"""The starter from nothing: data, VAE, latent transparency, text-conditioned UNet, and the folder that ships."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from acetate.sharing import SharedAttention, SharingLayers
from acetate.training.augment import View, randomly_tinted
from acetate.training.autoencoder import Batch, picture_batches, train_autoencoder
from acetate.training.diffusion import Objective
from acetate.training.hardware import Hardware
from acetate.training.layers import train_layers
from acetate.training.loop import Loop, LoopSettings, Say
from acetate.training.optimise import Learning
from acetate.training.sheets import write_sheet
from acetate.training.starter.captions import MAX_TOKENS, train_tokenizer
from acetate.training.starter.latents import CachedLatents, adjusted, cache_latents, caption_batches, tokenize
from acetate.training.starter.pictures import PictureSet, build_pictures
from acetate.training.starter.scenes import FRAMES, cache_scenes, scene_batches
from acetate.training.starter.sharing import new_sharing, open_sharing
from acetate.training.text import noise_scheduler, reading, sample_prompts, take_words, train_text
from acetate.training.transparency import LatentTransparency, TransparencyWeights, train_transparency
from acetate.training.upsampler import train_upsampler
from acetate.transparency.decoder import TransparentDecoder
from acetate.transparency.encoder import OffsetEncoder
from acetate.transparency.files import load, load_upsampler
from acetate.transparency.upsampler import LayerUpsampler

LATENT_CHANNELS = 4
TEXT_WIDTH = 192
SOFT_WEIGHT = 4.0
"""How often the latent transparency is shown a soft subject, next to others: their alpha is the hardest."""
TRANSPARENCY_WEIGHTS = TransparencyWeights(identity=1.5, adversarial_from=0.7)
SHEET_PROMPTS = (
    "a red apple", "a cat", "a rocket", "a burning match", "a tree", "a car", "a blue umbrella", "a house",
    "smoke", "a soap bubble", "a guitar", "a strawberry",
)  # fmt: skip
SHEET_SCENES = (
    ("a red apple", "a wooden table"), ("a cat", "a meadow"), ("a rocket", "a night sky"), ("a sailboat", "the sea"),
    ("a burning match", "a brick wall"), ("a house", "mountains"),
)  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """How long, in which batches and at which learning rate one of the trainings runs."""

    steps: int
    batch: int
    lr: float
    sheet_steps: int = 250

    @property
    def loop(self) -> LoopSettings:
        """The settings of its loop."""
        return LoopSettings(steps=self.steps, batch=self.batch, sheet_steps=self.sheet_steps)


@dataclass(frozen=True)
class StarterRecipe:
    """Everything that decides what the starter becomes; the defaults are those of the shipped weights."""

    size: int = 128
    scenes: int = 2500
    vae: Stage = field(default_factory=lambda: Stage(steps=1000, batch=16, lr=2e-3))
    transparency: Stage = field(default_factory=lambda: Stage(steps=2400, batch=8, lr=1.2e-3))
    upsampler: Stage = field(default_factory=lambda: Stage(steps=600, batch=8, lr=1.5e-3))
    text: Stage = field(default_factory=lambda: Stage(steps=3000, batch=64, lr=1.5e-3))
    layers: Stage = field(default_factory=lambda: Stage(steps=900, batch=16, lr=1e-3))


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


@torch.no_grad()
def normalise_latents(vae: AutoencoderKL, draw: Callable[[int], torch.Tensor]) -> float:
    """Fold the latents' mean and deviation, per channel, into the VAE's own 1x1 convolutions.

    Afterwards its latents have mean 0 and deviation 1 and need no scaling. Returns the multiplier that makes an
    offset of 1 move the latent by a tenth of a deviation.
    """
    model = new_transparency(vae, 0.0)
    means = torch.cat([adjusted(model, draw(step)).cpu() for step in range(16)])
    mean, std = means.mean((0, 2, 3)), means.std((0, 2, 3))
    inside, outside = vae.quant_conv, vae.post_quant_conv
    inside.weight[:LATENT_CHANNELS] /= std.view(-1, 1, 1, 1).to(inside.weight)
    inside.bias[:LATENT_CHANNELS] = ((inside.bias[:LATENT_CHANNELS].cpu() - mean) / std).to(inside.bias)
    inside.bias[LATENT_CHANNELS:] -= 2 * std.log().to(inside.bias)
    outside.bias += (outside.weight[:, :, 0, 0] @ mean.to(outside.weight)).to(outside.bias)
    outside.weight *= std.view(1, -1, 1, 1).to(outside.weight)
    feed = draw(0)[:, :3].to(inside.weight.device) * 2 - 1
    return 0.1 / float(vae.encode(feed).latent_dist.std.mean())


@dataclass(frozen=True)
class TrainedStarter:
    """The trained parts, ready to be measured and written."""

    pictures: PictureSet
    transparency: LatentTransparency
    upsampler: LayerUpsampler
    unet: UNet2DConditionModel
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    sharing: SharingLayers
    scaling_factor: float


def train_starter(
    recipe: StarterRecipe, runs: Path, cache: Path, say: Say, finished: Path | None = None
) -> TrainedStarter:
    """Run whatever of the recipe is still to do under `runs`; started again after a stop, it goes on.

    With the folder of a `finished` starter, its VAE stays as it is and all else is trained on from what it is. A stage
    of no steps leaves its networks alone.
    """
    torch.set_flush_denormal(True)
    hardware = Hardware()
    pictures = build_pictures(runs / "data", cache, say)
    transparency, upsampler = _train_autoencoders(recipe, pictures, runs, hardware, say, finished)
    tokenizer = train_tokenizer([pictures.records[row] for row in pictures.indices("vocabulary")], runs / "tokenizer")
    unet, text_encoder = _text_networks(recipe, tokenizer, finished)
    cached = cache_latents(transparency, pictures, recipe.size, runs / "latents", say)
    if recipe.text.steps:
        batches = caption_batches(cached, pictures, tokenizer, recipe.text.batch, _known_things(finished))
        sheet = _sampler(transparency, unet, text_encoder, tokenizer, cached, hardware)
        learning = Learning(recipe.text.lr, warm_up=200, average=0.9985, clip=1.0)
        train_text(unet, text_encoder, batches, sheet, runs / "text", recipe.text.loop, learning, hardware, say)
    scale = cached.scaling_factor
    sharing = new_sharing(unet) if finished is None else open_sharing(unet, finished)
    if recipe.layers.steps:
        scenes = cache_scenes(transparency, pictures, recipe.scenes, recipe.size, scale, runs / "scenes", say)
        scene_sheet = _scene_sampler(transparency, unet, text_encoder, tokenizer, scale, hardware)
        train_layers(
            SharedAttention(unet, sharing.frames, sharing),
            reading(unet, text_encoder),
            Objective(noise_scheduler().config),
            scene_batches(scenes, pictures, tokenizer, recipe.layers.batch),
            scene_sheet,
            runs / "layers",
            recipe.layers.loop,
            Learning(recipe.layers.lr, clip=1.0),
            hardware,
            say,
        )
    return TrainedStarter(pictures, transparency, upsampler, unet, text_encoder, tokenizer, sharing, scale)


def open_transparency(folder: Path) -> LatentTransparency:
    """The frozen VAE and the latent transparency of a finished starter, in float32."""
    vae = AutoencoderKL.from_pretrained(folder / "vae", local_files_only=True).float()
    parts = load(folder / "transparency")
    return LatentTransparency(vae, parts.encoder, parts.decoder, parts.multiplier)


def open_upsampler(folder: Path) -> LayerUpsampler:
    """The upsampler of a finished starter, in float32; a fresh one where it has none."""
    return load_upsampler(folder / "upsampler") if (folder / "upsampler").is_dir() else new_upsampler()


def _train_autoencoders(
    recipe: StarterRecipe, pictures: PictureSet, runs: Path, hardware: Hardware, say: Say, finished: Path | None
) -> tuple[LatentTransparency, LayerUpsampler]:
    draw = _transparency_batches(recipe, pictures)
    if finished is None:
        vae, learning = new_vae(), Learning(recipe.vae.lr)
        train_autoencoder(vae, pictures, runs / "vae", recipe.vae.loop, recipe.size, learning, hardware, say)
        transparency, upsampler = new_transparency(vae, normalise_latents(vae, draw)), new_upsampler()
    else:
        transparency, upsampler = open_transparency(finished), open_upsampler(finished)
    if recipe.transparency.steps:
        train_transparency(
            transparency, draw, runs / "transparency", recipe.transparency.loop, TRANSPARENCY_WEIGHTS,
            Learning(recipe.transparency.lr), hardware, say,
        )  # fmt: skip
    if recipe.upsampler.steps:
        view = View(scale=(0.8, 1.05), turn=0.15, shift=0.04)
        large = picture_batches(
            pictures, recipe.upsampler.batch, upsampler.factor * recipe.size, view, "vocabulary", soft=SOFT_WEIGHT
        )
        train_upsampler(
            upsampler, transparency, large, runs / "upsampler", recipe.upsampler.loop,
            Learning(recipe.upsampler.lr), hardware, say,
        )  # fmt: skip
    return transparency, upsampler


def _transparency_batches(recipe: StarterRecipe, pictures: PictureSet) -> Batch:
    """Whole pictures, and parts of them as large as in a picture of twice the size."""
    view = View(scale=(0.7, 2.2), turn=0.3, shift=0.08)
    draw = picture_batches(pictures, recipe.transparency.batch, recipe.size, view, "vocabulary", soft=SOFT_WEIGHT)
    return lambda step: randomly_tinted(draw(step), Loop.generator(step + 3))


def _text_networks(
    recipe: StarterRecipe, tokenizer: CLIPTokenizer, finished: Path | None
) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """Fresh ones, or those of a finished starter, whose words keep what they mean to it."""
    if finished is None:
        return new_unet(recipe.size), new_text_encoder(tokenizer)
    unet = UNet2DConditionModel.from_pretrained(finished / "unet", local_files_only=True).float()
    text_encoder = CLIPTextModel.from_pretrained(finished / "text_encoder", local_files_only=True).float()
    words = CLIPTokenizer.from_pretrained(finished / "tokenizer", local_files_only=True)
    take_words(text_encoder, words, tokenizer)
    return unet, text_encoder


def _known_things(finished: Path | None) -> frozenset[str]:
    """What a finished starter can draw."""
    if finished is None:
        return frozenset()
    vocabulary = json.loads((finished / "vocabulary.json").read_text(encoding="utf-8"))
    return frozenset(thing["name"] for thing in vocabulary["things"])


def _sampler(
    model: LatentTransparency,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    cached: CachedLatents,
    hardware: Hardware,
) -> Callable[[Path], None]:
    tokens, empty = tokenize(tokenizer, list(SHEET_PROMPTS)), tokenize(tokenizer, [""])

    @torch.no_grad()
    def draw_sheet(path: Path) -> None:
        shape = tuple(cached.latents.shape[1:])
        latents = sample_prompts(unet, text_encoder, tokens, empty, (shape[0], shape[1], shape[2]), hardware)
        latents = latents / cached.scaling_factor
        with hardware.computing():
            picture = (model.vae.decode(latents).sample / 2 + 0.5).clamp(0, 1)
            raw = model.decoder(picture, latents).float().clamp(0, 1)
        write_sheet(path, [torch.cat([raw[:, 1:], raw[:, :1]], 1), picture.float()])

    return draw_sheet


def _scene_sampler(
    model: LatentTransparency,
    unet: UNet2DConditionModel,
    text_encoder: CLIPTextModel,
    tokenizer: CLIPTokenizer,
    scaling_factor: float,
    hardware: Hardware,
) -> Callable[[Path], None]:
    """Draws the foregrounds, backgrounds and blends of `SHEET_SCENES`, a row each."""
    texts = [text for fore, back in SHEET_SCENES for text in (fore, back, f"{fore}, {back}")]
    tokens, empty = tokenize(tokenizer, texts), tokenize(tokenizer, [""])
    side = unet.config.sample_size

    @torch.no_grad()
    def draw_sheet(path: Path) -> None:
        latents = sample_prompts(unet, text_encoder, tokens, empty, (LATENT_CHANNELS, side, side), hardware)
        fore, back, blend = (latents / scaling_factor).view(-1, len(FRAMES), *latents.shape[1:]).unbind(1)
        with hardware.computing():
            pictures = [(model.vae.decode(each).sample.float() / 2 + 0.5).clamp(0, 1) for each in (fore, back, blend)]
            raw = model.decoder(pictures[0], fore).float().clamp(0, 1)
        write_sheet(path, [torch.cat([raw[:, 1:], raw[:, :1]], 1), *pictures[1:]])

    return draw_sheet
