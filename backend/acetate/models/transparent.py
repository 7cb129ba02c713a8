"""The offset encoder and the transparent decoder of a model, out of its own folder or the published files."""

from __future__ import annotations

from pathlib import Path

import torch

from acetate.models.catalogue import DECODER, ENCODER, ModelEntry, missing_model
from acetate.models.weights import load_strictly
from acetate.transparency import OffsetEncoder, TransparentDecoder, load, prepare


def load_decoder(entry: ModelEntry, device: torch.device) -> TransparentDecoder:
    """The transparent decoder of a model, in its fastest form. Raises WireError `model_missing`."""
    if not entry.family.decoders:
        return prepare(load(entry.folder / "transparency", device=device).decoder)
    with torch.device("meta"):
        decoder = TransparentDecoder()
    _load(decoder, entry, DECODER)
    return prepare(decoder.to(device))


def load_encoder(entry: ModelEntry, device: torch.device) -> tuple[OffsetEncoder, float]:
    """The offset encoder of a model and the factor on its output. Raises WireError `model_missing`."""
    if not entry.family.decoders:
        found = load(entry.folder / "transparency", device=device)
        return found.encoder, found.multiplier
    with torch.device("meta"):
        encoder = OffsetEncoder()
    path = _load(encoder, entry, ENCODER)
    encoder.to(device, torch.float32).eval().requires_grad_(False)
    return encoder, entry.family.encoders[path.stem]


def _load(module: torch.nn.Module, entry: ModelEntry, name: str) -> Path:
    path = entry.files.get(name)
    if path is None:
        raise missing_model(f"the model {entry.name} has no transparent {name} on this computer")
    try:
        load_strictly(module, path)
    except ValueError as error:
        raise missing_model(str(error)) from error
    return path
