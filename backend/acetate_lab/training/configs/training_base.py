"""A base model that is ready to be trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from acetate.models.backbones.backbone import NativeBackbone
from acetate.models.backbones.stable_diffusion.network import StableDiffusion
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.registry import ALPHA_VAE, ModelSpec
from acetate_wire.errors import AcetateError
from torch import Tensor, nn

from acetate_lab.training.configs.layer_codec import HiddenAlpha, LayerCodec, NativeAlpha
from acetate_lab.training.configs.loading import base_model, needed_transparency, open_backbone
from acetate_lab.training.configs.schema import ModelSettings
from acetate_lab.training.distributed import Distributed


@dataclass(frozen=True)
class TrainingBase:
    """The networks of a base model, VAE and denoiser on the device, and how layers become its latents."""

    entry: ModelSpec
    backbone: StableDiffusion | NativeBackbone
    codec: LayerCodec

    @property
    def denoiser(self) -> Any:
        """The network that predicts."""
        return self.backbone.denoiser

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """What is in memory while it is trained."""
        return self.denoiser, *self.codec.networks

    @property
    def unet(self) -> Any:
        """The UNet. Raises AcetateError `bad_request` for a model that has a transformer."""
        if isinstance(self.backbone, StableDiffusion):
            return self.backbone.unet
        raise AcetateError(
            "bad_request",
            f"{self.entry.name} has no UNet, between whose frames attention could be shared",
            field="model.base",
            hint="take a model of Stable Diffusion, or train from words: acetate train text",
        )

    @contextmanager
    def reading(self, hardware: Distributed) -> Iterator[Callable[[Sequence[str]], PromptEmbeds]]:
        """Gives the embeds of captions, a row each, for a `with` block; else the text encoders are in main memory."""
        readers = self.backbone.networks[:-2]
        for reader in readers:
            hardware.place(reader)
        with torch.no_grad():
            yield self._encode_text
        for reader in readers:
            reader.to("cpu")

    def _encode_text(self, captions: Sequence[str]) -> PromptEmbeds:
        """Captions are worded as a job words its prompt; the empty one stands for none."""
        backbone = self.backbone
        if isinstance(backbone, StableDiffusion):
            return backbone.encode_text(captions)
        return backbone.encode_text([backbone.worded(text) if text else text for text in captions])

    def predict(self, noisy: Tensor, times: Tensor, words: PromptEmbeds, control: Tensor | None) -> Tensor:
        """Calls the denoiser with cached embeds."""
        return self.backbone.predict(noisy, times, words)


def open_base(settings: ModelSettings, hardware: Distributed) -> TrainingBase:
    """The base model. Raises AcetateError naming what is missing or does not fit.

    A VAE with alpha needs no latent transparency; where the settings name one, it is for the base model's own VAE.
    """
    entry = base_model(settings)
    if not any(recipe.mode == "text" for recipe in entry.family.recipes):
        raise AcetateError(
            "bad_request",
            f"{entry.name} draws no layers from words",
            field="model.base",
            hint="take a model of another family",
        )
    can_hide = entry.family.architecture == "klein"
    has_alpha = entry.family.is_native and (
        not can_hide or (ALPHA_VAE in entry.files and not settings.names_transparency)
    )
    if can_hide and not has_alpha:
        own = entry.folder / "vae" / "diffusion_pytorch_model.safetensors"
        entry = replace(entry, files={**entry.files, ALPHA_VAE: own})
    backbone = open_backbone(entry, hardware)
    *_, denoiser, vae = backbone.networks
    hidden = None if has_alpha else needed_transparency(settings, entry.folder, vae)
    hardware.place(denoiser)
    for network in (vae,) if hidden is None else (vae, hidden.encoder, hidden.decoder):
        hardware.place(network, torch.float32)
    if isinstance(backbone, StableDiffusion):
        assert hidden is not None
        return TrainingBase(entry, backbone, HiddenAlpha(hidden, hardware))
    if hidden is not None:
        backbone.transparency = hidden.transparency
    return TrainingBase(entry, backbone, NativeAlpha(backbone, hidden))
