"""The offset encoder and the transparent decoder of a model, out of its own folder or the published files."""

from __future__ import annotations

import torch

from acetate.models.catalogue import ModelEntry
from acetate.transparency import OffsetEncoder, TransparentDecoder, load, prepare


def load_decoder(entry: ModelEntry, device: torch.device) -> TransparentDecoder:
    """The transparent decoder of a model, in its fastest form. Raises WireError `model_missing`."""
    return prepare(load(entry.folder / "transparency", device=device).decoder)


def load_encoder(entry: ModelEntry, device: torch.device) -> tuple[OffsetEncoder, float]:
    """The offset encoder of a model and the factor on its output. Raises WireError `model_missing`."""
    found = load(entry.folder / "transparency", device=device)
    return found.encoder, found.multiplier
