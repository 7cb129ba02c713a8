"""Writing what was trained in the forms in which LayerDiffuse's weights were published, so that others load it too."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Protocol

import torch
from acetate.adapters.deltas import PREFIX
from acetate.models.backbones.loading import from_folder
from acetate.models.backbones.stable_diffusion.key_mapping import diffusers_keys
from acetate.transparency import Transparency, files
from diffusers import UNet2DConditionModel
from diffusers.loaders.single_file_utils import DIFFUSERS_TO_LDM_MAPPING
from safetensors.torch import save_file
from torch import Tensor

from acetate_lab.training.configs.schema import SaveFormat
from acetate_lab.training.transparency_training import LatentTransparency

STORED = torch.float16
LORA_NAME = "transparent_lora"
"""The file of a transformer's LoRA, and the adapter of the recipe that it is for."""
KIND = {"lora": "attn", "attention": "attn", "convolutions": "conv", "all": "full"}
"""What published files are called by what was trained."""
TOLD_OF_BASE = ("README.md", "figures.json", "sheet.png")
GROUPS = ("input_blocks", "output_blocks")
KINDS = ("weight", "bias")
RESNET = ("in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3", "skip_connection")


@dataclass(frozen=True, eq=False)
class Change:
    """What was learnt for one weight: a whole delta, or the two factors of a low-rank one (up @ down)."""

    delta: Tensor | None = None
    up: Tensor | None = None
    down: Tensor | None = None

    def whole(self) -> Tensor:
        """The delta, float32."""
        if self.delta is not None:
            return self.delta.float()
        assert self.up is not None and self.down is not None
        return self.up.float() @ self.down.float()


class Exports(Protocol):
    """Writes what was trained of a base model, in the forms that programs for its architecture read."""

    def write(self, form: SaveFormat, output: Path, changes: Mapping[str, Change]) -> Path:
        """The file or folder that was written below `output`."""
        ...


@dataclass(frozen=True)
class UNetExports:
    """The forms of LayerDiffuse's own files, and a whole model; `method` is what was trained.

    With a `transparency`, the model gets that instead of its base's.
    """

    base: Path
    unet: UNet2DConditionModel
    method: str
    transparency: LatentTransparency | None

    def write(self, form: SaveFormat, output: Path, changes: Mapping[str, Change]) -> Path:
        """One form of the changes, by diffusers' names of the UNet's parameters."""
        name = f"transparent_{KIND[self.method]}"
        if form == "published":
            return save_published(output / f"{name}.safetensors", self.unet, changes)
        if form == "diffusers":
            return save_diffusers(output / f"{name}_diffusers.safetensors", changes)
        return save_model(output / "model", self.base, changes, self.transparency)


@dataclass(frozen=True)
class TransformerExports:
    """A LoRA file, or a whole model with the LoRA beside the transformer, where Acetate finds it."""

    base: Path
    transparency: LatentTransparency | None

    def write(self, form: SaveFormat, output: Path, changes: Mapping[str, Change]) -> Path:
        """A LoRA, by diffusers' names of the transformer's parameters: `published` and `diffusers` are one form."""
        if form != "model":
            return save_lora(output / f"{LORA_NAME}.safetensors", changes)
        folder = output / "model"
        shutil.copytree(self.base, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(*TOLD_OF_BASE))
        save_lora(folder / "layers" / f"{LORA_NAME}.safetensors", changes)
        if self.transparency is not None:
            _save_parts(folder / "transparency", self.transparency)
        return folder


def save_lora(path: Path, changes: Mapping[str, Change]) -> Path:
    """Write low-rank changes as diffusers' pipelines save them, under PEFT's names; alpha is the rank.

    The prefix `diffusion_model.` of ComfyUI would only do for some of the layers in diffusers.
    """
    tensors: dict[str, Tensor] = {}
    for name, change in changes.items():
        assert change.up is not None and change.down is not None
        layer = f"transformer.{name.removesuffix('.weight')}"
        tensors |= {f"{layer}.lora_A.weight": change.down, f"{layer}.lora_B.weight": change.up}
    return _save(path, tensors)


def save_published(path: Path, unet: UNet2DConditionModel, changes: Mapping[str, Change]) -> Path:
    """Write changes by diffusers' names as `diffusion_model.<original name>::<kind>::<index>` (SDXL, version 1)."""
    names = original_names(unet)
    tensors: dict[str, Tensor] = {}
    for name, change in changes.items():
        key = PREFIX + names[name]
        if change.up is not None and change.down is not None:
            tensors |= {f"{key}::lora::0": change.up, f"{key}::lora::1": change.down}
        else:
            tensors[f"{key}::diff::0"] = change.whole()
    return _save(path, tensors)


def save_diffusers(path: Path, changes: Mapping[str, Change]) -> Path:
    """Write full deltas under diffusers' names."""
    return _save(path, {name: change.whole() for name, change in changes.items()})


def save_sharing(path: Path, layers: torch.nn.Module) -> Path:
    """Write attention sharing under the published names."""
    return _save(path, layers.state_dict())


def save_model(
    folder: Path, base: Path, changes: Mapping[str, Change], transparency: LatentTransparency | None = None
) -> Path:
    """Write a whole model folder: that of `base`, with the changes merged into its UNet, and this transparency if any.

    The model card and figures of `base` do not apply to the new model and are not copied.
    """
    # Read anew: on a graphics card the trained one holds rounded weights.
    unet = from_folder(UNet2DConditionModel, base / "unet", torch.float32)
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if name in changes:
                parameter += changes[name].whole()
    shutil.copytree(base, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("unet", *TOLD_OF_BASE))
    # By way of PyTorch itself: diffusers' own cast warns of modules that no UNet of ours has.
    torch.nn.Module.to(unet, STORED)
    unet.save_pretrained(folder / "unet", safe_serialization=True)
    if transparency is not None:
        _save_parts(folder / "transparency", transparency)
    return folder


def save_transparency(folder: Path, model: LatentTransparency) -> list[Path]:
    """Write offset encoder and transparent decoder as Acetate's `transparency` folder, and as two published files.

    In the published files the factor on the offset is part of the encoder's last convolution.
    """
    _save_parts(folder / "transparency", model)
    encoder = {name: value.clone() for name, value in model.encoder.state_dict().items()}
    last = max(int(name.split(".")[1]) for name in encoder)
    for name in (f"blocks.{last}.weight", f"blocks.{last}.bias"):
        encoder[name] *= model.multiplier
    written = [folder / "vae_transparent_encoder.safetensors", folder / "vae_transparent_decoder.safetensors"]
    for path, tensors in zip(written, (encoder, model.decoder.state_dict()), strict=True):
        # The factor can be far beyond half precision's range.
        _save(path, tensors, torch.float32)
    return [folder / "transparency", *written]


def _save_parts(folder: Path, model: LatentTransparency) -> None:
    files.save(folder, Transparency(model.encoder, model.decoder, model.multiplier), dtype=STORED)


def original_names(unet: UNet2DConditionModel) -> dict[str, str]:
    """The original names of a UNet's parameters, by diffusers' names.

    Diffusers translates the other way only, so every name that such a UNet could have is translated, and those that
    this one has are kept.
    """
    config: Mapping[str, Any] = unet.config
    layers = config["layers_per_block"] + 1
    blocks = range(len(config["block_out_channels"]) * layers)
    parameters = {name for name, _ in unet.named_parameters()}
    attention = {name.split(".attentions.")[1].split(".", 1)[1] for name in parameters if ".attentions." in name}
    resnet = {f"{part}.{kind}" for part, kind in product(RESNET, KINDS)}
    inner = {f"0.{part}" for part in resnet} | {f"1.{part}" for part in attention}
    possible = {f"middle_block.{part}" for part in inner} | {f"middle_block.2.{part}" for part in resnet}
    possible |= {f"{group}.{block}.{part}" for group, block, part in product(GROUPS, blocks, inner)}
    for block, kind in product(blocks, KINDS):
        # What enlarges comes after the attention, where there is some.
        place = 2 if "CrossAttn" in config["up_block_types"][block // layers] else 1
        possible |= {f"input_blocks.{block}.0.op.{kind}", f"output_blocks.{block}.{place}.conv.{kind}"}
    known: Mapping[str, Any] = DIFFUSERS_TO_LDM_MAPPING["unet"]
    possible |= {*known["layers"].values(), *known["addition_embed_type"].values()}
    possible |= {f"input_blocks.0.0.{kind}" for kind in KINDS}
    return {new: old for old, new in diffusers_keys(possible, config).items() if new in parameters}


def _save(path: Path, tensors: Mapping[str, Tensor], dtype: torch.dtype = STORED) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    save_file({name: value.detach().to("cpu", dtype).contiguous() for name, value in tensors.items()}, part)
    part.replace(path)
    return path
