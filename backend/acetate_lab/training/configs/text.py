"""`acetate train text`: a base model that draws transparent layers, by a LoRA or by deltas of its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch
from acetate.models.prompt_embeds import PromptEmbeds
from diffusers import UNet2DConditionModel
from peft import LoraConfig
from torch import Tensor

from acetate_lab.data.collection import open_collection
from acetate_lab.training.configs import export
from acetate_lab.training.configs.dry_run import Estimate
from acetate_lab.training.configs.export import Change
from acetate_lab.training.configs.latent_cache import (
    TRANSPARENT,
    CachedCaptions,
    CachedLatents,
    CachePlan,
    chosen_entries,
    sample_batches,
)
from acetate_lab.training.configs.loading import (
    asking,
    base_folder,
    needed_transparency,
    open_objective,
    open_unet,
    open_vae,
)
from acetate_lab.training.configs.runner import Finished, RunOptions, run_training
from acetate_lab.training.configs.schema import MethodSettings, ModelSettings, TextSettings
from acetate_lab.training.configs.toml_reader import read_settings
from acetate_lab.training.configs.validation_samples import SheetPrompts, sheet_drawer
from acetate_lab.training.diffusion import Samples, train_diffusion
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.trainer import TrainerConfig
from acetate_lab.training.transparency_training import LatentTransparency

ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
LORA = "acetate"
NAME = "transparent"


def run_text(order: RunOptions) -> Estimate | Finished:
    """Run or estimate the training that a TOML file describes. Raises AcetateError naming what cannot be used."""
    settings = read_settings(order.config, TextSettings)
    run, learning = settings.run, settings.learning.learning
    hardware = Distributed(run.precision)
    folder = base_folder(settings.model)
    collection = open_collection(settings.data.folder)
    plan = CachePlan(collection, chosen_entries(collection, (TRANSPARENT,)), (TRANSPARENT,), settings.data)
    model = needed_transparency(settings.model, folder, open_vae(folder))
    for network in (model.vae, model.encoder, model.decoder):
        hardware.place(network)
    latents = CachedLatents(run.folder, plan, model, hardware, order.log)
    prompts = SheetPrompts.chosen(run.sheet_prompts, collection, plan.roles)
    spoken = (caption for entry in plan.entries for caption in entry.captions.values())
    captions = CachedCaptions(run.folder, folder, (*spoken, *prompts.texts), hardware)
    objective, unet = open_objective(folder, run.min_snr), open_unet(folder)
    hardware.place(unet)
    if run.gradient_checkpointing:
        unet.enable_gradient_checkpointing()
    learnt = TrainedAdapter(unet, settings.method, run.seed)
    predict = asking(unet)
    sheet = sheet_drawer(predict, objective, model, prompts, captions, latents.shape, hardware)

    def train(source: Callable[[int], Samples[PromptEmbeds]], place: Path, loop: TrainerConfig) -> None:
        train_diffusion(unet, predict, objective, source, sheet, place, loop, learning, hardware, order.log)

    return run_training(
        order,
        train,
        sample_batches(plan, latents, captions, run.batch, seed=run.seed),
        lambda: (unet, model.vae, model.encoder, model.decoder),
        run,
        learning,
        hardware,
        lambda: _save(learnt, run.output, folder, settings.method, model if _brought(settings.model) else None),
        settings,
    )


class TrainedAdapter:
    """What is trained of a UNet: attached here, and taken off again as changes by parameter name."""

    def __init__(self, unet: UNet2DConditionModel, method: MethodSettings, seed: int) -> None:
        """Mark what `method` trains, adding a LoRA where it says so; `seed` decides the LoRA's first weights."""
        self.unet = unet
        self._before: dict[str, Tensor] = {}
        torch.manual_seed(seed)
        if method.train == "lora":
            unet.add_adapter(LoraConfig(r=method.rank, lora_alpha=method.rank, target_modules=ATTENTION), LORA)
        for name, parameter in unet.named_parameters():
            trained = f".{LORA}." in name if method.train == "lora" else _is_trained(method, name, parameter)
            if trained:
                self._before[name] = parameter.detach().cpu().clone()
                parameter.data = parameter.data.float()
            parameter.requires_grad_(trained)

    @torch.no_grad()
    def detach(self) -> dict[str, Change]:
        """The changes; afterwards the UNet is what it was before."""
        parameters = dict(self.unet.named_parameters())
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
            self.unet.unload_lora()
        return changes


def _is_trained(method: MethodSettings, name: str, parameter: Tensor) -> bool:
    if method.train == "attention":
        return ".attn1." in name or ".attn2." in name
    return method.train == "all" or (parameter.ndim == 4 and ".attentions." not in name)


def _brought(model: ModelSettings) -> bool:
    """Whether the transparency is another than the base model's own."""
    return model.transparency is not None or model.encoder is not None


def _save(
    learnt: TrainedAdapter, output: Path, base: Path, method: MethodSettings, transparency: LatentTransparency | None
) -> Iterable[Path]:
    changes = learnt.detach()
    paths = {"published": output / f"{NAME}_{_kind(method)}.safetensors"}
    paths |= {"diffusers": output / f"{NAME}_{_kind(method)}_diffusers.safetensors", "model": output / "model"}
    for form in method.save:
        if form == "published":
            export.save_published(paths[form], learnt.unet, changes)
        elif form == "diffusers":
            export.save_diffusers(paths[form], changes)
        else:
            export.save_model(paths[form], base, changes, transparency)
        yield paths[form]


def _kind(method: MethodSettings) -> str:
    """The name that a published file of this kind has: `attn` or `conv`."""
    return {"lora": "attn", "attention": "attn", "convolutions": "conv", "all": "full"}[method.train]
