"""Opening what a training starts from: base networks, latent transparency, captions' states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import torch
from acetate.models.backbones.diffusers_layout import read_json, weight_variant
from acetate.models.prompt_embeds import PromptEmbeds
from acetate.models.registry import ModelRegistry
from acetate.models.text_encoder import TextEncoders
from acetate.models.transparency_loader import new_decoder, new_encoder
from acetate.models.weights import load_state_dict_strict, read_weights
from acetate.transparency.files import load
from acetate_wire.errors import AcetateError
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from acetate_lab.training.configs.schema import ModelSettings
from acetate_lab.training.diffusion import Objective, Predict
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.transparency_training import LatentTransparency

Network = TypeVar("Network", bound=nn.Module)


def base_folder(settings: ModelSettings) -> Path:
    """The folder of the base model. Raises AcetateError `unknown_model` or `model_missing`."""
    folder = Path(settings.base).expanduser()
    if (folder / "unet" / "config.json").is_file():
        return folder
    return ModelRegistry().entry(settings.base).folder


@contextmanager
def _readable(folder: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())
        raise AcetateError(
            "model_missing",
            f"{folder} cannot be read ({reason:.300})",
            field="model.base",
            hint="give the folder of a complete model in diffusers' layout",
        ) from error


def _network(kind: Any, folder: Path) -> Any:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for logging in (diffusers_logging, transformers_logging):
        logging.disable_progress_bar()
    with _readable(folder):
        return kind.from_pretrained(
            folder, dtype=torch.float32, variant=weight_variant(folder), use_safetensors=True, local_files_only=True
        )


def open_vae(folder: Path) -> AutoencoderKL:
    """The base model's VAE, float32. Raises AcetateError `model_missing`."""
    return _network(AutoencoderKL, folder / "vae")


def open_unet(folder: Path) -> UNet2DConditionModel:
    """The base model's UNet, float32. Raises AcetateError `model_missing`."""
    return _network(UNet2DConditionModel, folder / "unet")


def open_objective(folder: Path, min_snr: float) -> Objective:
    """The base model's training objective. Raises AcetateError when it cannot be trained."""
    with _readable(folder):
        return Objective(read_json(folder / "scheduler" / "scheduler_config.json"), min_snr)


def open_text(folder: Path) -> TextEncoders:
    """The base model's text encoders, one or two. Raises AcetateError `model_missing`."""
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

    kinds = [("", CLIPTextModel), ("_2", CLIPTextModelWithProjection)]
    present = [(ending, kind) for ending, kind in kinds if (folder / f"text_encoder{ending}").is_dir()]
    with _readable(folder):
        places = [folder / f"tokenizer{ending}" for ending, _ in present]
        tokenizers = [CLIPTokenizer.from_pretrained(place, local_files_only=True) for place in places]
    encoders = [_network(kind, folder / f"text_encoder{ending}") for ending, kind in present]
    return TextEncoders(tuple(tokenizers), tuple(encoders))


def open_transparency(settings: ModelSettings, folder: Path, vae: AutoencoderKL) -> LatentTransparency | None:
    """The latent transparency that the settings name, else the base model's own; None when there is none.

    Raises AcetateError naming a file that is missing or does not fit.
    """
    own = folder / "transparency"
    try:
        if settings.encoder is not None and settings.decoder is not None:
            encoder = _published(settings.encoder, new_encoder)
            decoder = _published(settings.decoder, new_decoder)
            return LatentTransparency(vae, encoder, decoder, settings.multiplier)
        if settings.encoder is not None or settings.decoder is not None:
            missing = "decoder" if settings.decoder is None else "encoder"
            raise AcetateError(
                "bad_request", f"model.{missing} is missing", field=f"model.{missing}", hint="give both files"
            )
        place = settings.transparency or (own if own.is_dir() else None)
        if place is None:
            return None
        parts = load(place)
    except (OSError, ValueError, KeyError) as error:
        raise AcetateError("model_missing", str(error), field="model.transparency", hint="give another") from error
    return LatentTransparency(vae, parts.encoder, parts.decoder, parts.multiplier)


def _published(path: Path, make: Callable[[Mapping[str, Tensor]], Network]) -> Network:
    weights = read_weights(path)
    network = make(weights)
    load_state_dict_strict(network, weights, path)
    return network.float()


def needed_transparency(settings: ModelSettings, folder: Path, vae: AutoencoderKL) -> LatentTransparency:
    """The same, refused with AcetateError `bad_request` when there is none."""
    parts = open_transparency(settings, folder, vae)
    if parts is None:
        raise AcetateError(
            "bad_request",
            f"{folder} has no offset encoder",
            field="model.transparency",
            hint="give the output of acetate train transparency, or published files as model.encoder and model.decoder",
        )
    return parts


@torch.no_grad()
def encode_captions(folder: Path, captions: Sequence[str], hardware: Distributed) -> PromptEmbeds:
    """The base model's embeds of these captions, a row each, in main memory; the text encoders are unloaded again."""
    encoders = open_text(folder)
    for encoder in encoders.encoders:
        hardware.place(encoder)
    chunks = [encoders.encode(list(captions[start : start + 32])) for start in range(0, len(captions), 32)]
    pooled = [chunk.pooled_prompt_embeds.cpu() for chunk in chunks if chunk.pooled_prompt_embeds is not None]
    context = torch.cat([chunk.prompt_embeds.cpu() for chunk in chunks])
    return PromptEmbeds(context, torch.cat(pooled) if pooled else None)


def asking(unet: UNet2DConditionModel) -> Predict[PromptEmbeds]:
    """Calls a UNet with cached embeds; SDXL also gets the time ids of an uncropped picture."""

    def predict(noisy: Tensor, times: Tensor, states: PromptEmbeds, control: Tensor | None) -> Tensor:
        here = states.to(noisy.device, torch.float32)
        added = None
        if here.pooled_prompt_embeds is not None:
            height, width = noisy.shape[2] * 8, noisy.shape[3] * 8
            sizes = torch.tensor([height, width, 0, 0, height, width], device=noisy.device, dtype=torch.float32)
            added = {"text_embeds": here.pooled_prompt_embeds, "time_ids": sizes.expand(len(here), -1)}
        answer: Tensor = unet(noisy, times, here.prompt_embeds, added_cond_kwargs=added).sample
        return answer

    return predict
