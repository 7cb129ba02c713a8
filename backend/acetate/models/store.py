"""Loading a model folder, and keeping what was loaded."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from safetensors import SafetensorError

from acetate.models.base import load_base
from acetate.models.catalogue import Catalogue, ModelEntry, missing_model
from acetate.models.loaded import LoadedModel
from acetate.models.vocabulary import load_vocabulary
from acetate.transparency import fastest_dtype


@dataclass
class ModelStore:
    """The models in memory: loaded when first asked for, then kept."""

    catalogue: Catalogue = field(default_factory=Catalogue)
    device: torch.device = field(default_factory=lambda: best_device())
    dtype: torch.dtype | None = None
    _loaded: dict[str, LoadedModel] = field(default_factory=dict)

    def get(self, name: str) -> LoadedModel:
        """The model of that name. Raises WireError `unknown_model` or `model_missing`."""
        if name not in self._loaded:
            dtype = fastest_dtype(self.device) if self.dtype is None else self.dtype
            self._loaded[name] = load_model(self.catalogue.entry(name), self.device, dtype)
        return self._loaded[name]


def best_device() -> torch.device:
    """The graphics card where there is one that PyTorch can use, else the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def load_model(entry: ModelEntry, device: torch.device, dtype: torch.dtype) -> LoadedModel:
    """Load a model, weights from .safetensors only, without any network.

    Raises WireError `model_missing` naming the place when a file is unreadable or does not fit its configuration.
    """
    try:
        base = load_base(entry, dtype)
        # Convolutions are faster with channels last, on every device.
        for network in (base.vae, base.unet):
            network.to(device, memory_format=torch.channels_last)
        for encoder in base.text.encoders:
            encoder.to(device)
        model = LoadedModel(
            entry=entry,
            vae=base.vae,
            unet=base.unet,
            text=base.text,
            scheduler_config=base.scheduler_config,
            vocabulary=load_vocabulary(entry.folder),
            device=device,
            dtype=dtype,
        )
        if not entry.family.decoders:
            model.transparency  # noqa: B018  # a damaged model is refused when it is loaded
        return model
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        place = entry.file or entry.folder
        raise missing_model(f"the model {entry.name} in {place} cannot be read ({reason:.300})") from error
