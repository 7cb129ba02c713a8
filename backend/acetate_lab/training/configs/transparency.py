"""`acetate train transparency`: offset encoder and transparent decoder for any frozen VAE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from acetate.transparency import OffsetEncoder, TransparentDecoder
from acetate.transparency.padding import composite_on_grey
from diffusers import AutoencoderKL
from jaxtyping import Float
from torch import Tensor

from acetate_lab.data.collection import Collection, Entry, fitted, open_collection
from acetate_lab.training.augment import RandomView, from_stored, random_views
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.export import save_transparency
from acetate_lab.training.configs.latent_cache import chosen_entries
from acetate_lab.training.configs.layer_codec import TRANSPARENT
from acetate_lab.training.configs.loading import open_transparency, open_vae, vae_base
from acetate_lab.training.configs.runner import Finished, RunOptions, run_training
from acetate_lab.training.configs.schema import DataSettings, NetworkSettings, TransparencySettings
from acetate_lab.training.configs.toml_reader import read_settings
from acetate_lab.training.distributed import Distributed, checkpoint_gradients
from acetate_lab.training.trainer import Trainer, TrainerConfig
from acetate_lab.training.transparency_training import LatentTransparency, train_transparency

VIEW = RandomView(scale=(0.7, 1.1), turn=0.3, shift=0.08)
PROBED = 4
"""Batches from which the spread of a VAE's latents is measured."""


def run_transparency(order: RunOptions) -> Estimate | Finished:
    """Run or estimate the training that a TOML file describes. Raises AcetateError naming what cannot be used."""
    settings = read_settings(order.config, TransparencySettings)
    run, learning = settings.run, settings.learning.learning
    hardware = Distributed(run.precision)
    folder = vae_base(settings.model)
    vae = open_vae(folder)
    draw = picture_batches(open_collection(settings.data.folder), settings.data, run.batch, run.seed, hardware.device)
    parts = open_transparency(settings.model, folder, vae) or fresh(vae, settings.networks, draw, run.seed)
    if run.gradient_checkpointing:
        for network in (vae, parts.decoder):
            checkpoint_gradients(network)

    # A dry run measures the discriminator too, which joins late.
    losses = replace(settings.losses, adversarial_from=0.0) if order.dry_run else settings.losses

    def train(source: Callable[[int], Float[Tensor, "n 4 h w"]], place: Path, loop: TrainerConfig) -> None:
        train_transparency(parts, source, place, loop, losses, learning, hardware, order.log)

    return run_training(
        order,
        train,
        draw,
        lambda: (vae, parts.encoder, parts.decoder),
        run,
        learning,
        hardware,
        lambda: save_transparency(run.output, parts),
        settings,
    )


def picture_batches(
    collection: Collection, data: DataSettings, batch: int, seed: int, device: torch.device
) -> Callable[[int], Float[Tensor, "n 4 size size"]]:
    """Random views of transparent pictures; every subject is equally likely. A batch depends on its number
    alone, and is made on `device`.
    """
    entries = chosen_entries(collection, (TRANSPARENT,))
    counts: dict[str, int] = {}
    for entry in entries:
        counts[entry.subject] = counts.get(entry.subject, 0) + 1
    weights = torch.tensor([1 / counts[entry.subject] for entry in entries])
    view = RandomView(VIEW.scale, VIEW.turn, VIEW.shift, data.mirror)

    def stored(entry: Entry) -> Float[np.ndarray, "size size 4"]:
        return fitted(collection.picture(entry), data.size)

    def draw(number: int) -> Float[Tensor, "n 4 size size"]:
        generator = Trainer.generator(number + seed * 0x1000003)
        rows = torch.multinomial(weights, batch, replacement=True, generator=generator).tolist()
        pictures = np.stack([stored(entries[row]) for row in rows])
        return random_views(from_stored(pictures, device), data.size, view, generator)

    return draw


def fresh(
    vae: AutoencoderKL, networks: NetworkSettings, draw: Callable[[int], Float[Tensor, "n 4 h w"]], seed: int
) -> LatentTransparency:
    """New networks; the factor on the offset makes it move the latent by the configured share of its deviation."""
    torch.manual_seed(seed)
    channels = int(vae.config.latent_channels)
    encoder = OffsetEncoder(channels, networks.encoder)
    decoder = TransparentDecoder(channels, networks.decoder, networks.decoder_layers)
    with torch.no_grad():
        posteriors = [vae.encode(composite_on_grey(draw(number))).latent_dist for number in range(PROBED)]
    spread = torch.cat([posterior.mean for posterior in posteriors]).std()
    deviation = torch.cat([posterior.std for posterior in posteriors]).mean()
    return LatentTransparency(vae, encoder, decoder, multiplier=float(networks.reach * spread / deviation))
