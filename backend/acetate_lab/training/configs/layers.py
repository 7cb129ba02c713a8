"""`acetate train layers`: attention sharing over one to three layers of a scene, with or without a control image."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from acetate.adapters.shared_attention import SharedAttention, SharedAttentionLayers
from acetate.models.prompt_embeds import PromptEmbeds
from acetate_wire.errors import AcetateError

from acetate_lab.data.collection import open_collection
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.export import save_sharing
from acetate_lab.training.configs.latent_cache import (
    CachedCaptions,
    CachedLatents,
    CachePlan,
    chosen_entries,
    control_pictures,
    sample_batches,
)
from acetate_lab.training.configs.loading import open_objective
from acetate_lab.training.configs.runner import Finished, RunOptions, run_training
from acetate_lab.training.configs.schema import LayersSettings, SharingSettings
from acetate_lab.training.configs.toml_reader import read_settings
from acetate_lab.training.configs.training_base import open_base
from acetate_lab.training.configs.validation_samples import SheetPrompts, sheet_drawer
from acetate_lab.training.diffusion import Samples
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.layer_training import steered, train_layers
from acetate_lab.training.trainer import TrainerConfig

NAMES = {
    ("foreground",): "transparent_attn",
    ("foreground", "background", "blend"): "joint",
    ("background", "blend"): "fg2bg",
    ("foreground", "blend"): "bg2fg",
}
"""What the published files of these frames are called."""


def run_layers(order: RunOptions) -> Estimate | Finished:
    """Run or estimate the training that a TOML file describes. Raises AcetateError naming what cannot be used."""
    settings = read_settings(order.config, LayersSettings)
    run, learning, sharing = settings.run, settings.learning.learning, settings.sharing
    check_sharing(sharing)
    hardware = Distributed(run.precision)
    collection = open_collection(settings.data.folder)
    needed = (*sharing.frames, *([sharing.control] if sharing.control else ()))
    plan = CachePlan(collection, chosen_entries(collection, needed), sharing.frames, settings.data)
    base = open_base(settings.model, hardware)
    unet = base.unet
    latents = CachedLatents(run.folder, plan, base.codec, hardware, order.log)
    prompts = SheetPrompts.chosen(run.sheet_prompts, collection, needed)
    prompts = SheetPrompts(tuple(row[: len(sharing.frames)] for row in prompts.rows), prompts.entries, sharing.frames)
    spoken = (caption for entry in plan.entries for caption in entry.captions.values())
    captions = CachedCaptions(run.folder, base, (*spoken, *prompts.texts), hardware)
    objective = open_objective(base.entry, base.backbone, run, settings.data.size)
    if run.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    shared = new_sharing(unet, sharing, run.seed)
    shared.layers.to(hardware.device)
    control = None
    if sharing.control is not None:
        control = control_pictures(collection, prompts.entries, sharing.control, settings.data.size)
    sheet = sheet_drawer(
        steered(shared, base.predict), objective, base.codec, prompts, captions, latents.shape, hardware, control
    )

    def train(source: Callable[[int], Samples[PromptEmbeds]], place: Path, loop: TrainerConfig) -> None:
        train_layers(shared, base.predict, objective, source, sheet, place, loop, learning, hardware, order.log)

    def save() -> Iterable[Path]:
        path = run.output / f"{NAMES.get(sharing.frames, '_'.join(sharing.frames))}.safetensors"
        return (save_sharing(path, shared.layers),)

    return run_training(
        order,
        train,
        sample_batches(plan, latents, captions, run.batch, control=sharing.control, given=sharing.given, seed=run.seed),
        lambda: (shared.layers, *base.networks),
        run,
        learning,
        hardware,
        save,
        settings,
    )


def check_sharing(sharing: SharingSettings) -> None:
    """Raises AcetateError when the layers contradict one another."""
    if len(set(sharing.frames)) < len(sharing.frames):
        raise AcetateError(
            "bad_request", "a layer is named twice", field="sharing.frames", hint="name each layer that is drawn once"
        )
    if sharing.control in sharing.frames:
        raise AcetateError(
            "bad_request",
            f"the {sharing.control} is both drawn and given",
            field="sharing.control",
            hint="take it out of sharing.frames, or let it be given at times with sharing.given",
        )
    if sharing.given and len(sharing.frames) == 1:
        raise AcetateError(
            "bad_request",
            "the only layer cannot be given",
            field="sharing.given",
            hint="set it to 0, or add layers",
        )


def new_sharing(unet: object, sharing: SharingSettings, seed: int) -> SharedAttention:
    """Fresh attention sharing, which leaves the UNet's predictions unchanged."""
    torch.manual_seed(seed)
    channels = sharing.control_channels if sharing.control else None
    return SharedAttention(
        unet, len(sharing.frames), SharedAttentionLayers(unet, len(sharing.frames), sharing.rank, channels)
    )
