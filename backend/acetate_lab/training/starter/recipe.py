"""The starter from nothing: data, VAE, latent transparency, text-conditioned UNet, and the folder that ships."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path

import torch
from acetate.adapters.shared_attention import SharedAttention, SharedAttentionLayers
from acetate.transparency.upsampler import LayerUpsampler
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from acetate_lab.training.augment import RandomView, randomly_tinted
from acetate_lab.training.autoencoder import Batch, picture_batches, train_autoencoder
from acetate_lab.training.decoding import train_decoder
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.layer_training import train_layers
from acetate_lab.training.objectives import DiffusionObjective
from acetate_lab.training.optimizer import OptimizerConfig
from acetate_lab.training.rolling import Turnover
from acetate_lab.training.small_checkpoints import SmallCheckpoints
from acetate_lab.training.starter.caption_text import train_tokenizer
from acetate_lab.training.starter.data_pool import DataPool
from acetate_lab.training.starter.dataset import PictureSet, build_pictures
from acetate_lab.training.starter.generated_latents import Artist, drawn_batches
from acetate_lab.training.starter.latent_cache import adjusted, caption_batches, deviation, fresh_latents
from acetate_lab.training.starter.networks import (
    LATENT_CHANNELS,
    new_transparency,
    new_upsampler,
    new_vae,
    open_transparency,
    open_upsampler,
    text_networks,
)
from acetate_lab.training.starter.sample_grids import layer_sheet, scene_sheet
from acetate_lab.training.starter.scenes import cache_scenes, scene_batches
from acetate_lab.training.starter.sharing import new_sharing, open_sharing
from acetate_lab.training.text_training import noise_scheduler, reading, train_text
from acetate_lab.training.trainer import Deadline, Log, Trainer, TrainerConfig
from acetate_lab.training.transparency_training import LatentTransparency, TransparencyWeights, train_transparency
from acetate_lab.training.upsampler_training import train_upsampler

SOFT_WEIGHT = 4.0
"""How often the latent transparency is shown a soft subject, next to others: their alpha is the hardest."""
TRANSPARENCY_WEIGHTS = TransparencyWeights(identity=1.5, adversarial_from=0.7)

CHECKPOINT_SECONDS = 240.0


@dataclass(frozen=True)
class Stage:
    """How long, in which batches and at which learning rate one of the trainings runs."""

    steps: int
    batch: int
    lr: float
    sheet_steps: int = 250


@dataclass(frozen=True)
class RunControl:
    """How a run goes on beside what it learns.

    When it has to stop, whether it logs where its time goes, how many other processes make its data, whether it has
    small checkpoints, and with which backend of `torch.compile` its UNet is compiled.
    """

    deadline: Deadline = field(default_factory=Deadline)
    measure: bool = False
    processes: int = 0
    small: SmallCheckpoints | None = None
    compiler: str | None = None

    def loop(self, stage: Stage) -> TrainerConfig:
        """The settings of a stage's loop."""
        return TrainerConfig(
            stage.steps,
            stage.batch,
            checkpoint_seconds=CHECKPOINT_SECONDS,
            sheet_steps=stage.sheet_steps,
            deadline=self.deadline,
            measure=self.measure,
            small=self.small,
            compiler=self.compiler,
        )


@dataclass(frozen=True)
class StarterRecipe:
    """Everything that decides what the starter becomes; the defaults are those of the shipped weights."""

    size: int = 128
    views: Turnover = field(default_factory=lambda: Turnover(size=1024, kept=4, steps=128))
    drawings: Turnover = field(default_factory=lambda: Turnover(size=64, kept=4, steps=300))
    scenes: int = 2500
    vae: Stage = field(default_factory=lambda: Stage(steps=1000, batch=16, lr=2e-3))
    transparency: Stage = field(default_factory=lambda: Stage(steps=2400, batch=8, lr=1.2e-3))
    upsampler: Stage = field(default_factory=lambda: Stage(steps=600, batch=8, lr=1.5e-3))
    text: Stage = field(default_factory=lambda: Stage(steps=3000, batch=64, lr=1.5e-3, sheet_steps=100))
    decoder: Stage = field(default_factory=lambda: Stage(steps=700, batch=12, lr=6e-4, sheet_steps=100))
    layers: Stage = field(default_factory=lambda: Stage(steps=900, batch=16, lr=1e-3))


@torch.no_grad()
def normalise_latents(vae: AutoencoderKL, draw: Callable[[int], torch.Tensor]) -> float:
    """Fold the latents' mean and deviation, per channel, into the VAE's own 1x1 convolutions.

    Afterwards its latents have mean 0 and deviation 1 and need no scaling. Returns the multiplier that makes an
    offset of 1 move the latent by a tenth of a deviation.
    """
    model = new_transparency(vae, 0.0).to(vae.device)
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
    sharing: SharedAttentionLayers
    scaling_factor: float


def train_starter(
    recipe: StarterRecipe,
    runs: Path,
    cache: Path,
    log: Log,
    finished: Path | None = None,
    pace: RunControl | None = None,
) -> TrainedStarter:
    """Run whatever of the recipe is still to do under `runs`, and there is time for; started again, it goes on.

    With the folder of a `finished` starter, its VAE stays as it is and all else is trained on from what it is. A stage
    of no steps leaves its networks alone; one that time did not suffice for gives what it has come to.
    """
    torch.set_flush_denormal(True)
    hardware, pace = Distributed(), pace or RunControl()
    build_pictures(runs / "data", cache, log)
    with DataPool(runs / "data", pace.processes) as pool:
        return _train(recipe, pool, runs, hardware, log, finished, pace)


def _train(
    recipe: StarterRecipe,
    pool: DataPool,
    runs: Path,
    hardware: Distributed,
    log: Log,
    finished: Path | None,
    pace: RunControl,
) -> TrainedStarter:
    pictures = pool.pictures
    transparency, upsampler = _train_autoencoders(recipe, pictures, runs, hardware, log, finished, pace)
    scale = deviation(transparency, pictures, recipe.size) if finished is None else _scaling_factor(transparency)
    tokenizer = train_tokenizer([pictures.records[row] for row in pictures.indices("vocabulary")], runs / "tokenizer")
    unet, text_encoder = text_networks(recipe.size, tokenizer, finished)
    for network in (unet, text_encoder):
        network.to(hardware.device, memory_format=torch.channels_last)
    artist = Artist(transparency, unet, text_encoder, tokenizer, scale, hardware)
    if recipe.text.steps:
        latents = fresh_latents(
            transparency, pool, recipe.size, _known_things(finished), recipe.views, runs / "latents", recipe.text.steps
        )
        train_text(
            unet,
            text_encoder,
            caption_batches(latents, tokenizer, recipe.text.batch, scale),
            layer_sheet(transparency, unet, text_encoder, tokenizer, scale, hardware),
            runs / "text",
            pace.loop(recipe.text),
            OptimizerConfig(recipe.text.lr, warm_up=200, average=0.9985, clip=1.0),
            hardware,
            log,
        )
    if recipe.decoder.steps:
        # Slices of drawn latents are made with the decoder as it was before.
        frozen = replace(artist, transparency=replace(transparency, decoder=deepcopy(transparency.decoder)))
        encode = _transparency_batches(recipe.size, recipe.decoder.batch // 2, pictures, hardware.device)
        drawn = drawn_batches(frozen, pictures, encode, recipe.decoder.batch, recipe.drawings, runs / "drawn")
        learning = OptimizerConfig(recipe.decoder.lr, warm_up=50, average=0.995)
        train_decoder(transparency, drawn, runs / "decoder", pace.loop(recipe.decoder), learning, hardware, log)
    sharing = new_sharing(unet) if finished is None else open_sharing(unet, finished)
    if recipe.layers.steps:
        scenes = lru_cache(
            partial(cache_scenes, transparency, pool, recipe.scenes, recipe.size, scale, runs / "scenes", log)
        )
        train_layers(
            SharedAttention(unet, sharing.frames, sharing),
            reading(unet, text_encoder),
            DiffusionObjective(noise_scheduler().config),
            scene_batches(scenes, pictures, tokenizer, recipe.layers.batch),
            scene_sheet(transparency, unet, text_encoder, tokenizer, scale, hardware),
            runs / "layers",
            pace.loop(recipe.layers),
            OptimizerConfig(recipe.layers.lr, clip=1.0),
            hardware,
            log,
        )
    return TrainedStarter(pictures, transparency, upsampler, unet, text_encoder, tokenizer, sharing, scale)


def _scaling_factor(transparency: LatentTransparency) -> float:
    """That of a finished VAE: its UNet knows latents of no other scale."""
    return float(transparency.vae.config.scaling_factor)


def _train_autoencoders(
    recipe: StarterRecipe,
    pictures: PictureSet,
    runs: Path,
    hardware: Distributed,
    log: Log,
    finished: Path | None,
    pace: RunControl,
) -> tuple[LatentTransparency, LayerUpsampler]:
    draw = _transparency_batches(recipe.size, recipe.transparency.batch, pictures, hardware.device)
    if finished is None:
        vae, learning = new_vae(), OptimizerConfig(recipe.vae.lr)
        train_autoencoder(vae, pictures, runs / "vae", pace.loop(recipe.vae), recipe.size, learning, hardware, log)
        transparency, upsampler = new_transparency(vae, normalise_latents(vae, draw)), new_upsampler()
    else:
        transparency, upsampler = open_transparency(finished), open_upsampler(finished)
    transparency.to(hardware.device)
    if recipe.transparency.steps:
        train_transparency(
            transparency, draw, runs / "transparency", pace.loop(recipe.transparency), TRANSPARENCY_WEIGHTS,
            OptimizerConfig(recipe.transparency.lr), hardware, log,
        )  # fmt: skip
    if recipe.upsampler.steps:
        view = RandomView(scale=(0.8, 1.05), turn=0.15, shift=0.04)
        large = picture_batches(
            pictures, recipe.upsampler.batch, upsampler.factor * recipe.size, view, "vocabulary",
            soft=SOFT_WEIGHT, device=hardware.device,
        )  # fmt: skip
        train_upsampler(
            upsampler, transparency, large, runs / "upsampler", pace.loop(recipe.upsampler),
            OptimizerConfig(recipe.upsampler.lr), hardware, log,
        )  # fmt: skip
    return transparency, upsampler


def _transparency_batches(size: int, batch: int, pictures: PictureSet, device: torch.device) -> Batch:
    """Whole pictures, and parts of them as large as in a picture of twice the size."""
    view = RandomView(scale=(0.7, 2.2), turn=0.3, shift=0.08)
    draw = picture_batches(pictures, batch, size, view, "vocabulary", soft=SOFT_WEIGHT, device=device)
    return lambda step: randomly_tinted(draw(step), Trainer.generator(step + 3))


def _known_things(finished: Path | None) -> frozenset[str]:
    """What a finished starter can draw."""
    if finished is None:
        return frozenset()
    vocabulary = json.loads((finished / "vocabulary.json").read_text(encoding="utf-8"))
    return frozenset(thing["name"] for thing in vocabulary["things"])
