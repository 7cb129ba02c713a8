"""Opening what a training starts from: the base model's networks, latent transparency, the objective."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import torch
from acetate.image.sizes import Size
from acetate.models.backbones.architectures import load as load_backbone
from acetate.models.backbones.backbone import NativeBackbone, Schedule
from acetate.models.backbones.diffusers_layout import read_json
from acetate.models.backbones.file_kind import identify
from acetate.models.backbones.loading import from_folder, quiet_libraries
from acetate.models.backbones.stable_diffusion.network import StableDiffusion
from acetate.models.backbones.stable_diffusion.samplers import get_sampler
from acetate.models.registry import ModelRegistry, ModelSource, ModelSpec
from acetate.models.transparency_loader import new_decoder, new_encoder
from acetate.models.weights import load_state_dict_strict, read_weights
from acetate.transparency.files import load
from acetate_wire.errors import AcetateError
from diffusers import AutoencoderKL, AutoencoderKLFlux2
from torch import Tensor, nn

from acetate_lab.training.configs.schema import ModelSettings, RunSettings
from acetate_lab.training.distributed import Distributed
from acetate_lab.training.objectives import DiffusionObjective, FlowObjective, Objective
from acetate_lab.training.transparency_training import LatentTransparency

VAES = {kind.__name__: kind for kind in (AutoencoderKL, AutoencoderKLFlux2)}
"""The VAEs in whose latents alpha can be hidden, by diffusers' names."""
RGB, RGBA = 3, 4
Network = TypeVar("Network", bound=nn.Module)


def base_model(settings: ModelSettings) -> ModelSpec:
    """The base model, by its folder in diffusers' layout or by its name.

    Raises AcetateError `unknown_model` or `model_missing`.
    """
    folder = Path(settings.base).expanduser()
    if not (folder / "model_index.json").is_file():
        return ModelRegistry().entry(settings.base)
    kind = identify(folder)
    if kind.family is None:
        raise AcetateError("model_missing", f"{folder} is {kind.what}", field="model.base", hint=kind.hint)
    return ModelRegistry({folder.name: ModelSource(folder, kind.family, kind.family.licence)}).entry(folder.name)


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


def vae_base(settings: ModelSettings) -> Path:
    """The folder of a base model whose VAE alone is needed. Raises AcetateError as `base_model` does."""
    folder = Path(settings.base).expanduser()
    return folder if (folder / "vae" / "config.json").is_file() else base_model(settings).folder


def open_vae(folder: Path) -> AutoencoderKL:
    """The VAE of a base model of any architecture, float32.

    Raises AcetateError `model_missing`, or `bad_request` for one in whose latents alpha cannot be hidden.
    """
    quiet_libraries()
    with _readable(folder):
        config = read_json(folder / "vae" / "config.json")
    kind = VAES.get(config.get("_class_name", ""))
    if config.get("in_channels", RGB) == RGBA:
        raise _no_vae(folder, "has alpha of its own", "it needs no such training: go on with acetate train text")
    if kind is None:
        raise _no_vae(folder, f"is a {config.get('_class_name')}", f"take a model with {' or '.join(VAES)}")
    with _readable(folder):
        return from_folder(kind, folder / "vae", torch.float32)


def _no_vae(folder: Path, what: str, hint: str) -> AcetateError:
    return AcetateError(
        "bad_request", f"the VAE in {folder} {what}: no alpha is hidden in its latents", field="model.base", hint=hint
    )


def open_backbone(entry: ModelSpec, hardware: Distributed) -> StableDiffusion | NativeBackbone:
    """The base model's networks, in main memory and with weights as a frozen network has them.

    Raises AcetateError `model_missing`.
    """
    with _readable(entry.folder):
        return load_backbone(entry, hardware.device, hardware.frozen_dtype)


def open_objective(
    entry: ModelSpec, backbone: StableDiffusion | NativeBackbone, run: RunSettings, side: int
) -> Objective:
    """What the base model learns, from pictures of `side` pixels. Raises AcetateError when it cannot be trained."""
    if not str(entry.scheduler_config.get("_class_name", "")).startswith("FlowMatch"):
        with _readable(entry.folder):
            return DiffusionObjective(entry.scheduler_config, run.min_snr)
    sampler = get_sampler(entry.family.sampler)

    def schedule(steps: int, shape: tuple[int, int, int]) -> Schedule:
        _, height, width = shape
        size = Size(width * backbone.scale, height * backbone.scale)
        return backbone.schedule(sampler, steps, size, torch.Generator())

    cells = side // backbone.scale
    return FlowObjective(schedule, entry.family.steps, (backbone.channels, cells, cells), run.noise_levels)


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
