"""`acetate train text`: a base model that draws transparent layers, by a LoRA or by deltas of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from acetate.models.prompt_embeds import PromptEmbeds
from acetate_wire.errors import AcetateError
from peft import LoraConfig
from torch import Tensor, nn

from acetate_lab.data.collection import open_collection
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.export import LORA_NAME, Change, Exports, TransformerExports, UNetExports
from acetate_lab.training.configs.latent_cache import (
    CachedCaptions,
    CachedLatents,
    CachePlan,
    chosen_entries,
    sample_batches,
)
from acetate_lab.training.configs.layer_codec import TRANSPARENT
from acetate_lab.training.configs.loading import open_objective
from acetate_lab.training.configs.runner import Finished, RunOptions, run_training
from acetate_lab.training.configs.schema import MethodSettings, TextSettings
from acetate_lab.training.configs.toml_reader import read_settings
from acetate_lab.training.configs.training_base import TrainingBase, open_base
from acetate_lab.training.configs.validation_samples import SheetPrompts, sheet_drawer
from acetate_lab.training.diffusion import Samples, train_diffusion
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.trainer import TrainerConfig

LORA = "acetate"


def run_text(order: RunOptions) -> Estimate | Finished:
    """Run or estimate the training that a TOML file describes. Raises AcetateError naming what cannot be used."""
    settings = read_settings(order.config, TextSettings)
    run, learning = settings.run, settings.learning.learning
    hardware = Distributed(run.precision)
    collection = open_collection(settings.data.folder)
    plan = CachePlan(collection, chosen_entries(collection, (TRANSPARENT,)), (TRANSPARENT,), settings.data)
    base = open_base(settings.model, hardware)
    exports = exports_of(base, settings)
    latents = CachedLatents(run.folder, plan, base.codec, hardware, order.log)
    prompts = SheetPrompts.chosen(run.sheet_prompts, collection, plan.roles)
    spoken = (caption for entry in plan.entries for caption in entry.captions.values())
    captions = CachedCaptions(run.folder, base, (*spoken, *prompts.texts), hardware)
    objective, denoiser = open_objective(base.entry, base.backbone, run, settings.data.size), base.denoiser
    if run.gradient_checkpointing:
        denoiser.enable_gradient_checkpointing()
    learnt = TrainedAdapter(denoiser, settings.method, run.seed)
    sheet = sheet_drawer(base.predict, objective, base.codec, prompts, captions, latents.shape, hardware)

    def train(source: Callable[[int], Samples[PromptEmbeds]], place: Path, loop: TrainerConfig) -> None:
        train_diffusion(denoiser, base.predict, objective, source, sheet, place, loop, learning, hardware, order.log)

    def save() -> Iterable[Path]:
        changes = learnt.detach()
        return dict.fromkeys(exports.write(form, run.output, changes) for form in settings.method.save)

    return run_training(
        order,
        train,
        sample_batches(plan, latents, captions, run.batch, seed=run.seed),
        lambda: base.networks,
        run,
        learning,
        hardware,
        save,
        settings,
    )


def exports_of(base: TrainingBase, settings: TextSettings) -> Exports:
    """How what is trained of this base model is written. Raises AcetateError for a method that is not for it."""
    method, brought = settings.method, settings.model.names_transparency
    transparency = base.codec.model if brought else None
    recipes = base.entry.family.recipes
    if not base.entry.family.is_native:
        return UNetExports(base.entry.folder, base.unet, method.train, transparency)
    if method.train != "lora":
        raise AcetateError(
            "bad_request",
            f"method.train is {method.train}, but of the transformer of {base.entry.name} a LoRA is trained",
            field="method.train",
            hint='set it to "lora"; method.layers = "all" attaches it to every linear layer',
        )
    if "model" in method.save and LORA_NAME not in {part.name for recipe in recipes for part in recipe.adapters}:
        raise AcetateError(
            "bad_request",
            f"method.save names model, but {base.entry.name} draws transparent layers without a LoRA",
            field="method.save",
            hint='set it to ["published"] and give the file to a job as its LoRA',
        )
    return TransformerExports(base.entry.folder, transparency)


class TrainedAdapter:
    """What is trained of a denoiser: attached here, and taken off again as changes by parameter name."""

    def __init__(self, denoiser: Any, method: MethodSettings, seed: int) -> None:
        """Mark what `method` trains, adding a LoRA where it says so; `seed` decides the LoRA's first weights."""
        self.denoiser = denoiser
        self._before: dict[str, Tensor] = {}
        torch.manual_seed(seed)
        if method.train == "lora":
            targets = lora_targets(denoiser, method)
            denoiser.add_adapter(LoraConfig(r=method.rank, lora_alpha=method.rank, target_modules=targets), LORA)
        for name, parameter in denoiser.named_parameters():
            trained = f".{LORA}." in name if method.train == "lora" else _is_trained(method, name, parameter)
            if trained:
                self._before[name] = parameter.detach().cpu().clone()
                parameter.data = parameter.data.float()
            parameter.requires_grad_(trained)

    @torch.no_grad()
    def detach(self) -> dict[str, Change]:
        """The changes; afterwards the denoiser is what it was before."""
        parameters = dict(self.denoiser.named_parameters())
        changes: dict[str, Change] = {}
        for name, before in self._before.items():
            head, _, tail = name.partition(".lora_A.")
            if tail:
                up = parameters[f"{head}.lora_B.{tail}"]
                changes[f"{head}.weight"] = Change(up=up.detach().cpu(), down=parameters[name].detach().cpu())
            elif ".lora_B." not in name:
                changes[name] = Change(delta=parameters[name].detach().cpu() - before.float())
                parameters[name].data = before.to(parameters[name].device)
        if any(change.up is not None for change in changes.values()):
            self.denoiser.unload_lora()
        return changes


def lora_targets(denoiser: nn.Module, method: MethodSettings) -> list[str]:
    """The names of the linear layers that get a LoRA: those inside modules named `attn…`, or all."""
    linear = [name for name, module in denoiser.named_modules() if isinstance(module, nn.Linear)]
    return [name for name in linear if method.layers == "all" or ".attn" in name]


def _is_trained(method: MethodSettings, name: str, parameter: Tensor) -> bool:
    if method.train == "attention":
        return ".attn1." in name or ".attn2." in name
    return method.train == "all" or (parameter.ndim == 4 and ".attentions." not in name)
