"""The offset encoder and the transparent decoder of a model, out of its own folder or the published files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

from acetate.models.backbones.diffusers_layout import UPSAMPLER
from acetate.models.registry import DECODER, ENCODER, ModelSpec, model_missing_error
from acetate.models.weights import WeightFileError, load_state_dict_strict, read_weights
from acetate.transparency import (
    LayerUpsampler,
    OffsetEncoder,
    TransparentDecoder,
    load,
    load_upsampler,
    optimize_for_inference,
)


def load_decoder(entry: ModelSpec, device: torch.device) -> TransparentDecoder:
    """The transparent decoder of a model, in its fastest form. Raises AcetateError `model_missing`."""
    if not entry.family.decoders:
        return optimize_for_inference(load(entry.folder / "transparency", device=device).decoder)
    path = _path(entry, DECODER)
    return optimize_for_inference(_loaded(path, new_decoder).to(device))


def load_encoder(entry: ModelSpec, device: torch.device) -> tuple[OffsetEncoder, float]:
    """The offset encoder of a model and the factor on its output. Raises AcetateError `model_missing`."""
    if not entry.family.decoders:
        found = load(entry.folder / "transparency", device=device)
        return found.encoder, found.multiplier
    path = _path(entry, ENCODER)
    encoder = _loaded(path, new_encoder).to(device, torch.float32).eval().requires_grad_(False)
    return encoder, entry.family.encoders.get(path.stem, 1.0)


def load_upsampler_of(entry: ModelSpec, device: torch.device) -> LayerUpsampler | None:
    """The upsampler of a model that has one, in its fastest form. Raises AcetateError `model_missing`."""
    if entry.upscale_factor == 1:
        return None
    try:
        return optimize_for_inference(load_upsampler((entry.folder / UPSAMPLER).parent, device=device))
    except (OSError, ValueError) as error:
        raise model_missing_error(f"the model {entry.name} has an unusable upsampler: {error}") from error


def new_decoder(weights: Mapping[str, Tensor]) -> TransparentDecoder:
    """A decoder with the architecture of published weights, without loading them."""
    widths = _widths(weights, r"down_blocks\.(\d+)\.resnets\.0\.conv1\.weight")
    layers = len(_widths(weights, r"down_blocks\.0\.resnets\.(\d+)\.conv1\.weight"))
    attending = len(_widths(weights, r"down_blocks\.(\d+)\.attentions\.0\.to_q\.weight"))
    latent = weights["latent_conv_in.weight"].shape[1]
    return TransparentDecoder(latent, widths, layers, attending)


def new_encoder(weights: Mapping[str, Tensor]) -> OffsetEncoder:
    """An encoder with the architecture of published weights, without loading them."""
    *channels, latent = _widths(weights, r"blocks\.(\d+)\.weight")
    return OffsetEncoder(latent, channels)


def _widths(weights: Mapping[str, Tensor], pattern: str) -> list[int]:
    """The output widths of the layers whose names match, in the order of the number in them."""
    found = {int(match[1]): len(value) for key, value in weights.items() if (match := re.fullmatch(pattern, key))}
    return [found[number] for number in sorted(found)]


Network = TypeVar("Network", bound=nn.Module)


def load_transparency(path: Path, name: str) -> TransparentDecoder | OffsetEncoder:
    """A published decoder or encoder file, as `name` says. Raises WeightFileError naming a key that is wrong."""
    return _read(path, new_decoder) if name == DECODER else _read(path, new_encoder)


def _loaded(path: Path, make: Callable[[Mapping[str, Tensor]], Network]) -> Network:
    try:
        return _read(path, make)
    except WeightFileError as error:
        raise model_missing_error(str(error)) from error


def _read(path: Path, make: Callable[[Mapping[str, Tensor]], Network]) -> Network:
    weights = read_weights(path)
    try:
        with torch.device("meta"):
            network = make(weights)
    except (KeyError, ValueError) as error:
        raise WeightFileError(f"{path} does not fit: it lacks {error}") from error
    load_state_dict_strict(network, weights, path)
    return network


def _path(entry: ModelSpec, name: str) -> Path:
    path = entry.files.get(name)
    if path is None:
        raise model_missing_error(
            f"the model {entry.name} has no transparent {name} on this computer",
            f"fetch it with: acetate models pull {entry.family.name} --layers",
        )
    return path
